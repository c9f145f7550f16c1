/* SPDX-License-Identifier: MIT */
/* oracle.c: word i of a block is its stamp plus STEP * i.  The last word may be cut short. */
#include "oracle.h"
#include <stdbool.h>
#include <string.h>
#include "util.h"

#define STEP UINT64_C (0x9e3779b97f4a7c15)
#define WORD sizeof (uint64_t)
#define SEQUENCE_BITS 48

void
oracle_stamp (struct stamped *block, unsigned owner, uint64_t sequence)
{
  uint64_t word = block->stamp = (uint64_t) owner << SEQUENCE_BITS | sequence;
  size_t at = 0;

  for (; block->size - at >= WORD; at += WORD, word += STEP)
    memcpy (block->start + at, &word, WORD);
  memcpy (block->start + at, &word, block->size - at);
}

static unsigned
owner_of (uint64_t stamp)
{
  return (unsigned) (stamp >> SEQUENCE_BITS);
}

static unsigned long long
sequence_of (uint64_t stamp)
{
  return stamp & ((UINT64_C (1) << SEQUENCE_BITS) - 1);
}

static void wrong (const struct stamped *, size_t, uint64_t, const char *)
  __attribute__ ((__noreturn__, __cold__));
static void
wrong (const struct stamped *block, size_t at, uint64_t expected, const char *when)
{
  uint64_t found = 0, other;

  memcpy (&found, block->start + at, block->size - at < WORD ? block->size - at : WORD);
  other = found - STEP * (at / WORD);
  die (
    "corruption found %s: block %p of %zu bytes, number %llu of worker %u, holds %#llx at byte %zu instead of %#llx, as number %llu of "
    "worker %u would",
    when, (void *) block->start, block->size, sequence_of (block->stamp), owner_of (block->stamp),
    (unsigned long long) found, at, (unsigned long long) expected, sequence_of (other),
    owner_of (other));
}

void
oracle_verify (const struct stamped *block, size_t bytes, const char *when)
{
  uint64_t word = block->stamp;
  size_t at = 0;

  for (; bytes - at >= WORD; at += WORD, word += STEP)
    if (memcmp (block->start + at, &word, WORD))
      wrong (block, at, word, when);
  if (memcmp (block->start + at, &word, bytes - at))
    wrong (block, at, word, when);
}

void
oracle_verify_zero (const unsigned char *start, size_t bytes)
{
  for (size_t at = 0; at < bytes; at++)
    if (start[at])
      die ("corruption found: calloc's block %p of %zu bytes holds %u at byte %zu instead of 0",
           (const void *) start, bytes, start[at], at);
}

void
oracle_verify_alignment (const void *start, size_t alignment, size_t size, const char *call)
{
  if ((uintptr_t) start & (alignment - 1))
    die ("%s gave block %p of %zu bytes, which is not aligned to %zu", call, start, size,
         alignment);
}
