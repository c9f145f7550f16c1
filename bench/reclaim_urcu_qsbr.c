/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu_qsbr.c: the flavour of liburcu whose sections cost nothing.  Its readers must say now
 * and then that they are in no section.  Here they say so after each one, and that is part of its
 * cost.
 */
#include <urcu-qsbr.h>
#include "reclaim_urcu.h"

const struct reclaim_peer reclaim_peer = { .name = "liburcu-qsbr", URCU_PEER };
