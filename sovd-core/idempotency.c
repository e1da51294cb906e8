/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/idempotency.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/error.h"
#include <pthread.h>

struct record {
        uint64_t ticket;
        uint64_t since_usec;                /* monotonic */
        char client[SOVD_FINGERPRINT_SIZE]; /* of the principal */
        char use[SOVD_FINGERPRINT_SIZE];    /* of principal, resource and key */
        char body[SOVD_FINGERPRINT_SIZE];   /* of the request's body */
        unsigned status;                    /* 0 = not answered yet */
        char *location, *answer;            /* answer NULL: too long to be kept */
        size_t answer_len;
};

struct sovd_idempotency {
        struct sovd_idempotency_limits limits;
        pthread_mutex_t mutex;  /* everything below */
        struct record *records; /* oldest first, limits.keys places */
        size_t n, n_bytes;
        uint64_t last_ticket, n_replays;
};

int sovd_idempotency_new(struct sovd_idempotency **ret, const struct sovd_idempotency_limits *limits) {
        _cleanup_(sovd_idempotency_freep) struct sovd_idempotency *x = calloc(1, sizeof(*x));
        if (!x)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&x->mutex, NULL);
        x->limits = *limits;
        x->records = calloc(limits->keys + 1, sizeof(*x->records));
        if (!x->records)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(x);
        return 0;
}

static void empty(struct record *r) {
        free(r->location);
        free(r->answer);
}

struct sovd_idempotency *sovd_idempotency_free(struct sovd_idempotency *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n; i++)
                empty(&x->records[i]);
        free(x->records);
        (void)pthread_mutex_destroy(&x->mutex);
        free(x);
        return NULL;
}

/* --- what is kept; with the mutex ------------------------------------------------------------------------- */

static void drop(struct sovd_idempotency *x, size_t i) {
        x->n_bytes -= x->records[i].answer_len;
        empty(&x->records[i]);
        x->n--;
        memmove(&x->records[i], &x->records[i + 1], (x->n - i) * sizeof(*x->records));
}

/* The oldest come first. One that is not answered yet stays, however long it takes. */
static void drop_expired(struct sovd_idempotency *x) {
        const uint64_t now = sovd_now_usec();

        for (size_t i = 0; i < x->n && now - x->records[i].since_usec >= x->limits.retention_usec;)
                if (x->records[i].status)
                        drop(x, i);
                else
                        i++;
}

static struct record *find(const struct sovd_idempotency *x, const char *use) {
        for (size_t i = 0; i < x->n; i++)
                if (memcmp(x->records[i].use, use, SOVD_FINGERPRINT_SIZE) == 0)
                        return &x->records[i];
        return NULL;
}

static ssize_t find_ticket(const struct sovd_idempotency *x, uint64_t ticket) {
        for (size_t i = x->n; i-- > 0;)
                if (x->records[i].ticket == ticket)
                        return (ssize_t)i;
        return -1;
}

static size_t count_of(const struct sovd_idempotency *x, const char *client) {
        size_t n = 0;

        for (size_t i = 0; i < x->n; i++)
                n += memcmp(x->records[i].client, client, SOVD_FINGERPRINT_SIZE) == 0;
        return n;
}

static int to_answer(const struct record *r, struct sovd_idempotent_answer *ret, struct sovd_arena *arena) {
        *ret = (struct sovd_idempotent_answer){
                .status = r->status,
                .location = sovd_arena_strdup(arena, r->location),
                .body = r->answer ? sovd_arena_strndup(arena, r->answer, r->answer_len) : NULL,
                .body_len = r->answer_len,
        };
        if ((r->location && !ret->location) || (r->answer && !ret->body))
                return sovd_error_origin(-ENOMEM);
        return 0;
}

static int judge(struct sovd_idempotency *x, const struct record *fresh,
                 enum sovd_idempotency_state *ret_state, uint64_t *ret_ticket,
                 struct sovd_idempotent_answer *ret_answer, struct sovd_arena *arena) {
        drop_expired(x);

        const struct record *r = find(x, fresh->use);
        if (r && memcmp(r->body, fresh->body, SOVD_FINGERPRINT_SIZE) != 0) {
                *ret_state = SOVD_IDEMPOTENCY_OTHER;
                return 0;
        }
        if (r) {
                *ret_state = r->status ? SOVD_IDEMPOTENCY_ANSWERED : SOVD_IDEMPOTENCY_RUNNING;
                x->n_replays += r->status != 0;
                return r->status ? to_answer(r, ret_answer, arena) : 0;
        }
        if (x->n >= x->limits.keys || count_of(x, fresh->client) >= x->limits.keys_per_client) {
                *ret_state = SOVD_IDEMPOTENCY_FULL;
                return 0;
        }
        x->records[x->n] = *fresh;
        x->records[x->n++].ticket = *ret_ticket = ++x->last_ticket;
        *ret_state = SOVD_IDEMPOTENCY_NEW;
        return 0;
}

/* --- ops ------------------------------------------------------------------------------------------------ */

/* With their lengths, so that no part can pass for the end of another. */
static int digest_use(char ret[static SOVD_FINGERPRINT_SIZE], const struct sovd_idempotency_use *use,
                      struct sovd_arena *arena) {
        const char *text = sovd_arena_printf(arena, "%zu:%s\n%zu:%s\n%s", strlen(use->principal),
                                             use->principal, strlen(use->resource), use->resource, use->key);

        return text ? sovd_fingerprint(ret, text, strlen(text)) : sovd_error_origin(-ENOMEM);
}

int sovd_idempotency_begin(struct sovd_idempotency *x, const struct sovd_idempotency_use *use,
                           enum sovd_idempotency_state *ret_state, uint64_t *ret_ticket,
                           struct sovd_idempotent_answer *ret_answer, struct sovd_arena *arena) {
        struct record fresh = { .since_usec = sovd_now_usec() };

        int r = digest_use(fresh.use, use, arena);
        if (!r)
                r = sovd_fingerprint(fresh.client, use->principal, strlen(use->principal));
        if (!r)
                r = sovd_fingerprint(fresh.body, use->body, use->body_len);
        if (r)
                return r;

        (void)pthread_mutex_lock(&x->mutex);
        r = judge(x, &fresh, ret_state, ret_ticket, ret_answer, arena);
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

/* When the answer does not fit, or memory is out, that there was one is kept all the same. */
void sovd_idempotency_end(struct sovd_idempotency *x, uint64_t ticket,
                          const struct sovd_idempotent_answer *answer) {
        char *location = answer->location ? strdup(answer->location) : NULL;
        char *body = answer->body_len <= SOVD_IDEMPOTENCY_BODY_MAX && (!answer->location || location)
                             ? strndup(answer->body ? answer->body : "", answer->body_len)
                             : NULL;

        (void)pthread_mutex_lock(&x->mutex);
        const ssize_t i = find_ticket(x, ticket);
        if (i >= 0) {
                struct record *r = &x->records[i];
                r->status = answer->status;
                r->location = SOVD_TAKE(location);
                if (body && x->n_bytes + answer->body_len <= x->limits.bytes) {
                        r->answer = SOVD_TAKE(body);
                        r->answer_len = answer->body_len;
                        x->n_bytes += answer->body_len;
                }
        }
        (void)pthread_mutex_unlock(&x->mutex);
        free(location);
        free(body);
}

void sovd_idempotency_abandon(struct sovd_idempotency *x, uint64_t ticket) {
        (void)pthread_mutex_lock(&x->mutex);
        const ssize_t i = find_ticket(x, ticket);
        if (i >= 0)
                drop(x, (size_t)i);
        (void)pthread_mutex_unlock(&x->mutex);
}

void sovd_idempotency_count(struct sovd_idempotency *x, size_t *ret_keys, uint64_t *ret_replays) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        *ret_keys = x->n;
        *ret_replays = x->n_replays;
        (void)pthread_mutex_unlock(&x->mutex);
}
