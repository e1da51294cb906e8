/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/left_out.h"
#include "sovd-core/model/data.h"
#include "sovd-rest/resources/resources.h"

static const struct sovd_query_param list_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only modes with one of these tags." },
        { 0 }
};

static int modes_list(struct sovd_call *call) {
        struct sovd_mode_list *list = sovd_arena_new0(call->arena, struct sovd_mode_list);
        struct sovd_strings tags;
        size_t n = 0;

        if (!list || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_ops(call, SOVD_COLLECTION_MODES)->modes_list(call, call->entity, list);
        if (r)
                return r;

        struct sovd_mode *items = list->items.items;
        for (size_t i = 0; i < list->items.n; i++)
                if (sovd_strings_match(&tags, &items[i].tags))
                        items[n++] = items[i];
        list->items.n = n;
        sovd_left_out_filter(call, SOVD_COLLECTION_MODES, &list->items, sizeof(*items));
        call->out = list;
        return 0;
}

static int mode_read(struct sovd_call *call) {
        struct sovd_mode_detail *detail = sovd_arena_new0(call->arena, struct sovd_mode_detail);
        if (!detail)
                return sovd_error_origin(-ENOMEM);

        call->out = detail;
        int r = sovd_ops(call, SOVD_COLLECTION_MODES)->mode_read(call, call->entity, call->params[0], detail);
        return r ? r
                 : sovd_add_schema(call, SOVD_COLLECTION_MODES, &sovd_schema_mode_detail, "value", &detail->schema);
}

static int mode_write(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_MODES);
        struct sovd_mode_set *set = sovd_arena_new0(call->arena, struct sovd_mode_set);

        if (!ops->mode_write)
                return sovd_not_offered(call, "setting a mode");
        if (!set)
                return sovd_error_origin(-ENOMEM);
        call->out = set;
        int r = sovd_call_did(call, ops->mode_write(call, call->entity, call->params[0], call->in, set));
        return r ? r : sovd_add_schema(call, SOVD_COLLECTION_MODES, &sovd_schema_mode_set, "value", &set->schema);
}

const struct sovd_route sovd_routes_modes[] = {
        { .id = "modes-list", .method = SOVD_GET, .path = "/{entity}/modes", .handler = modes_list,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_MODES,
          .query = list_query, .out = &sovd_schema_mode_list, .success = 200, .summary = "List the modes of an entity",
          .clause = "ISO 17978-3 7.16" },
        { .id = "mode-read", .method = SOVD_GET, .path = "/{entity}/modes/{mode-id}", .handler = mode_read,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_MODES,
          .out = &sovd_schema_mode_detail, .success = 200, .summary = "Read a mode", .clause = "ISO 17978-3 7.16" },
        { .id = "mode-write", .method = SOVD_PUT, .path = "/{entity}/modes/{mode-id}", .handler = mode_write,
          .flags = SOVD_INCLUDE_SCHEMA | SOVD_IF_MATCH, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_MODES,
          .in = &sovd_schema_mode_write, .out = &sovd_schema_mode_set, .success = 200, .summary = "Set a mode",
          .clause = "ISO 17978-3 7.16" },
        { 0 }
};
