/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - updates, which are the server's and not an entity's
 */
#include "backends/sovd/iso_upkeep.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdlib.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

/* --- references ----------------------------------------------------------------------------------------- */

/* Percent-decodes n bytes; NULL when memory is out. */
static const char *decoded(struct sovd_arena *arena, const char *s, size_t n) {
        char *out = sovd_arena_strndup(arena, s, n), *to = out;

        for (const char *p = out; p && *p; p++) {
                char hex[3] = { 0 }, *end = hex;
                if (*p == '%' && p[1] && p[2]) {
                        memcpy(hex, p + 1, 2);
                        *to = (char)strtol(hex, &end, 16);
                }
                if (end == hex + 2 && *to)
                        p += 2;
                else
                        *to = *p;
                to++;
        }
        if (to)
                *to = '\0';
        return out;
}

/* Collections under which an entity can stand, and the one that it is found in at the top. */
static const struct {
        const char *segment;
        enum sovd_entity_type type;
} places[] = {
        { "areas", SOVD_AREA },
        { "subareas", SOVD_AREA },
        { "components", SOVD_COMPONENT },
        { "subcomponents", SOVD_COMPONENT },
        { "apps", SOVD_APP },
        { "functions", SOVD_FUNCTION },
};

const char *iso_entity_ref(struct sovd_arena *arena, const char *uri) {
        size_t n = strlen(uri);

        while (n && uri[n - 1] == '/')
                n--;
        const char *slash = n ? memrchr(uri, '/', n) : NULL, *begin = slash;
        while (begin && begin > uri && begin[-1] != '/')
                begin--;
        for (size_t i = 0; begin && i < SOVD_N_ELEMENTS(places); i++) {
                if ((size_t)(slash - begin) != strlen(places[i].segment) ||
                    strncmp(begin, places[i].segment, (size_t)(slash - begin)) != 0)
                        continue;
                const char *id = decoded(arena, slash + 1, (size_t)(uri + n - slash) - 1);
                return id ? sovd_arena_printf(arena, "%s/%s", sovd_entity_type_paths[places[i].type], id)
                          : NULL;
        }
        return uri;
}

static int make_refs(struct sovd_call *call, const struct sovd_strings *uris) {
        for (size_t i = 0; i < uris->n; i++) {
                uris->items[i] = iso_entity_ref(call->arena, uris->items[i]);
                if (!uris->items[i])
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

/* --- ops ------------------------------------------------------------------------------------------------ */

int iso_updates_list(struct sovd_call *call, struct sovd_backend *backend,
                     const struct sovd_update_filter *filter, struct sovd_update_ids *ret) {
        struct upstream u = upstream_of_server(call, backend, "updates", NULL);
        struct cJSON *json;

        int r = filter->target_version ? upstream_add_query(&u, "target-version", filter->target_version) : 0;
        if (!r && filter->origin)
                r = upstream_add_query(&u, "origin", filter->origin);
        if (!r)
                r = upstream_get(&u, &json, "updates", NULL);
        return r ? r : answer_decode(call, &sovd_schema_update_ids, json, ret);
}

int iso_update_read(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                    struct sovd_update_detail *ret) {
        struct upstream u = upstream_of_server(call, backend, "update package", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "updates", id, NULL);
        if (!r)
                r = answer_decode(call, &sovd_schema_update_detail, json, ret);
        if (!r)
                r = make_refs(call, &ret->updated_components);
        return r ? r : make_refs(call, &ret->affected_components);
}

int iso_update_status(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                      struct sovd_update_status *ret) {
        struct upstream u = upstream_of_server(call, backend, "update package", id);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "updates", id, "status", NULL);
        if (!r)
                r = answer_decode(call, &sovd_schema_update_status, json, ret);
        struct sovd_update_part *parts = ret->subprogress.items;
        for (size_t i = 0; !r && i < ret->subprogress.n; i++) {
                parts[i].entity = iso_entity_ref(call->arena, parts[i].entity);
                r = parts[i].entity ? 0 : sovd_error_origin(-ENOMEM);
        }
        return r;
}

int iso_update_control(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                       enum sovd_update_action action) {
        struct upstream u = upstream_of_server(call, backend, "update package", id);

        return upstream_send(&u, "PUT", NULL, NULL, "updates", id, sovd_update_action_names[action], NULL);
}

/* The description is the server's business: it goes on as it came. */
int iso_update_register(struct sovd_call *call, struct sovd_backend *backend, const char *content_type,
                        const char *body, size_t len, struct sovd_update_registered *ret) {
        struct upstream u = upstream_of_server(call, backend, "updates", NULL);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json = NULL;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_raw(&w, body, len);
        u.content_type = content_type ? content_type : "application/octet-stream";
        int r = upstream_send(&u, "POST", &w, &json, "updates", NULL);
        if (r == SOVD_E_UPSTREAM && u.status == 415)
                call->failure.status = 415; /* the type is the client's, not ours */
        if (r)
                return r;
        if (!json)
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend registered the package, but did not name it");
        return upstream_accepted(&u, answer_decode(call, &sovd_schema_update_registered, json, ret));
}

int iso_update_delete(struct sovd_call *call, struct sovd_backend *backend, const char *id) {
        struct upstream u = upstream_of_server(call, backend, "update package", id);

        return upstream_send(&u, "DELETE", NULL, NULL, "updates", id, NULL);
}
