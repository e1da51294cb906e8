/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/message.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/operations.h"
#include <cjson/cJSON.h>

#define NODES_MAX 50000
#define LIST_MAX  10000
#define TAGS_MAX  64

const char *const native_type_names[] = { "hello", "register",  "publish", "fault", "condition", "log",
                                          "exec",  "heartbeat", "bye",     "reply", "error",     "cycle", NULL };
static const char *const severity_names[] = { "fatal", "error", "warn", "info", "debug", NULL };

#define TEXT(word, place, bits, most, sentence)                                                              \
        {                                                                                                    \
                .name = word, .type = SOVD_FIELD_STRING, .offset = F(place), .flags = bits, .min = 1,        \
                .max = most, .doc = sentence                                                                 \
        }
#define BOOL(word, place, text, sentence)                                                                    \
        { .name = word, .type = SOVD_FIELD_BOOL, .offset = F(place), .def = text, .doc = sentence }
#define STRINGS(word, place, sentence)                                                                       \
        { .name = word, .type = SOVD_FIELD_STRINGS, .offset = F(place), .max = TAGS_MAX, .doc = sentence }
#define LIST(word, place, schema, sentence)                                                                  \
        {                                                                                                    \
                .name = word, .type = SOVD_FIELD_LIST, .offset = F(place), .of = &schema, .max = LIST_MAX,   \
                .doc = sentence                                                                              \
        }
#define OBJECT(word, place, bits, sentence)                                                                  \
        {                                                                                                    \
                .name = word, .type = SOVD_FIELD_JSON, .offset = F(place),                                   \
                .flags = SOVD_ANY_OBJECT | (bits), .doc = sentence                                           \
        }
#define SCHEMA(word, type, list)                                                                             \
        static const struct sovd_schema word = { .name = #word, .size = sizeof(struct type), .fields = list }

#define F(member) offsetof(struct native_data, member)
static const struct sovd_field data_fields[] = {
        TEXT("id", id, SOVD_REQUIRED, 128, "Its id, as in the URI."),
        TEXT("name", name, SOVD_REQUIRED, NATIVE_TEXT_MAX, "For a person."),
        TEXT("category", category, 0, 64, "currentData when missing."),
        TEXT("unit", unit, 0, 64, "Unit of the value."),
        TEXT("data_type", data_type, 0, 64, "Type of the value."),
        TEXT("description", description, 0, 1024, "What it is."),
        BOOL("writable", writable, "false", "May a client write it?"),
        BOOL("published", published, "false", "The app sends its value by itself; it is not asked."),
        STRINGS("groups", groups, "Groups that it is in."),
        STRINGS("tags", tags, "Words to filter by."),
        { 0 }
};
#undef F
SCHEMA(native_data, native_data, data_fields);

#define F(member) offsetof(struct native_operation, member)
static const struct sovd_field operation_fields[] = {
        TEXT("id", id, SOVD_REQUIRED, 128, "Its id, as in the URI."),
        TEXT("name", name, SOVD_REQUIRED, NATIVE_TEXT_MAX, "For a person."),
        TEXT("description", description, 0, 1024, "What it does."),
        BOOL("asynchronous", asynchronous, "false", "It runs on after its start was accepted."),
        BOOL("stoppable", stoppable, "false", "It can be stopped while it runs."),
        STRINGS("tags", tags, "Words to filter by."),
        { 0 }
};
#undef F
SCHEMA(native_operation, native_operation, operation_fields);

#define F(member) offsetof(struct native_mode, member)
static const struct sovd_field mode_fields[] = { TEXT("id", id, SOVD_REQUIRED, 128, "Its id, as in the URI."),
                                                 TEXT("name", name, 0, NATIVE_TEXT_MAX, "For a person."),
                                                 STRINGS("values", values,
                                                         "What it can be; empty: the app decides."),
                                                 STRINGS("tags", tags, "Words to filter by."),
                                                 { 0 } };
#undef F
SCHEMA(native_mode, native_mode, mode_fields);

#define F(member) offsetof(struct native_configuration, member)
static const struct sovd_field configuration_fields[] = {
        TEXT("id", id, SOVD_REQUIRED, 128, "Its id, as in the URI."),
        TEXT("name", name, SOVD_REQUIRED, NATIVE_TEXT_MAX, "For a person."),
        STRINGS("tags", tags, "Words to filter by."),
        { 0 }
};
#undef F
SCHEMA(native_configuration, native_configuration, configuration_fields);

#define F(member) offsetof(struct native_hello, member)
static const struct sovd_field hello_fields[] = {
        { .name = "v",
          .type = SOVD_FIELD_INT,
          .offset = F(v),
          .flags = SOVD_REQUIRED,
          .min = 0,
          .max = 1000000,
          .doc = "Version of the protocol: 1." },
        TEXT("entity", entity, SOVD_REQUIRED, 192, "Who it is: apps/nav."),
        TEXT("name", name, 0, NATIVE_TEXT_MAX, "For a person."),
        TEXT("instance", instance, SOVD_REQUIRED, 64, "Differs for each run of the app."),
        TEXT("version", version, 0, 64, "Of the app."),
        TEXT("located_on", located_on, 0, 128, "Id of the component that it runs on."),
        { 0 }
};
#undef F
SCHEMA(native_hello, native_hello, hello_fields);

#define F(member) offsetof(struct native_register, member)
static const struct sovd_field register_fields[] = {
        LIST("data", data, native_data, "Values."),
        LIST("operations", operations, native_operation, "Operations."),
        LIST("modes", modes, native_mode, "Modes."),
        LIST("configurations", configurations, native_configuration, "Configurations."),
        OBJECT("faults", faults, 0, "Catalogue of the faults that it can report."),
        { 0 }
};
#undef F
SCHEMA(native_register, native_register, register_fields);

#define F(member) offsetof(struct native_publish, member)
static const struct sovd_field publish_fields[] = { OBJECT("values", values, SOVD_REQUIRED, "Values by id."),
                                                    { 0 } };
#undef F
SCHEMA(native_publish, native_publish, publish_fields);

#define F(member) offsetof(struct native_fault, member)
static const struct sovd_field fault_fields[] = { TEXT("code", code, SOVD_REQUIRED, 64, "Of the catalogue."),
                                                  { .name = "report",
                                                    .type = SOVD_FIELD_ENUM,
                                                    .offset = F(report),
                                                    .flags = SOVD_REQUIRED,
                                                    .names = sovd_report_names,
                                                    .doc = "What the monitor found." },
                                                  { .name = "n",
                                                    .type = SOVD_FIELD_INT,
                                                    .offset = F(n),
                                                    .min = 1,
                                                    .max = INT64_MAX,
                                                    .doc = "Number of the report, growing in one instance: a "
                                                           "report that comes again is not counted again." },
                                                  OBJECT("environment", environment, 0,
                                                         "Kept with the first and the last occurrence."),
                                                  { 0 } };
#undef F
SCHEMA(native_fault, native_fault, fault_fields);

#define F(member) offsetof(struct native_condition, member)
static const struct sovd_field condition_fields[] = {
        TEXT("name", name, SOVD_REQUIRED, 64, "Of the enabling condition."),
        { .name = "on",
          .type = SOVD_FIELD_BOOL,
          .offset = F(on),
          .flags = SOVD_REQUIRED,
          .doc = "While it is off, reports of faults that name it are not judged." },
        { 0 }
};
#undef F
SCHEMA(native_condition, native_condition, condition_fields);

static const struct sovd_field cycle_fields[] = {
        { .name = "kind", .type = SOVD_FIELD_STRING, .offset = offsetof(struct native_cycle, kind), .flags = SOVD_REQUIRED,
          .min = 1, .max = 64, .doc = "Of operation cycles; one that the configuration lets the app begin." },
        { 0 }
};
SCHEMA(native_cycle, native_cycle, cycle_fields);

#define F(member) offsetof(struct native_log, member)
static const struct sovd_field log_fields[] = { { .name = "severity",
                                                  .type = SOVD_FIELD_ENUM,
                                                  .offset = F(severity),
                                                  .flags = SOVD_REQUIRED,
                                                  .names = severity_names,
                                                  .doc = "How bad it is." },
                                                TEXT("msg", msg, SOVD_REQUIRED, NATIVE_MESSAGE_MAX,
                                                     "The text."),
                                                { 0 } };
#undef F
SCHEMA(native_log, native_log, log_fields);

#define F(member) offsetof(struct native_exec, member)
static const struct sovd_field exec_fields[] = {
        TEXT("exec", exec, SOVD_REQUIRED, 64, "Id of the execution."),
        { .name = "status",
          .type = SOVD_FIELD_ENUM,
          .offset = F(status),
          .flags = SOVD_REQUIRED,
          .names = sovd_execution_status_names,
          .doc = "Where it stands." },
        { .name = "progress",
          .type = SOVD_FIELD_INT,
          .offset = F(progress),
          .min = 0,
          .max = 100,
          .doc = "Percent." },
        OBJECT("parameters", parameters, 0, "Its result."),
        TEXT("error", error, 0, NATIVE_MESSAGE_MAX, "Why it failed."),
        { 0 }
};
#undef F
SCHEMA(native_exec, native_exec, exec_fields);

#define F(member) offsetof(struct native_reply, member)
static const struct sovd_field reply_fields[] = {
        { .name = "re",
          .type = SOVD_FIELD_INT,
          .offset = F(re),
          .flags = SOVD_REQUIRED,
          .min = 0,
          .max = INT64_MAX,
          .doc = "Number of the request." },
        { .name = "value", .type = SOVD_FIELD_JSON, .offset = F(value), .doc = "What was read." },
        OBJECT("parameters", parameters, 0, "Result of an operation."),
        { .name = "status",
          .type = SOVD_FIELD_ENUM,
          .offset = F(status),
          .names = sovd_execution_status_names,
          .doc = "Of an execution that was started." },
        TEXT("error", error, 0, NATIVE_MESSAGE_MAX, "Why the operation failed."),
        { 0 }
};
#undef F
SCHEMA(native_reply, native_reply, reply_fields);

#define F(member) offsetof(struct native_error, member)
static const struct sovd_field error_fields[] = {
        { .name = "re",
          .type = SOVD_FIELD_INT,
          .offset = F(re),
          .min = 0,
          .max = INT64_MAX,
          .doc = "Number of the request." },
        TEXT("code", code, SOVD_REQUIRED, 64, "One of the protocol."),
        TEXT("message", message, SOVD_REQUIRED, NATIVE_MESSAGE_MAX, "For a person."),
        { 0 }
};
#undef F
SCHEMA(native_error, native_error, error_fields);

const struct sovd_schema *const native_schemas[NATIVE_N_TYPES] = {
        [NATIVE_HELLO] = &native_hello,         [NATIVE_REGISTER] = &native_register,
        [NATIVE_PUBLISH] = &native_publish,     [NATIVE_FAULT] = &native_fault,
        [NATIVE_CONDITION] = &native_condition, [NATIVE_LOG] = &native_log,
        [NATIVE_EXEC] = &native_exec,           [NATIVE_REPLY] = &native_reply,
        [NATIVE_ERROR] = &native_error,         [NATIVE_CYCLE] = &native_cycle,
};

/* --- reading -------------------------------------------------------------------------------------------- */

static int refuse(struct native_refusal *refusal, const char *code, const char *reason, bool fatal) {
        refusal->code = code;
        refusal->reason = reason ? reason : "out of memory";
        refusal->fatal = fatal;
        return SOVD_E_BAD_REQUEST;
}

static int parse(const char *text, size_t len, struct sovd_arena *arena, cJSON **ret,
                 struct native_refusal *refusal) {
        const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };
        struct sovd_json_fault fault;

        int r = sovd_json_parse_in(arena, ret, text, len, &limits, &fault);
        if (r == SOVD_E_BAD_REQUEST)
                return refuse(refusal, "not-json",
                              sovd_arena_printf(arena, "byte %zu: %s", fault.offset, fault.reason), true);
        if (!r && !cJSON_IsObject(*ret))
                return refuse(refusal, "not-json", "a frame is a JSON object", true);
        return r;
}

static int read_type(const cJSON *json, struct sovd_arena *arena, struct native_message *ret,
                     struct native_refusal *refusal) {
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(json, "type");
        const cJSON *seq = cJSON_GetObjectItemCaseSensitive(json, "seq");

        if (seq && (!sovd_json_get_int(seq, &ret->seq.value) || ret->seq.value < 0))
                return refuse(refusal, "bad-frame", "/seq: must be an integer that is not negative", false);
        ret->seq.set = seq;
        refusal->seq = ret->seq;
        if (!cJSON_IsString(type))
                return refuse(refusal, "bad-frame", "/type: must be a string", false);
        int i = sovd_name_find(native_type_names, type->valuestring);
        if (i < 0)
                return refuse(refusal, "unknown-type",
                              sovd_arena_printf(arena, "the type '%.64s' is not known", type->valuestring),
                              false);
        ret->type = (enum native_type)i;
        return 0;
}

/* The version comes first: another one may look different in all else. */
static int check_version(const cJSON *json, struct sovd_arena *arena, struct native_refusal *refusal) {
        int64_t v;

        if (!sovd_json_get_int(cJSON_GetObjectItemCaseSensitive(json, "v"), &v))
                return refuse(refusal, "bad-version", "/v: must be an integer", true);
        if (v != NATIVE_VERSION)
                return refuse(refusal, "bad-version",
                              sovd_arena_printf(arena, "version %lld is not spoken here, only %d",
                                                (long long)v, NATIVE_VERSION),
                              true);
        return 0;
}

int native_message_read(const char *text, size_t len, struct sovd_arena *arena, struct native_message *ret,
                        struct native_refusal *refusal) {
        struct sovd_schema_error error;
        cJSON *json = NULL;

        *ret = (struct native_message){ 0 };
        *refusal = (struct native_refusal){ 0 };
        int r = parse(text, len, arena, &json, refusal);
        if (!r)
                r = read_type(json, arena, ret, refusal);
        if (!r && ret->type == NATIVE_HELLO)
                r = check_version(json, arena, refusal);
        if (r || !native_schemas[ret->type])
                return r;
        r = sovd_schema_decode(native_schemas[ret->type], json, &ret->hello, arena, 0, &error);
        if (r == SOVD_E_BAD_REQUEST)
                return refuse(refusal, "bad-frame",
                              sovd_arena_printf(arena, "%s: %s", error.path, error.reason), false);
        return r;
}

/* --- what is registered --------------------------------------------------------------------------------- */

/* Each list's struct begins with its id. */
static const char *id_at(const struct sovd_list *list, size_t size, size_t i) {
        const char *id;

        memcpy(&id, (const char *)list->items + i * size, sizeof(id));
        return id;
}

static int compare_ids(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *check_ids(const char *word, const struct sovd_list *list, size_t size,
                             struct sovd_arena *arena) {
        const char **ids = sovd_arena_array(arena, const char *, list->n + 1);

        if (!ids)
                return "out of memory";
        for (size_t i = 0; i < list->n; i++) {
                ids[i] = id_at(list, size, i);
                if (!sovd_id_is_valid(ids[i]) || sovd_id_is_reserved(ids[i]))
                        return sovd_arena_printf(arena, "/%s/%zu/id: '%s' cannot be an id", word, i, ids[i]);
        }
        qsort(ids, list->n, sizeof(*ids), compare_ids);
        for (size_t i = 1; i < list->n; i++)
                if (strcmp(ids[i - 1], ids[i]) == 0)
                        return sovd_arena_printf(arena, "/%s: the id '%s' comes twice", word, ids[i]);
        return NULL;
}

const char *native_register_check(const struct native_register *reg, size_t max, struct sovd_arena *arena) {
        const struct {
                const char *word;
                const struct sovd_list *list;
                size_t size;
        } lists[] = {
                { "data", &reg->data, sizeof(struct native_data) },
                { "operations", &reg->operations, sizeof(struct native_operation) },
                { "modes", &reg->modes, sizeof(struct native_mode) },
                { "configurations", &reg->configurations, sizeof(struct native_configuration) },
        };
        const char *why = NULL;
        size_t n = 0;

        for (size_t i = 0; !why && i < SOVD_N_ELEMENTS(lists); i++) {
                n += lists[i].list->n;
                why = check_ids(lists[i].word, lists[i].list, lists[i].size, arena);
        }
        if (!why && n > max)
                why = sovd_arena_printf(arena, "%zu resources are registered, and %zu are allowed", n, max);
        return why;
}
