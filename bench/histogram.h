/* SPDX-License-Identifier: MIT */
/*
 * histogram.h: counts values by size.  A count is exact for values below 256; a larger value is
 * known to within 1/128.  Values from 2^40 on share the last bucket.
 *
 * One thread writes a histogram.  To add a value takes no division and no loop.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_FINE_BITS 7 /* 2^7 buckets for each power of two */
#define HISTOGRAM_TOP_BITS 40
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP_BITS - HISTOGRAM_FINE_BITS + 1) << HISTOGRAM_FINE_BITS)

struct histogram {
  uint64_t total, max;
  uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline unsigned
histogram_bucket (uint64_t value)
{
  unsigned shift;

  if (value < 2u << HISTOGRAM_FINE_BITS)
    return (unsigned) value;
  if (value >> HISTOGRAM_TOP_BITS)
    return HISTOGRAM_BUCKETS - 1;
  shift = 63 - HISTOGRAM_FINE_BITS - (unsigned) __builtin_clzll (value);
  return (shift << HISTOGRAM_FINE_BITS) + (unsigned) (value >> shift);
}

static inline void
histogram_add (struct histogram *h, uint64_t value)
{
  h->total++;
  h->counts[histogram_bucket (value)]++;
  if (value > h->max)
    h->max = value;
}

void histogram_merge (struct histogram *into, const struct histogram *from);

/*
 * The least value that at least this fraction (0..1) of all values do not exceed.  It is the middle
 * of its bucket, but never above max.  0 if the histogram is empty.
 */
uint64_t histogram_quantile (const struct histogram *h, double fraction);

#endif
