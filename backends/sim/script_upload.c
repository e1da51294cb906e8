/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts as clients send them: decoded by the table of the scenario, checked, and kept. */
#include "backends/sim/scripts.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

#define FILE_NAME_MAX 255

static bool is_json(const char *type) {
        const size_t n = strcspn(type, "; \t");

        return (n == 16 && strncasecmp(type, "application/json", n) == 0) ||
               (n > 17 && strncasecmp(type, "application/", 12) == 0 &&
                strncasecmp(type + n - 5, "+json", 5) == 0);
}

/* Into the script's own arena; the failure is copied, because that arena ends with a script that is refused. */
static int decode(struct sovd_call *call, struct script *s, const struct sovd_script_upload *upload) {
        static const struct sovd_json_limits limits = { .max_depth = 12, .max_nodes = 4000 };
        struct sim_script *script = sovd_arena_new0(s->arena, struct sim_script);
        struct sovd_schema_error error;
        struct sovd_json_fault fault;
        cJSON *json;
        if (!script)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_json_parse_in(s->arena, &json, upload->text, upload->len, &limits, &fault);
        if (r > 0)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "",
                                    "the script is not acceptable JSON: %s (at byte %zu)", fault.reason,
                                    fault.offset);
        if (!r)
                r = sovd_schema_decode(&sovd_schema_sim_upload, json, script, s->arena, SOVD_DECODE_CLOSED,
                                       &error);
        if (r > 0)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, error.path, "%s %s",
                                    *error.path ? error.path : "the script", error.reason);
        s->script = script;
        return r;
}

static int name_it(struct script *s, const struct sovd_script_upload *upload) {
        struct sim_named *named = &((struct sim_script *)(uintptr_t)s->script)->named;
        char id[SOVD_ID_SIZE];

        int r = sovd_id_new(id);
        if (r)
                return r;
        named->id = sovd_arena_strdup(s->arena, id);
        if (!named->name && upload->file_name && *upload->file_name)
                named->name = sovd_arena_strdup(s->arena, upload->file_name);
        else if (!named->name)
                named->name = sovd_arena_strdup(s->arena, id);
        return named->id && named->name ? 0 : sovd_error_origin(-ENOMEM);
}

static int check_upload(struct sovd_call *call, const struct sovd_script_upload *upload) {
        if (!is_json(upload->content_type))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "a script is application/json here, not '%.100s'",
                                 upload->content_type);
        if (upload->len > SIM_SCRIPT_TEXT_MAX)
                return sovd_fail(call, SOVD_E_TOO_LARGE, "a script may have %d bytes", SIM_SCRIPT_TEXT_MAX);
        const size_t n = upload->file_name ? strlen(upload->file_name) : 0;
        if (n > FILE_NAME_MAX || (n && !sovd_utf8_is_valid(upload->file_name, n)))
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "the filename of Content-Disposition must be UTF-8, of at most "
                                 "%d bytes",
                                 FILE_NAME_MAX);
        return 0;
}

static int make(struct sovd_call *call, const struct sovd_script_upload *upload, struct script **ret) {
        _cleanup_(script_freep) struct script *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        int r = check_upload(call, upload);
        if (!r)
                r = sovd_arena_new(&s->arena, 4096);
        if (!r)
                r = decode(call, s, upload);
        if (!r)
                r = name_it(s, upload);
        if (r)
                return r;
        *ret = SOVD_TAKE(s);
        return 0;
}

static int check_place(struct sovd_call *call, const struct sim_call *c) {
        const size_t max = (size_t)c->unit->entity->script_uploads.value;

        if (!max)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "'%s' takes no scripts of clients",
                                 c->unit->entity->named.id);
        if (c->unit->scripts->n_uploaded < max)
                return 0;
        sovd_fail(call, SOVD_E_OVERLOAD, "'%s' keeps %zu scripts of clients, and no more: delete one first",
                  c->unit->entity->named.id, max);
        sovd_fail_retry_after(call, SIM_RETRY_SECS);
        return SOVD_E_OVERLOAD;
}

static int keep(struct sovd_call *call, const struct sim_call *c, struct script **s,
                struct sovd_script_created *ret) {
        struct sim_scripts *scripts = c->unit->scripts;
        size_t step = 0;

        int r = check_place(call, c);
        if (r)
                return r;
        const char *why = sim_steps_refuse(c->unit->entity, &(*s)->script->steps, &step, call->arena);
        if (why)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, sovd_call_printf(call, "/steps/%zu", step),
                                    "step %zu %s", step, why);
        ret->id = sovd_arena_strdup(call->arena, (*s)->script->named.id);
        if (!ret->id)
                return sovd_error_origin(-ENOMEM);
        scripts->n_uploaded++;
        scripts->items[scripts->n++] = SOVD_TAKE(*s);
        return 0;
}

int sim_script_upload(struct sovd_call *call, const struct sovd_entity *e,
                      const struct sovd_script_upload *upload, struct sovd_script_created *ret) {
        _cleanup_(script_freep) struct script *s = NULL;
        struct sim_call c;

        int r = make(call, upload, &s); /* parsing needs no lock */
        if (!r)
                r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        r = keep(call, &c, &s, ret);
        sim_leave(&c);
        return r;
}
