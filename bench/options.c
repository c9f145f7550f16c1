/* SPDX-License-Identifier: MIT */
/*
 * options.c: reads the command line.  A wrong one ends the process with one line and exit status 2.
 */
#include "options.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arguments.h"
#include "scenario.h"
#include "scenarios.h"

#define SIZE_MAX_ALLOWED (1u << 30)
#define BLOCKS_MAX (1u << 28)
#define SECONDS_MAX 1e6

enum {
  OPTION_API = 256,
  OPTION_BURST,
  OPTION_JSON,
  OPTION_LIVE,
  OPTION_OPS,
  OPTION_REPEAT,
  OPTION_SECONDS,
  OPTION_SEED,
  OPTION_SHUFFLE,
  OPTION_SIZES,
  OPTION_STRESS,
  OPTION_THREADS
};

static const struct option long_options[] = {
  { "api", required_argument, NULL, OPTION_API },
  { "burst", required_argument, NULL, OPTION_BURST },
  { "json", no_argument, NULL, OPTION_JSON },
  { "live", required_argument, NULL, OPTION_LIVE },
  { "ops", required_argument, NULL, OPTION_OPS },
  { "repeat", required_argument, NULL, OPTION_REPEAT },
  { "seconds", required_argument, NULL, OPTION_SECONDS },
  { "seed", required_argument, NULL, OPTION_SEED },
  { "shuffle", no_argument, NULL, OPTION_SHUFFLE },
  { "sizes", required_argument, NULL, OPTION_SIZES },
  { "stress", no_argument, NULL, OPTION_STRESS },
  { "threads", required_argument, NULL, OPTION_THREADS },
  { "help", no_argument, NULL, 'h' },
  { "version", no_argument, NULL, 'V' },
  { NULL, 0, NULL, 0 },
};

static const char help[]
  = "usage: sydra-bench [options] [scenario ...]     measures allocation; no scenario: all but stress\n"
    "       sydra-bench [options] --stress           mixes all operations and checks every block\n"
    "       sydra-bench list                         names the scenarios\n"
    "\n"
    "  --api handle|malloc  sydra_malloc on the default handle, or the process's own malloc [handle]\n"
    "  --threads N[,N...]   one run for each number of threads, 1 to 1024 [1]\n"
    "  --sizes MIN-MAX      block sizes in bytes, all equally likely [16-256]\n"
    "  --burst N            blocks a burst, for each thread [10000]\n"
    "  --live N             live blocks, nodes or points for each thread [10000]\n"
    "  --seconds S          how long a repetition measures [1]\n"
    "  --ops N              operations a repetition and thread, to the next whole chunk, instead of --seconds\n"
    "  --repeat N           repetitions; median, least and most are reported, 1 to 1000 [3]\n"
    "  --seed N             of all random choices [1]\n"
    "  --shuffle            run the scenarios in a random order\n"
    "  --json               one JSON object instead of a table\n"
    "  -h, --help           this\n"
    "  -V, --version        the version\n";

static void
sizes_option (struct options *o, const char *text)
{
  const char *rest, *after;
  uint64_t least = leading_number (text, &rest), most = least;
  bool right = rest != text;

  if (right && *rest == '-')
    {
      most = leading_number (rest + 1, &after);
      right = after != rest + 1;
      rest = after;
    }
  if (!right || *rest || least < 1 || least > most || most > SIZE_MAX_ALLOWED)
    refuse ("--sizes takes MIN-MAX in bytes, 1 <= MIN <= MAX <= %u, such as 16-256, not \"%s\"",
            SIZE_MAX_ALLOWED, text);
  o->size_min = (uint32_t) least;
  o->size_max = (uint32_t) most;
}

static void
threads_option (struct options *o, const char *text)
{
  const char *at = text, *rest;

  o->thread_counts_used = 0;
  for (;; at = rest + 1)
    {
      uint64_t threads = leading_number (at, &rest);

      if (rest == at || (*rest && *rest != ',') || threads < 1 || threads > THREADS_MAX
          || o->thread_counts_used == THREAD_COUNTS_MAX)
        refuse ("--threads takes up to %d numbers from 1 to %d, such as 1,2,8, not \"%s\"",
                THREAD_COUNTS_MAX, THREADS_MAX, text);
      o->thread_counts[o->thread_counts_used++] = (unsigned) threads;
      if (!*rest)
        break;
    }
}

static void
api_option (struct options *o, const char *text)
{
  if (!strcmp (text, "handle"))
    o->api = API_HANDLE;
  else if (!strcmp (text, "malloc"))
    o->api = API_MALLOC;
  else
    refuse ("--api takes handle or malloc, not \"%s\"", text);
}

static void
list_scenarios (void)
{
  for (unsigned i = 0; scenarios[i]; i++)
    printf ("%-18s %s\n", scenarios[i]->name, scenarios[i]->what);
  exit (0);
}

static void
select_scenario (struct options *o, const struct scenario *scenario)
{
  for (unsigned i = 0; i < o->selected_used; i++)
    if (o->selected[i] == scenario)
      return;
  o->selected[o->selected_used++] = scenario;
}

static void
select_by_name (struct options *o, const char *name)
{
  for (unsigned i = 0; scenarios[i]; i++)
    if (!strcmp (scenarios[i]->name, name))
      {
        select_scenario (o, scenarios[i]);
        return;
      }
  refuse ("no scenario is called \"%s\"; \"sydra-bench list\" names them", name);
}

static void
shuffle (struct options *o)
{
  struct random random = { o->seed };

  for (unsigned i = o->selected_used; i > 1; i--)
    {
      unsigned other = random_below (&random, i);
      const struct scenario *scenario = o->selected[i - 1];

      o->selected[i - 1] = o->selected[other];
      o->selected[other] = scenario;
    }
}

/* word is the one that was read last. */
static void
one_option (struct options *o, int option, const char *word)
{
  switch (option)
    {
    case OPTION_API: api_option (o, optarg); break;
    case OPTION_BURST: o->burst = (uint32_t) whole_number ("--burst", optarg, 1, BLOCKS_MAX); break;
    case OPTION_JSON: o->json = true; break;
    case OPTION_LIVE: o->live = (uint32_t) whole_number ("--live", optarg, 1, BLOCKS_MAX); break;
    case OPTION_OPS: o->operations = whole_number ("--ops", optarg, 1, UINT64_C (1) << 48); break;
    case OPTION_REPEAT:
      o->repeat = (unsigned) whole_number ("--repeat", optarg, 1, REPEAT_MAX);
      break;
    case OPTION_SECONDS: o->seconds = number_over_zero ("--seconds", optarg, SECONDS_MAX); break;
    case OPTION_SEED: o->seed = whole_number ("--seed", optarg, 0, UINT64_MAX); break;
    case OPTION_SHUFFLE: o->shuffle = true; break;
    case OPTION_SIZES: sizes_option (o, optarg); break;
    case OPTION_STRESS: select_scenario (o, &scenario_stress); break;
    case OPTION_THREADS: threads_option (o, optarg); break;
    case 'h': fputs (help, stdout); exit (0);
    case 'V': printf ("sydra-bench %s\n", sydra_alloc_version ()); exit (0);
    case ':': refuse ("%s needs a value; \"sydra-bench --help\" lists the options", word);
    default:
      refuse ("%s is no option, or takes no value; \"sydra-bench --help\" lists the options", word);
    }
}

void
options_read (struct options *o, int count, char **words)
{
  int option;

  *o = (struct options) {
    .seconds = 1,
    .size_min = 16,
    .size_max = 256,
    .burst = 10000,
    .live = 10000,
    .seed = 1,
    .repeat = 3,
    .thread_counts = { 1 },
    .thread_counts_used = 1,
  };
  opterr = 0;
  while ((option = getopt_long (count, words, ":hV", long_options, NULL)) != -1)
    one_option (o, option, words[optind - 1]);
  if (optind < count && !strcmp (words[optind], "list"))
    {
      if (optind + 1 < count)
        refuse ("list takes no arguments, not \"%s\"", words[optind + 1]);
      list_scenarios ();
    }
  for (; optind < count; optind++)
    select_by_name (o, words[optind]);
  if (!o->selected_used)
    for (unsigned i = 0; scenarios[i] != &scenario_stress; i++)
      select_scenario (o, scenarios[i]);
  if (o->shuffle)
    shuffle (o);
}
