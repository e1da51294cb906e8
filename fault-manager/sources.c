/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/sources.h"
#include "fault-manager/catalog_file.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

struct fm_source {
        struct fm_source *next;
        char *entity;
        char *file, *app; /* JSON, or NULL */
        unsigned version; /* grows with each change */
};

void fm_sources_init(struct fm_sources *s, struct fm_manager *manager) {
        s->manager = manager;
        (void)pthread_mutex_init(&s->mutex, NULL);
}

void fm_sources_done(struct fm_sources *s) {
        while (s->first) {
                struct fm_source *source = s->first;
                s->first = source->next;
                free(source->entity);
                free(source->file);
                free(source->app);
                free(source);
        }
        (void)pthread_mutex_destroy(&s->mutex);
}

/* With the mutex held. */
static struct fm_source *find(struct fm_sources *s, const char *entity) {
        struct fm_source *source = s->first;

        while (source && strcmp(source->entity, entity) != 0)
                source = source->next;
        return source;
}

/* With the mutex held. */
static struct fm_source *find_or_add(struct fm_sources *s, const char *entity) {
        struct fm_source *source = find(s, entity);

        if (source)
                return source;
        source = calloc(1, sizeof(*source));
        if (!source)
                return NULL;
        source->entity = strdup(entity);
        if (!source->entity) {
                free(source);
                return NULL;
        }
        source->next = s->first;
        return s->first = source;
}

/* --- defining ------------------------------------------------------------------------------------------- */

struct texts {
        const char *file, *app;
        unsigned version;
};

static int copy_texts(struct fm_sources *s, const struct fm_source *source, struct sovd_arena *arena,
                      struct texts *ret) {
        (void)pthread_mutex_lock(&s->mutex);
        ret->file = sovd_arena_strdup(arena, source->file);
        ret->app = sovd_arena_strdup(arena, source->app);
        ret->version = source->version;
        bool ok = (ret->file || !source->file) && (ret->app || !source->app);
        (void)pthread_mutex_unlock(&s->mutex);
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

static bool is_current(struct fm_sources *s, const struct fm_source *source, unsigned version) {
        (void)pthread_mutex_lock(&s->mutex);
        bool current = source->version == version;
        (void)pthread_mutex_unlock(&s->mutex);
        return current;
}

static void say_left_out(const struct fm_source *source, size_t n) {
        if (n)
                sovd_log(SOVD_LOG_WARN,
                         "%s registers %zu faults that its closed catalogue file does not have: they are "
                         "left out",
                         source->entity, n);
}

static int define_once(struct fm_sources *s, const struct fm_source *source, unsigned *ret_version) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct fm_catalog catalog;
        struct texts texts;
        size_t n_left_out = 0;

        int r = sovd_arena_new(&arena, 16384);
        if (!r)
                r = copy_texts(s, source, arena, &texts);
        if (!r)
                r = fm_catalog_merge(texts.file, texts.app, arena, &catalog, &n_left_out);
        if (r)
                return r;
        say_left_out(source, n_left_out);
        *ret_version = texts.version;
        return fm_manager_define(s->manager, source->entity, &catalog);
}

/* Whoever defines last has seen the last texts. */
static int define(struct fm_sources *s, const struct fm_source *source) {
        unsigned version = 0;
        int r;

        do
                r = define_once(s, source, &version);
        while (!r && !is_current(s, source, version));
        return r;
}

static char *to_text(const struct cJSON *json) {
        struct sovd_json_writer w;
        const char *text;
        char *copy = NULL;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        if (!sovd_json_writer_finish(&w, &text, &len))
                copy = strdup(text);
        sovd_json_writer_done(&w);
        return copy;
}

static char *exchange(struct fm_sources *s, struct fm_source *source, char **place, char *text) {
        (void)pthread_mutex_lock(&s->mutex);
        char *former = *place;
        *place = text;
        source->version++;
        (void)pthread_mutex_unlock(&s->mutex);
        return former;
}

/* Takes text over. When it cannot be in force the former one is again. */
static int change(struct fm_sources *s, struct fm_source *source, char **place, char *text) {
        char *other = exchange(s, source, place, text);

        int r = define(s, source);
        if (r)
                other = exchange(s, source, place, other);
        free(other);
        return r;
}

int fm_sources_take_app(struct fm_sources *s, const char *entity, const struct cJSON *catalog) {
        char *text = to_text(catalog);

        (void)pthread_mutex_lock(&s->mutex);
        struct fm_source *source = text ? find_or_add(s, entity) : NULL;
        (void)pthread_mutex_unlock(&s->mutex);
        if (source)
                return change(s, source, &source->app, text);
        free(text);
        return sovd_error_origin(-ENOMEM);
}

/* --- files ---------------------------------------------------------------------------------------------- */

static const char *text_for(const struct fm_catalog_source *files, size_t n, const char *entity) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(files[i].entity, entity) == 0)
                        return files[i].json;
        return NULL;
}

static bool has_text(struct fm_sources *s, const struct fm_source *source, const char *text) {
        (void)pthread_mutex_lock(&s->mutex);
        bool same = sovd_streq(source->file, text) || (!source->file && !text);
        (void)pthread_mutex_unlock(&s->mutex);
        return same;
}

static int take_file(struct fm_sources *s, struct fm_source *source, const char *text) {
        if (has_text(s, source, text))
                return 0;

        char *copy = text ? strdup(text) : NULL;
        int r = text && !copy ? sovd_error_origin(-ENOMEM) : change(s, source, &source->file, copy);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the catalogue file of %s is not in force: %s", source->entity,
                         r == SOVD_E_OVERLOAD ? "limits.fault_definitions, or the limit of kinds of operation cycles, is reached" : strerror(abs(r)));
        return r;
}

/* Items are added in front and stay, so the list can be walked from any of them. */
static struct fm_source *first_of(struct fm_sources *s) {
        (void)pthread_mutex_lock(&s->mutex);
        struct fm_source *first = s->first;
        (void)pthread_mutex_unlock(&s->mutex);
        return first;
}

int fm_sources_take_files(struct fm_sources *s, const struct fm_catalog_source *files, size_t n) {
        bool ok = true;
        int result = 0;

        (void)pthread_mutex_lock(&s->mutex);
        for (size_t i = 0; i < n; i++)
                ok = find_or_add(s, files[i].entity) && ok;
        (void)pthread_mutex_unlock(&s->mutex);
        for (struct fm_source *source = first_of(s); source; source = source->next) {
                int r = take_file(s, source, text_for(files, n, source->entity));
                result = result ? result : r;
        }
        return ok ? result : sovd_error_origin(-ENOMEM);
}

bool fm_sources_has_file(struct fm_sources *s, const char *entity) {
        (void)pthread_mutex_lock(&s->mutex);
        const struct fm_source *source = find(s, entity);
        bool has = source && source->file;
        (void)pthread_mutex_unlock(&s->mutex);
        return has;
}
