/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/lock_store.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

enum { ROW_HELD, ROW_BROKEN };

#define COLUMNS                                                                                              \
        "id, boot, state, client, anonymous, entity_type, entity, above, scopes, fence, ends_usec, "         \
        "broken_usec, told, backend, backend_id"

#define SCOPES_SIZE (SOVD_N_COLLECTIONS * 32)

/* --- texts ------------------------------------------------------------------------------------------------- */

static const char *scopes_text(char buf[static SCOPES_SIZE], unsigned scopes) {
        size_t n = 0;

        *buf = '\0';
        for (int c = 0; scopes != SOVD_LOCK_ALL_SCOPES && c < SOVD_N_COLLECTIONS; c++)
                if (scopes & (1u << c))
                        n += (size_t)snprintf(buf + n, SCOPES_SIZE - n, "%s%s", n ? "," : "",
                                              sovd_collection_names[c]);
        return buf;
}

/* false: a scope that this version does not know. */
static bool parse_scopes(char *text, unsigned *ret) {
        char *rest = NULL;
        unsigned scopes = 0;

        for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
                int scope = sovd_name_find(sovd_collection_names, name);
                if (scope < 0)
                        return false;
                scopes |= 1u << scope;
        }
        *ret = scopes ? scopes : SOVD_LOCK_ALL_SCOPES;
        return true;
}

/* Ids have no control characters, so a line is a key. Freed by the caller. */
static char *above_text(const struct lock_place *place) {
        size_t size = 1;

        for (size_t i = 0; i < place->n; i++)
                size += strlen(place->keys[i]) + 1;
        char *text = calloc(1, size), *end = text;
        for (size_t i = 0; text && i < place->n; i++)
                end += snprintf(end, size - (size_t)(end - text), "%s%s", i ? "\n" : "", place->keys[i]);
        return text;
}

static bool parse_above(char *text, struct lock_place *ret) {
        size_t n = 1;
        char *rest = NULL;

        for (const char *p = text; *p; p++)
                n += *p == '\n';
        ret->keys = calloc(n, sizeof(*ret->keys));
        if (!ret->keys)
                return false;
        for (char *key = strtok_r(text, "\n", &rest); key; key = strtok_r(NULL, "\n", &rest)) {
                ret->keys[ret->n] = strdup(key);
                if (!ret->keys[ret->n])
                        return false;
                ret->n++;
        }
        return ret->n > 0;
}

/* --- writing ------------------------------------------------------------------------------------------------ */

static int put(struct sovd_db_conn *conn, const struct lock *lock, const char *boot) {
        _cleanup_(sovd_freep) char *above = above_text(&lock->place);
        char scopes[SCOPES_SIZE];
        struct sovd_db_stmt *s;

        if (!above)
                return sovd_error_origin(-ENOMEM);
        int r = sovd_db_prepare(conn, &s, "INSERT INTO lock(" COLUMNS
                                          ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,0,0,?12,?13)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, lock->id);
        sovd_db_bind_text(s, 2, boot);
        sovd_db_bind_int(s, 3, ROW_HELD);
        sovd_db_bind_text(s, 4, lock->client);
        sovd_db_bind_int(s, 5, lock->anonymous);
        sovd_db_bind_text(s, 6, sovd_entity_type_paths[lock->type]);
        sovd_db_bind_text(s, 7, lock->entity);
        sovd_db_bind_text(s, 8, above);
        sovd_db_bind_text(s, 9, scopes_text(scopes, lock->scopes));
        sovd_db_bind_int(s, 10, (int64_t)lock->fence);
        sovd_db_bind_int(s, 11, (int64_t)lock->ends_usec);
        sovd_db_bind_text(s, 12, lock->backend);
        sovd_db_bind_text(s, 13, lock->backend_id);
        return sovd_db_run(s);
}

static int set_broken(struct sovd_db_conn *conn, const char *id, uint64_t broken_usec, uint64_t ends_usec, bool told) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE lock SET state=?2, broken_usec=?3, ends_usec=?4, told=?5 WHERE id=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, id);
        sovd_db_bind_int(s, 2, ROW_BROKEN);
        sovd_db_bind_int(s, 3, (int64_t)broken_usec);
        sovd_db_bind_int(s, 4, (int64_t)ends_usec);
        sovd_db_bind_int(s, 5, told);
        return sovd_db_run(s);
}

static int write_fence(struct sovd_db_conn *conn, uint64_t fence) {
        return sovd_db_run_int(conn, "INSERT INTO counter(name, value) VALUES('lock_fence', ?1) "
                                     "ON CONFLICT(name) DO UPDATE SET value=max(value, excluded.value)", (int64_t)fence);
}

static int drop_ended(struct sovd_db_conn *conn, uint64_t now_usec) {
        return sovd_db_run_int(conn, "DELETE FROM lock WHERE ends_usec<=?1", (int64_t)now_usec);
}

/* Those that would be forgotten last stay. */
static int limit_state(struct sovd_db_conn *conn, int state, size_t max) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM lock WHERE state=?1 AND id NOT IN "
                                          "(SELECT id FROM lock WHERE state=?1 ORDER BY ends_usec DESC LIMIT ?2)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, state);
        sovd_db_bind_int(s, 2, (int64_t)max);
        return sovd_db_run(s);
}

int lock_store_grant(struct sovd_db_conn *conn, const struct lock_grant_rows *rows) {
        int r = drop_ended(conn, rows->now_usec);

        if (!r)
                r = put(conn, rows->lock, rows->boot);
        if (!r)
                r = write_fence(conn, rows->lock->fence);
        for (size_t i = 0; !r && i < rows->broken->n; i++)
                r = set_broken(conn, rows->broken->items[i].id, rows->broken_usec,
                               rows->now_usec + LOCK_REMEMBER_USEC, false);
        for (size_t i = 0; !r && i < rows->n_told; i++)
                r = lock_store_tell(conn, rows->told[i]);
        if (!r && rows->broken->n)
                r = limit_state(conn, ROW_BROKEN, rows->broken_max);
        return r;
}

/* Did the last change meet a row? */
static int met(struct sovd_db_conn *conn, int r) {
        return r ? r : sovd_db_changes(conn) ? 0 : SOVD_E_NOT_FOUND;
}

int lock_store_extend(struct sovd_db_conn *conn, const char *id, uint64_t ends_usec) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE lock SET ends_usec=?2 WHERE id=?1 AND state=?3");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, id);
        sovd_db_bind_int(s, 2, (int64_t)ends_usec);
        sovd_db_bind_int(s, 3, ROW_HELD);
        return met(conn, sovd_db_run(s));
}

int lock_store_remove(struct sovd_db_conn *conn, const char *id) {
        return met(conn, sovd_db_run_text(conn, "DELETE FROM lock WHERE id=?1 AND state=0", id)); /* ROW_HELD */
}

int lock_store_tell(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "UPDATE lock SET told=1 WHERE id=?1", id);
}

int lock_store_lose(struct sovd_db_conn *conn, const char *id, uint64_t broken_usec, uint64_t ends_usec) {
        return set_broken(conn, id, broken_usec, ends_usec, true);
}

/* --- loading ------------------------------------------------------------------------------------------------ */

static bool copy(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

/* *ret stays NULL when the row says what this version does not understand. */
static int read_row(struct sovd_db_stmt *s, struct lock **ret) {
        _cleanup_(lock_freep) struct lock *lock = calloc(1, sizeof(*lock));
        _cleanup_(sovd_freep) char *scopes = NULL, *above = NULL;
        const int type = sovd_name_find(sovd_entity_type_paths, sovd_db_text(s, 5));
        if (!lock)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        (void)snprintf(lock->id, sizeof(lock->id), "%s", sovd_db_text(s, 0));
        lock->state = sovd_db_int(s, 2) == ROW_HELD ? LOCK_HELD : LOCK_BROKEN;
        lock->anonymous = sovd_db_int(s, 4) != 0;
        lock->fence = (uint64_t)sovd_db_int(s, 9);
        lock->ends_usec = (uint64_t)sovd_db_int(s, 10);
        lock->broken_usec = (uint64_t)sovd_db_int(s, 11);
        lock->told = sovd_db_int(s, 12) != 0;
        if (!copy(&lock->client, sovd_db_text(s, 3)) || !copy(&lock->entity, sovd_db_text(s, 6)) ||
            !copy(&above, sovd_db_text(s, 7)) || !copy(&scopes, sovd_db_text(s, 8)) ||
            !copy(&lock->backend, sovd_db_text(s, 13)) || !copy(&lock->backend_id, sovd_db_text(s, 14)))
                return sovd_error_origin(-ENOMEM);
        if (type < 0 || !parse_scopes(scopes, &lock->scopes) || !parse_above(above, &lock->place))
                return 0;
        lock->type = (enum sovd_entity_type)type;
        *ret = SOVD_TAKE(lock);
        return 0;
}

static int read_all(struct sovd_db_conn *conn, struct sovd_locks *locks, size_t *ret_held, size_t *ret_broken) {
        struct sovd_db_stmt *s;
        bool row = true;

        int r = sovd_db_prepare(conn, &s, "SELECT " COLUMNS " FROM lock ORDER BY fence");
        while (!r && row) {
                struct lock *lock = NULL;
                r = sovd_db_step(s, &row);
                if (!r && row)
                        r = read_row(s, &lock);
                if (lock) {
                        lock_append(locks, lock);
                        (*(lock->state == LOCK_HELD ? ret_held : ret_broken))++;
                }
        }
        return r;
}

static int read_fence(struct sovd_db_conn *conn, struct sovd_locks *locks) {
        struct sovd_db_stmt *s;
        bool row;

        int r = sovd_db_prepare(conn, &s, "SELECT value FROM counter WHERE name='lock_fence'");
        if (!r)
                r = sovd_db_step(s, &row);
        if (!r && row)
                locks->fence = (uint64_t)sovd_db_int(s, 0);
        return r;
}

struct loading {
        struct sovd_locks *locks;
        size_t n_held, n_broken;
        int64_t n_dropped;
};

static int drop_others(struct sovd_db_conn *conn, const char *boot, int64_t *ret_n) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM lock WHERE boot<>?1 OR boot=''");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, boot);
        r = sovd_db_run(s);
        *ret_n = r ? 0 : sovd_db_changes(conn);
        return r;
}

static int load(struct sovd_db_conn *conn, void *data) {
        struct loading *l = data;
        struct sovd_locks *locks = l->locks;

        int r = drop_others(conn, locks->boot, &l->n_dropped);
        if (!r)
                r = drop_ended(conn, sovd_boottime_usec());
        if (!r)
                r = limit_state(conn, ROW_HELD, locks->options.max);
        if (!r)
                r = limit_state(conn, ROW_BROKEN, locks->options.max);
        if (!r)
                r = read_fence(conn, locks);
        return r ? r : read_all(conn, locks, &l->n_held, &l->n_broken);
}

int lock_store_load(struct sovd_locks *locks) {
        struct loading l = { .locks = locks };

        int r = locks->options.db ? sovd_db_write(locks->options.db, load, &l) : 0;
        if (l.n_dropped)
                sovd_log(SOVD_LOG_WARN, "%lld locks ended because the machine was started anew", (long long)l.n_dropped);
        if (l.n_held || l.n_broken)
                sovd_log(SOVD_LOG_INFO, "%zu locks of before the restart are in force; of %zu that were broken their owners "
                                        "can be told", l.n_held, l.n_broken);
        return r;
}
