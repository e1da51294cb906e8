#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * State clock - the time by which lifetimes in the state end, whatever happens to the clock of the day
 *
 * It begins at what the clock of the day says when a state is made, and then only goes on: with the clock of the boot while the
 * machine runs or sleeps, and with the clock of the day for the time that the machine was off. So a clock that begins in 1970 and
 * is set later ends nothing, and one that is set back keeps nothing for longer. It is no time of the day: use it for what is written
 * down to end or to grow old, never for what is shown.
 */
#include "sovd-core/base/db.h"

/* Microseconds. The clock of the day, until sovd_state_clock_begin(). */
uint64_t sovd_state_usec(void);

/* The same moment by the clock of the day as it is now. */
uint64_t sovd_state_to_utc(uint64_t usec);

/* Goes on where the state says. These three are for one thread. */
int sovd_state_clock_begin(struct sovd_db *db);

/* Looks at the clock of the day, and writes down from time to time how far the state's has come; does not wait for that. */
void sovd_state_clock_tick(struct sovd_db *db);

/* Writes it down, at the end. */
void sovd_state_clock_keep(struct sovd_db *db);
