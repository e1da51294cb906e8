/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/listed.h"
#include "sovd-rest/access.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/rest.h"
#include <errno.h>

/* The position of the last parameter of a path; the entity is none. */
static size_t last_param(const char *path) {
        size_t n = 0;

        for (const char *p = strchr(path, '{'); p; p = strchr(p + 1, '{'))
                n++;
        return n - 1 - sovd_has_prefix(path, "/{entity}");
}

/* The list among the members of the answer, and where the name of an item is in it; -1: the items are the names. */
static const struct sovd_field *list_of(const struct sovd_schema *schema, ptrdiff_t *ret_name) {
        for (const struct sovd_field *f = schema->fields; f->name; f++) {
                if (f->type == SOVD_FIELD_STRINGS) {
                        *ret_name = -1;
                        return f;
                }
                if (f->type == SOVD_FIELD_LIST) {
                        const struct sovd_schema *item = f->of->base ? f->of->base : f->of;
                        *ret_name = (ptrdiff_t)item->fields[0].offset;
                        return item->fields[0].type == SOVD_FIELD_STRING ? f : NULL;
                }
        }
        return NULL;
}

static bool may_read(const struct sovd_call *call, const struct sovd_route *reader, const char *name) {
        const char *params[SOVD_PARAMS_MAX];
        size_t k = last_param(reader->path);

        memcpy(params, call->params, sizeof(params));
        if (k < SOVD_PARAMS_MAX)
                params[k] = name;
        return sovd_gate_may_with(call, reader, params);
}

/* What remains of the n items of this size. NULL: no memory. */
static void *pick(struct sovd_call *call, const struct sovd_route *reader, const void *items, size_t size, ptrdiff_t name, size_t *n) {
        char *kept = sovd_arena_alloc(call->arena, size * *n + 1);
        size_t n_kept = 0;

        for (size_t i = 0; kept && i < *n; i++) {
                const char *item = (const char *)items + i * size;
                if (may_read(call, reader, *(const char *const *)(const void *)(item + (name < 0 ? 0 : name))))
                        memcpy(kept + size * n_kept++, item, size);
        }
        *n = n_kept;
        return kept;
}

int sovd_listed_filter(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_route *reader = NULL;
        const struct sovd_field *list = NULL;
        ptrdiff_t name = 0;

        if (route->method == SOVD_GET && route->out && call->out && !call->write && !call->status && !call->out_is_document && sovd_gate_is_narrowed(call))
                reader = sovd_access_reader(route->path);
        if (reader)
                list = list_of(route->out, &name);
        if (!list || ((const struct sovd_rest_call *)call)->judged == (const char *)call->out + list->offset)
                return 0;
        char *out = sovd_arena_alloc(call->arena, route->out->size);
        if (!out)
                return sovd_error_origin(-ENOMEM);
        memcpy(out, call->out, route->out->size);
        call->out = out;
        if (name < 0) {
                struct sovd_strings *strings = (void *)(out + list->offset);
                strings->items = pick(call, reader, strings->items, sizeof(char *), name, &strings->n);
                return strings->items ? 0 : sovd_error_origin(-ENOMEM);
        }
        struct sovd_list *items = (void *)(out + list->offset);
        items->items = pick(call, reader, items->items, list->of->size, name, &items->n);
        return items->items ? 0 : sovd_error_origin(-ENOMEM);
}
