/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/data_catalog.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/digest.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/model/data_catalog.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/page.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include <cjson/cJSON.h>

#define PAGE      100 /* items when no limit is given */
#define GAPS_MAX  100
#define KIND      'd'                        /* of the cursor */
#define LEFT_USEC (500 * SOVD_USEC_PER_MSEC) /* of the request's time, for the answer */

static const struct sovd_query_param catalog_query[] = {
        { "path", SOVD_QUERY_STRING, "Only values of this leaf of VSS, or of leaves below this branch." },
        { "kind", SOVD_QUERY_STRING, "Only values that VSS knows as this: sensor, actuator or attribute." },
        { "unit", SOVD_QUERY_STRING, "Only values with this unit, by the backend's word or that of VSS." },
        { "entity", SOVD_QUERY_STRING, "Only values of this entity, like components/bms." },
        SOVD_PAGE_LIMIT("otherwise 100"),
        { 0 }
};

struct filter {
        const char *path, *unit, *entity;
        int kind;
};

static bool is_below(const char *path, const char *branch) {
        size_t n = strlen(branch);

        return strncmp(path, branch, n) == 0 && (!path[n] || path[n] == '.');
}

static bool is_of(const char *key, const char *entity) {
        size_t n = strlen(entity);

        return strncmp(key, entity, n) == 0 && sovd_has_prefix(key + n, "/data/");
}

static bool matches(const struct filter *f, const struct sovd_catalog_row *row) {
        const struct sovd_vss_leaf *leaf = row->vss;

        return (!f->path || (leaf && is_below(leaf->path, f->path))) &&
               (!f->kind || (leaf && leaf->kind == f->kind)) &&
               (!f->unit || sovd_streq(row->unit, f->unit) || (leaf && sovd_streq(leaf->unit, f->unit))) &&
               (!f->entity || is_of(row->key, f->entity));
}

/* Without a file of VSS no value is known as anything: an empty list would look like an answer. */
static int check_vss(struct sovd_call *call) {
        static const char *const of_vss[] = { "path", "kind" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(of_vss); i++)
                if (sovd_call_query(call, of_vss[i]))
                        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                         "query parameter '%s' is about VSS, and there is no file of it here (catalog.vss)",
                                         of_vss[i]);
        return 0;
}

static int read_filter(struct sovd_call *call, struct filter *ret) {
        const char *kind = sovd_call_query(call, "kind"), *slash;

        *ret = (struct filter){ .path = sovd_call_query(call, "path"),
                                .unit = sovd_call_query(call, "unit"),
                                .entity = sovd_call_query(call, "entity") };
        ret->kind = kind ? sovd_enum_parse(sovd_vss_kind_names, kind) : 0;
        if (kind && !ret->kind)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "query parameter 'kind' must be sensor, actuator or attribute");
        if (!ret->entity)
                return 0;
        slash = strchr(ret->entity, '/');
        const char *word =
                slash ? sovd_arena_strndup(call->arena, ret->entity, (size_t)(slash - ret->entity)) : NULL;
        int type = word ? sovd_name_find(sovd_entity_type_paths, word) : -1;
        if (type < 0)
                return sovd_fail(
                        call, SOVD_E_BAD_REQUEST,
                        "query parameter 'entity' must be a collection and an id, like components/bms");
        if (!sovd_tree_find(call->tree, (enum sovd_entity_type)type, slash + 1))
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'entity': there is no %s '%s'",
                                 sovd_entity_type_words[type], slash + 1);
        return 0;
}

/* --- who may see it -------------------------------------------------------------------------------------- */

/* "components/bms/data/soc": the entity is the one before it, most of the time. */
struct sight {
        const struct sovd_call *call;
        const struct sovd_entity *e; /* of the row before, or NULL: it may not be seen */
        char entity[SOVD_HREF_SIZE];
        bool narrowed;
};

static const struct sovd_entity *find_entity(const struct sovd_call *call, const char *key) {
        char type[16];
        const char *slash = strchr(key, '/');
        if (!slash || (size_t)(slash - key) >= sizeof(type))
                return NULL;

        memcpy(type, key, (size_t)(slash - key));
        type[slash - key] = '\0';
        int found = sovd_name_find(sovd_entity_type_paths, type);
        return found < 0 ? NULL : sovd_tree_find(call->tree, (enum sovd_entity_type)found, slash + 1);
}

/* An id of an entity has no slash, so the first "/data/" is where it ends. */
static bool is_seen(struct sight *s, const struct sovd_catalog_row *row) {
        const char *mark = strstr(row->key, "/data/");
        size_t n = mark ? (size_t)(mark - row->key) : 0;

        if (!s->narrowed)
                return true;
        if (!n || n >= sizeof(s->entity))
                return false;
        if (strncmp(s->entity, row->key, n) != 0 || s->entity[n]) {
                memcpy(s->entity, row->key, n);
                s->entity[n] = '\0';
                s->e = find_entity(s->call, s->entity);
        }
        return s->e && sovd_gate_may_read(s->call, s->e, SOVD_COLLECTION_DATA, mark + strlen("/data/"));
}

/* --- one item -------------------------------------------------------------------------------------------- */

static int parse(struct sovd_call *call, const char *text, struct cJSON **ret) {
        struct sovd_json_fault fault;

        return sovd_error_fold(sovd_json_parse_in(call->arena, ret, text, strlen(text), NULL, &fault));
}

static int parse_if(struct sovd_call *call, const char *text, const struct cJSON **ret) {
        struct cJSON *json = NULL;
        int r = text ? parse(call, text, &json) : 0;

        *ret = json;
        return r;
}

/* Of a value whose backend says no type, what VSS says is added to what the backend says; else the backend is right. */
static int complete_schema(struct sovd_call *call, const struct sovd_vss_leaf *leaf, const char *own,
                           const struct cJSON **ret) {
        struct cJSON *schema = NULL, *more, *next;
        int r = own ? parse(call, own, &schema) : 0;

        *ret = schema;
        if (r || cJSON_GetObjectItemCaseSensitive(schema, "type"))
                return r;
        r = sovd_vss_schema(leaf, call->arena, &more);
        if (!schema)
                *ret = r ? NULL : more;
        if (r || !schema)
                return r;
        for (struct cJSON *item = more->child; item; item = next) {
                next = item->next;
                if (!cJSON_GetObjectItemCaseSensitive(schema, item->string))
                        (void)cJSON_AddItemToArray(schema, cJSON_DetachItemViaPointer(more, item));
        }
        return 0;
}

static int describe_leaf(struct sovd_call *call, const struct sovd_vss_leaf *leaf,
                         struct sovd_catalog_item *item) {
        struct sovd_catalog_vss *v = sovd_arena_new0(call->arena, struct sovd_catalog_vss);
        if (!v)
                return sovd_error_origin(-ENOMEM);

        *v = (struct sovd_catalog_vss){ .path = leaf->path,
                                        .kind = leaf->kind,
                                        .datatype = leaf->datatype,
                                        .unit = leaf->unit,
                                        .description = leaf->description,
                                        .deprecation = leaf->deprecation,
                                        .pattern = leaf->pattern };
        item->vss = v;
        int r = parse_if(call, leaf->min, &v->min);
        if (!r)
                r = parse_if(call, leaf->max, &v->max);
        if (!r)
                r = parse_if(call, leaf->def, &v->def);
        return r ? r : parse_if(call, leaf->allowed, &v->allowed);
}

static const char *href_of(struct sovd_call *call, const char *entity, const char *id) {
        const char *slash = strchr(entity, '/');
        const char *href = sovd_call_printf(call, "%s/%.*s/%s", call->base, (int)(slash - entity), entity,
                                            sovd_encoded(call, slash + 1));

        return id ? sovd_call_printf(call, "%s/data/%s", href, sovd_encoded(call, id)) : href;
}

static int describe(struct sovd_call *call, const struct sovd_catalog_row *row,
                    struct sovd_catalog_item *ret) {
        struct sovd_schema_error error;
        struct cJSON *json;

        int r = parse(call, row->text, &json);
        if (!r)
                r = sovd_error_fold(
                        sovd_schema_decode(&sovd_schema_data_item, json, &ret->data, call->arena, 0, &error));
        if (r)
                return r;
        size_t n = strlen(row->key) - strlen(ret->data.id) - strlen("/data/");
        ret->entity = sovd_arena_strndup(call->arena, row->key, n);
        if (!ret->entity)
                return sovd_error_origin(-ENOMEM);
        ret->href = href_of(call, ret->entity, ret->data.id);
        if (!row->vss)
                return parse_if(call, row->schema, &ret->schema);
        r = complete_schema(call, row->vss, row->schema, &ret->schema);
        return r ? r : describe_leaf(call, row->vss, ret);
}

/* --- the page -------------------------------------------------------------------------------------------- */

/* How many rows stand at or before the cursor. */
static size_t place_behind(const struct sovd_catalog_index *x, const char *key) {
        size_t low = 0, high = x->n_rows;

        while (low < high) {
                size_t middle = (low + high) / 2;
                if (strcmp(x->rows[middle]->key, key) <= 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int take_items(struct sovd_call *call, const struct sovd_catalog_index *x, const struct filter *f,
                      const struct sovd_cursor *after, size_t limit, struct sovd_data_catalog_page *page) {
        struct sovd_catalog_item *items = sovd_arena_array(call->arena, struct sovd_catalog_item, limit + 1);
        const size_t begin = after->kind ? place_behind(x, after->first) : 0;
        const struct sovd_catalog_row *last = NULL;
        struct sight sight = { .call = call, .narrowed = sovd_gate_is_narrowed(call) };
        size_t total = 0, n = 0;
        bool more = false;
        int r = items ? 0 : sovd_error_origin(-ENOMEM);

        for (size_t i = 0; !r && i < x->n_rows; i++) {
                if (!matches(f, x->rows[i]) || !is_seen(&sight, x->rows[i]))
                        continue;
                total++;
                more = more || (i >= begin && n == limit);
                if (i < begin || n == limit)
                        continue;
                last = x->rows[i];
                r = describe(call, last, &items[n++]);
        }
        page->items = (struct sovd_list){ .items = items, .n = n };
        page->total = SOVD_INT((int64_t)total);
        if (r || !more)
                return r;
        const struct sovd_cursor next = { .kind = KIND, .first = last->key };
        return sovd_page_link(call, sovd_call_printf(call, "%s/schema/data-catalog", call->base), &next);
}

static bool may_read_some(const struct sovd_call *call, const struct sovd_catalog_part *part) {
        const struct sovd_entity *e = sovd_tree_find(call->tree, part->type, part->id);

        return e && sovd_gate_may_read(call, e, SOVD_COLLECTION_DATA, NULL);
}

static int take_gaps(struct sovd_call *call, const struct sovd_catalog_index *x, const struct filter *f,
                     struct sovd_data_catalog_page *page) {
        struct sovd_catalog_gap *gaps = sovd_arena_array(call->arena, struct sovd_catalog_gap, GAPS_MAX);
        size_t n = 0, total = 0;
        if (!gaps)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < x->n_parts; i++) {
                const struct sovd_catalog_part *p = x->parts[i];
                if (!p->error || (f->entity && strcmp(p->key, f->entity) != 0))
                        continue;
                if (!may_read_some(call, p))
                        continue;
                if (total++ < GAPS_MAX)
                        gaps[n++] =
                                (struct sovd_catalog_gap){ p->key, href_of(call, p->key, NULL), p->error };
        }
        page->incomplete = (struct sovd_list){ .items = gaps, .n = n };
        page->incomplete_total = SOVD_INT((int64_t)total);
        return 0;
}

/* --- what of the whole he may know ----------------------------------------------------------------------- */

static bool sees_a_part(const struct sovd_call *call, const struct sovd_catalog_index *x) {
        struct sight sight = { .call = call, .narrowed = sovd_gate_is_narrowed(call) };
        bool part = call->tree != sovd_tree_whole(call->tree);

        for (size_t i = 0; sight.narrowed && !part && i < x->n_parts; i++)
                part = !may_read_some(call, x->parts[i]);
        for (size_t i = 0; sight.narrowed && !part && i < x->n_rows; i++)
                part = !is_seen(&sight, x->rows[i]);
        return part;
}

static void add_text(struct sovd_sha256 *sha, const char *text) {
        sovd_sha256_add(sha, text ? text : "", text ? strlen(text) + 1 : 0);
}

/* The version of what he sees: that of the whole would tell him when something else changes. */
static int make_version(struct sovd_call *call, const struct sovd_catalog_index *x, const char **ret, int64_t *ret_mapped) {
        struct sight sight = { .call = call, .narrowed = true };
        _cleanup_(sovd_sha256_freep) struct sovd_sha256 *sha = NULL;
        char text[SOVD_SHA256_SIZE];
        int r = sovd_sha256_new(&sha);

        *ret_mapped = 0;
        for (size_t i = 0; !r && i < x->n_rows; i++) {
                const struct sovd_catalog_row *row = x->rows[i];
                if (!is_seen(&sight, row))
                        continue;
                add_text(sha, row->key);
                add_text(sha, row->text);
                add_text(sha, row->schema);
                add_text(sha, row->vss ? row->vss->path : NULL);
                *ret_mapped += row->vss != NULL;
        }
        for (size_t i = 0; !r && i < x->n_parts; i++)
                if (x->parts[i]->error && may_read_some(call, x->parts[i]))
                        add_text(sha, x->parts[i]->key);
        if (!r)
                r = sovd_sha256_end(sha, text);
        *ret = r ? NULL : sovd_arena_strndup(call->arena, text, sizeof(x->version) - 1);
        return r ? r : *ret ? 0 : sovd_error_origin(-ENOMEM);
}

static int take_version(struct sovd_call *call, const struct sovd_catalog_index *x, struct sovd_data_catalog_page *page) {
        int64_t mapped;

        page->version = x->version;
        if (!sees_a_part(call, x)) {
                if (x->n_left_out)
                        page->left_out = SOVD_INT((int64_t)x->n_left_out);
                return 0;
        }
        int r = make_version(call, x, &page->version, &mapped);
        if (page->vss) {
                page->vss->mapped = SOVD_INT(mapped);
                page->vss->unused = (struct sovd_int){ 0 };
        }
        return r;
}

static int take_source(struct sovd_call *call, const struct sovd_catalog_index *x, const struct sovd_vss *vss,
                       struct sovd_data_catalog_page *page) {
        struct sovd_catalog_source *source = sovd_arena_new0(call->arena, struct sovd_catalog_source);
        size_t n;
        if (!source)
                return sovd_error_origin(-ENOMEM);

        (void)sovd_vss_leaves(vss, &n);
        *source = (struct sovd_catalog_source){ .version = sovd_vss_version(vss, call->arena),
                                                .leaves = SOVD_INT((int64_t)n),
                                                .mapped = SOVD_INT((int64_t)x->n_mapped),
                                                .unused = SOVD_INT((int64_t)x->n_unused) };
        page->vss = source;
        return 0;
}

static void unref(void *index) {
        sovd_catalog_index_unref(index);
}

/* The index lives until the answer is sent. */
static int find_index(struct sovd_call *call, struct sovd_catalog_index **ret) {
        int r = sovd_data_catalog_get(sovd_rest_of(call)->data_catalog, sovd_tree_whole(call->tree),
                                      call->deadline_usec - LEFT_USEC, ret);

        if (r == SOVD_E_OVERLOAD) {
                sovd_fail(call, SOVD_E_OVERLOAD,
                          "the catalogue is being made; not all backends have answered yet");
                sovd_fail_retry_after(call, 5);
        }
        return r ? r : sovd_arena_defer(call->arena, unref, *ret);
}

static int catalog_read(struct sovd_call *call) {
        struct sovd_data_catalog_page *page = sovd_arena_new0(call->arena, struct sovd_data_catalog_page);
        const struct sovd_data_catalog_options *options =
                sovd_data_catalog_options(sovd_rest_of(call)->data_catalog);
        struct sovd_catalog_index *index;
        struct sovd_cursor after;
        struct filter filter;
        size_t limit;
        if (!page)
                return sovd_error_origin(-ENOMEM);

        int r = read_filter(call, &filter);
        if (!r && !options->vss)
                r = check_vss(call);
        if (!r)
                r = sovd_page_limit(call, PAGE, &limit);
        if (!r)
                r = sovd_page_after(call, "d", &after);
        if (!r)
                r = find_index(call, &index);
        if (!r)
                r = take_items(call, index, &filter, &after, limit, page);
        if (!r)
                r = take_gaps(call, index, &filter, page);
        if (!r && options->vss)
                r = take_source(call, index, options->vss, page);
        if (!r)
                r = take_version(call, index, page);
        if (r)
                return r;
        call->out = page;
        return 0;
}

const struct sovd_route sovd_routes_data_catalog[] = {
        { .id = "data-catalog",
          .method = SOVD_GET,
          .path = "/schema/data-catalog",
          .handler = catalog_read,
          .flags = SOVD_INCLUDE_SCHEMA,
          .collection = SOVD_NO_COLLECTION,
          .query = catalog_query,
          .out = &sovd_schema_data_catalog,
          .success = 200,
          .summary = "List the values of all entities, with what VSS says of them",
          .clause = "of the native server's dialect" },
        { 0 }
};
