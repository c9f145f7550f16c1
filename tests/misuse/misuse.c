/* SPDX-License-Identifier: MIT */
/* misuse.c: what is wrong ends the process, with one line that names the call, the pointer and
   the fault. */
#include <config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "misuse.h"
#include "pool/bin.h"
#include "unit/child.h"

/* ---- What a child uses ---- */

const void **told;

struct sydra_alloc *
handle (void)
{
  struct sydra_alloc *a = sydra_alloc_create (NULL);

  if (a == NULL)
    _exit (3);
  return a;
}

void *
must_malloc (struct sydra_alloc *a, size_t size)
{
  void *block = sydra_malloc (a, size);

  if (block == NULL)
    _exit (4);
  return block;
}

struct loan
{
  struct sydra_alloc *a;
  void *block;
};

static void *
free_it (void *argument)
{
  struct loan *loan = argument;

  sydra_free (loan->a, loan->block);
  return NULL;
}

void
free_in_a_thread (struct sydra_alloc *a, void *block)
{
  struct loan loan = { a, block };
  pthread_t thread;

  if (pthread_create (&thread, NULL, free_it, &loan) != 0 || pthread_join (thread, NULL) != 0)
    _exit (5);
}

char *
in_the_second_unit (struct sydra_alloc *a)
{
  for (;;)
    {
      char *block = must_malloc (a, MEDIUM);
      size_t offset = (size_t) (block - sy_slab_start (sy_slab_of (block)));

      if (offset / UNIT == 1)
        return block;
    }
}

/* ---- Cases ---- */

enum { MISUSES = 200 };

static const struct misuse *added[MISUSES];
static int added_count;

static int
commit_misuse (void *argument)
{
  const struct misuse *misuse = argument;

  alarm (20);
  misuse->body (handle ());
  return 0;
}

void
must_be_told (const char *name, int (*body) (void *argument), const void *argument,
              const char *call, const char *what)
{
  struct child child = child_run (body, (void *) (uintptr_t) argument);
  char line[512], pointer[32] = "0x0";

  if (*told != NULL)
    snprintf (pointer, sizeof pointer, "%p", *told);
  snprintf (line, sizeof line, "sydra-alloc: %s: %s: %s\n", call, pointer, what);
  ck_assert_msg (strcmp (child.text, line) == 0, "%s: said '%s', not '%s'", name, child.text, line);
  ck_assert_msg (WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGABRT, "%s: status %x",
                 name, (unsigned) child.status);
}

START_TEST (a_block_misused_ends_the_process_with_one_line)
{
  const struct misuse *misuse = added[_i];

  must_be_told (misuse->name, commit_misuse, misuse, misuse->call, misuse->what);
}
END_TEST

void
misuse_add (Suite *suite, const char *name, const struct misuse *misuses, size_t count)
{
  TCase *tests = test_case (suite, name, 60);

  for (size_t at = 0; at < count; at++)
    if (misuses[at].every_mode || sydra_alloc_is_small_pool ())
      {
        if (added_count == MISUSES)
          abort ();
        added[added_count] = &misuses[at];
        tcase_add_loop_test (tests, a_block_misused_ends_the_process_with_one_line, added_count,
                             added_count + 1);
        added_count++;
      }
}

int
main (void)
{
  Suite *suite = suite_create ("misuse");

  told = mmap (NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (told == MAP_FAILED)
    return EXIT_FAILURE;
  misuse_add_twice (suite);
  misuse_add_interior (suite);
  misuse_add_foreign (suite);
  misuse_add_other_handles (suite);
  misuse_add_epochs (suite);
  misuse_add_sizes (suite);
  misuse_add_handles (suite);
  return test_run (suite);
}
