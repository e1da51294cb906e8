/* SPDX-License-Identifier: Apache-2.0 */
/* All or nothing: one change on the writer replaces the rows, and what is in memory follows its commit. Reports that
 * come while it runs count as made before it. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/snapshot.h"
#include "sovd-core/state_clock.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#define ENTITY_MAX 200 /* what a place in a list has room for */

/* --- what comes in -------------------------------------------------------------------------------------- */

struct inspection {
        struct sovd_arena *arena; /* of one row */
        int64_t n;
        char bad[FM_RESTORE_BAD_SIZE]; /* entity and code of the first that cannot be used */
};

static bool is_object(struct sovd_arena *arena, const char *text) {
        struct sovd_json_fault fault;
        struct cJSON *json;

        return !text || (sovd_json_parse_in(arena, &json, text, strlen(text), NULL, &fault) == 0 && text[strspn(text, " ")] == '{');
}

/* "apps/nav": a type and an id as the gateway makes them. */
static bool is_entity(const char *entity) {
        for (size_t i = 0; i < SOVD_N_ENTITY_TYPES; i++) {
                const size_t n = strlen(sovd_entity_type_paths[i]);
                if (strncmp(entity, sovd_entity_type_paths[i], n) == 0 && entity[n] == '/')
                        return strlen(entity) < ENTITY_MAX && sovd_id_is_valid(entity + n + 1);
        }
        return false;
}

/* Who keeps the fault itself says the same code. */
static bool is_observed_as(const struct fm_descriptor *about, const char *code) {
        const cJSON *said = about->observed ? cJSON_GetObjectItem(about->observed, "code") : NULL;

        return !about->observed || (cJSON_IsString(said) && strcmp(said->valuestring, code) == 0);
}

/* What a reader of the state relies on, and a table cannot say. */
static int inspect(const struct fm_row *row, void *data) {
        struct inspection *i = data;
        struct fm_descriptor *about;

        sovd_arena_reset(i->arena);
        i->n++;
        int r = fm_descriptor_read(i->arena, row->about, &about);
        bool good = !r && is_entity(row->entity) && *row->code && sovd_utf8_is_valid(row->code, strlen(row->code)) &&
                    sovd_streq(about->code, row->code) && is_observed_as(about, row->code) &&
                    row->severity == about->severity.value && sovd_streq(row->scope, about->scope ? about->scope : "") &&
                    is_object(i->arena, row->first_frame) && is_object(i->arena, row->last_frame);
        if (good)
                return 0;
        (void)snprintf(i->bad, sizeof(i->bad), "fault %.60s of %.80s", row->code, row->entity);
        return r == -ENOMEM ? r : SOVD_E_BAD_REQUEST;
}

/* Numbers that the gateway could not have written. Times and ids below 2^53, so that both can go on growing. */
#define COUNT(column) " OR " column " NOT BETWEEN 0 AND 4294967295"
#define NUMBER(column) " OR " column " NOT BETWEEN 0 AND (1<<53)"
#define TEXT(column, most) " OR length(CAST(" column " AS BLOB))>" most " OR instr(CAST(" column " AS BLOB), x'00')"
static const char bad_fault[] =
        "SELECT code || ' of ' || entity FROM fault WHERE status NOT BETWEEN 0 AND 255 OR occurrences<1" COUNT("occurrences")
        COUNT("failed_cycles") COUNT("passed_cycles") COUNT("untold") COUNT("owed") NUMBER("first_usec") NUMBER("last_usec")
        NUMBER("cycle") NUMBER("first_cycle") NUMBER("last_cycle") TEXT("code", "64") TEXT("entity", "199")
        TEXT("scope", "256") TEXT("cycle_kind", "64") " LIMIT 1";
static const char bad_event[] =
        "SELECT id FROM fault_event WHERE id<1 OR NOT json_valid(body) OR substr(body, 1, 1)<>'{'"
        " OR (frame IS NOT NULL AND NOT json_valid(frame)) OR status NOT BETWEEN 0 AND 255 OR severity NOT BETWEEN 0 AND 4"
        NUMBER("id") NUMBER("usec") COUNT("changed") COUNT("merged") TEXT("code", "64") TEXT("entity", "199")
        TEXT("scope", "256") " LIMIT 1";

static int inspect_numbers(struct sovd_db_conn *conn, struct inspection *i, const char *what, const char *sql) {
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(conn, &s, sql);
        if (!r)
                r = sovd_db_step(s, &row);
        if (row)
                (void)snprintf(i->bad, sizeof(i->bad), "%s %.140s", what, sovd_db_text(s, 0));
        return r ? r : row ? SOVD_E_BAD_REQUEST : 0;
}

static int inspect_all(struct sovd_db *from, struct inspection *i) {
        struct sovd_db_conn *conn;

        int r = sovd_arena_new(&i->arena, 4096);
        if (!r)
                r = sovd_db_read_begin(from, &conn);
        if (r)
                return r;
        r = inspect_numbers(conn, i, "fault", bad_fault); /* what a list would pass over is found here */
        if (!r)
                r = inspect_numbers(conn, i, "event", bad_event);
        if (!r)
                r = fm_store_list(conn, &(struct fm_query){ .max = INT64_MAX }, inspect, i);
        sovd_db_read_end(from, conn);
        return r;
}

/* --- the change ----------------------------------------------------------------------------------------- */

struct restore {
        struct fm_manager *m;
        struct sovd_db_conn *from;
        const char *by;
        const struct sovd_snapshot *about;
        struct fm_event event;
        bool finished;
        int result;
};

static int note_restore(struct sovd_db_conn *conn, const struct restore *restore) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO snapshot(made_usec, gateway, restored_usec, restored_by) "
                                          "VALUES(?1, ?2, ?3, ?4)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)restore->about->made_usec);
        sovd_db_bind_text(s, 2, restore->about->gateway);
        sovd_db_bind_int(s, 3, (int64_t)sovd_realtime_usec());
        sovd_db_bind_text(s, 4, restore->by);
        r = sovd_db_run(s);
        if (!r)
                r = sovd_db_prepare(conn, &s, "DELETE FROM snapshot WHERE id<=(SELECT max(id) FROM snapshot)-100");
        return r ? r : sovd_db_run(s);
}

/* When entities were seen is by the clock of the state that the snapshot was made of: from here on it is by this one's. */
static int see_all(struct sovd_db_conn *conn) {
        return sovd_db_run_int(conn, "UPDATE fault_entity SET seen_usec=?1", (int64_t)sovd_state_usec());
}

static void set_restoring(struct fm_manager *m, bool restoring) {
        (void)pthread_mutex_lock(&m->mutex);
        m->restoring = restoring;
        (void)pthread_mutex_unlock(&m->mutex);
}

static int restore_work(struct sovd_db_conn *conn, void *data) {
        struct restore *restore = data;

        set_restoring(restore->m, true); /* nothing of before is written behind this in the same transaction */
        int r = sovd_snapshot_copy(conn, restore->from);
        if (!r)
                r = fm_store_rebase(conn);
        if (!r)
                r = note_restore(conn, restore);
        if (!r)
                r = see_all(conn);
        if (!r)
                r = fm_store_event(conn, &restore->event, &restore->event.id);
        return r;
}

static void forget_memory(struct fm_fault *f, void *data) {
        fm_state_clear(&f->state);
        f->loaded = false;
        f->changed = f->owed = 0;
        f->n_untold = 0;
        fm_arm(data, f);
        fm_keep_frame(&f->first_frame, NULL);
        fm_keep_frame(&f->last_frame, NULL);
}

static void restore_done(int result, void *data) {
        struct restore *restore = data;
        struct fm_manager *m = restore->m;

        if (!result && m->options.published)
                m->options.published(&restore->event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        if (!result) {
                fm_table_each(&m->table, NULL, forget_memory, m);
                m->n_clears++; /* what is being read of before is read again */
        }
        m->restoring = false;
        restore->result = result;
        restore->finished = true;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* As after a start: what waits for a time, or owes an event. What cannot be read now is read with its first report. */
static void load_again(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_reporter *reporter = m->reporters; /* others come before it, and all stay */
        (void)pthread_mutex_unlock(&m->mutex);
        int r = fm_recall_owed(m);
        for (; !r && reporter; reporter = reporter->next)
                r = fm_load(m, reporter->entity, NULL);
        if (r)
                sovd_log(SOVD_LOG_WARN, "the faults that were restored cannot be read now: %s", strerror(abs(r)));
}

static int carry_out(struct restore *restore) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *body = NULL;
        struct fm_manager *m = restore->m;

        restore->event = (struct fm_event){ .usec = sovd_realtime_usec(), .entity = "", .code = "", .scope = "",
                                            .changed = FM_RESTORED };
        int r = sovd_arena_new(&arena, 1024);
        if (!r)
                r = fm_event_body(&restore->event, arena, &body);
        if (r)
                return r;
        restore->event.body = body;
        fm_flush_later(m);
        r = sovd_db_post(m->options.db, restore_work, restore_done, restore);
        (void)pthread_mutex_lock(&m->mutex);
        if (r) {
                restore->finished = true;
                restore->result = r;
                (void)pthread_cond_broadcast(&m->progress);
        }
        while (!restore->finished)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
        if (!restore->result)
                load_again(m);
        fm_flush_later(m); /* whoever waits for what came meanwhile is told */
        return restore->result;
}

int fm_manager_restore(struct fm_manager *m, struct sovd_db *from, const struct sovd_snapshot *about, const char *by,
                       int64_t *ret_n, char ret_bad[static FM_RESTORE_BAD_SIZE]) {
        struct restore restore = { .m = m, .by = by, .about = about };
        struct inspection i = { 0 };

        int r = inspect_all(from, &i);
        sovd_arena_free(i.arena);
        *ret_n = i.n;
        (void)memcpy(ret_bad, i.bad, sizeof(i.bad));
        if (!r)
                r = sovd_db_read_begin(from, &restore.from);
        if (r)
                return r;
        r = carry_out(&restore);
        sovd_db_read_end(from, restore.from);
        return r;
}
