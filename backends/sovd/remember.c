/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/remember.h"
#include "backends/sovd/discovery.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_text.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include "sovd-core/gateway.h"
#include <errno.h>

#define FORMAT     1
#define NODES_MAX  (REMEMBER_BYTES_MAX / 4)   /* the shortest value takes three bytes and a comma */
#define BURST      10u                        /* writes at once, */
#define PAUSE_USEC (60 * SOVD_USEC_PER_SEC)   /* and then one in this time */
#define SEEN_USEC  (3600 * SOVD_USEC_PER_SEC) /* how old the time in the row may be while the server is there */

/* --- the text ------------------------------------------------------------------------------------------- */

struct kept_entity {
        struct sovd_entity_spec spec;
        int type;                        /* enum sovd_entity_type + 1 */
        struct sovd_strings collections; /* names, since numbers may differ in another version */
        const char *path;
};
struct kept_view {
        struct sovd_int format;
        int dialect;
        struct sovd_bool updates;
        struct sovd_list entities;
};

static const char *const dialect_names[] = { "iso", "odata", NULL };
static const struct dialect *const dialects[] = { &dialect_iso, &dialect_odata };

#define F(member) offsetof(struct kept_entity, member)
#define RELATION(text, relation)                                                                             \
        { .name = text, .type = SOVD_FIELD_STRINGS, .offset = F(spec.relations[SOVD_RELATION_##relation]) }
static const struct sovd_field entity_fields[] = {
        { .name = "type", .type = SOVD_FIELD_ENUM, .offset = F(type), .flags = SOVD_REQUIRED,
          .names = sovd_entity_type_paths },
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(spec.id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(spec.name), .flags = SOVD_REQUIRED },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(spec.translation_id) },
        { .name = "category", .type = SOVD_FIELD_STRING, .offset = F(spec.category) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(spec.description) },
        { .name = "variant", .type = SOVD_FIELD_STRING, .offset = F(spec.variant) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(spec.tags) },
        { .name = "collections", .type = SOVD_FIELD_STRINGS, .offset = F(collections) },
        { .name = "path", .type = SOVD_FIELD_STRING, .offset = F(path) },
        RELATION("subareas", SUBAREAS),
        RELATION("subcomponents", SUBCOMPONENTS),
        RELATION("contains", CONTAINS),
        RELATION("hosts", HOSTS),
        RELATION("is-located-on", IS_LOCATED_ON),
        RELATION("belongs-to", BELONGS_TO),
        RELATION("depends-on", DEPENDS_ON),
        { 0 }
};
#undef F
static const struct sovd_schema entity_schema = { .name = "KeptEntity", .size = sizeof(struct kept_entity),
                                                  .fields = entity_fields };
#define F(member) offsetof(struct kept_view, member)
static const struct sovd_field view_fields[] = {
        { .name = "format", .type = SOVD_FIELD_INT, .offset = F(format), .flags = SOVD_REQUIRED, .min = FORMAT,
          .max = FORMAT },
        { .name = "dialect", .type = SOVD_FIELD_ENUM, .offset = F(dialect), .flags = SOVD_REQUIRED,
          .names = dialect_names },
        { .name = "updates", .type = SOVD_FIELD_BOOL, .offset = F(updates), .flags = SOVD_REQUIRED },
        { .name = "entities", .type = SOVD_FIELD_LIST, .offset = F(entities), .flags = SOVD_REQUIRED,
          .of = &entity_schema, .max = SOVD_BACKEND_ENTITIES_MAX },
        { 0 }
};
#undef F
static const struct sovd_schema view_schema = { .name = "KeptView", .size = sizeof(struct kept_view),
                                                .fields = view_fields };

static void encode_entity(const struct view *view, size_t i, struct sovd_json_writer *w) {
        const char *names[SOVD_N_COLLECTIONS];
        struct kept_entity e = { .spec = view->entities[i],
                                 .type = (int)view->entities[i].type + 1,
                                 .collections = { .items = names },
                                 .path = view->paths[i] };

        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if (e.spec.collections & (1u << c))
                        names[e.collections.n++] = sovd_collection_names[c];
        sovd_schema_encode(&entity_schema, &e, w);
}

/* One entity after the other: as a list they would take more memory than the text. */
void remember_encode(const struct view *view, const struct dialect *dialect, struct sovd_json_writer *w) {
        sovd_json_object_begin(w);
        sovd_json_key_int(w, "format", FORMAT);
        sovd_json_key_string(w, "dialect", dialect->name);
        sovd_json_key_bool(w, "updates", view->updates);
        sovd_json_key(w, "entities");
        sovd_json_array_begin(w);
        for (size_t i = 0; !w->error && i < view->n; i++)
                encode_entity(view, i, w);
        sovd_json_array_end(w);
        sovd_json_object_end(w);
}

static const char *check_entity(struct kept_entity *e) {
        struct sovd_json_fault fault;

        e->spec.type = (enum sovd_entity_type)(e->type - 1);
        for (size_t i = 0; i < e->collections.n; i++) {
                int c = sovd_name_find(sovd_collection_names, e->collections.items[i]);
                if (c < 0)
                        return "an entity has a collection that is not known";
                e->spec.collections |= 1u << c;
        }
        if (e->path && !sovd_http_target_is_valid(e->path))
                return "the path of an entity cannot be one";
        if (e->spec.variant && !sovd_json_validate(e->spec.variant, strlen(e->spec.variant), NULL, &fault))
                return "the variant of an entity is no JSON";
        return NULL;
}

/* *ret_why when one of them is nothing that a view can hold. */
static int take_entities(struct view *view, const struct sovd_list *list, const char **ret_why) {
        struct kept_entity *e = list->items;
        int r = 0;

        for (size_t i = 0; !r && !*ret_why && i < list->n; i++) {
                *ret_why = check_entity(&e[i]);
                if (!*ret_why)
                        r = discovery_put(view, &e[i].spec, e[i].path);
                if (!r && !*ret_why && (view->n != i + 1 || view->n_skipped))
                        *ret_why = "an entity has an id that cannot be used, or comes twice, or is too large";
        }
        return r;
}

static int decode(const char *text, size_t len, struct kept_view *kept, struct sovd_arena *arena, const char **ret_why) {
        static const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };
        struct sovd_schema_error error = { 0 };
        struct sovd_json_fault fault = { 0 };
        struct cJSON *json;

        if (len > REMEMBER_BYTES_MAX) {
                *ret_why = "it is too long";
                return SOVD_E_BAD_REQUEST;
        }
        int r = sovd_json_parse_in(arena, &json, text, len, &limits, &fault);
        if (r > 0)
                *ret_why = fault.reason;
        if (r)
                return r;
        r = sovd_schema_decode(&view_schema, json, kept, arena, SOVD_DECODE_CLOSED, &error);
        if (r > 0)
                *ret_why = sovd_arena_printf(arena, "%s %s", error.path, error.reason);
        return r;
}

int remember_decode(const char *text, size_t len, struct view **ret, const struct dialect **ret_dialect,
                    struct sovd_arena *arena, const char **ret_why) {
        _cleanup_(view_freep) struct view *view = NULL;
        struct kept_view kept;

        *ret_why = NULL;
        int r = decode(text, len, &kept, arena, ret_why);
        if (!r)
                r = view_new(&view, SOVD_BACKEND_ENTITIES_MAX);
        if (!r)
                r = take_entities(view, &kept.entities, ret_why);
        if (r || *ret_why)
                return r ? r : SOVD_E_BAD_REQUEST;

        view->updates = kept.updates.value;
        *ret_dialect = dialects[kept.dialect - 1];
        *ret = SOVD_TAKE(view);
        return 0;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static struct sovd_db *db_of(const struct sovd_sovd *b) {
        struct sovd_db *db = sovd_gateway_db(b->base.gateway);

        return sovd_db_is_file(db) ? db : NULL;
}

/* On its way to the row. */
struct note {
        struct sovd_sovd *backend; /* reference */
        char *body;                /* NULL: only the time */
        uint64_t seen_usec;        /* 0: the row goes */
};

static struct note *note_free(struct note *note) {
        if (!note)
                return NULL;
        sovd_backend_unref(&note->backend->base);
        free(note->body);
        free(note);
        return NULL;
}

static int work(struct sovd_db_conn *conn, void *data) {
        const struct note *note = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s,
                                note->body ? "INSERT OR REPLACE INTO remembered_view(backend, seen_usec, source, body)"
                                             " VALUES(?1,?2,?3,?4)"
                                : note->seen_usec
                                        ? "UPDATE remembered_view SET seen_usec=?2 WHERE backend=?1 AND source=?3"
                                        : "DELETE FROM remembered_view WHERE backend=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, note->backend->base.name);
        if (note->seen_usec) {
                sovd_db_bind_int(s, 2, (int64_t)note->seen_usec);
                sovd_db_bind_text(s, 3, note->backend->source);
        }
        if (note->body)
                sovd_db_bind_text(s, 4, note->body);
        return sovd_db_run(s);
}

/* The disk's trouble is told elsewhere; the end of the next pass tries again. */
static void done(int result, void *data) {
        struct note *note = data;

        if (result)
                atomic_store(&note->backend->view_is_stored, false);
        note_free(note);
}

/* Nobody waits for the disk. Takes the body over. */
static void post(struct sovd_sovd *b, struct sovd_db *db, char *body, uint64_t seen_usec) {
        struct note *note = calloc(1, sizeof(*note));

        if (!note) {
                free(body);
                atomic_store(&b->view_is_stored, false);
                return;
        }
        *note = (struct note){ sovd_sovd_of(sovd_backend_ref(&b->base)), body, seen_usec };
        int r = sovd_db_post(db, work, done, note);
        if (r)
                done(r, note);
}

static bool may_write(struct remember *m) {
        const uint64_t now = sovd_now_usec();

        m->due_usec = SOVD_MAX(m->due_usec, now);
        if (m->due_usec - now > (BURST - 1) * PAUSE_USEC)
                return false;
        m->due_usec += PAUSE_USEC;
        m->seen_usec = now;
        return true;
}

/* A row of what is not there any more would be worse than none. */
static void drop_too_long(struct sovd_sovd *b, struct remember *m, struct sovd_db *db) {
        if (!m->told_too_long)
                sovd_log(SOVD_LOG_WARN, "backend '%s': its entities will not be known after a restart: they take over %zu MiB",
                         b->base.name, REMEMBER_BYTES_MAX >> 20);
        m->told_too_long = true;
        post(b, db, NULL, 0);
}

static void store(struct sovd_sovd *b, struct remember *m, struct sovd_db *db) {
        const struct dialect *dialect = atomic_load(&b->dialect);
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, REMEMBER_BYTES_MAX);
        remember_encode(b->view, dialect, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        char *body = r ? NULL : strdup(text);
        sovd_json_writer_done(&w);

        atomic_store(&b->view_is_stored, true);
        if (body)
                post(b, db, body, atomic_load_explicit(&b->last_seen_usec, memory_order_relaxed));
        else if (r == -E2BIG)
                drop_too_long(b, m, db);
        else
                atomic_store(&b->view_is_stored, false);
}

void remember_view(struct sovd_sovd *b, struct remember *m) {
        struct sovd_db *db = db_of(b);

        if (!db)
                return;
        if (atomic_load(&b->view_is_stored)) {
                if (!m->seen_usec || sovd_now_usec() - m->seen_usec >= SEEN_USEC)
                        remember_seen(b, m, false);
        } else if (may_write(m))
                store(b, m, db);
}

void remember_seen(struct sovd_sovd *b, struct remember *m, bool ends) {
        struct sovd_db *db = db_of(b);

        if (db && (may_write(m) || ends))
                post(b, db, NULL, atomic_load_explicit(&b->last_seen_usec, memory_order_relaxed));
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct row {
        const char *source, *body; /* in the arena; NULL: there is none */
        uint64_t seen_usec;
};

static int read_row(struct sovd_db_conn *conn, const char *name, struct sovd_arena *arena, struct row *ret) {
        struct sovd_db_stmt *s;
        bool found = false;

        int r = sovd_db_prepare(conn, &s, "SELECT source, seen_usec, body FROM remembered_view WHERE backend=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, name);
        r = sovd_db_step(s, &found);
        if (r || !found)
                return r;
        *ret = (struct row){ .source = sovd_arena_strdup(arena, sovd_db_text(s, 0)),
                             .seen_usec = (uint64_t)sovd_db_int(s, 1),
                             .body = sovd_arena_strdup(arena, sovd_db_text(s, 2)) };
        return ret->source && ret->body ? 0 : sovd_error_origin(-ENOMEM);
}

static void take_over(struct sovd_sovd *b, struct view *view, const struct dialect *dialect, uint64_t seen_usec) {
        char seen[SOVD_TIMESTAMP_SIZE];

        sovd_log(SOVD_LOG_INFO, "backend '%s': %zu entities are known from before, when it was last seen at %s",
                 b->base.name, view->n, sovd_clock_format(seen, seen_usec));
        atomic_store(&b->last_seen_usec, seen_usec);
        atomic_store(&b->dialect, dialect);
        atomic_store(&b->view_is_stored, true);
        (void)pthread_mutex_lock(&b->mutex);
        struct view *old = b->view;
        b->view = view;
        b->remembered = true;
        (void)pthread_mutex_unlock(&b->mutex);
        view_free(old);
}

/* Another server, or another part of it, has nothing to do with what was there under this name. */
static void recall(struct sovd_sovd *b, struct sovd_db *db, const struct row *row, struct sovd_arena *arena) {
        const struct dialect *dialect;
        struct view *view;
        const char *why;

        if (strcmp(row->source, b->source) != 0) {
                post(b, db, NULL, 0);
                return;
        }
        int r = remember_decode(row->body, strlen(row->body), &view, &dialect, arena, &why);
        if (r > 0)
                sovd_log(SOVD_LOG_WARN, "backend '%s': what is known of its entities from before cannot be used: %s",
                         b->base.name, why ? why : "out of memory");
        if (!r)
                take_over(b, view, dialect, row->seen_usec);
}

void remember_load(struct sovd_sovd *b) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_db *db = db_of(b);
        struct sovd_db_conn *conn;
        struct row row = { 0 };

        if (!db || sovd_arena_new(&arena, 4096) || sovd_db_read_begin(db, &conn))
                return;
        int r = read_row(conn, b->base.name, arena, &row);
        sovd_db_read_end(db, conn);
        if (r)
                sovd_log(SOVD_LOG_WARN, "backend '%s': what is known of its entities from before cannot be read: %s",
                         b->base.name, strerror(abs(r)));
        else if (row.body)
                recall(b, db, &row, arena);
}

/* --- those that are gone -------------------------------------------------------------------------------- */

/* Names have no line feeds, so a list with one around each says which there are. */
static int forget(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM remembered_view WHERE instr(?1, char(10)||backend||char(10))=0");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, data);
        return sovd_db_run(s);
}

static void forgotten(int result, void *data) {
        (void)result;
        free(data);
}

void sovd_sovd_forget_others(struct sovd_gateway *gateway, const char *const *names, size_t n) {
        struct sovd_db *db = sovd_gateway_db(gateway);
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        if (!sovd_db_is_file(db))
                return;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_raw(&w, "\n", 1);
        for (size_t i = 0; i < n; i++)
                sovd_json_rawf(&w, "%s\n", names[i]);
        char *list = sovd_json_writer_finish(&w, &text, &len) ? NULL : strdup(text);
        sovd_json_writer_done(&w);
        if (list && sovd_db_post(db, forget, forgotten, list))
                free(list);
}
