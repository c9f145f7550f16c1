/* SPDX-License-Identifier: MIT */
#include "consumer.h"

int
main (int argc, char **argv)
{
  expect (argc == 3, "usage: consumer MODE VERSION");
  return consume (argv[1], argv[2]);
}
