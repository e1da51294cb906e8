/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/proximity.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

static const struct sovd_query_param list_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only scripts with one of these tags." },
        { 0 }
};

static const struct sovd_backend_ops *ops_of(const struct sovd_call *call) {
        return sovd_ops(call, SOVD_COLLECTION_SCRIPTS);
}

static int scripts_list(struct sovd_call *call) {
        struct sovd_script_list *list = sovd_arena_new0(call->arena, struct sovd_script_list);
        struct sovd_strings tags;
        if (!list || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);

        call->out = list;
        int r = ops_of(call)->scripts_list(call, call->entity, list);
        if (r)
                return r;
        sovd_near_mark_scripts(call, &list->items);

        struct sovd_script *all = list->items.items;
        size_t n = 0;
        for (size_t i = 0; i < list->items.n; i++)
                if (sovd_strings_match(&tags, &all[i].tags))
                        all[n++] = all[i];
        list->items.n = n;
        return 0;
}

static int script_read(struct sovd_call *call) {
        struct sovd_script_detail *detail = sovd_arena_new0(call->arena, struct sovd_script_detail);
        if (!detail)
                return sovd_error_origin(-ENOMEM);

        call->out = detail;
        int r = ops_of(call)->script_read(call, call->entity, call->params[0], detail);
        return r ? r
                 : sovd_near_offer(call, SOVD_COLLECTION_SCRIPTS, detail->item ? &detail->item->proximity_proof_required : NULL,
                                   &detail->proximity_challenge);
}

/* --- upload --------------------------------------------------------------------------------------------- */

static int missing(struct sovd_call *call, const char *field) {
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "an upload needs the header field %s", field);
}

static int read_upload(struct sovd_call *call, struct sovd_script_upload *ret) {
        struct sovd_disposition d = { 0 };
        const char *reason;

        *ret = (struct sovd_script_upload){
                .content_type = sovd_call_header(call, "Content-Type"),
                .content_disposition = sovd_call_header(call, "Content-Disposition"),
                .text = call->raw,
                .len = call->raw_len,
        };
        if (!sovd_call_header(call, "Content-Length"))
                return sovd_fail(call, SOVD_E_LENGTH_REQUIRED, "an upload needs the header field Content-Length");
        if (!ret->content_type)
                return missing(call, "Content-Type");
        if (!ret->content_disposition)
                return missing(call, "Content-Disposition");
        int r = sovd_disposition_parse(ret->content_disposition, call->arena, &d, &reason);
        if (r)
                return r < 0 ? r
                             : sovd_fail(call, r, "Content-Disposition cannot be read; %s, like: attachment; filename=\"x.json\"",
                                         reason);
        ret->file_name = d.filename ? d.filename : d.name;
        return ret->len ? 0 : sovd_fail(call, SOVD_E_BAD_REQUEST, "the upload is empty");
}

static int script_upload(struct sovd_call *call) {
        struct sovd_script_created *created = sovd_arena_new0(call->arena, struct sovd_script_created);
        struct sovd_script_upload upload;
        if (!created)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->script_upload)
                return sovd_not_offered(call, "the upload of scripts");

        int r = read_upload(call, &upload);
        if (!r)
                r = sovd_call_did(call, ops_of(call)->script_upload(call, call->entity, &upload, created));
        if (r)
                return r;
        call->out = created;
        call->location = sovd_call_printf(call, "%s/scripts/%s", sovd_entity_href(call, call->entity),
                                          sovd_encoded(call, created->id));
        return 0;
}

static int script_delete(struct sovd_call *call) {
        if (!ops_of(call)->script_delete)
                return sovd_not_offered(call, "deleting scripts");
        return sovd_call_did(call, ops_of(call)->script_delete(call, call->entity, call->params[0]));
}

/* --- executions ----------------------------------------------------------------------------------------- */

static struct sovd_executions *executions_of(const struct sovd_call *call) {
        return sovd_gateway_executions(call->gateway);
}

static int start(struct sovd_call *call, struct sovd_script_started *ret) {
        struct sovd_script_start wanted = *(const struct sovd_script_start *)call->in;

        int r = sovd_near_check(call, SOVD_COLLECTION_SCRIPTS, &wanted.proximity_response);
        if (r)
                return r;
        r = sovd_idempotency_keep(sovd_gateway_idempotency(call->gateway), call->idempotency);
        if (r)
                return sovd_fail_storage(call, r);
        return sovd_call_did(call, ops_of(call)->script_start(call, call->entity, call->params[0], &wanted, ret));
}

static int script_start(struct sovd_call *call) {
        struct sovd_script_started *started = sovd_arena_new0(call->arena, struct sovd_script_started);
        if (!started)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->script_start)
                return sovd_not_offered(call, "running scripts");

        int r = sovd_execution_reserve(call);
        if (r)
                return r;
        r = start(call, started);
        if (r) { /* when nobody knows what became of it, nobody could say when it ends, either: it counts no longer */
                sovd_executions_release(executions_of(call), "", false);
                sovd_executions_settle(executions_of(call), call->principal.id, "");
                return r;
        }
        if (sovd_executions_add_script(executions_of(call), call->entity, call->params[0], started->id,
                                       call->principal.id))
                sovd_log(SOVD_LOG_WARN, "an execution of a script does not count for its client");
        call->out = started;
        call->location = sovd_call_printf(call, "%s/scripts/%s/executions/%s", sovd_entity_href(call, call->entity),
                                          sovd_encoded(call, call->params[0]), sovd_encoded(call, started->id));
        return 0;
}

static int script_executions_list(struct sovd_call *call) {
        struct sovd_execution_ids *ids = sovd_arena_new0(call->arena, struct sovd_execution_ids);
        if (!ids)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->script_executions_list)
                return sovd_not_offered(call, "the list of executions");

        call->out = ids;
        ids->items.set = true;
        return ops_of(call)->script_executions_list(call, call->entity, call->params[0], ids);
}

static int script_execution_read(struct sovd_call *call) {
        struct sovd_script_execution *execution = sovd_arena_new0(call->arena, struct sovd_script_execution);
        if (!execution)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->script_execution_read)
                return sovd_not_offered(call, "the status of executions");

        call->out = execution;
        int r = ops_of(call)->script_execution_read(call, call->entity, call->params[0], call->params[1], execution);
        if (!r && execution->status != SOVD_SCRIPT_RUNNING && execution->status != SOVD_SCRIPT_PREPARED)
                sovd_executions_end_script(executions_of(call), call->entity, call->params[0], call->params[1]);
        return r;
}

static int script_execution_control(struct sovd_call *call) {
        const struct sovd_script_control *control = call->in;
        const int action = control->action ? control->action : control->capability;

        if (!action)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/action",
                                    "member action is missing: stop or forced_termination");
        if (control->action && control->capability && control->action != control->capability)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/capability", "action and capability are not the same");
        if (!ops_of(call)->script_execution_control)
                return sovd_not_offered(call, "stopping executions");
        return sovd_call_did(call, ops_of(call)->script_execution_control(call, call->entity, call->params[0], call->params[1],
                                                                          (enum sovd_script_action)action));
}

static int script_execution_delete(struct sovd_call *call) {
        if (!ops_of(call)->script_execution_delete)
                return sovd_not_offered(call, "deleting executions");
        int r = sovd_call_did(call, ops_of(call)->script_execution_delete(call, call->entity, call->params[0], call->params[1]));
        if (!r)
                sovd_executions_end_script(executions_of(call), call->entity, call->params[0], call->params[1]);
        return r;
}

#define SCRIPTS .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_SCRIPTS, .clause = "ISO 17978-3 7.15"

const struct sovd_route sovd_routes_scripts[] = {
        { .id = "scripts-list", .method = SOVD_GET, .path = "/{entity}/scripts", .handler = scripts_list,
          .flags = SOVD_INCLUDE_SCHEMA, .query = list_query, .out = &sovd_schema_script_list, .success = 200,
          .summary = "List the scripts of an entity", SCRIPTS },
        { .id = "script-upload", .method = SOVD_POST, .path = "/{entity}/scripts", .handler = script_upload,
          .flags = SOVD_RAW_BODY, .out = &sovd_schema_script_created, .success = 201,
          .summary = "Upload a script", SCRIPTS },
        { .id = "script-read", .method = SOVD_GET, .path = "/{entity}/scripts/{script-id}", .handler = script_read,
          .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_script_detail, .success = 200,
          .summary = "Read a script's description", SCRIPTS },
        { .id = "script-delete", .method = SOVD_DELETE, .path = "/{entity}/scripts/{script-id}",
          .handler = script_delete, .success = 204, .summary = "Delete a script", SCRIPTS },
        { .id = "script-executions-list", .method = SOVD_GET, .path = "/{entity}/scripts/{script-id}/executions",
          .handler = script_executions_list, .out = &sovd_schema_execution_ids, .success = 200,
          .summary = "List the executions of a script", SCRIPTS },
        { .id = "script-start", .method = SOVD_POST, .path = "/{entity}/scripts/{script-id}/executions",
          .handler = script_start, .flags = SOVD_OPTIONAL_BODY | SOVD_IDEMPOTENT | SOVD_TEMPORARY,
          .in = &sovd_schema_script_start,
          .out = &sovd_schema_script_started, .success = 202, .summary = "Run a script", SCRIPTS },
        { .id = "script-execution-read", .method = SOVD_GET,
          .path = "/{entity}/scripts/{script-id}/executions/{execution-id}", .handler = script_execution_read,
          .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_script_execution, .success = 200,
          .summary = "Read the status of a script's execution", SCRIPTS },
        { .id = "script-execution-control", .method = SOVD_PUT,
          .path = "/{entity}/scripts/{script-id}/executions/{execution-id}", .handler = script_execution_control,
          .in = &sovd_schema_script_control, .success = 204, .summary = "Stop a script's execution", SCRIPTS },
        { .id = "script-execution-delete", .method = SOVD_DELETE,
          .path = "/{entity}/scripts/{script-id}/executions/{execution-id}", .handler = script_execution_delete,
          .success = 204, .summary = "Remove a script's execution", SCRIPTS },
        { 0 }
};
