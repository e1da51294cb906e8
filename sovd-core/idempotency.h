#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Idempotency - answers that are given again instead of doing the thing again
 *
 * A client that does not know whether its request arrived sends it once more under the same key. The first one
 * with a key takes it; when it has been answered, the answer is kept for later ones. A key that nothing was done
 * under is given back. Only digests are kept of scope, key and body.
 *
 * A key has a row in the state before anything is done under it, and the answer is there before the client hears it. A
 * key whose row has no answer after a restart is never carried out again: it is told apart, with the execution that
 * was begun under it. All functions are thread-safe; those that write wait for the disk.
 */
#include "sovd-core/base/db.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/id.h"

struct sovd_arena;
struct sovd_idempotency;

#define SOVD_IDEMPOTENCY_KEY_MAX  64
#define SOVD_IDEMPOTENCY_BODY_MAX 16384 /* an answer that is longer is not kept, only that there was one */

struct sovd_idempotency_limits {
        size_t keys;             /* that are kept */
        size_t keys_per_client;  /* of one principal */
        size_t bytes;            /* of all answers together */
        uint64_t retention_usec; /* of a key, from its first use */
};

/* What a key belongs to: who asks, and for what. Together they make it unique. */
struct sovd_idempotency_use {
        const char *principal, *resource, *key;
        const char *body; /* the request's, byte by byte */
        size_t body_len;
};

struct sovd_idempotent_answer {
        unsigned status;
        const char *location; /* or NULL */
        const char *body;     /* NULL: it was too long to be kept */
        size_t body_len;
        const char *execution; /* of an interrupted one: what was begun under the key; or NULL */
};

enum sovd_idempotency_state {
        SOVD_IDEMPOTENCY_NEW,      /* carry it out, then call end or abandon */
        SOVD_IDEMPOTENCY_ANSWERED, /* *ret_answer is what was answered (in the arena) */
        SOVD_IDEMPOTENCY_OTHER,    /* the key was used with another body */
        SOVD_IDEMPOTENCY_INTERRUPTED, /* a restart came before the answer: nobody knows what was done */
        SOVD_IDEMPOTENCY_RUNNING,  /* the first request with the key is not answered yet */
        SOVD_IDEMPOTENCY_FULL      /* as many keys are kept as may be, of all clients or of this one */
};

/* Takes in what the process before has kept. db NULL: nothing is kept. */
int sovd_idempotency_new(struct sovd_idempotency **ret, struct sovd_db *db,
                         const struct sovd_idempotency_limits *limits);
struct sovd_idempotency *sovd_idempotency_free(struct sovd_idempotency *x);
SOVD_DEFINE_CLEANUP(struct sovd_idempotency *, sovd_idempotency_free)

/* Takes the key or says what is known of it. Of a new one *ret_ticket has to be given back. -ENOMEM, -EIO. */
int sovd_idempotency_begin(struct sovd_idempotency *x, const struct sovd_idempotency_use *use,
                           enum sovd_idempotency_state *ret_state, uint64_t *ret_ticket,
                           struct sovd_idempotent_answer *ret_answer, struct sovd_arena *arena);

/* The row of a key, for whoever writes it together with what is done under it. */
struct sovd_idempotency_row {
        char client[SOVD_FINGERPRINT_SIZE], use[SOVD_FINGERPRINT_SIZE], body[SOVD_FINGERPRINT_SIZE];
        uint64_t since_usec, oldest_usec; /* realtime; of the oldest key that is kept */
        const char *execution;            /* to be set: what is begun under it, or NULL */
};

/* Of what was begun; from here on it counts as written. */
void sovd_idempotency_row(struct sovd_idempotency *x, uint64_t ticket, struct sovd_idempotency_row *ret);

/* Work of the state's writer; data is a row. */
int sovd_idempotency_write(struct sovd_db_conn *conn, void *data);

/* Writes the row alone. Fails with what the database says. */
int sovd_idempotency_keep(struct sovd_idempotency *x, uint64_t ticket);

/* Keeps the answer (copied) of what was begun. When it cannot be written it is kept until the next restart. */
void sovd_idempotency_end(struct sovd_idempotency *x, uint64_t ticket,
                          const struct sovd_idempotent_answer *answer);

/* Nothing was done: the key is free again. */
void sovd_idempotency_abandon(struct sovd_idempotency *x, uint64_t ticket);

/* Keys that are kept, and how often an answer was given again. */
void sovd_idempotency_count(struct sovd_idempotency *x, size_t *ret_keys, uint64_t *ret_replays);
