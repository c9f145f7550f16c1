/* SPDX-License-Identifier: MIT */
/* stats_write.h: sydra_stats_write for a caller whose stack is small: what takes most room is
   elsewhere. */
#ifndef SY_STATS_WRITE_H
#define SY_STATS_WRITE_H

#include "sydra/alloc.h"

/* As sydra_stats_write, with the statistics gathered in *room, which nobody else uses meanwhile. */
int sy_stats_write (struct sydra_alloc *a, enum sydra_stats_format format,
                    int (*write) (void *ctx, const char *text, size_t length), void *ctx,
                    struct sydra_stats *room);

#endif
