/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/proximity.h"
#include "sovd-rest/resources/resources.h"
#include <cjson/cJSON.h>

static const struct sovd_query_param list_query[] = {
        { "include-proximity-proof", SOVD_QUERY_BOOL, "false leaves operations out that need a proximity proof." },
        { "tags", SOVD_QUERY_STRINGS, "Only operations with one of these tags." },
        { 0 }
};

static const struct sovd_backend_ops *ops_of(const struct sovd_call *call) {
        return sovd_ops(call, SOVD_COLLECTION_OPERATIONS);
}

static struct sovd_executions *executions_of(const struct sovd_call *call) {
        return sovd_gateway_executions(call->gateway);
}

static int operations_list(struct sovd_call *call) {
        struct sovd_operation_list *list = sovd_arena_new0(call->arena, struct sovd_operation_list);
        struct sovd_strings tags;
        if (!list || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);

        call->out = list;
        int r = ops_of(call)->operations_list(call, call->entity, list);
        if (r)
                return r;
        sovd_near_mark_operations(call, &list->items);

        const bool without_proof = sovd_streq(sovd_call_query(call, "include-proximity-proof"), "false");
        struct sovd_operation *all = list->items.items;
        size_t n = 0;
        for (size_t i = 0; i < list->items.n; i++)
                if (sovd_strings_match(&tags, &all[i].tags) && !(without_proof && all[i].proximity_proof_required.value))
                        all[n++] = all[i];
        list->items.n = n;
        sovd_left_out_filter(call, SOVD_COLLECTION_OPERATIONS, &list->items, sizeof(struct sovd_operation));
        return 0;
}

static int operation_read(struct sovd_call *call) {
        struct sovd_operation_detail *detail = sovd_arena_new0(call->arena, struct sovd_operation_detail);
        if (!detail)
                return sovd_error_origin(-ENOMEM);

        call->out = detail;
        int r = ops_of(call)->operation_read(call, call->entity, call->params[0], detail);
        if (!r)
                r = sovd_near_offer(call, SOVD_COLLECTION_OPERATIONS, detail->item ? &detail->item->proximity_proof_required : NULL,
                                    &detail->proximity_challenge);
        return r ? r
                 : sovd_add_schema(call, SOVD_COLLECTION_OPERATIONS, &sovd_schema_operation_detail, NULL,
                                   &detail->schema);
}

static const char *execution_href(struct sovd_call *call, const char *id) {
        return sovd_call_printf(call, "%s/operations/%s/executions/%s", sovd_entity_href(call, call->entity),
                                sovd_encoded(call, call->params[0]), id);
}

/* Does the backend not know the execution, or what it belongs to? */
static bool is_gone(const struct sovd_call *call, int r) {
        return r == SOVD_E_NOT_FOUND || (r > 0 && call->failure.status == 404);
}

/* A 404 may come from an ECU that is restarting. Only one that answers for the operation and does not list the
 * execution has forgotten it. The failure of the call stays as it is. */
static bool is_forgotten(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection, const char *of, const char *id) {
        const struct sovd_failure before = call->failure;
        const struct sovd_backend_ops *ops = e->providers[collection]->ops;
        int (*list)(struct sovd_call *, const struct sovd_entity *, const char *, struct sovd_execution_ids *) =
                collection == SOVD_COLLECTION_SCRIPTS ? ops->script_executions_list : ops->executions_list;
        struct sovd_execution_ids ids = { 0 };
        bool listed = false;

        int r = list ? list(call, e, of, &ids) : 0;
        for (size_t i = 0; !r && i < ids.items.n; i++)
                listed = listed || strcmp(ids.items.items[i], id) == 0;
        call->failure = before;
        return !r && !listed;
}

/* Keeps the last status of an ended execution: the backend may forget it before the retention ends. One that cannot be
 * written is told all the same, and asked for again the next time. */
static void keep_if_ended(struct sovd_call *call, const char *id, const struct sovd_execution *execution) {
        struct sovd_execution kept = *execution;
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        kept.schema = NULL; /* that belongs to one answer, not to the execution */
        if (execution->status != SOVD_EXECUTION_COMPLETED && execution->status != SOVD_EXECUTION_FAILED)
                return;
        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_execution, &kept, &w);
        if (sovd_json_writer_finish(&w, &text, &len) == 0 && sovd_executions_end(executions_of(call), id, text))
                sovd_log(SOVD_LOG_WARN, "the final status of an execution cannot be kept now");
        sovd_json_writer_done(&w);
}

/* What the backend does not know any more: it failed, with an outcome that nobody can tell, when it ran over a restart of
 * the gateway. Else it is gone. */
static int forget(struct sovd_call *call, const char *id, bool is_restored) {
        int r = is_restored ? sovd_executions_end_lost(executions_of(call), id)
                            : sovd_executions_remove(executions_of(call), id);

        return r ? sovd_fail_storage(call, r) : 0;
}

static int accept(struct sovd_call *call, const char *id, int status) {
        struct sovd_execution_accepted *accepted = sovd_arena_new0(call->arena, struct sovd_execution_accepted);
        if (!accepted)
                return sovd_error_origin(-ENOMEM);

        accepted->id = sovd_arena_strdup(call->arena, id);
        accepted->status = status;
        call->out = accepted;
        call->status = 202;
        call->location = execution_href(call, id);
        return accepted->id ? 0 : sovd_error_origin(-ENOMEM);
}

/* The backend runs it, and the client must know: but not as a promise that the disk does not keep. */
static int not_written(struct sovd_call *call, const char *id, int r) {
        int failed = sovd_fail_unknown(call, sovd_fail_storage(call, r));

        r = failed > 0 ? sovd_execution_point_to(call, id) : 0;
        return r ? r : failed;
}

/* id: of its place; then the one that the client is told, as it may have been seen in a list before. */
static int started(struct sovd_call *call, char id[static SOVD_ID_SIZE], const struct sovd_execution_started *s) {
        struct sovd_execution_ref ref = { .id = "" };

        if (s->synchronous) {
                struct sovd_execution_result *result = sovd_arena_new0(call->arena, struct sovd_execution_result);
                sovd_executions_release(executions_of(call), id, !call->idempotency); /* a key's answer waits for it */
                if (!result)
                        return sovd_error_origin(-ENOMEM);
                *result = s->result;
                call->out = result;
                return 0;
        }
        int r = sovd_executions_add(executions_of(call), call->entity, call->params[0], s->id, id, &ref, call->arena);
        memcpy(id, ref.id, SOVD_ID_SIZE);
        if (r)
                return *ref.id ? not_written(call, ref.id, r) : sovd_error_fold(r);
        keep_if_ended(call, ref.id, &s->execution);
        return accept(call, ref.id, s->execution.status);
}

static int too_many(struct sovd_call *call, int r) {
        if (r < 0)
                return r;
        sovd_fail(call, SOVD_E_OVERLOAD, "%s",
                  r == SOVD_E_TOO_MANY ? "this client has as many executions running as it may (limits.executions_per_client)"
                                       : "the limit of executions that run at the same time is reached");
        sovd_fail_retry_after(call, 5);
        return SOVD_E_OVERLOAD;
}

/* Does one of a script run, or wait for its turn? */
static bool script_runs_on(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_execution_owner *owner) {
        struct sovd_backend *backend = e ? e->providers[SOVD_COLLECTION_SCRIPTS] : NULL;
        struct sovd_script_execution execution = { 0 };

        if (!backend || !backend->ops->script_execution_read) /* nobody can tell any more */
                return sovd_executions_remove(executions_of(call), owner->id) != 0;
        int r = backend->ops->script_execution_read(call, e, owner->operation, owner->backend_id, &execution);
        const bool gone = is_gone(call, r) && is_forgotten(call, e, SOVD_COLLECTION_SCRIPTS, owner->operation, owner->backend_id);
        call->failure = (struct sovd_failure){ 0 };
        if (!gone && (r || execution.status == SOVD_SCRIPT_RUNNING || execution.status == SOVD_SCRIPT_PREPARED))
                return true;
        return sovd_executions_remove(executions_of(call), owner->id) != 0;
}

/* Is there a backend of this name that cannot be reached now? Its entities need not be known from before a restart. */
static bool is_away(struct sovd_call *call, const char *name) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(call->gateway, backends, SOVD_BACKENDS_MAX);
        bool away = false;

        for (size_t i = 0; i < n; i++) {
                struct sovd_backend_status status = { 0 };
                if (strcmp(backends[i]->name, name) == 0) {
                        backends[i]->ops->status(backends[i], &status);
                        away = status.connection != SOVD_CONNECTED;
                }
                sovd_backend_unref(backends[i]);
        }
        return away;
}

/* Asks the backend what became of an execution that counts as running. true: it runs on. It may be of an entity that the call's
 * client does not see. */
static bool runs_on(struct sovd_call *call, const struct sovd_execution_owner *owner) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *whole = sovd_gateway_tree(call->gateway);
        const struct sovd_entity *e = sovd_tree_find(whole, owner->type, owner->entity);
        if (!e && is_away(call, owner->backend))
                return true;
        if (owner->is_script)
                return script_runs_on(call, e, owner);

        struct sovd_backend *backend = e ? e->providers[SOVD_COLLECTION_OPERATIONS] : NULL;
        struct sovd_execution execution = { 0 };

        if (!backend || !backend->ops->execution_read) /* nobody can tell any more */
                return forget(call, owner->id, owner->is_restored) != 0;
        int r = backend->ops->execution_read(call, e, owner->operation, owner->backend_id, &execution);
        bool forgotten = is_gone(call, r) && is_forgotten(call, e, SOVD_COLLECTION_OPERATIONS, owner->operation, owner->backend_id);
        call->failure = (struct sovd_failure){ 0 };
        if (forgotten)
                return forget(call, owner->id, owner->is_restored) != 0;
        if (r)
                return true;
        keep_if_ended(call, owner->id, &execution);
        return execution.status == SOVD_EXECUTION_RUNNING;
}

#define ASK_MAX 8

/* Takes a place. When all are taken by running executions, the oldest are asked about: those that nobody has read
 * since they ended still count as running. */
static int reserve(struct sovd_call *call) {
        struct sovd_execution_owner owner;
        size_t skip = 0;

        for (size_t asked = 0; asked < ASK_MAX; asked++) {
                int r = sovd_executions_reserve_for(executions_of(call), call->principal.id);
                const char *client = r == SOVD_E_TOO_MANY ? call->principal.id : NULL;
                if (r <= 0 || sovd_executions_oldest_running_of(executions_of(call), client, skip, &owner, call->arena))
                        return r;
                skip += runs_on(call, &owner);
        }
        return sovd_executions_reserve_for(executions_of(call), call->principal.id);
}

int sovd_execution_reserve(struct sovd_call *call) {
        const int r = reserve(call);

        return r ? too_many(call, r) : 0;
}

/* The execution that stands for a start of which nobody can say what became of it, as JSON text. */
static int describe_unknown(struct sovd_call *call, struct sovd_json_writer *w) {
        struct sovd_generic_error error = call->failure.body;
        struct sovd_data_error item = { .path = "/", .error = &error };
        const struct sovd_execution execution = {
                .capability = SOVD_CAPABILITY_EXECUTE,
                .status = SOVD_EXECUTION_FAILED,
                .error = { .items = &item, .n = 1 },
        };

        if (!error.error_code)
                error.error_code = sovd_error_info(call->failure.error)->error_code;
        error.vendor_code = SOVD_OUTCOME_UNKNOWN;
        error.parameters = NULL;
        sovd_schema_encode(&sovd_schema_execution, &execution, w);
        return w->error;
}

int sovd_execution_point_to(struct sovd_call *call, const char *id) {
        cJSON *parameters = cJSON_CreateObject();

        cJSON_AddStringToObject(parameters, "execution", id);
        cJSON_AddStringToObject(parameters, "href", execution_href(call, id));
        int r = sovd_json_own(call->arena, parameters);
        if (!r)
                call->failure.body.parameters = parameters;
        return r;
}

/* The backend did not say what became of a start, and can be asked about it. Takes the place that is reserved; id as with started(). */
static int keep_running(struct sovd_call *call, char id[static SOVD_ID_SIZE], const char *backend_id, int r) {
        struct sovd_execution_ref ref = { .id = "" };

        int error = sovd_executions_add(executions_of(call), call->entity, call->params[0], backend_id, id, &ref, call->arena);
        memcpy(id, ref.id, SOVD_ID_SIZE);
        if (error > 0 && !*ref.id)
                return r;
        if (!error || *ref.id)
                error = sovd_execution_point_to(call, ref.id);
        return error ? error : r;
}

/* The connection broke off behind a start: it counts as failed, can be read by an id, and is never tried again. Takes
 * the place that is reserved. Returns r, or -errno. */
static int keep_unknown(struct sovd_call *call, const char *id, int r) {
        const struct sovd_failure failure = call->failure;
        struct sovd_execution_ref ref = { .id = "" };
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        int error = sovd_executions_add(executions_of(call), call->entity, call->params[0], "", id, &ref, call->arena);
        if (error && !*ref.id)
                return error > 0 ? r : error;
        sovd_json_writer_init(&w, 0, 0);
        error = describe_unknown(call, &w);
        if (!error)
                error = sovd_json_writer_finish(&w, &text, &len);
        if (sovd_executions_end(executions_of(call), ref.id, error ? "{}" : text))
                sovd_log(SOVD_LOG_WARN, "that the outcome of a start is unknown cannot be kept now");
        sovd_json_writer_done(&w);
        call->failure = failure;
        if (!error)
                error = sovd_execution_point_to(call, ref.id);
        return error ? error : r;
}

/* The place is taken, and written down with the key of the request, before the backend is told: an operation must not run
 * that nobody can ask about. */
static int begin(struct sovd_call *call, char id[static SOVD_ID_SIZE]) {
        struct sovd_idempotency_row key;

        int r = sovd_execution_reserve(call);
        if (r)
                return r;
        if (call->idempotency)
                sovd_idempotency_row(sovd_gateway_idempotency(call->gateway), call->idempotency, &key);
        key.execution = id;
        r = sovd_executions_begin(executions_of(call), call->entity, call->params[0], call->principal.id,
                                  call->idempotency ? sovd_idempotency_write : NULL, &key, id);
        if (!r)
                return 0;
        sovd_executions_release(executions_of(call), "", false);
        sovd_executions_settle(executions_of(call), call->principal.id, "");
        return sovd_fail_storage(call, r);
}

static int start(struct sovd_call *call, char id[static SOVD_ID_SIZE]) {
        struct sovd_execution_started s = { 0 };
        struct sovd_execution_start wanted = *(const struct sovd_execution_start *)call->in;

        int r = sovd_near_check(call, SOVD_COLLECTION_OPERATIONS, &wanted.proximity_response);
        if (!r)
                r = sovd_call_did(call, ops_of(call)->execution_start(call, call->entity, call->params[0], &wanted, &s));
        r = sovd_call_settle(call, r);
        if (r > 0 && call->failure.outcome_unknown)
                return s.id ? keep_running(call, id, s.id, r) : keep_unknown(call, id, r);
        if (r) {
                sovd_executions_release(executions_of(call), id, false);
                return r;
        }
        return started(call, id, &s);
}

static int execution_start(struct sovd_call *call) {
        char id[SOVD_ID_SIZE];

        int r = begin(call, id);
        if (r)
                return r;
        r = start(call, id);
        sovd_executions_settle(executions_of(call), call->principal.id, id);
        return r;
}

#define ADOPT_MAX 32

/* Adopts one if it runs. An ended one that is not known is left: mostly it was known once and its retention is over. */
static int adopt_one(struct sovd_call *call, const char *backend_id) {
        struct sovd_execution execution = { 0 };
        struct sovd_execution_ref ref;

        int r = ops_of(call)->execution_read(call, call->entity, call->params[0], backend_id, &execution);
        if (is_gone(call, r)) {
                call->failure = (struct sovd_failure){ 0 };
                return 0; /* gone between list and look */
        }
        if (r || execution.status != SOVD_EXECUTION_RUNNING)
                return r;
        r = sovd_executions_add(executions_of(call), call->entity, call->params[0], backend_id, NULL, &ref, call->arena);
        if (r >= 0)
                return r;
        sovd_log(SOVD_LOG_WARN, "an execution that was found at its backend gets no name now: %s", strerror(-r));
        return 0; /* those that have one are listed */
}

/* Executions that somebody else started at the backend get a name here too, so that they can be seen and stopped. */
static int adopt(struct sovd_call *call) {
        struct sovd_execution_ids theirs = { 0 };
        size_t asked = 0;

        int r = ops_of(call)->executions_list(call, call->entity, call->params[0], &theirs);
        for (size_t i = theirs.items.n; !r && i-- > 0 && asked < ADOPT_MAX;) { /* the newest are most likely to run */
                const char *id = theirs.items.items[i];
                if (sovd_executions_knows(executions_of(call), call->entity, call->params[0], id))
                        continue;
                r = adopt_one(call, id);
                asked++;
        }
        return r == SOVD_E_OVERLOAD && !call->failure.error ? too_many(call, r) : r;
}

static int executions_list(struct sovd_call *call) {
        struct sovd_execution_ids *ids = sovd_arena_new0(call->arena, struct sovd_execution_ids);
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        const struct sovd_backend_ops *ops = ops_of(call);
        int r = ops->executions_list && ops->execution_read ? adopt(call) : 0;
        if (r)
                return r;
        call->out = ids;
        return sovd_executions_list(executions_of(call), call->entity, call->params[0], &ids->items, call->arena);
}

static int find(struct sovd_call *call, struct sovd_execution_ref *ref) {
        int r = sovd_executions_find(executions_of(call), call->entity, call->params[0], call->params[1], ref,
                                     call->arena);
        if (r == SOVD_E_NOT_FOUND)
                return sovd_fail(call, r, "operation '%s' has no execution '%s' here; it never was, was removed, its "
                                          "retention has ended, or another backend serves the entity now",
                                 call->params[0], call->params[1]);
        return r;
}

/* The status that was kept when the execution ended. */
static int read_kept(struct sovd_call *call, const char *text, struct sovd_execution *ret) {
        struct sovd_json_limits limits = { .max_nodes = 100000 };
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        cJSON *json;

        int r = sovd_json_parse_in(call->arena, &json, text, strlen(text), &limits, &fault);
        if (!r)
                r = sovd_schema_decode(&sovd_schema_execution, json, ret, call->arena, 0, &error);
        return sovd_error_fold(r);
}

/* The backend began to count anew and gave the id to another execution, so this one is gone. */
static int superseded(struct sovd_call *call, const struct sovd_execution_ref *ref) {
        int r = forget(call, ref->id, ref->is_restored);

        return r ? r : sovd_fail(call, SOVD_E_NOT_FOUND, "the backend has forgotten execution '%s'", ref->id);
}

/* It ran when the gateway was restarted, and the backend has nothing to say of it. */
static int read_lost(struct sovd_call *call, struct sovd_execution_ref *ref, struct sovd_execution *ret) {
        int r = forget(call, ref->id, true);

        if (!r)
                r = find(call, ref);
        return r ? r : read_kept(call, ref->ended ? ref->ended : "{}", ret);
}

/* *ret_gone: the backend answers, and does not know it any more, by a restart of the ECU perhaps. */
static int read_there(struct sovd_call *call, const struct sovd_execution_ref *ref, struct sovd_execution *ret,
                      bool *ret_gone) {
        *ret_gone = false;
        if (!ops_of(call)->execution_read)
                return sovd_not_offered(call, "the status of executions");
        int r = ops_of(call)->execution_read(call, call->entity, call->params[0], ref->backend_id, ret);
        *ret_gone = is_gone(call, r) && is_forgotten(call, call->entity, SOVD_COLLECTION_OPERATIONS, call->params[0], ref->backend_id);
        return r;
}

static int execution_read(struct sovd_call *call) {
        struct sovd_execution *execution = sovd_arena_new0(call->arena, struct sovd_execution);
        struct sovd_execution_ref ref;
        bool gone = true;
        if (!execution)
                return sovd_error_origin(-ENOMEM);

        int r = find(call, &ref);
        if (r)
                return r;

        call->out = execution;
        if (ref.ended)
                return read_kept(call, ref.ended, execution);
        if (!*ref.backend_id && !ref.is_restored)
                return superseded(call, &ref);
        if (*ref.backend_id)
                r = read_there(call, &ref, execution, &gone);
        if (gone && ref.is_restored)
                return read_lost(call, &ref, execution);
        if (gone)
                (void)sovd_executions_remove(executions_of(call), ref.id);
        if (r)
                return r;
        if (!execution->capability)
                execution->capability = ref.capability;
        keep_if_ended(call, ref.id, execution);
        return 0;
}

static int execution_control(struct sovd_call *call) {
        struct sovd_execution_control control = *(const struct sovd_execution_control *)call->in;
        struct sovd_execution_accepted theirs = { 0 };
        struct sovd_execution_ref ref;

        int r = find(call, &ref);
        if (r)
                return r;
        if (!*ref.backend_id)
                return ref.ended ? sovd_fail(call, SOVD_E_CONFLICT, "the backend knows no execution '%s' (any more)", ref.id)
                                 : superseded(call, &ref);
        if (!ops_of(call)->execution_control)
                return sovd_not_offered(call, "controlling executions");
        if (sovd_streq(control.capability, sovd_capability_names[SOVD_CAPABILITY_STOP - 1]))
                sovd_near_withhold(call, SOVD_COLLECTION_OPERATIONS, &control.proximity_response);
        else
                r = sovd_near_check(call, SOVD_COLLECTION_OPERATIONS, &control.proximity_response);
        if (!r)
                r = sovd_call_did(call, ops_of(call)->execution_control(call, call->entity, call->params[0], ref.backend_id,
                                                                        &control, &theirs));
        if (r)
                return r;

        int capability = sovd_enum_parse(sovd_capability_names, control.capability);
        r = sovd_executions_resume(executions_of(call), ref.id, capability ? capability : ref.capability);
        if (r)
                return not_written(call, ref.id, r);
        return accept(call, ref.id, theirs.status);
}

static int execution_stop(struct sovd_call *call) {
        const struct sovd_execution_stop *in = call->in;
        struct sovd_execution_stop stop = { .proximity_response = in ? in->proximity_response : NULL };
        struct sovd_execution_ref ref;

        int r = find(call, &ref);
        if (r)
                return r;
        sovd_near_withhold(call, SOVD_COLLECTION_OPERATIONS, &stop.proximity_response);
        if (!ops_of(call)->execution_stop)
                return sovd_not_offered(call, "stopping executions");
        if (*ref.backend_id)
                r = sovd_call_did(call, ops_of(call)->execution_stop(call, call->entity, call->params[0], ref.backend_id, &stop));
        /* An ended execution that the backend has forgotten is gone all the same. */
        if (r && !(ref.ended && is_gone(call, r)))
                return r;
        r = sovd_executions_remove(executions_of(call), ref.id);
        return r ? sovd_fail_storage(call, r) : 0;
}

#define OPERATIONS .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_OPERATIONS, .clause = "ISO 17978-3 7.14"

const struct sovd_route sovd_routes_operations[] = {
        { .id = "operations-list", .method = SOVD_GET, .path = "/{entity}/operations", .handler = operations_list,
          .flags = SOVD_INCLUDE_SCHEMA, .query = list_query, .out = &sovd_schema_operation_list, .success = 200,
          .summary = "List the operations of an entity", OPERATIONS },
        { .id = "operation-read", .method = SOVD_GET, .path = "/{entity}/operations/{operation-id}",
          .handler = operation_read, .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_operation_detail,
          .success = 200, .summary = "Read an operation", OPERATIONS },
        { .id = "executions-list", .method = SOVD_GET, .path = "/{entity}/operations/{operation-id}/executions",
          .handler = executions_list, .out = &sovd_schema_execution_ids, .success = 200,
          .summary = "List the executions of an operation", OPERATIONS },
        { .id = "execution-start", .method = SOVD_POST, .path = "/{entity}/operations/{operation-id}/executions",
          .handler = execution_start, .flags = SOVD_OPTIONAL_BODY | SOVD_IDEMPOTENT | SOVD_TEMPORARY,
          .in = &sovd_schema_execution_start,
          .out = &sovd_schema_execution_result, .success = 200, .out_other = &sovd_schema_execution_accepted,
          .success_other = 202, .summary = "Start an operation", OPERATIONS },
        { .id = "execution-read", .method = SOVD_GET,
          .path = "/{entity}/operations/{operation-id}/executions/{execution-id}", .handler = execution_read,
          .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_execution, .success = 200,
          .summary = "Read the status of an execution", OPERATIONS },
        { .id = "execution-control", .method = SOVD_PUT,
          .path = "/{entity}/operations/{operation-id}/executions/{execution-id}", .handler = execution_control,
          .flags = SOVD_TEMPORARY, .in = &sovd_schema_execution_control, .out = &sovd_schema_execution_accepted, .success = 202,
          .summary = "Control an execution", OPERATIONS },
        { .id = "execution-stop", .method = SOVD_DELETE,
          .path = "/{entity}/operations/{operation-id}/executions/{execution-id}", .handler = execution_stop,
          .flags = SOVD_OPTIONAL_BODY, .in = &sovd_schema_execution_stop, .success = 204,
          .summary = "Stop and remove an execution", OPERATIONS },
        { 0 }
};
