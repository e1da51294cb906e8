/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include <cjson/cJSON.h>

int native_modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_MODES, &app, &lists);
        if (r)
                return r;
        const struct native_mode *own = lists->modes.items;
        struct sovd_mode *items = sovd_arena_array(call->arena, struct sovd_mode, lists->modes.n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < lists->modes.n; i++)
                items[i] = (struct sovd_mode){ .id = own[i].id, .name = own[i].name, .tags = own[i].tags };
        ret->items = (struct sovd_list){ .items = items, .n = lists->modes.n };
        return 0;
}

static int find_mode(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     const struct native_mode **ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_MODES, &app, &lists);
        if (r)
                return r;
        *ret = NATIVE_FIND(lists->modes, native_mode, id);
        return *ret ? 0 : native_no_resource(call, app, "mode", id);
}

int native_mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_mode_detail *ret) {
        const struct native_reply *reply = NULL;
        const struct native_mode *mode = NULL;
        struct native_ask ask;

        int r = find_mode(call, e, id, &mode);
        if (!r)
                r = native_ask_begin(&ask, call, e, "mode_read");
        if (r)
                return r;
        sovd_json_key_string(&ask.w, "id", id);
        r = native_ask_end(&ask, &reply);
        if (r)
                return r;
        if (!cJSON_IsString(reply->value))
                return sovd_fail(call, SOVD_E_BAD_ANSWER, "app '%s' answered for mode '%s' without a string",
                                 e->id, id);
        *ret = (struct sovd_mode_detail){ .id = mode->id,
                                          .value = reply->value->valuestring,
                                          .name = mode->name };
        return 0;
}

static int check_value(struct sovd_call *call, const struct native_mode *mode, const struct cJSON *value) {
        const char *all = "";

        if (!cJSON_IsString(value))
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "mode '%s' is a string", mode->id);
        for (size_t i = 0; i < mode->values.n; i++) {
                if (strcmp(mode->values.items[i], value->valuestring) == 0)
                        return 0;
                all = sovd_call_printf(call, "%s%s'%s'", all, i ? ", " : "", mode->values.items[i]);
        }
        return mode->values.n ? sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "mode '%s' must be one of %s",
                                             mode->id, all)
                              : 0;
}

int native_mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        const struct native_mode *mode = NULL;
        struct native_ask ask;

        int r = find_mode(call, e, id, &mode);
        if (!r)
                r = check_value(call, mode, write->value);
        if (!r)
                r = native_ask_begin(&ask, call, e, "mode_write");
        if (r)
                return r;
        ask.changes = true;
        sovd_json_key_string(&ask.w, "id", id);
        sovd_json_key(&ask.w, "value");
        sovd_json_tree(&ask.w, write->value);
        if (write->mode_expiration.set)
                sovd_json_key_int(&ask.w, "expiration", write->mode_expiration.value);
        r = native_ask_end(&ask, NULL);
        if (r == SOVD_E_BAD_VALUE)
                call->failure.path = "/value";
        if (r)
                return r;
        *ret = (struct sovd_mode_set){ .id = mode->id, .value = write->value };
        return 0;
}
