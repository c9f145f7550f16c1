/* SPDX-License-Identifier: MIT */
/* scenarios.h: the scenarios by name.  Each is defined in the file of its family. */
#ifndef BENCH_SCENARIOS_H
#define BENCH_SCENARIOS_H

struct scenario;
extern const struct scenario scenario_pairs;       /* pairs.c */
extern const struct scenario scenario_burst_order; /* burst.c */
extern const struct scenario scenario_burst_reverse;
extern const struct scenario scenario_burst_random;
extern const struct scenario scenario_replace;           /* replace.c */
extern const struct scenario scenario_producer_consumer; /* producer_consumer.c */
extern const struct scenario scenario_mixed;             /* mixed.c */
extern const struct scenario scenario_churn;             /* churn.c */
extern const struct scenario scenario_drift;             /* drift.c */
extern const struct scenario scenario_walk;              /* walk.c */
extern const struct scenario scenario_short_threads;     /* short_threads.c */
extern const struct scenario scenario_ingest;            /* ingest.c */
extern const struct scenario scenario_stress;            /* stress.c */

#endif
