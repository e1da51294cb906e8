/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/idempotency.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/state_clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

struct record {
        uint64_t ticket;
        uint64_t since_usec;                /* monotonic */
        uint64_t since_state_usec;          /* state_clock.h */
        char client[SOVD_FINGERPRINT_SIZE]; /* of the principal */
        char use[SOVD_FINGERPRINT_SIZE];    /* of principal, resource and key */
        char body[SOVD_FINGERPRINT_SIZE];   /* of the request's body */
        bool written;                       /* it has a row, perhaps */
        bool interrupted;                   /* never answered before the restart */
        char execution[SOVD_ID_SIZE];       /* of an interrupted one; or "" */
        unsigned status;                    /* 0 = not answered yet */
        char *location, *answer;            /* answer NULL: too long to be kept */
        size_t answer_len;
};

struct sovd_idempotency {
        struct sovd_db *db;
        struct sovd_idempotency_limits limits;
        pthread_mutex_t mutex;  /* everything below */
        struct record *records; /* oldest first, limits.keys places */
        size_t n, n_bytes;
        uint64_t last_ticket, n_replays;
};

static int load(struct sovd_idempotency *x);

int sovd_idempotency_new(struct sovd_idempotency **ret, struct sovd_db *db,
                         const struct sovd_idempotency_limits *limits) {
        _cleanup_(sovd_idempotency_freep) struct sovd_idempotency *x = calloc(1, sizeof(*x));
        if (!x)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&x->mutex, NULL);
        x->db = db;
        x->limits = *limits;
        x->records = calloc(limits->keys + 1, sizeof(*x->records));
        if (!x->records)
                return sovd_error_origin(-ENOMEM);
        int r = db ? load(x) : 0;
        if (r)
                return r;

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
        SOVD_REMOVE(x->records, x->n, i);
}

/* The oldest come first. One that is not answered yet stays, however long it takes. */
static void drop_expired(struct sovd_idempotency *x) {
        const uint64_t now = sovd_now_usec();

        for (size_t i = 0; i < x->n && now - x->records[i].since_usec >= x->limits.retention_usec;)
                if (x->records[i].status || x->records[i].interrupted)
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
                .execution = *r->execution ? sovd_arena_strdup(arena, r->execution) : NULL,
        };
        if ((r->location && !ret->location) || (r->answer && !ret->body) || (*r->execution && !ret->execution))
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
                *ret_state = r->status        ? SOVD_IDEMPOTENCY_ANSWERED
                             : r->interrupted ? SOVD_IDEMPOTENCY_INTERRUPTED
                                              : SOVD_IDEMPOTENCY_RUNNING;
                x->n_replays += r->status != 0;
                return r->status || r->interrupted ? to_answer(r, ret_answer, arena) : 0;
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
        struct record fresh = { .since_usec = sovd_now_usec(), .since_state_usec = sovd_state_usec() };

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

/* --- rows ------------------------------------------------------------------------------------------------- */

void sovd_idempotency_row(struct sovd_idempotency *x, uint64_t ticket, struct sovd_idempotency_row *ret) {
        *ret = (struct sovd_idempotency_row){ 0 };
        (void)pthread_mutex_lock(&x->mutex);
        const ssize_t i = find_ticket(x, ticket);
        if (i >= 0) {
                struct record *r = &x->records[i];
                r->written = true;
                memcpy(ret->client, r->client, sizeof(ret->client));
                memcpy(ret->use, r->use, sizeof(ret->use));
                memcpy(ret->body, r->body, sizeof(ret->body));
                ret->since_usec = r->since_state_usec;
                ret->oldest_usec = x->records[0].since_state_usec;
        }
        (void)pthread_mutex_unlock(&x->mutex);
}

struct answered {
        struct sovd_idempotency *x;
        uint64_t ticket;
        struct sovd_idempotency_row row;
        unsigned status;
        char *location, *body; /* handed over in memory */
        size_t body_len;
};

static int put(struct sovd_db_conn *conn, const struct sovd_idempotency_row *row, const struct answered *a) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT OR REPLACE INTO idempotency(use, client, body, since_usec, status, "
                                          "location, answer, execution) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, row->use);
        sovd_db_bind_text(s, 2, row->client);
        sovd_db_bind_text(s, 3, row->body);
        sovd_db_bind_int(s, 4, (int64_t)row->since_usec);
        sovd_db_bind_int(s, 5, a ? a->status : 0);
        sovd_db_bind_text(s, 6, a ? a->location : NULL);
        if (a && a->body)
                sovd_db_bind_blob(s, 7, a->body, a->body_len);
        sovd_db_bind_text(s, 8, row->execution);
        return sovd_db_run(s);
}

static int delete_before(struct sovd_db_conn *conn, uint64_t usec) {
        return sovd_db_run_int(conn, "DELETE FROM idempotency WHERE since_usec<?1", (int64_t)usec);
}

/* What memory has dropped goes too. */
int sovd_idempotency_write(struct sovd_db_conn *conn, void *data) {
        const struct sovd_idempotency_row *row = data;

        int r = delete_before(conn, row->oldest_usec);
        return r ? r : put(conn, row, NULL);
}

int sovd_idempotency_keep(struct sovd_idempotency *x, uint64_t ticket) {
        struct sovd_idempotency_row row;

        if (!x->db || !ticket)
                return 0;
        sovd_idempotency_row(x, ticket, &row);
        return sovd_db_write(x->db, sovd_idempotency_write, &row);
}

/* --- the end ---------------------------------------------------------------------------------------------- */

static int write_answer(struct sovd_db_conn *conn, void *data) {
        const struct answered *a = data;

        return put(conn, &a->row, a);
}

/* The answer was given for something that was done: it counts in memory whatever becomes of the row. */
static void answered(int result, void *data) {
        struct answered *a = data;
        struct sovd_idempotency *x = a->x;

        if (result)
                sovd_log(SOVD_LOG_WARN, "the answer to an Idempotency-Key cannot be kept over a restart");
        (void)pthread_mutex_lock(&x->mutex);
        const ssize_t i = find_ticket(x, a->ticket);
        if (i >= 0) {
                struct record *r = &x->records[i];
                r->status = a->status;
                r->location = SOVD_TAKE(a->location);
                if (a->body && x->n_bytes + a->body_len <= x->limits.bytes) {
                        r->answer = SOVD_TAKE(a->body);
                        r->answer_len = a->body_len;
                        x->n_bytes += a->body_len;
                }
        }
        (void)pthread_mutex_unlock(&x->mutex);
}

/* When the answer does not fit, or memory is out, that there was one is kept all the same. */
void sovd_idempotency_end(struct sovd_idempotency *x, uint64_t ticket,
                          const struct sovd_idempotent_answer *answer) {
        struct answered a = { .x = x, .ticket = ticket, .status = answer->status, .body_len = answer->body_len };

        a.location = answer->location ? strdup(answer->location) : NULL;
        a.body = answer->body_len <= SOVD_IDEMPOTENCY_BODY_MAX && (!answer->location || a.location)
                         ? strndup(answer->body ? answer->body : "", answer->body_len)
                         : NULL;
        sovd_idempotency_row(x, ticket, &a.row);
        (void)sovd_db_apply(x->db, write_answer, answered, &a);
        free(a.location);
        free(a.body);
}

static int write_abandoned(struct sovd_db_conn *conn, void *data) {
        return sovd_db_run_text(conn, "DELETE FROM idempotency WHERE use=?1", data);
}

static void abandoned(int result, void *data) {
        if (result)
                sovd_log(SOVD_LOG_WARN, "an Idempotency-Key that is free will be taken for a used one after a restart");
        free(data);
}

void sovd_idempotency_abandon(struct sovd_idempotency *x, uint64_t ticket) {
        char *use = NULL;

        (void)pthread_mutex_lock(&x->mutex);
        const ssize_t i = find_ticket(x, ticket);
        if (i >= 0) {
                use = x->db && x->records[i].written ? strdup(x->records[i].use) : NULL;
                drop(x, (size_t)i);
        }
        (void)pthread_mutex_unlock(&x->mutex);
        int r = use ? sovd_db_post(x->db, write_abandoned, abandoned, use) : 0;
        if (r)
                abandoned(r, use);
}

/* --- loading ---------------------------------------------------------------------------------------------- */

static bool copy(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

static int take(struct sovd_idempotency *x, struct sovd_db_stmt *s, uint64_t now, uint64_t state) {
        struct record r = { .ticket = ++x->last_ticket, .written = true };
        const char *answer;

        (void)snprintf(r.use, sizeof(r.use), "%s", sovd_db_text(s, 0));
        (void)snprintf(r.client, sizeof(r.client), "%s", sovd_db_text(s, 1));
        (void)snprintf(r.body, sizeof(r.body), "%s", sovd_db_text(s, 2));
        r.since_state_usec = (uint64_t)sovd_db_int(s, 3);
        r.since_usec = now - (state > r.since_state_usec ? state - r.since_state_usec : 0); /* differences are right even below 0 */
        r.status = (unsigned)sovd_db_int(s, 4);
        r.interrupted = !r.status;
        if (sovd_db_text(s, 7))
                (void)snprintf(r.execution, sizeof(r.execution), "%s", sovd_db_text(s, 7));
        if (!copy(&r.location, sovd_db_text(s, 5)))
                return sovd_error_origin(-ENOMEM);
        answer = sovd_db_blob(s, 6, &r.answer_len);
        bool none = sovd_db_is_null(s, 6) || x->n_bytes + r.answer_len > x->limits.bytes;
        r.answer = none ? NULL : strndup(answer ? answer : "", r.answer_len);
        r.answer_len = r.answer ? r.answer_len : 0;
        x->n_bytes += r.answer_len;
        x->records[x->n++] = r;
        return 0;
}

/* The newest of those whose time is not over. */
static int read_rows(struct sovd_db_conn *conn, void *data) {
        struct sovd_idempotency *x = data;
        const uint64_t now = sovd_now_usec(), state = sovd_state_usec();
        struct sovd_db_stmt *s;
        bool row = true;

        int r = delete_before(conn, state - SOVD_MIN(state, x->limits.retention_usec));
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT * FROM (SELECT use, client, body, since_usec, status, location, answer, "
                                              "execution FROM idempotency ORDER BY since_usec DESC LIMIT ?1) "
                                              "ORDER BY since_usec");
        if (!r)
                sovd_db_bind_int(s, 1, (int64_t)x->limits.keys);
        while (!r && row) {
                r = sovd_db_step(s, &row);
                if (!r && row)
                        r = take(x, s, now, state);
        }
        return r;
}

static int load(struct sovd_idempotency *x) {
        int r = sovd_db_write(x->db, read_rows, x);

        if (!r && x->n)
                sovd_log(SOVD_LOG_INFO, "%zu keys of before the restart are known", x->n);
        return r;
}

void sovd_idempotency_count(struct sovd_idempotency *x, size_t *ret_keys, uint64_t *ret_replays) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        *ret_keys = x->n;
        *ret_replays = x->n_replays;
        (void)pthread_mutex_unlock(&x->mutex);
}
