# SPDX-License-Identifier: MIT
"""large_c.py FUNCTIONS: a C file of so many functions with structures, switches and loops, always the same."""

import sys

FUNCTION = """
struct s{n} {{ unsigned kind; struct s{before} *before; long values[{values}]; }};

static long
f{n} (struct s{n} *s, long x)
{{
  long sum = {n};

  switch (s->kind % {cases}u)
    {{
{labels}
    default: sum += x * s->values[0]; break;
    }}
  for (unsigned i = 0; i < {values}; i++)
    {{
      if (s->values[i] > sum)
        sum += s->values[i] ^ (x >> (i % 7));
      else
        s->values[i] = sum - {n} * (long) i;
    }}
  return s->before ? f{before} (s->before, sum) : sum;
}}
"""


def function(n):
    """The n-th calls the one before it."""
    cases = 3 + n % 6
    values = 2 + n % 5
    labels = "\n".join(f"    case {k}: sum {'+-^'[k % 3]}= x {'*+|'[(n + k) % 3]} s->values[{k % values}]; break;" for k in range(cases))
    return FUNCTION.format(n=n, before=n - 1, values=values, cases=cases + 1, labels=labels)


def main():
    """The file, to standard output."""
    count = int(sys.argv[1])
    print("struct s0 { unsigned kind; long value; };\nstatic long f0 (struct s0 *s, long x) { return s->kind + s->value * x; }")
    for n in range(1, count + 1):
        print(function(n))
    print(f"long all (struct s{count} *s, long x);\nlong all (struct s{count} *s, long x) {{ return f{count} (s, x); }}")


main()
