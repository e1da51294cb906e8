/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/trigger_store.h"
#include "sovd-core/base/error.h"
#include "sovd-core/principal.h"

#define COLUMNS                                                                                              \
        "id, entity_type, entity, owner, anonymous, base, resource, condition, path, only_data, multishot, " \
        "private, log_severity, log_resource, log_condition, log_marker, expires_usec, terminated, principal"

int trigger_store_put(struct sovd_db_conn *conn, const struct trigger_row *row) {
        const struct sovd_observation_spec *spec = &row->spec;
        const struct sovd_trigger_log *log = spec->log;
        struct sovd_json_writer w;
        struct sovd_db_stmt *s;
        const char *principal;
        size_t len;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO persistent_trigger(" COLUMNS
                                          ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)");
        if (r)
                return r;
        sovd_json_writer_init(&w, 0, 0);
        sovd_principal_write(&spec->owner, &w);
        r = sovd_json_writer_finish(&w, &principal, &len);
        if (r) {
                sovd_json_writer_done(&w);
                return r;
        }
        sovd_db_bind_text(s, 1, row->id);
        sovd_db_bind_text(s, 2, sovd_entity_type_paths[spec->entity->type]);
        sovd_db_bind_text(s, 3, spec->entity->id);
        sovd_db_bind_text(s, 4, spec->owner.id);
        sovd_db_bind_int(s, 5, spec->owner.anonymous);
        sovd_db_bind_text(s, 6, spec->base);
        sovd_db_bind_text(s, 7, spec->resource);
        sovd_db_bind_text(s, 8, spec->condition_text);
        sovd_db_bind_text(s, 9, spec->path);
        sovd_db_bind_int(s, 10, spec->only_data);
        sovd_db_bind_int(s, 11, spec->multishot);
        sovd_db_bind_int(s, 12, spec->is_private);
        sovd_db_bind_text(s, 13, log ? sovd_trigger_severity_names[log->severity - 1] : NULL);
        sovd_db_bind_int(s, 14, log && log->resource.value);
        sovd_db_bind_int(s, 15, log && log->condition.value);
        sovd_db_bind_text(s, 16, log ? log->marker : NULL);
        sovd_db_bind_int(s, 17, (int64_t)row->expires_usec);
        sovd_db_bind_int(s, 18, row->terminated);
        sovd_db_bind_text(s, 19, principal);
        r = sovd_db_run(s);
        sovd_json_writer_done(&w);
        return r;
}

int trigger_store_expire(struct sovd_db_conn *conn, const char *id, uint64_t expires_usec) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE persistent_trigger SET expires_usec=?2 WHERE id=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, id);
        sovd_db_bind_int(s, 2, (int64_t)expires_usec);
        return sovd_db_run(s);
}

int trigger_store_terminate(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "UPDATE persistent_trigger SET terminated=1 WHERE id=?1", id);
}

int trigger_store_remove(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "DELETE FROM persistent_trigger WHERE id=?1", id);
}

int trigger_store_clear(struct sovd_db_conn *conn, const struct sovd_entity *e, const char *owner) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM persistent_trigger WHERE entity_type=?1 AND entity=?2 AND owner=?3");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, sovd_entity_type_paths[e->type]);
        sovd_db_bind_text(s, 2, e->id);
        sovd_db_bind_text(s, 3, owner);
        return sovd_db_run(s);
}

static int drop(struct sovd_db_conn *conn, uint64_t now_usec, size_t max) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM persistent_trigger WHERE expires_usec<=?1 OR n NOT IN "
                                          "(SELECT n FROM persistent_trigger WHERE expires_usec>?1 ORDER BY n LIMIT ?2)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)now_usec);
        sovd_db_bind_int(s, 2, (int64_t)max);
        return sovd_db_run(s);
}

/* Rows that say what this version does not know are left out. */
static int take(struct sovd_db_stmt *s, int (*each)(const struct trigger_row *row, void *data), void *data) {
        const char *severity = sovd_db_text(s, 12);
        const int type = sovd_name_find(sovd_entity_type_paths, sovd_db_text(s, 1)),
                  level = severity ? sovd_enum_parse(sovd_trigger_severity_names, severity) : 0;
        const struct sovd_entity entity = { .type = (enum sovd_entity_type)type, .id = sovd_db_text(s, 2) };
        const struct sovd_trigger_log log = { .severity = level,
                                              .resource = SOVD_BOOL(sovd_db_int(s, 13) != 0),
                                              .condition = SOVD_BOOL(sovd_db_int(s, 14) != 0),
                                              .marker = sovd_db_text(s, 15) };
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_principal owner = { .id = sovd_db_text(s, 3), .anonymous = sovd_db_int(s, 4) != 0 };
        const char *said = sovd_db_text(s, 18);

        int r = sovd_arena_new(&arena, 1024);
        if (!r && said)
                r = sovd_principal_read(&owner, said, arena);
        if (r)
                return r < 0 ? r : 0;
        const struct trigger_row row = {
                .id = sovd_db_text(s, 0),
                .spec = { .kind = SOVD_TRIGGER,
                          .entity = &entity,
                          .owner = owner,
                          .base = sovd_db_text(s, 5),
                          .resource = sovd_db_text(s, 6),
                          .condition_text = sovd_db_text(s, 7),
                          .path = sovd_db_text(s, 8),
                          .only_data = sovd_db_int(s, 9) != 0,
                          .multishot = sovd_db_int(s, 10) != 0,
                          .is_private = sovd_db_int(s, 11) != 0,
                          .log = level ? &log : NULL,
                          .persistent = true },
                .expires_usec = (uint64_t)sovd_db_int(s, 16),
                .terminated = sovd_db_int(s, 17) != 0,
        };

        return type < 0 || (severity && !level) ? 0 : each(&row, data);
}

int trigger_store_load(struct sovd_db_conn *conn, uint64_t now_usec, size_t max,
                       int (*each)(const struct trigger_row *row, void *data), void *data) {
        struct sovd_db_stmt *s;
        bool row = true;

        int r = drop(conn, now_usec, max);
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT " COLUMNS " FROM persistent_trigger ORDER BY n");
        while (!r && row) {
                r = sovd_db_step(s, &row);
                if (!r && row)
                        r = take(s, each, data);
        }
        return r;
}
