/* SPDX-License-Identifier: Apache-2.0 */
/* What each app offered when it registered last: after a restart it is listed so until it comes back. So clients find what they
 * were promised there, such as a lock, an execution or a stream. */
#include "backends/native/backend.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/gateway.h"
#include <cjson/cJSON.h>

struct note {
        char *entity;
        unsigned offers;
};

static struct note *note_free(struct note *note) {
        if (note)
                free(note->entity);
        free(note);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct note *, note_free)

/* Names, since numbers may differ in another version. */
static void names_of(struct sovd_json_writer *w, unsigned offers) {
        sovd_json_array_begin(w);
        for (int i = 0; i < SOVD_N_COLLECTIONS; i++)
                if (offers & (1u << i))
                        sovd_json_string(w, sovd_collection_names[i]);
        sovd_json_array_end(w);
}

static int work(struct sovd_db_conn *conn, void *data) {
        const struct note *note = data;
        struct sovd_json_writer w;
        struct sovd_db_stmt *s;
        const char *names;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        names_of(&w, note->offers);
        int r = sovd_json_writer_finish(&w, &names, &len);
        if (!r)
                r = sovd_db_prepare(conn, &s,
                                    "INSERT INTO native_app(entity, offers) VALUES(?1,?2)"
                                    " ON CONFLICT(entity) DO UPDATE SET offers=excluded.offers");
        if (!r) {
                sovd_db_bind_text(s, 1, note->entity);
                sovd_db_bind_text(s, 2, names);
                r = sovd_db_run(s);
        }
        sovd_json_writer_done(&w);
        return r;
}

static void done(int result, void *data) {
        (void)result; /* the disk's trouble is told elsewhere; the next start shows what was written last */
        note_free(data);
}

void native_offers_note(struct native *b, struct native_app *app) {
        struct sovd_db *db = sovd_gateway_db(b->base.gateway);
        _cleanup_(note_freep) struct note *note = calloc(1, sizeof(*note));

        (void)pthread_mutex_lock(&b->mutex);
        const unsigned offers = native_app_offers(b, app);
        const bool changed = offers != app->offered;
        app->offered = offers;
        (void)pthread_mutex_unlock(&b->mutex);
        if (!db || !changed || !note || !(note->entity = strdup(app->key)))
                return;
        note->offers = offers;
        if (!sovd_db_post(db, work, done, note))
                (void)SOVD_TAKE(note);
}

static unsigned offers_in(struct sovd_arena *arena, const char *names) {
        const struct cJSON *name;
        struct sovd_json_fault fault;
        struct cJSON *json;
        unsigned offers = 0;

        if (sovd_json_parse_in(arena, &json, names, strlen(names), NULL, &fault))
                return 0;
        cJSON_ArrayForEach (name, json) {
                const int i =
                        name->valuestring ? sovd_name_find(sovd_collection_names, name->valuestring) : -1;
                offers |= i >= 0 ? 1u << i : 0;
        }
        return offers;
}

static int recall(struct sovd_db_conn *conn, struct sovd_arena *arena, struct native_app *app) {
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(conn, &s, "SELECT offers FROM native_app WHERE entity=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, app->key);
        r = sovd_db_step(s, &row);
        if (!r && row)
                app->offered = offers_in(arena, sovd_db_text(s, 0));
        return r;
}

int native_offers_recall(struct native *b) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_db *db = sovd_gateway_db(b->base.gateway);
        struct sovd_db_conn *conn;

        if (!db)
                return 0;
        int r = sovd_arena_new(&arena, 1024);
        if (!r)
                r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        for (size_t i = 0; !r && i < b->n_apps; i++) {
                r = recall(conn, arena, &b->apps[i]);
                sovd_arena_reset(arena);
        }
        sovd_db_read_end(db, conn);
        return r;
}
