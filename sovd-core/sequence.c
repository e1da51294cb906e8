/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/sequence.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <pthread.h>

struct sovd_sequence {
        struct sovd_db *db;
        const char *name;
        uint64_t block;
        uint64_t last;                /* atomic: the greatest that was given */
        uint64_t limit;               /* atomic: up to this one they are durable; 0 = not begun */
        bool asked;                   /* atomic: a reservation is under way */
        uint64_t got_first, got_last; /* of the reservation that is under way; writer thread */
        pthread_mutex_t begin_mutex;  /* who begins, waits for the disk under it; nothing else takes it */
};

int sovd_sequence_new(struct sovd_sequence **ret, struct sovd_db *db, const char *name, uint64_t block) {
        struct sovd_sequence *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        s->db = db;
        s->name = name;
        s->block = block;
        (void)pthread_mutex_init(&s->begin_mutex, NULL);
        *ret = s;
        return 0;
}

struct sovd_sequence *sovd_sequence_free(struct sovd_sequence *s) {
        if (!s)
                return NULL;
        (void)pthread_mutex_destroy(&s->begin_mutex);
        free(s);
        return NULL;
}

/* --- reserving, on the writer thread -------------------------------------------------------------------- */

static int read_next(struct sovd_db_conn *conn, const char *name, uint64_t *ret) {
        struct sovd_db_stmt *stmt;
        bool row;

        int r = sovd_db_prepare(conn, &stmt, "SELECT value FROM counter WHERE name=?1");
        if (r)
                return r;
        sovd_db_bind_text(stmt, 1, name);
        r = sovd_db_step(stmt, &row);
        if (!r)
                *ret = row ? (uint64_t)sovd_db_int(stmt, 0) : sovd_realtime_usec();
        return r;
}

static int reserve(struct sovd_db_conn *conn, void *data) {
        struct sovd_sequence *s = data;
        struct sovd_db_stmt *stmt;
        uint64_t first;

        int r = read_next(conn, s->name, &first);
        if (!r)
                r = sovd_db_prepare(conn, &stmt,
                                    "INSERT INTO counter(name, value) VALUES(?1, ?2)"
                                    " ON CONFLICT(name) DO UPDATE SET value=excluded.value");
        if (r)
                return r;
        sovd_db_bind_text(stmt, 1, s->name);
        sovd_db_bind_int(stmt, 2, (int64_t)(first + s->block));
        s->got_first = first;
        s->got_last = first + s->block - 1;
        return sovd_db_run(stmt);
}

/* Nobody else writes the row, so that a block goes on where the one before ends. */
static void take_block(struct sovd_sequence *s) {
        if (!__atomic_load_n(&s->limit, __ATOMIC_RELAXED))
                __atomic_store_n(&s->last, s->got_first - 1, __ATOMIC_RELEASE);
        __atomic_store_n(&s->limit, s->got_last, __ATOMIC_RELEASE);
}

static void reserved(int result, void *data) {
        struct sovd_sequence *s = data;

        if (result)
                sovd_log(SOVD_LOG_WARN, "numbers of '%s' could not be reserved: %s", s->name,
                         strerror(abs(result)));
        else
                take_block(s);
        __atomic_store_n(&s->asked, false, __ATOMIC_RELEASE);
}

/* --- the threads that take numbers ----------------------------------------------------------------------- */

static int begin(struct sovd_sequence *s) {
        if (__atomic_load_n(&s->limit, __ATOMIC_ACQUIRE))
                return 0;
        int r = sovd_db_write(s->db, reserve, s);
        if (!r)
                take_block(s);
        return r;
}

int sovd_sequence_begin(struct sovd_sequence *s) {
        if (__atomic_load_n(&s->limit, __ATOMIC_ACQUIRE))
                return 0;
        (void)pthread_mutex_lock(&s->begin_mutex);
        int r = begin(s);
        (void)pthread_mutex_unlock(&s->begin_mutex);
        return r;
}

static int do_nothing(struct sovd_db_conn *conn, void *data) {
        (void)conn, (void)data;
        return 0;
}

/* Changes are carried out in their order: when this one is through, so is every reservation before it. */
void sovd_sequence_settle(struct sovd_sequence *s) {
        if (__atomic_load_n(&s->limit, __ATOMIC_ACQUIRE))
                (void)sovd_db_write(s->db, do_nothing, NULL);
}

static void ask_for_more(struct sovd_sequence *s) {
        if (!__atomic_exchange_n(&s->asked, true, __ATOMIC_ACQ_REL) &&
            sovd_db_post(s->db, reserve, reserved, s))
                __atomic_store_n(&s->asked, false, __ATOMIC_RELEASE); /* the next number tries again */
}

bool sovd_sequence_next(struct sovd_sequence *s, uint64_t *ret) {
        uint64_t limit = __atomic_load_n(&s->limit, __ATOMIC_ACQUIRE);
        uint64_t last = __atomic_load_n(&s->last, __ATOMIC_RELAXED);
        bool got = false;

        if (!limit)
                return false;
        while (!got && last < limit)
                got = __atomic_compare_exchange_n(&s->last, &last, last + 1, true, __ATOMIC_RELAXED,
                                                  __ATOMIC_RELAXED);
        if (limit - last <= s->block / 2)
                ask_for_more(s);
        if (got)
                *ret = last + 1;
        return got;
}

uint64_t sovd_sequence_last(const struct sovd_sequence *s) {
        return __atomic_load_n(&s->last, __ATOMIC_RELAXED);
}
