/* SPDX-License-Identifier: Apache-2.0 */
/* What is too old goes, whole segments of it, so that what stays can be proven: the tree keeps the hashes of what is gone. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/audit/syslog.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

#define SEGMENTS_MAX 64 /* of one look */
#define KEEP_USEC    (600 * SOVD_USEC_PER_SEC) /* how often the time that is believed is written down */
#define RANGE_TEXT   (SOVD_AUDIT_LEVELS * (SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH) + 1) + 1)

struct pruning {
        struct sovd_audit *a;
        bool full, done; /* full: whatever its age */
};

static bool is_open(struct sovd_audit *a, uint64_t to) {
        (void)pthread_mutex_lock(&a->mutex);
        bool open = a->oldest && a->oldest->seq <= to;
        (void)pthread_mutex_unlock(&a->mutex);
        return open;
}

/* The last entry that would go: when it was written, and its chain. */
static int look_at(struct sovd_db_conn *conn, uint64_t seq, uint64_t *ret_usec, struct sovd_audit_hash *ret_chain) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT usec, chain FROM audit_entry WHERE seq=?1");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)seq);
        r = sovd_db_step(s, &row);
        if (r || !row)
                return r ? r : -ENODATA;
        *ret_usec = (uint64_t)sovd_db_int(s, 0);
        return audit_take_hash(s, 1, ret_chain);
}

static int count_bytes(struct sovd_db_conn *conn, const char *sql, uint64_t to, uint64_t *ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, sql);

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)to);
        r = sovd_db_step(s, &row);
        if (!r)
                *ret = row ? (uint64_t)sovd_db_int(s, 0) + (uint64_t)sovd_db_int(s, 1) * AUDIT_ROW_BYTES : 0;
        return r;
}

#define COUNT "SELECT sum(length(CAST(body AS BLOB))), count(*) FROM audit_entry WHERE seq<=?1"

static int set_range(struct sovd_db_conn *conn, const struct sovd_audit_range *range) {
        char text[RANGE_TEXT] = "";
        size_t n = 0;

        for (unsigned i = 0; i < range->n; i++) {
                if (i)
                        text[n++] = ' ';
                sovd_audit_to_base64(text + n, range->peaks[i].bytes, SOVD_AUDIT_HASH);
                n += strlen(text + n);
        }
        return audit_set_meta(conn, "range", text);
}

/* The triggers let go of entries before the first one only, so that one is set before. */
static int forget(struct sovd_db_conn *conn, uint64_t to, const struct sovd_audit_range *range, const char *chain) {
        int r = audit_set_meta_number(conn, "first", to + 1);

        if (!r)
                r = audit_set_meta(conn, "chain", chain);
        if (!r)
                r = set_range(conn, range);
        if (!r)
                r = sovd_db_run_int(conn, "DELETE FROM audit_entry WHERE seq<=?1", to);
        if (!r)
                r = sovd_db_run_int(conn, "DELETE FROM audit_checkpoint WHERE size<=?1", to);
        return r ? r : audit_age_forget(conn, to);
}

static int remove_segment(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t to, const struct sovd_audit_hash *chain_to) {
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)], chain[SOVD_AUDIT_HEX];
        struct sovd_audit_range range;
        struct sovd_audit_hash hash;
        uint64_t bytes = 0, notes = 0;

        int r = audit_load_range(conn, to, &range);
        if (!r)
                r = sovd_audit_range_root(&range, &hash);
        if (!r)
                r = count_bytes(conn, COUNT, to, &bytes);
        if (!r)
                r = count_bytes(conn, COUNT " AND ev IN " AUDIT_NOTES, to, &notes);
        if (!r)
                r = forget(conn, to, &range, sovd_audit_to_hex(chain, chain_to));
        if (r)
                return r;
        sovd_audit_to_base64(root, hash.bytes, sizeof(hash.bytes));
        const struct sovd_audit_entry e = { .ev = "system.prune", .n_detail = 4,
                                            .detail = { { .name = "from", .number = a->now.first },
                                                        { .name = "to", .number = to },
                                                        { .name = "root", .text = root },
                                                        { .name = "chain", .text = chain } } };
        a->now.first = to + 1;
        a->now.bytes -= SOVD_MIN(a->now.bytes, bytes);
        a->now.notes -= SOVD_MIN(a->now.notes, notes);
        return audit_append(a, conn, &e, NULL);
}

/* By the clock it is too old, and by what is known to have passed it is not. It is told once, until that has changed. */
static int tell_waiting(struct sovd_audit *a, struct sovd_db_conn *conn, bool waits) {
        const uint64_t ahead = __atomic_load_n(&a->ahead_usec, __ATOMIC_RELAXED) / SOVD_USEC_PER_SEC;
        const struct sovd_audit_entry e = { .ev = "system.clock", .n_detail = 2,
                                            .detail = { { .name = "ahead_secs", .number = ahead },
                                                        { .name = "pruning", .text = "waits" } } };
        uint64_t told = 0;

        __atomic_store_n(&a->prune_waits, waits, __ATOMIC_RELAXED);
        int r = audit_get_meta_number(conn, "waits", &told);
        if (r || (told != 0) == waits)
                return r;
        if (waits)
                sovd_log(SOVD_LOG_WARN, "the clock is %llu s ahead of the time that is known to have passed: old entries of the audit log "
                         "are kept until four days of it are made up for in each hour", (unsigned long long)ahead);
        r = audit_set_meta_number(conn, "waits", waits);
        return r || !waits ? r : audit_append(a, conn, &e, NULL);
}

static bool is_past(uint64_t now, uint64_t usec, uint64_t keep_usec) {
        return now > keep_usec && usec < now - keep_usec;
}

/* Only by the clock? What was written while the clock was wrong is past by the time that is believed, too, and waits for nothing. */
static bool is_waiting(const struct sovd_audit *a, uint64_t usec) {
        const uint64_t keep_usec = a->options.keep_usec;

        return keep_usec && a->age.usec && is_past(sovd_realtime_usec(), usec, keep_usec) && !is_past(a->age.usec, usec, keep_usec);
}

static int prune_one(struct sovd_db_conn *conn, void *data) {
        struct pruning *p = data;
        struct sovd_audit *a = p->a;
        const struct audit_position before = a->now;
        uint64_t to = a->now.first - 1 + AUDIT_SEGMENT, usec = 0, age = 0;
        struct sovd_audit_hash chain;

        p->done = true;
        struct sovd_syslog *syslog = __atomic_load_n(&a->syslog, __ATOMIC_ACQUIRE);
        int r = a->doubtful ? 0 : audit_age_keep(a, conn, KEEP_USEC);
        if (!r && syslog)
                r = audit_keep_sent(a, conn, sovd_syslog_position(syslog), false);
        if (r || a->doubtful || to >= a->now.range.size || is_open(a, to))
                return r;
        r = look_at(conn, to, &usec, &chain);
        if (!r)
                r = audit_age_of(a, conn, to, &age);
        const bool old = a->options.keep_usec && age > a->options.keep_usec;
        if (!r)
                r = tell_waiting(a, conn, !old && is_waiting(a, usec));
        if (r || (!old && !p->full)) {
                a->now = r ? before : a->now;
                return r;
        }
        r = remove_segment(a, conn, to, &chain);
        if (r)
                a->now = before;
        else
                p->done = false;
        return r;
}

/* Room for what comes: some below the limit, or it would be full again at once. */
static bool is_too_much(struct sovd_audit *a) {
        (void)pthread_mutex_lock(&a->mutex);
        bool full = a->options.overwrite && a->status.bytes > a->status.bytes_max / 10 * 9;
        (void)pthread_mutex_unlock(&a->mutex);
        return full;
}

void audit_prune(struct sovd_audit *a) {
        struct pruning p = { .a = a };

        for (int i = 0; i < SEGMENTS_MAX && !p.done; i++) {
                p.full = is_too_much(a);
                int r = sovd_db_write(a->db, prune_one, &p);
                if (r)
                        sovd_log(SOVD_LOG_WARN, "old entries of the audit log could not be removed: %s", strerror(abs(r)));
                p.done = p.done || r;
        }
}
