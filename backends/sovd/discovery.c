/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/discovery.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include <errno.h>

#define VARIANT_MAX 4096

const struct dialect *discovery_detect(const cJSON *components) {
        if (cJSON_IsArray(shape_member(components, "items")))
                return &dialect_iso;
        return cJSON_IsArray(shape_member(components, "value")) ? &dialect_odata : NULL;
}

bool fetch_is_absent(unsigned status) {
        return status == 404 || status == 405 || status == 410 || status == 501;
}

const struct sovd_entity_spec *discovery_before(const struct view *before, enum sovd_entity_type type,
                                                const char *id) {
        ssize_t i = before ? view_find(before, type, id) : -1;

        return i >= 0 ? &before->entities[i] : NULL;
}

int discovery_copy_strings(struct view *view, struct sovd_strings *to, const struct sovd_strings *from) {
        int r = 0;

        *to = (struct sovd_strings){ 0 };
        for (size_t i = 0; !r && i < from->n; i++)
                r = view_append(view, to, from->items[i]);
        return r;
}

static int copy_spec(struct view *view, struct sovd_entity_spec *to, const struct sovd_entity_spec *from) {
        int r = view_copy(view, &to->translation_id, from->translation_id);

        if (!r)
                r = view_copy(view, &to->category, from->category);
        if (!r)
                r = view_copy(view, &to->description, from->description);
        if (!r)
                r = view_copy(view, &to->variant, from->variant);
        if (!r)
                r = discovery_copy_strings(view, &to->tags, &from->tags);
        for (int k = 0; !r && k < SOVD_N_RELATIONS; k++)
                r = discovery_copy_strings(view, &to->relations[k], &from->relations[k]);
        to->collections = from->collections;
        return r;
}

int discovery_put(struct view *view, const struct sovd_entity_spec *from, const char *path) {
        struct sovd_entity_spec *to = NULL;

        if (view_find(view, from->type, from->id) >= 0)
                return 0;
        int r = view_add(view, from->type, from->id, from->name, &to);
        if (!r && to)
                r = copy_spec(view, to, from);
        if (!r && to)
                r = view_copy(view, &view->paths[view->n - 1], path);
        return r;
}

static int keep_one(struct view *view, const struct view *before, size_t i) {
        return discovery_put(view, &before->entities[i], before->paths[i]);
}

int discovery_keep(struct view *view, const struct view *before, enum sovd_entity_type type) {
        int r = 0;

        for (size_t i = 0; !r && before && i < before->n; i++)
                if (before->entities[i].type == type)
                        r = keep_one(view, before, i);
        return r;
}

static int add_tags(struct view *view, struct sovd_entity_spec *e, const cJSON *tags) {
        const cJSON *tag;
        int r = 0;

        e->tags = (struct sovd_strings){ 0 };
        cJSON_ArrayForEach (tag, tags) {
                if (!r && cJSON_IsString(tag))
                        r = view_append(view, &e->tags, tag->valuestring);
        }
        return r;
}

int discovery_add(struct view *view, enum sovd_entity_type type, const cJSON *item,
                  struct sovd_entity_spec **ret) {
        struct sovd_entity_spec *e;

        int r = view_add(view, type, shape_string(item, "id"), shape_string(item, "name"), &e);
        *ret = e;
        if (r || !e)
                return r;

        r = view_copy(view, &e->translation_id, shape_string(item, "translation_id"));
        if (!r)
                r = view_copy(view, &e->category, shape_string(item, "category"));
        if (!r)
                r = view_copy(view, &e->description, shape_string(item, "description"));
        return r ? r : add_tags(view, e, shape_member(item, "tags"));
}

static int outline_component(struct view *view, const struct view *before, const cJSON *item) {
        const char *id = shape_string(item, "id");
        ssize_t known = before ? view_find(before, SOVD_COMPONENT, id) : -1;
        struct sovd_entity_spec *e;

        if (known >= 0)
                return keep_one(view, before, (size_t)known);
        int r = discovery_add(view, SOVD_COMPONENT, item, &e);
        if (!r && e)
                e->collections = ALL_COLLECTIONS;
        return r;
}

int discovery_outline(struct view *view, const struct view *before, const cJSON *components) {
        bool is_iso = discovery_detect(components) == &dialect_iso;
        const cJSON *item;
        int r = 0;

        view->updates = before && before->updates;
        cJSON_ArrayForEach (item, shape_member(components, is_iso ? "items" : "value"))
                if (!r)
                        r = outline_component(view, before, item);
        for (size_t i = 0; !r && before && i < before->n; i++)
                r = keep_one(view, before, i);
        return r;
}

int discovery_set_variant(struct view *view, struct sovd_entity_spec *e, const cJSON *variant) {
        _cleanup_(sovd_json_writer_done) struct sovd_json_writer w;
        const char *text;
        size_t n;

        sovd_json_writer_init(&w, 0, VARIANT_MAX);
        sovd_json_tree(&w, variant);
        int r = sovd_json_writer_finish(&w, &text, &n);
        if (r)
                return r == -ENOMEM ? r : 0;
        return view_copy(view, &e->variant, text);
}
