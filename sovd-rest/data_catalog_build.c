/* SPDX-License-Identifier: Apache-2.0 */
/* Asking every entity for its values, a few at a time, and putting the answers in order. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/digest.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/gateway.h"
#include "sovd-rest/data_catalog.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/observe.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <pthread.h>

#define THREADS       4
#define PER_BACKEND   2 /* questions to one backend at the same time */
#define GIVE_UP_AFTER 2 /* questions that it did not answer: the rest is not asked */
#define SCHEMA_MAX    (16 * 1024)

static const char metadata_path[] = "x-vss-path";

/* What is known of a backend during one walk. */
struct asked {
        const struct sovd_backend *backend;
        unsigned in_flight, n_silent;
        const struct sovd_generic_error *error; /* of the last question that it did not answer */
};

struct walk {
        const struct sovd_catalog_job *job;
        const struct sovd_entity **entities; /* those with data */
        struct sovd_catalog_part **parts;
        bool *taken;
        size_t n, n_open; /* open: not taken yet */
        struct asked asked[SOVD_BACKENDS_MAX];
        pthread_mutex_t mutex; /* what changes of the above */
        pthread_cond_t changed;
        int error; /* memory is out */
};

/* --- one entity ------------------------------------------------------------------------------------------ */

static const char *encode(struct sovd_arena *arena, const struct sovd_schema *schema, const void *object,
                          size_t max) {
        struct sovd_json_writer w;
        const char *text, *kept = NULL;
        size_t len;

        sovd_json_writer_init(&w, 0, max);
        sovd_schema_encode(schema, object, &w);
        if (!sovd_json_writer_finish(&w, &text, &len))
                kept = sovd_arena_strndup(arena, text, len);
        sovd_json_writer_done(&w);
        return kept;
}

/* One that is longer than it may be is left away. */
static const char *encode_tree(struct sovd_arena *arena, const cJSON *tree) {
        struct sovd_json_writer w;
        const char *text, *kept = NULL;
        size_t len;

        if (!tree)
                return NULL;
        sovd_json_writer_init(&w, 0, SCHEMA_MAX);
        sovd_json_tree(&w, tree);
        if (!sovd_json_writer_finish(&w, &text, &len))
                kept = sovd_arena_strndup(arena, text, len);
        sovd_json_writer_done(&w);
        return kept;
}

static int by_mapping(const void *a, const void *b) {
        const struct sovd_catalog_mapping *x = a, *y = b;
        int r = strcmp(x->entity, y->entity);

        return r ? r : strcmp(x->id, y->id);
}

/* The configuration says so, the id is a path, or the value itself names one. */
static const struct sovd_vss_leaf *find_leaf(const struct sovd_data_catalog_options *o, const char *entity,
                                             const struct sovd_data_item *item) {
        const struct sovd_catalog_mapping key = { .entity = entity, .id = item->id };
        const cJSON *named = cJSON_GetObjectItemCaseSensitive(item->extra, metadata_path);
        const struct sovd_vss_leaf *leaf;

        if (!o->vss)
                return NULL;
        const struct sovd_catalog_mapping *found =
                o->n_map ? bsearch(&key, o->map, o->n_map, sizeof(key), by_mapping) : NULL;
        if (found)
                return sovd_vss_find(o->vss, found->path);
        leaf = sovd_vss_find(o->vss, item->id);
        return leaf || !cJSON_IsString(named) ? leaf : sovd_vss_find(o->vss, named->valuestring);
}

static bool fill_row(const struct sovd_catalog_job *job, struct sovd_catalog_part *part,
                     const struct sovd_data_item *item, const cJSON *schemas) {
        struct sovd_catalog_row *row = &part->rows[part->n_rows];

        *row = (struct sovd_catalog_row){
                .key = sovd_arena_printf(part->arena, "%s/data/%s", part->key, item->id),
                .text = encode(part->arena, &sovd_schema_data_item, item, 0),
                .unit = sovd_arena_strdup(part->arena, item->unit),
                .schema = encode_tree(part->arena, cJSON_GetObjectItemCaseSensitive(schemas, item->id)),
                .vss = find_leaf(job->options, part->key, item),
        };
        part->n_rows++;
        return row->key && row->text && (row->unit || !item->unit);
}

static int take_items(const struct sovd_catalog_job *job, struct sovd_catalog_part *part,
                      const struct sovd_data_list *list, const cJSON *schemas) {
        const struct sovd_data_item *items = list->items.items;
        const size_t n = SOVD_MIN(list->items.n, job->options->items_max);

        part->n_left_out = list->items.n - n;
        part->rows = sovd_arena_array(part->arena, struct sovd_catalog_row, n + 1);
        bool ok = part->rows;
        for (size_t i = 0; ok && i < n; i++)
                ok = fill_row(job, part, &items[i], schemas);
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

/* What the client would be told. */
static const struct sovd_generic_error *keep_error(struct sovd_arena *arena, const struct sovd_call *call,
                                                   int r) {
        struct sovd_generic_error *error = sovd_arena_new0(arena, struct sovd_generic_error);
        const struct sovd_error_info *info =
                sovd_error_info(r > 0 && call->failure.error ? call->failure.error : SOVD_E_INTERNAL);
        const struct sovd_generic_error *body = &call->failure.body;
        if (!error)
                return NULL;

        error->error_code = sovd_arena_strdup(arena, body->error_code ? body->error_code : info->error_code);
        error->vendor_code =
                sovd_arena_strdup(arena, body->error_code ? body->vendor_code : info->vendor_code);
        error->message = sovd_arena_strdup(arena, body->message ? body->message : info->summary);
        return error->error_code && error->message ? error : NULL;
}

/* Without schemas the catalogue is still right: not every backend knows them. */
static const cJSON *ask_schemas(struct sovd_call *call, const struct sovd_entity *e) {
        const struct sovd_backend_ops *ops = e->providers[SOVD_COLLECTION_DATA]->ops;
        cJSON *schemas = NULL;

        if (!ops->describe || ops->describe(call, e, SOVD_COLLECTION_DATA, NULL, &schemas))
                return NULL;
        return schemas;
}

static int ask(const struct sovd_catalog_job *job, const struct sovd_entity *e,
               struct sovd_catalog_part *part) {
        const struct sovd_backend_ops *ops = e->providers[SOVD_COLLECTION_DATA]->ops;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const struct sovd_data_filter everything = { 0 };
        struct sovd_data_list list = { 0 };
        struct sovd_rest_call inner;
        struct sovd_call *call = &inner.call;

        int r = sovd_arena_new(&arena, 16 * 1024);
        if (r)
                return r;
        r = sovd_observe_begin(&inner, job->rest, arena);
        call->principal = (struct sovd_principal){ .id = "gateway" };
        call->base = SOVD_API_BASE;
        call->deadline_usec = sovd_now_usec() + job->options->timeout_usec;
        call->entity = e;
        if (!r)
                r = ops->data_list(call, e, &everything, &list);
        if (!r) {
                sovd_left_out_filter(call, SOVD_COLLECTION_DATA, &list.items, sizeof(struct sovd_data_item));
                r = take_items(job, part, &list, ask_schemas(call, e));
        } else {
                part->error = keep_error(part->arena, call, r);
                r = part->error ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_tree_unref(call->tree);
        return r;
}

static struct sovd_catalog_part *part_new(const struct sovd_entity *e) {
        struct sovd_arena *arena;

        if (sovd_arena_new(&arena, 1024))
                return NULL;
        struct sovd_catalog_part *part = sovd_arena_new0(arena, struct sovd_catalog_part);
        if (part) {
                part->arena = arena;
                part->type = e->type;
                part->id = sovd_arena_strdup(arena, e->id);
                part->key = sovd_arena_printf(arena, "%s/%s", sovd_entity_type_paths[e->type], e->id);
        }
        if (part && part->id && part->key)
                return part;
        sovd_arena_free(arena);
        return NULL;
}

/* --- all of them ----------------------------------------------------------------------------------------- */

static struct asked *asked_of(struct walk *w, const struct sovd_entity *e) {
        const struct sovd_backend *backend = e->providers[SOVD_COLLECTION_DATA];
        size_t i = 0;

        while (i < SOVD_BACKENDS_MAX - 1 && w->asked[i].backend && w->asked[i].backend != backend)
                i++;
        w->asked[i].backend = backend;
        return &w->asked[i];
}

/* With the mutex held. The next entity whose backend has a place; w->n: none at the moment. */
static size_t next_of(struct walk *w) {
        for (size_t i = 0; i < w->n; i++)
                if (!w->taken[i] && asked_of(w, w->entities[i])->in_flight < PER_BACKEND)
                        return i;
        return w->n;
}

/* With the mutex held, which is free while the backend is asked. */
static int work_on(struct walk *w, size_t i) {
        struct asked *asked = asked_of(w, w->entities[i]);
        struct sovd_catalog_part *part = w->parts[i];
        const bool gave_up = asked->error && asked->n_silent >= GIVE_UP_AFTER;
        int r = 0;

        w->taken[i] = true;
        w->n_open--;
        if (gave_up) {
                part->error = asked->error; /* lives as long as the index: it is in another of its parts */
                return 0;
        }
        asked->in_flight++;
        const uint64_t begun = sovd_now_usec();
        (void)pthread_mutex_unlock(&w->mutex);
        r = ask(w->job, w->entities[i], part);
        (void)pthread_mutex_lock(&w->mutex);
        asked->in_flight--;
        /* It is the backend that is silent when nothing came in the whole time; who is told at once is only one entity. */
        bool silent = part->error && sovd_now_usec() - begun >= w->job->options->timeout_usec / 4 * 3;
        asked->n_silent = silent ? asked->n_silent + 1 : 0;
        asked->error = silent ? part->error : NULL;
        (void)pthread_cond_broadcast(&w->changed);
        return r;
}

static void *work(void *data) {
        struct walk *w = data;

        (void)pthread_mutex_lock(&w->mutex);
        while (w->n_open && !w->error && !__atomic_load_n(w->job->stop, __ATOMIC_ACQUIRE)) {
                size_t i = next_of(w);
                if (i == w->n) {
                        (void)pthread_cond_wait(&w->changed, &w->mutex);
                        continue;
                }
                int r = work_on(w, i);
                w->error = w->error ? w->error : r;
        }
        (void)pthread_cond_broadcast(&w->changed);
        (void)pthread_mutex_unlock(&w->mutex);
        return NULL;
}

static void walk(struct walk *w) {
        pthread_t threads[THREADS];
        size_t n = 0;

        (void)pthread_mutex_init(&w->mutex, NULL);
        (void)pthread_cond_init(&w->changed, NULL);
        while (n + 1 < THREADS && n + 1 < w->n && pthread_create(&threads[n], NULL, work, w) == 0)
                n++;
        (void)work(w); /* this thread too */
        while (n)
                (void)pthread_join(threads[--n], NULL);
        (void)pthread_cond_destroy(&w->changed);
        (void)pthread_mutex_destroy(&w->mutex);
}

/* --- the index ------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
        return strcmp((*(const struct sovd_catalog_row *const *)a)->key,
                      (*(const struct sovd_catalog_row *const *)b)->key);
}

static int digest(struct sovd_catalog_index *x, const struct sovd_data_catalog_options *o) {
        _cleanup_(sovd_sha256_freep) struct sovd_sha256 *sha = NULL;
        char text[SOVD_SHA256_SIZE];

        int r = sovd_sha256_new(&sha);
        if (r)
                return r;
        if (o->vss_digest)
                sovd_sha256_add(sha, o->vss_digest, strlen(o->vss_digest) + 1);
        for (size_t i = 0; i < x->n_rows; i++) {
                const struct sovd_catalog_row *row = x->rows[i];
                sovd_sha256_add(sha, row->key, strlen(row->key) + 1);
                sovd_sha256_add(sha, row->text, strlen(row->text) + 1);
                if (row->schema)
                        sovd_sha256_add(sha, row->schema, strlen(row->schema) + 1);
                if (row->vss)
                        sovd_sha256_add(sha, row->vss->path, strlen(row->vss->path) + 1);
        }
        for (size_t i = 0; i < x->n_parts; i++)
                if (x->parts[i]->error)
                        sovd_sha256_add(sha, x->parts[i]->key, strlen(x->parts[i]->key) + 1);
        r = sovd_sha256_end(sha, text);
        memcpy(x->version, text, sizeof(x->version) - 1);
        return r;
}

static size_t count_unused(const struct sovd_catalog_index *x, const struct sovd_data_catalog_options *o) {
        size_t unused = 0;

        for (size_t i = 0; i < o->n_map; i++) {
                bool used = false;
                for (size_t k = 0; !used && k < x->n_parts; k++) {
                        const struct sovd_catalog_part *p = x->parts[k];
                        const size_t n = strlen(p->key);
                        if (strcmp(p->key, o->map[i].entity) != 0)
                                continue;
                        for (size_t m = 0; !used && m < p->n_rows; m++)
                                used = strcmp(p->rows[m].key + n + 6, o->map[i].id) ==
                                       0; /* behind "/data/" */
                }
                unused += !used;
        }
        return unused;
}

static int collect(struct sovd_catalog_index *x, const struct sovd_data_catalog_options *o) {
        size_t n = 0;

        for (size_t i = 0; i < x->n_parts; i++)
                n += x->parts[i]->n_rows;
        x->rows = calloc(n + 1, sizeof(*x->rows));
        if (!x->rows)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < x->n_parts; i++) {
                const struct sovd_catalog_part *p = x->parts[i];
                x->n_errors += p->error != NULL;
                x->n_left_out += p->n_left_out;
                for (size_t k = 0; k < p->n_rows; k++)
                        if (x->n_rows < o->items_max)
                                x->rows[x->n_rows++] = &p->rows[k];
                        else
                                x->n_left_out++;
        }
        if (x->n_rows)
                qsort(x->rows, x->n_rows, sizeof(x->rows[0]), by_key);
        for (size_t i = 0; i < x->n_rows; i++)
                x->n_mapped += x->rows[i]->vss != NULL;
        x->n_unused = count_unused(x, o);
        return digest(x, o);
}

static size_t list_entities(const struct sovd_tree *tree, const struct sovd_entity **ret) {
        size_t n = 0;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                const struct sovd_entities *all = sovd_tree_list(tree, (enum sovd_entity_type)type);
                for (size_t i = 0; i < all->n; i++)
                        if (all->items[i]->providers[SOVD_COLLECTION_DATA]) {
                                if (ret)
                                        ret[n] = all->items[i];
                                n++;
                        }
        }
        return n;
}

static int prepare(struct sovd_catalog_index *x, struct walk *w) {
        for (; x->n_parts < w->n; x->n_parts++) {
                x->parts[x->n_parts] = part_new(w->entities[x->n_parts]);
                if (!x->parts[x->n_parts])
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

int sovd_data_catalog_build(struct sovd_catalog_index **ret, const struct sovd_catalog_job *job) {
        struct sovd_catalog_index *x = calloc(1, sizeof(*x));
        struct walk w = { .job = job, .n = list_entities(job->tree, NULL) };
        int r = 0;

        w.n_open = w.n;
        w.entities = calloc(w.n + 1, sizeof(const struct sovd_entity *));
        w.taken = calloc(w.n + 1, sizeof(*w.taken));
        if (x)
                *x = (struct sovd_catalog_index){ .n_refs = 1,
                                                  .tree = sovd_tree_ref(job->tree),
                                                  .made_usec = sovd_now_usec(),
                                                  .parts = calloc(w.n + 1,
                                                                  sizeof(struct sovd_catalog_part *)) };
        if (!x || !x->parts || !w.entities || !w.taken)
                r = sovd_error_origin(-ENOMEM);
        if (!r) {
                (void)list_entities(job->tree, w.entities);
                r = prepare(x, &w);
        }
        if (!r) {
                w.parts = x->parts;
                walk(&w);
                r = w.error ? w.error : w.n_open ? -ECANCELED : collect(x, job->options);
        }
        free(w.entities);
        free(w.taken);
        if (r) {
                sovd_catalog_index_unref(x);
                return r;
        }
        *ret = x;
        return 0;
}
