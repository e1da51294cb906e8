/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

/* --- life ----------------------------------------------------------------------------------------------- */

static int mark_boot(struct sovd_db_conn *conn, void *data) {
        const struct fm_manager *m = data;

        return fm_store_mark(conn, FM_POWER_CYCLE, m->options.boot_id);
}

static int take_cycle(const char *name, uint64_t n, bool settled, void *data) {
        struct fm_kind *kind = fm_kind_get(data, name);

        if (kind)
                kind->n = n, kind->behind = !settled;
        return 0; /* there were never more kinds than there is room for */
}

/* A boot that cannot be noted, on a full disk, is no reason not to start: the next start notes it. */
static int read_cycles(struct fm_manager *m) {
        struct sovd_db_conn *conn;

        int r = m->options.boot_id ? sovd_db_write(m->options.db, mark_boot, m) : 0;
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the operation cycle of this boot cannot be begun: %s", strerror(abs(r)));
        m->options.boot_id = NULL; /* the caller's */
        r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        r = fm_store_cycles(conn, take_cycle, m);
        sovd_db_read_end(m->options.db, conn);
        return r ? r : fm_recall_owed(m);
}

int fm_manager_new(struct fm_manager **ret, const struct fm_options *options) {
        _cleanup_(fm_manager_freep) struct fm_manager *m = calloc(1, sizeof(*m));
        if (!m)
                return sovd_error_origin(-ENOMEM);

        m->options = *options;
        (void)pthread_mutex_init(&m->mutex, NULL);
        (void)pthread_cond_init(&m->progress, NULL);
        m->last_dirty = &m->dirty;
        m->tick_usec = UINT64_MAX;
        int r = fm_table_init(&m->table);
        if (!r)
                r = read_cycles(m);
        if (r)
                return r;

        *ret = SOVD_TAKE(m);
        return 0;
}

/* The database ends a change even when it fails, so this ends. */
static void wait_for_flush(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        while (m->posted || m->settling || m->n_settle_ends)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* Events that had to wait for their second do not wait any more. */
static void write_the_rest(struct fm_manager *m) {
        wait_for_flush(m);
        m->options.events_per_sec = 0;
        m->settle_usec = UINT64_MAX; /* the next run goes on with it */
        while (m->due.n) {
                struct fm_fault *f = (struct fm_fault *)sovd_due_first(&m->due);
                sovd_due_remove(&m->due, &f->due);
                if (f->owed)
                        fm_make_dirty(m, f, f->owed);
        }
        (void)fm_manager_tick(m); /* a last attempt at what failed */
        wait_for_flush(m);
        if (m->dirty || m->cycles_changed)
                sovd_log(SOVD_LOG_ERROR, "changes of faults are lost: they could not be written until the end");
}

static void free_lists(struct fm_manager *m) {
        for (size_t i = 0; i < m->n_conditions; i++)
                free(m->conditions[i].name);
        for (size_t i = 0; i < m->n_kinds; i++)
                free(m->kinds[i].name);
        while (m->reporters) {
                struct fm_reporter *reporter = m->reporters;
                m->reporters = reporter->next;
                free(reporter->entity);
                free(reporter);
        }
        sovd_due_done(&m->due);
}

struct fm_manager *fm_manager_free(struct fm_manager *m) {
        if (!m)
                return NULL;

        write_the_rest(m);
        free_lists(m);
        fm_table_done(&m->table);
        (void)pthread_cond_destroy(&m->progress);
        (void)pthread_mutex_destroy(&m->mutex);
        free(m);
        return NULL;
}

/* --- definitions ---------------------------------------------------------------------------------------- */

static struct fm_reporter *get_reporter(struct fm_manager *m, const char *entity) {
        struct fm_reporter *reporter = m->reporters;

        while (reporter && strcmp(reporter->entity, entity) != 0)
                reporter = reporter->next;
        if (reporter)
                return reporter;
        reporter = calloc(1, sizeof(*reporter));
        char *copy = strdup(entity);
        if (!reporter || !copy) {
                free(reporter);
                free(copy);
                return NULL;
        }
        *reporter = (struct fm_reporter){ .next = m->reporters, .entity = copy };
        return m->reporters = reporter;
}

static void undefine(struct fm_fault *fault, void *data) {
        (void)data;
        fault->defined = false;
}

/* Is it judged as before? */
static bool same_rule(const struct fm_definition *a, const struct fm_definition *b) {
        return strcmp(a->json, b->json) == 0;
}

/* Takes the reference over. What is stored of it gets the new words. */
static void redefine(struct fm_manager *m, struct fm_fault *f, struct fm_definition *definition, struct fm_kind *kind) {
        bool other = f->definition && !same_rule(f->definition, definition), anew = other || f->recalled;

        fm_definition_unref(f->definition);
        f->definition = definition;
        f->kind = kind;
        f->defined = true;
        m->n_recalled -= f->recalled;
        f->recalled = false;
        if (!anew)
                return;
        fm_state_resume(&f->state, &definition->rule, sovd_now_usec());
        if (other && f->loaded && f->state.n_occurrences)
                fm_make_dirty(m, f, FM_DESCRIBED);
        fm_arm(m, f);
}

/* Takes the reference over when it returns 0. */
static int define(struct fm_manager *m, struct fm_reporter *reporter, struct fm_definition *definition) {
        struct fm_kind *kind = fm_kind_get(m, definition->about->cycle); /* there is room */
        struct fm_fault *fault;
        if (!kind)
                return sovd_error_origin(-ENOMEM);

        int r = fm_table_add(&m->table, reporter->entity, definition->about->code, &fault);
        if (r)
                return r;
        fault->reporter = reporter;
        redefine(m, fault, definition, kind);
        return 0;
}

static bool has_name(const char *const *names, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static bool have_kinds(struct fm_manager *m, struct fm_definition *const *definitions, size_t n) {
        const char *names[FM_KINDS_MAX];
        size_t n_new = 0;

        for (size_t i = 0; i < n; i++) {
                const char *name = definitions[i]->about->cycle;
                if (fm_kind_find(m, name) || has_name(names, n_new, name))
                        continue;
                if (m->n_kinds + n_new == FM_KINDS_MAX)
                        return false;
                names[n_new++] = name;
        }
        return true;
}

static bool have_room(struct fm_manager *m, const char *entity, struct fm_definition *const *definitions, size_t n) {
        size_t n_new = 0;

        for (size_t i = 0; i < n; i++) {
                const struct fm_fault *f = fm_table_find(&m->table, entity, definitions[i]->about->code);
                n_new += !f || f->recalled;
        }
        return m->table.n - m->n_recalled + n_new <= m->options.faults_max && have_kinds(m, definitions, n);
}

static int define_all(struct fm_manager *m, const char *entity, struct fm_definition **definitions, size_t n) {
        (void)pthread_mutex_lock(&m->mutex);
        struct fm_reporter *reporter = get_reporter(m, entity);
        int r = !reporter ? sovd_error_origin(-ENOMEM) : have_room(m, entity, definitions, n) ? 0 : SOVD_E_OVERLOAD;
        if (!r)
                fm_table_each(&m->table, entity, undefine, NULL);
        for (size_t i = 0; !r && i < n; i++) {
                r = define(m, reporter, definitions[i]);
                if (!r)
                        definitions[i] = NULL;
        }
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

static int make_definitions(const struct fm_catalog *catalog, struct fm_definition **ret) {
        const struct fm_descriptor *faults = catalog->faults.items;
        int r = 0;

        for (size_t i = 0; !r && i < catalog->faults.n; i++) {
                struct fm_descriptor about = faults[i];
                about.catalog_id = catalog->id;
                about.catalog_version = catalog->version;
                r = fm_definition_new(&ret[i], &about);
        }
        return r;
}

int fm_manager_define(struct fm_manager *m, const char *entity, const struct fm_catalog *catalog) {
        struct fm_definition **definitions = calloc(catalog->faults.n + 1, sizeof(struct fm_definition *));
        int r = definitions ? 0 : sovd_error_origin(-ENOMEM);

        if (!r)
                r = make_definitions(catalog, definitions);
        if (!r)
                r = define_all(m, entity, definitions, catalog->faults.n);
        for (size_t i = 0; definitions && i < catalog->faults.n; i++)
                fm_definition_unref(definitions[i]);
        free(definitions);
        if (r)
                return r;
        if (fm_load(m, entity, NULL)) /* then each is read with its first report */
                sovd_log(SOVD_LOG_WARN, "the faults that %s had cannot be read now", entity);
        fm_flush_later(m);
        return 0;
}

/* --- conditions ----------------------------------------------------------------------------------------- */

int fm_manager_condition(struct fm_manager *m, const char *name, bool on) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        size_t i = 0;
        while (i < m->n_conditions && strcmp(m->conditions[i].name, name) != 0)
                i++;
        if (i == FM_CONDITIONS_MAX) {
                r = SOVD_E_OVERLOAD;
        } else if (i == m->n_conditions) {
                m->conditions[i].name = strdup(name);
                r = m->conditions[i].name ? 0 : sovd_error_origin(-ENOMEM);
                m->n_conditions += !r;
        }
        if (!r)
                m->conditions[i].on = on;
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

static bool copy_ids(const struct sovd_strings *ids, struct sovd_arena *arena, struct sovd_strings *ret) {
        const char **items = sovd_arena_array(arena, const char *, ids->n);

        for (size_t i = 0; items && i < ids->n; i++)
                if (!(items[i] = sovd_arena_strdup(arena, ids->items[i])))
                        return false;
        *ret = (struct sovd_strings){ .items = items, .n = ids->n, .set = true };
        return items;
}

int fm_manager_freeze_frame(struct fm_manager *m, const char *entity, const char *code, struct sovd_arena *arena,
                            struct sovd_strings *ret) {
        *ret = (struct sovd_strings){ 0 };
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_fault *f = fm_table_find(&m->table, entity, code);
        const struct sovd_strings *ids = f && f->defined ? &f->definition->about->freeze_frame : NULL;
        bool ok = !ids || !ids->n || copy_ids(ids, arena, ret);
        (void)pthread_mutex_unlock(&m->mutex);
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

void fm_manager_ignored(struct fm_manager *m, const char *entity, const char *code, struct fm_ignored *ret) {
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_fault *f = fm_table_find(&m->table, entity, code);
        *ret = f ? f->ignored : (struct fm_ignored){ 0 };
        (void)pthread_mutex_unlock(&m->mutex);
}

void fm_manager_counters(struct fm_manager *m, struct sovd_fault_counters *ret) {
        (void)pthread_mutex_lock(&m->mutex);
        *ret = m->counters;
        ret->n_definitions = m->table.n - m->n_recalled;
        ret->n_cycles_behind = 0;
        for (size_t i = 0; i < m->n_kinds; i++)
                ret->n_cycles_behind += m->kinds[i].behind;
        (void)pthread_mutex_unlock(&m->mutex);
}
