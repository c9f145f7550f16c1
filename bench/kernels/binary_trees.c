/* SPDX-License-Identifier: MIT */
/*
 * binary_trees.c: the kernel of the Computer Language Benchmarks Game (after Ellis, Kovac and
 * Boehm's GCBench).  One tree lives throughout.  Of every second depth there are many short-lived
 * trees, which the threads share evenly.  A node is two pointers.
 */
#include <stdlib.h>
#include "kernel.h"

#define DEPTH_MIN 4u

static struct kernel_option depth_option
  = { "--depth", "of the long-lived tree; --scale does nothing here", 16, DEPTH_MIN + 2, 24 };
static struct kernel kernel = {
  .name = "binary_trees",
  .what = "Many short-lived binary trees beside a long-lived one; a node is two pointers.",
  .threads = 1,
  .options = &depth_option,
  .options_used = 1,
};

struct node {
  struct node *left, *right; /* both are NULL in a leaf, and neither is elsewhere */
};

struct worker {
  unsigned index;
  struct tally tally;
} __attribute__ ((__aligned__ (128)));

static struct node *
new_tree (unsigned depth)
{
  struct node *node = malloc (sizeof *node);

  if (!node)
    out_of_memory (sizeof *node);
  node->left = depth ? new_tree (depth - 1) : NULL;
  node->right = depth ? new_tree (depth - 1) : NULL;
  return node;
}

/* Counts the nodes.  It finds a missing or an extra link before it would follow a wrong one. */
static uint64_t
count_nodes (const struct node *node, unsigned depth)
{
  if (!node->left != !depth || !node->right != !depth)
    kernel_corrupt (node, sizeof *node, 0);
  return depth ? 1 + count_nodes (node->left, depth - 1) + count_nodes (node->right, depth - 1) : 1;
}

static void
free_tree (struct node *node, unsigned depth)
{
  if (depth)
    {
      free_tree (node->left, depth - 1);
      free_tree (node->right, depth - 1);
    }
  free (node);
}

static void
one_tree (unsigned depth, struct tally *tally)
{
  struct node *tree = new_tree (depth);
  uint64_t nodes = count_nodes (tree, depth);

  free_tree (tree, depth);
  tally->operations += nodes;
  tally->checksum += nodes * depth;
}

static void *
short_lived (void *argument)
{
  struct worker *w = argument;
  unsigned most = (unsigned) depth_option.value;

  for (unsigned depth = DEPTH_MIN; depth <= most; depth += 2)
    {
      uint64_t trees = UINT64_C (1) << (most - depth + DEPTH_MIN);

      for (uint64_t i = w->index; i < trees; i += kernel.threads)
        one_tree (depth, &w->tally);
    }
  return NULL;
}

int
main (int count, char **words)
{
  struct worker *workers;
  struct tally all = { 0, 0 };
  struct node *long_lived;
  unsigned depth;

  kernel_begin (&kernel, count, words);
  depth = (unsigned) depth_option.value;
  one_tree (depth + 1, &all);
  long_lived = new_tree (depth);
  workers = array_new (kernel.threads, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    workers[i].index = i;
  kernel_threads (kernel.threads, short_lived, workers, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    tally_add (&all, &workers[i].tally);
  all.operations += count_nodes (long_lived, depth);
  free_tree (long_lived, depth);
  array_delete (workers);
  return kernel_end (&kernel, all);
}
