/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu_qsbr.c: liburcu's qsbr flavour.  Its sections cost nothing, but its readers must now
 * and then report that they are in no section.  Here they report after each section, and we count
 * that as part of its cost.
 */
#include <urcu-qsbr.h>
#include "reclaim_urcu.h"

const struct reclaim_peer reclaim_peer = { .name = "liburcu-qsbr", URCU_PEER };
