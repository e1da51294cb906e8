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

int discovery_keep(struct view *view, const struct view *before, enum sovd_entity_type type) {
        int r = 0;

        for (size_t i = 0; !r && before && i < before->n; i++) {
                const struct sovd_entity_spec *from = &before->entities[i];
                struct sovd_entity_spec *to = NULL;

                if (from->type != type)
                        continue;
                r = view_add(view, type, from->id, from->name, &to);
                if (!r && to)
                        r = copy_spec(view, to, from);
                if (!r && to)
                        r = view_copy(view, &view->paths[view_find(view, type, from->id)], before->paths[i]);
        }
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
