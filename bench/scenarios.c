/* SPDX-License-Identifier: MIT */
/* scenarios.c: the list of all scenarios, in the order in which they are listed and run. */
#include "scenario.h"
#include "scenarios.h"

const struct scenario *const scenarios[] = { &scenario_pairs,
                                             &scenario_burst_order,
                                             &scenario_burst_reverse,
                                             &scenario_burst_random,
                                             &scenario_replace,
                                             &scenario_producer_consumer,
                                             &scenario_mixed,
                                             &scenario_churn,
                                             &scenario_drift,
                                             &scenario_walk,
                                             &scenario_short_threads,
                                             &scenario_ingest,
                                             &scenario_stress,
                                             NULL };
