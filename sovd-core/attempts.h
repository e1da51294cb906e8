#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Attempts - wrong keys that are remembered over a restart
 *
 * A counter that begins anew with the process would be no hurdle for who can end it. Only the number is kept, not until
 * when the next attempt is refused: clocks may be set, so a wait begins anew (as ISO 14229-1 has it for the delay timer of
 * service 0x27).
 */
#include "sovd-core/base/util.h"

struct sovd_db;
struct sovd_db_conn;

/* How many in a row there were at this place. db NULL: none. Errors of the database. */
int sovd_attempts_read(struct sovd_db *db, const char *place, unsigned *ret);

/* Returns when it is durable. 0 takes the place out. db NULL: nothing is kept. Errors of the database. */
int sovd_attempts_write(struct sovd_db *db, const char *place, unsigned n);

/* The same as a part of a change, on the writer thread. */
int sovd_attempts_put(struct sovd_db_conn *conn, const char *place, unsigned n);

/* Tells every place that begins with prefix. db NULL: there is none. Errors of the database. */
typedef void (*sovd_attempts_found)(const char *place, unsigned n, void *data);
int sovd_attempts_each(struct sovd_db *db, const char *prefix, sovd_attempts_found found, void *data);
