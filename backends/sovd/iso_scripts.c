/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_scripts.h"
#include "backends/sovd/answer.h"
#include "backends/sovd/iso_decode.h"
#include "backends/sovd/shape.h"
#include "backends/sovd/upstream.h"
#include "sovd-core/base/id.h"
#include <errno.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

static struct upstream upstream(struct sovd_call *call, const struct sovd_entity *e, const char *what,
                                const char *id) {
        return upstream_of(call, e, SOVD_COLLECTION_SCRIPTS, what, id);
}

int iso_scripts_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_script_list *ret) {
        struct upstream u = upstream(call, e, "scripts", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "scripts", NULL);
        return r ? r : answer_decode(call, &sovd_schema_script_list, json, ret);
}

int iso_script_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                    struct sovd_script_detail *ret) {
        struct upstream u = upstream(call, e, "script", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "scripts", id, NULL);
        if (!r)
                r = answer_decode(call, &sovd_schema_script_detail, json, ret);
        ret->source = NULL; /* a place on the server, which clients of ours cannot reach */
        return r;
}

static int check_script_id(struct sovd_call *call, const char *id) {
        if (sovd_id_is_valid(id))
                return 0;
        return sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend named a script by an id that cannot be used");
}

int iso_script_upload(struct sovd_call *call, const struct sovd_entity *e,
                      const struct sovd_script_upload *upload, struct sovd_script_created *ret) {
        struct upstream u = upstream(call, e, "scripts", NULL);
        struct cJSON *json;

        u.field = sovd_arena_printf(call->arena, "Content-Disposition: %s", upload->content_disposition);
        if (!u.field)
                return sovd_error_origin(-ENOMEM);
        int r = upstream_send_raw(&u, upload->content_type, upload->text, upload->len, &json, "scripts", NULL);
        if (r)
                return r;
        r = answer_decode(call, &sovd_schema_script_created, json, ret);
        return upstream_accepted(&u, r ? r : check_script_id(call, ret->id));
}

int iso_script_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        struct upstream u = upstream(call, e, "script", id);

        return upstream_send(&u, "DELETE", NULL, NULL, "scripts", id, NULL);
}

int iso_script_start(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                     const struct sovd_script_start *start, struct sovd_script_started *ret) {
        struct upstream u = upstream(call, e, "script", script);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json = NULL;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_script_start, start, &w);
        int r = upstream_send(&u, "POST", &w, &json, "scripts", script, "executions", NULL);
        if (r)
                return r;
        if (!json)
                r = sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend did not name the execution");
        if (!r)
                r = answer_decode(call, &sovd_schema_script_started, json, ret);
        return upstream_accepted(&u, r ? r : iso_check_execution_id(call, ret->id));
}

int iso_script_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                               struct sovd_execution_ids *ret) {
        struct upstream u = upstream(call, e, "script", script);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "scripts", script, "executions", NULL);
        return r ? r : iso_decode_execution_ids(call, json, ret);
}

int iso_script_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                              const char *id, struct sovd_script_execution *ret) {
        struct upstream u = upstream(call, e, "execution", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "scripts", script, "executions", id, NULL);
        if (!r)
                r = shape_rename(json, "last-started",
                                 "last_started"); /* as the template's example has it: D16 */
        return r ? r : answer_decode(call, &sovd_schema_script_execution, json, ret);
}

/* Under both names, whichever the server looks for (defect D02). */
int iso_script_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                 const char *id, enum sovd_script_action action) {
        const struct sovd_script_control control = { .action = action, .capability = action };
        struct upstream u = upstream(call, e, "execution", id);
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_script_control, &control, &w);
        return upstream_send(&u, "PUT", &w, NULL, "scripts", script, "executions", id, NULL);
}

int iso_script_execution_delete(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                const char *id) {
        struct upstream u = upstream(call, e, "execution", id);

        return upstream_send(&u, "DELETE", NULL, NULL, "scripts", script, "executions", id, NULL);
}
