/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData dialect - the requests of the native server
 *
 * It has fewer of them than the standard: what has no counterpart is put together from lists, or refused when
 * it would do more than was asked.
 */
#include "backends/sovd/odata_decode.h"
#include "backends/sovd/discovery.h"
#include "backends/sovd/upstream.h"
#include <cjson/cJSON.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

/* Does the server have no such route, or nothing at it? */
static bool is_absent(const struct upstream *u) {
        return fetch_is_absent(u->status);
}

/* --- data ----------------------------------------------------------------------------------------------- */

static int data_list(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_data_filter *filter, struct sovd_data_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "data", NULL);
        return r ? r : odata_decode_data_list(call, json, filter, ret);
}

static int data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_data_value *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", id);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "data", id, NULL);
        return r ? r : odata_decode_value(call, json, id, ret);
}

/* The dialect knows no signatures: one that would not be checked is not taken. */
static int refuse_signature(struct sovd_call *call, const char *signature) {
        return signature ? sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the backend does not check signatures")
                         : 0;
}

/* Nor does it know a proximity challenge, or an end that the client sets. */
static int refuse_proximity(struct sovd_call *call, const char *response) {
        return response ? sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the backend does not check proximity") : 0;
}

static int refuse_timeout(struct sovd_call *call, const struct sovd_int *timeout) {
        return timeout->set ? sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                        "the backend does not stop an execution after a time")
                            : 0;
}

/* A write of this dialect has one member that can be wrong, so a 400 without a path is about that one. */
static int name_value(struct sovd_call *call, int r) {
        if (r > 0 && call->failure.status == 400 && !call->failure.path)
                call->failure.path = "/value";
        return r;
}

static int data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct cJSON *value, const char *signature) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", id);
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "value");
        sovd_json_tree(&w, value);
        sovd_json_object_end(&w);
        int r = refuse_signature(call, signature);
        return r ? r : name_value(call, upstream_send(&u, "PUT", &w, NULL, "data", id, NULL));
}

/* --- faults --------------------------------------------------------------------------------------------- */

static int faults_list(struct sovd_call *call, const struct sovd_entity *e,
                       const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "faults", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "faults", NULL);
        return r ? r : odata_decode_fault_list(call, json, filter, ret);
}

static int find_fault(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                      struct sovd_fault **ret) {
        const struct subject subject = { .entity = e, .what = "fault", .id = code };
        struct sovd_fault_list list;

        int r = faults_list(call, e, NULL, &list);
        if (r)
                return r;
        *ret = odata_find_fault(&list, code);
        return *ret ? 0 : answer_not_found(call, &subject);
}

/* The server's own route takes its id, and clients know the code: when it does not know that, the list
 * does. */
static int fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                      struct sovd_fault_detail *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "fault", code);
        struct sovd_fault *fault = sovd_arena_new0(call->arena, struct sovd_fault);
        struct cJSON *json;
        if (!fault)
                return sovd_error_origin(-ENOMEM);

        *ret = (struct sovd_fault_detail){ .item = fault };
        int r = upstream_get(&u, &json, "faults", code, NULL);
        if (!r)
                return odata_decode_fault(call, json, fault);
        if (r < 0 || !is_absent(&u))
                return r;

        call->failure = (struct sovd_failure){ 0 };
        return find_fault(call, e, code, &ret->item);
}

static int fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "fault", code);
        struct sovd_fault *fault;

        int r = find_fault(call, e, code, &fault);
        return r ? r : upstream_send(&u, "DELETE", NULL, NULL, "faults", odata_fault_id(fault), NULL);
}

/* Its DELETE clears every scope. */
static int faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "faults", NULL);

        if (scope)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                 "the backend cannot clear the faults of one scope only");
        return upstream_send(&u, "DELETE", NULL, NULL, "faults", NULL);
}

/* --- operations ----------------------------------------------------------------------------------------- */

static int operations_list(struct sovd_call *call, const struct sovd_entity *e,
                           struct sovd_operation_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operations", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "operations", NULL);
        return r ? r : odata_decode_operation_list(call, json, ret);
}

static int operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          struct sovd_operation_detail *ret) {
        const struct subject subject = { .entity = e, .what = "operation", .id = id };
        struct sovd_operation_list list;

        int r = operations_list(call, e, &list);
        if (r)
                return r;

        struct sovd_operation *operations = list.items.items;
        for (size_t i = 0; i < list.items.n; i++)
                if (strcmp(operations[i].id, id) == 0) {
                        *ret = (struct sovd_operation_detail){ .item = &operations[i] };
                        return 0;
                }
        return answer_not_found(call, &subject);
}

static int execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           const struct sovd_execution_start *start, struct sovd_execution_started *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operation", operation);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        if (start->parameters) {
                sovd_json_key(&w, "params");
                sovd_json_tree(&w, start->parameters);
        }
        sovd_json_object_end(&w);
        int r = refuse_timeout(call, &start->timeout);
        if (!r)
                r = refuse_proximity(call, start->proximity_response);
        if (!r)
                r = upstream_send(&u, "POST", &w, &json, "operations", operation, NULL);
        if (r)
                return r;

        *ret = (struct sovd_execution_started){ 0 };
        r = odata_decode_execution(call, json, NULL, &ret->execution);
        ret->id = ret->execution.id;
        return upstream_accepted(&u, r);
}

static int executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           struct sovd_execution_ids *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operation", operation);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "operations", operation, "executions", NULL);
        if (!r)
                return odata_decode_execution_ids(call, json, ret);
        *ret = (struct sovd_execution_ids){ .items.set = true };
        return upstream_without_list(&u, r, operation);
}

static int execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, struct sovd_execution *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "operations", operation, "executions", id, NULL);
        return r ? r : odata_decode_execution(call, json, id, ret);
}

/* The server's DELETE only cancels, and refuses with 409 what has ended. For the standard's DELETE that is no
 * failure: there is nothing left to stop. */
static int execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_stop *stop) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);
        struct sovd_execution execution;

        int r = refuse_proximity(call, stop ? stop->proximity_response : NULL);
        if (!r)
                r = upstream_send(&u, "DELETE", NULL, NULL, "operations", operation, "executions", id, NULL);
        if (r <= 0 || u.status != 409)
                return r;

        struct sovd_failure failure = call->failure;
        if (execution_read(call, e, operation, id, &execution) == 0 &&
            execution.status != SOVD_EXECUTION_RUNNING) {
                call->failure = (struct sovd_failure){ 0 };
                return 0;
        }
        call->failure = failure;
        return r;
}

static int execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                             const char *id, const struct sovd_execution_control *control,
                             struct sovd_execution_accepted *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);

        if (!sovd_streq(control->capability, "stop"))
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                 "the backend can stop an execution and nothing else");

        int r = refuse_timeout(call, &control->timeout);
        if (!r)
                r = refuse_proximity(call, control->proximity_response);
        if (!r)
                r = upstream_send(&u, "DELETE", NULL, NULL, "operations", operation, "executions", id, NULL);
        *ret = (struct sovd_execution_accepted){ .id = id, .status = SOVD_EXECUTION_FAILED };
        return r;
}

/* --- modes ---------------------------------------------------------------------------------------------- */

static int check_mode(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        const struct subject subject = { .entity = e, .what = "mode", .id = id };

        return strcmp(id, ODATA_MODE_ID) == 0 ? 0 : answer_not_found(call, &subject);
}

static int read_mode(struct sovd_call *call, const struct sovd_entity *e, bool with_schema,
                     struct sovd_mode_detail *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_MODES, "modes", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "modes", NULL);
        return r ? r : odata_decode_mode(call, json, with_schema, ret);
}

static int modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret) {
        struct sovd_mode *mode = sovd_arena_new0(call->arena, struct sovd_mode);
        struct sovd_mode_detail detail;
        if (!mode)
                return sovd_error_origin(-ENOMEM);

        int r = read_mode(call, e, false, &detail);
        *mode = (struct sovd_mode){ .id = ODATA_MODE_ID, .name = ODATA_MODE_NAME };
        ret->items = (struct sovd_list){ .items = mode, .n = 1, .set = true };
        return r;
}

static int mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_mode_detail *ret) {
        int r = check_mode(call, e, id);

        return r ? r : read_mode(call, e, sovd_streq(sovd_call_query(call, "include-schema"), "true"), ret);
}

/* A mode here lasts until the next one: mode_expiration, which every client of the standard sends, has no
 * place. */
static int mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_MODES, "mode", id);
        _cleanup_writer_ struct sovd_json_writer w;
        const struct cJSON *set;
        struct cJSON *json;

        int r = check_mode(call, e, id);
        if (r)
                return r;
        if (!cJSON_IsString(write->value))
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "must be a string");

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "mode", write->value->valuestring);
        sovd_json_object_end(&w);
        r = upstream_send(&u, "POST", &w, &json, "modes", NULL);
        if (r)
                return r;

        set = cJSON_GetObjectItemCaseSensitive(json, "currentMode");
        *ret = (struct sovd_mode_set){ .id = ODATA_MODE_ID,
                                       .value = cJSON_IsString(set) ? set : write->value };
        return 0;
}

/* --- configurations ------------------------------------------------------------------------------------- */

static int configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                               struct sovd_configuration_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CONFIGURATIONS, "configurations", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "configurations", NULL);
        return r ? r : odata_decode_configuration_list(call, json, ret);
}

static int configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                              struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CONFIGURATIONS, "configuration", id);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "configurations", NULL);
        if (!r)
                r = odata_decode_configuration(call, json, id, ret);
        return r == SOVD_E_NOT_FOUND ? answer_not_found(call, &u.subject) : r;
}

static int configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                               const struct cJSON *value, const char *signature) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CONFIGURATIONS, "configuration", id);
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "name", id);
        sovd_json_key(&w, "value");
        sovd_json_tree(&w, value);
        sovd_json_object_end(&w);
        int r = refuse_signature(call, signature);
        return r ? r : name_value(call, upstream_send(&u, "PUT", &w, NULL, "configurations", NULL));
}

static const struct sovd_backend_ops ops = {
        .data_list = data_list,
        .data_read = data_read,
        .data_write = data_write,
        .faults_list = faults_list,
        .fault_read = fault_read,
        .fault_clear = fault_clear,
        .faults_clear = faults_clear,
        .operations_list = operations_list,
        .operation_read = operation_read,
        .execution_start = execution_start,
        .executions_list = executions_list,
        .execution_read = execution_read,
        .execution_control = execution_control,
        .execution_stop = execution_stop,
        .modes_list = modes_list,
        .mode_read = mode_read,
        .mode_write = mode_write,
        .configurations_list = configurations_list,
        .configuration_read = configuration_read,
        .configuration_write = configuration_write,
};

static const char *const type_paths[] = { "areas", "components", "apps", "funcs", NULL };

const struct dialect dialect_odata = {
        .name = "odata",
        .type_paths = type_paths,
        .ops = &ops,
        .discover = discovery_odata,
};
