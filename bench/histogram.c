/* SPDX-License-Identifier: MIT */
/* histogram.c: merges histograms and reads quantiles. */
#include "histogram.h"

void
histogram_merge (struct histogram *into, const struct histogram *from)
{
  into->total += from->total;
  if (from->max > into->max)
    into->max = from->max;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
    into->counts[i] += from->counts[i];
}

/* The middle of a bucket's range. */
static uint64_t
bucket_value (unsigned bucket)
{
  unsigned shift;
  uint64_t lowest;

  if (bucket < 2u << HISTOGRAM_FINE_BITS)
    return bucket;
  shift = (bucket >> HISTOGRAM_FINE_BITS) - 1;
  lowest = (uint64_t) ((bucket & ((1u << HISTOGRAM_FINE_BITS) - 1)) | 1u << HISTOGRAM_FINE_BITS)
           << shift;
  return lowest + (UINT64_C (1) << shift) / 2;
}

uint64_t
histogram_quantile (const struct histogram *h, double fraction)
{
  uint64_t wanted = (uint64_t) (fraction * (double) h->total + 0.999999), seen = 0, value;

  if (!h->total)
    return 0;
  if (wanted < 1)
    wanted = 1;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
    {
      seen += h->counts[i];
      if (seen < wanted)
        continue;
      value = bucket_value (i);
      return value < h->max ? value : h->max;
    }
  return h->max;
}
