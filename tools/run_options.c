/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "run_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stop.h"
#include "base/tuning.h"

enum
{
  OPTION_STATS = 256,
  OPTION_JSON,
  OPTION_SHARDS,
  OPTION_MODULE
};

static const struct option long_options[] = {
  { "stats", no_argument, NULL, OPTION_STATS },
  { "json", required_argument, NULL, OPTION_JSON },
  { "shards", required_argument, NULL, OPTION_SHARDS },
  { "module", required_argument, NULL, OPTION_MODULE },
  { "help", no_argument, NULL, 'h' },
  { "version", no_argument, NULL, 'V' },
  { NULL, 0, NULL, 0 },
};

#define SYNOPSIS                                                                                   \
  "sydra-run [--stats] [--json FILE] [--shards N|auto] [--module FILE] [--] PROGRAM [ARGUMENT...]"

static const char help[]
  = "usage: " SYNOPSIS "\n"
    "Runs PROGRAM with its malloc, and C++'s new and delete, served by sydra-alloc.\n"
    "\n"
    "  --stats          statistics on standard error when PROGRAM exits\n"
    "  --json FILE      statistics as JSON into FILE then; %p in it: a file for each process\n"
    "  --shards N|auto  how many shards the pool has, 0 to 1024; auto: one for each processor\n"
    "  --module FILE    what is preloaded [" PKGLIBDIR "/libsydra-malloc.so]\n"
    "  -h, --help       this\n"
    "  -V, --version    the version\n"
    "\n"
    "The exit status is PROGRAM's; or 125: sydra-run itself failed, 126: PROGRAM cannot be run so, 127: PROGRAM was not found.\n";

/* Accepts "auto", or at most four digits that make a number from 0 to SY_SHARDS_MAX. */
static void
check_shards (const char *text)
{
  size_t digits = strspn (text, "0123456789");

  if (strcmp (text, "auto") != 0
      && (digits == 0 || digits > 4 || text[digits] != '\0'
          || (unsigned) atoi (text) > SY_SHARDS_MAX))
    stop (STOP_FAILED, "--shards takes auto or a whole number from 0 to %u, not \"%s\"",
          SY_SHARDS_MAX, text);
}

static void
check_json (const char *file)
{
  if (*file == '\0')
    stop (STOP_FAILED, "--json takes the name of a file, not \"\"");
  if (strcmp (file, "-") == 0)
    stop (
      STOP_FAILED,
      "--json takes the name of a file; for one that is named - say ./-, for standard error /dev/stderr");
}

/*
 * word is the last word that getopt finished.  In a group of letters such as -Vx it is not the word
 * with the unknown letter, and so the letter itself is shown.
 */
static void
refuse_option (const char *word)
{
  char letter[] = { '-', (char) optopt, '\0' };

  stop (
    STOP_FAILED,
    "%s is no option, or takes no value; \"sydra-run --help\" lists the options, and the program's own follow its name",
    optopt > 0x20 && optopt < 0x7f && strchr ("hV", optopt) == NULL ? letter : word);
}

static void
one_option (struct run_options *o, int option, const char *word)
{
  switch (option)
    {
    case OPTION_STATS: o->stats = true; break;
    case OPTION_JSON: check_json (optarg); o->json = optarg; break;
    case OPTION_SHARDS: check_shards (optarg); o->shards = optarg; break;
    case OPTION_MODULE: o->module = optarg; break;
    case 'h': fputs (help, stdout); exit (fflush (stdout) == 0 ? 0 : STOP_FAILED);
    case 'V': puts ("sydra-run " PACKAGE_VERSION); exit (fflush (stdout) == 0 ? 0 : STOP_FAILED);
    case ':': stop (STOP_FAILED, "%s needs a value; \"sydra-run --help\" lists the options", word);
    default: refuse_option (word);
    }
}

void
run_options_read (struct run_options *o, int count, char **words)
{
  int option;

  memset (o, 0, sizeof *o);
  opterr = 0;
  /* +: the options end at the program's name; what follows belongs to the program. */
  while ((option = getopt_long (count, words, "+:hV", long_options, NULL)) != -1)
    one_option (o, option, words[optind - 1]);
  if (optind >= count)
    stop (STOP_FAILED, "no program was named; usage: " SYNOPSIS);
  o->program = words + optind;
}
