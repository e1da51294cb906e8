#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Remember - the last view of a server, kept for a start at which it is away
 *
 * The state has one row per backend: the view as JSON, of which server it is, and when that was there last. It is written
 * when the view changed, and never when it is what was read at the start; a server whose view changes all the time costs
 * ten writes and then one a minute. A view of over 4 MiB is not kept. Without a file nothing is. What is read at the start
 * is judged like any input.
 *
 * The functions with a backend are for the watch thread, or for the one that starts it.
 */
#include "backends/sovd/backend.h"
#include "sovd-core/base/json_writer.h"

/* Longest text of a view. */
#define REMEMBER_BYTES_MAX ((size_t)4 << 20)

/* What the thread keeps of what it wrote. */
struct remember {
        uint64_t seen_usec, due_usec; /* monotonic: when the row was written, 0 = not yet; the bucket of writes */
        bool told_too_long;
};

/* The view of the run before takes the place of the one that is there, if there is one for this server (b->remembered). */
void remember_load(struct sovd_sovd *b);

/* A pass has ended: writes the view if it changed, or what time it is if that was long ago. */
void remember_view(struct sovd_sovd *b, struct remember *m);

/* The server is lost, or nobody will look any more (ends): it was there until now. */
void remember_seen(struct sovd_sovd *b, struct remember *m, bool ends);

/* The text of a view. Failures stick in the writer. */
void remember_encode(const struct view *view, const struct dialect *dialect, struct sovd_json_writer *w);

/* SOVD_E_BAD_REQUEST: it is damaged, or of another version; *ret_why says what is wrong (in the arena). -ENOMEM. */
int remember_decode(const char *text, size_t len, struct view **ret, const struct dialect **ret_dialect,
                    struct sovd_arena *arena, const char **ret_why);
