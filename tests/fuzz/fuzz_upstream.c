/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is the body of an upstream answer, to whatever was asked, in both dialects
 *
 * Beside the sanitizers' findings: what is taken can be written again, what is refused has a message and is a
 * bad answer, and a discovery over it ends.
 */
#include "backends/sovd/discovery.h"
#include "backends/sovd/odata_decode.h"
#include "backends/sovd/answer.h"
#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sovd_entity entity = { .type = SOVD_COMPONENT, .id = "ecu", .name = "ecu" };

/* Big enough for each result. */
union result {
        struct sovd_data_list data_list;
        struct sovd_data_value value;
        struct sovd_fault_list fault_list;
        struct sovd_fault_detail fault_detail;
        struct sovd_fault fault;
        struct sovd_operation_list operation_list;
        struct sovd_operation_detail operation_detail;
        struct sovd_execution_started started;
        struct sovd_execution_ids ids;
        struct sovd_execution execution;
        struct sovd_execution_accepted accepted;
        struct sovd_mode_list mode_list;
        struct sovd_mode_detail mode;
        struct sovd_mode_set mode_set;
        struct sovd_configuration_list configuration_list;
};

static void must(bool condition) {
        if (!condition)
                abort();
}

#define DECODER(name, expression)                                                                            \
        static int name(struct sovd_call *call, struct cJSON *json, union result *ret) {                     \
                return expression;                                                                           \
        }
DECODER(iso_data_list, iso_decode_data_list(call, json, NULL, &ret->data_list))
DECODER(iso_value, iso_decode_value(call, json, "id", &ret->value))
DECODER(iso_fault_list, iso_decode_fault_list(call, json, NULL, &ret->fault_list))
DECODER(iso_fault, iso_decode_fault(call, json, &ret->fault_detail))
DECODER(iso_operation_list, iso_decode_operation_list(call, json, &ret->operation_list))
DECODER(iso_operation, iso_decode_operation(call, json, &ret->operation_detail))
DECODER(iso_started, iso_decode_started(call, 202, json, &ret->started))
DECODER(iso_result, iso_decode_started(call, 200, json, &ret->started))
DECODER(iso_ids, iso_decode_execution_ids(call, json, &ret->ids))
DECODER(iso_execution, iso_decode_execution(call, json, "id", &ret->execution))
DECODER(iso_accepted, iso_decode_accepted(call, json, "id", &ret->accepted))
DECODER(iso_mode_list, iso_decode_mode_list(call, json, &ret->mode_list))
DECODER(iso_mode, iso_decode_mode(call, json, "id", &ret->mode))
DECODER(iso_configuration_list, iso_decode_configuration_list(call, json, &ret->configuration_list))
DECODER(odata_data_list, odata_decode_data_list(call, json, NULL, &ret->data_list))
DECODER(odata_value, odata_decode_value(call, json, "id", &ret->value))
DECODER(odata_fault_list, odata_decode_fault_list(call, json, NULL, &ret->fault_list))
DECODER(odata_fault, odata_decode_fault(call, json, &ret->fault))
DECODER(odata_operation_list, odata_decode_operation_list(call, json, &ret->operation_list))
DECODER(odata_execution, odata_decode_execution(call, json, NULL, &ret->execution))
DECODER(odata_ids, odata_decode_execution_ids(call, json, &ret->ids))
DECODER(odata_mode, odata_decode_mode(call, json, true, &ret->mode))
DECODER(odata_configuration_list, odata_decode_configuration_list(call, json, &ret->configuration_list))
DECODER(odata_configuration, odata_decode_configuration(call, json, "a", &ret->value))

static const struct decoder {
        int (*decode)(struct sovd_call *call, struct cJSON *json, union result *ret);
        const struct sovd_schema *schema; /* to write it again; NULL: what it gives is no body */
} decoders[] = {
        { iso_data_list, &sovd_schema_data_list },
        { iso_value, &sovd_schema_data_value },
        { iso_fault_list, &sovd_schema_fault_list },
        { iso_fault, &sovd_schema_fault_detail },
        { iso_operation_list, &sovd_schema_operation_list },
        { iso_operation, &sovd_schema_operation_detail },
        { iso_started, NULL },
        { iso_result, NULL },
        { iso_ids, &sovd_schema_execution_ids },
        { iso_execution, &sovd_schema_execution },
        { iso_accepted, &sovd_schema_execution_accepted },
        { iso_mode_list, &sovd_schema_mode_list },
        { iso_mode, &sovd_schema_mode_detail },
        { iso_configuration_list, &sovd_schema_configuration_list },
        { odata_data_list, &sovd_schema_data_list },
        { odata_value, &sovd_schema_data_value },
        { odata_fault_list, &sovd_schema_fault_list },
        { odata_fault, &sovd_schema_fault },
        { odata_operation_list, &sovd_schema_operation_list },
        { odata_execution, &sovd_schema_execution },
        { odata_ids, &sovd_schema_execution_ids },
        { odata_mode, &sovd_schema_mode_detail },
        { odata_configuration_list, &sovd_schema_configuration_list },
        { odata_configuration, &sovd_schema_data_value },
};

static void encode(const struct sovd_schema *schema, const void *object) {
        struct sovd_json_writer w;
        const char *text;
        size_t n;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(schema, object, &w);
        must(sovd_json_writer_finish(&w, &text, &n) == 0);
        sovd_json_writer_done(&w);
}

/* Decoders change the tree, so each gets its own. */
static void run_decoder(struct sovd_call *call, const struct decoder *decoder,
                        const struct sovd_http_answer *answer) {
        union result result;
        struct cJSON *json;

        call->failure = (struct sovd_failure){ 0 };
        int r = answer_parse(call, answer, &json);
        if (!r)
                r = decoder->decode(call, json, &result);
        must(r == 0 || r == SOVD_E_BAD_ANSWER ||
             (r == SOVD_E_NOT_FOUND && decoder->decode == odata_configuration));
        if (r == SOVD_E_BAD_ANSWER)
                must(call->failure.error == r && *call->failure.body.message);
        if (!r && decoder->schema)
                encode(decoder->schema, &result);
}

static void run_errors(struct sovd_call *call, struct sovd_http_answer *answer) {
        static const unsigned statuses[] = { 302, 400, 401, 404, 405, 409, 418, 423, 429, 500, 503 };
        const struct subject subject = { .entity = &entity, .what = "data", .id = "x" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(statuses); i++) {
                answer->status = statuses[i];
                int r = answer_fail(call, answer, &subject);
                must(r > 0 && r == call->failure.error && call->failure.body.message);
                must(strlen(call->failure.body.message) <= 1024);
                encode(&sovd_schema_generic_error, &call->failure.body);
        }
}

/* A server that gives the same answer to everything. */
struct echo {
        struct fetcher fetcher;
        struct sovd_call *call;
        const struct sovd_http_answer *answer;
};

static int get(struct fetcher *fetcher, const char *path, unsigned *ret_status, struct cJSON **ret) {
        struct echo *echo = (struct echo *)fetcher;

        must(path[0] == '/' && strlen(path) < 4096);
        *ret_status = answer_parse(echo->call, echo->answer, ret) ? FETCH_UNUSABLE : 200;
        return 0;
}

static void run_discovery(struct sovd_call *call, const struct sovd_http_answer *answer) {
        struct echo echo = { .fetcher.get = get, .call = call, .answer = answer };
        _cleanup_(view_freep) struct view *first = NULL, *second = NULL;

        if (answer_parse(call, answer, &echo.fetcher.components))
                return;

        const struct dialect *dialect = discovery_detect(echo.fetcher.components);
        if (!dialect || view_new(&first, 4) || view_new(&second, 4))
                return;
        must(dialect->discover(&echo.fetcher, first, NULL) == 0);
        must(dialect->discover(&echo.fetcher, second, first) == 0);
        must(view_equals(first, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_http_answer answer = { .status = 200,
                                           .body = size ? (const char *)data : "",
                                           .body_len = size };

        if (sovd_arena_new(&arena, 65536))
                return 0;

        struct sovd_call call = { .arena = arena, .entity = &entity };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(decoders); i++)
                run_decoder(&call, &decoders[i], &answer);
        run_discovery(&call, &answer);
        run_errors(&call, &answer);
        return 0;
}
