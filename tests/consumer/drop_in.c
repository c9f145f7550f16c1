/* SPDX-License-Identifier: MIT */
/* drop_in.c: a program that knows nothing of the library, and allocates a thousand times and in
   the C library once. */
#include <stdlib.h>
#include <string.h>

int
main (void)
{
  static char *block[1000];
  int i;

  for (i = 0; i < 1000; i++)
    {
      block[i] = malloc ((size_t) i * 10 + 1);
      if (block[i] == NULL)
        return 1;
      memset (block[i], i & 127, (size_t) i * 10 + 1);
    }
  for (i = 0; i < 1000; i++)
    {
      if (block[i][i * 10] != (char) (i & 127))
        return 1;
      free (block[i]);
    }
  return realpath ("/", NULL) == NULL;
}
