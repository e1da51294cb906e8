/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - the log of an ECU and its configuration
 */
#include "demo-ecu/iso.h"
#include "demo-ecu/logbook.h"

#define CONTEXT_TYPE "AUTOSAR_DLT"
#define CONTEXT_ID   "DIAG"

void iso_get_logs(struct call *call) {
        json_begin(&call->out, NULL, '{');
        json_format(&call->out, "entries", BASE_PATH "/components/%s/logs/entries", call->component->id);
        json_format(&call->out, "config", BASE_PATH "/components/%s/logs/config", call->component->id);
        json_end(&call->out, '}');
}

static void write_context(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, "context", '{');
        json_string(json, "type", CONTEXT_TYPE);
        json_string(json, "application_id", call->component->id);
        json_string(json, "context_id", CONTEXT_ID);
        json_end(json, '}');
}

void iso_list_log_entries(struct call *call) {
        enum logbook_severity least = LOGBOOK_DEBUG;
        const struct log_entry *entry;
        const char *iterator = NULL;
        char word[16];

        if (call_query(call, "severity", &iterator, word, sizeof(word)))
                least = logbook_severity_find(word);
        if (least == LOGBOOK_N) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'severity' must be fatal, error, warn, info or debug");
                return;
        }

        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; (entry = logbook_at(call->component, i)); ++i) {
                if (entry->severity > (int)least)
                        continue;
                json_begin(&call->out, NULL, '{');
                json_string(&call->out, "timestamp", entry->timestamp);
                write_context(call);
                json_string(&call->out, "severity", logbook_severity_names[entry->severity]);
                json_string(&call->out, "msg", entry->text);
                json_end(&call->out, '}');
        }
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

void iso_get_log_config(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "contexts", '[');
        json_begin(json, NULL, '{');
        write_context(call);
        json_string(json, "severity", logbook_severity_names[logbook_level(call->component)]);
        json_end(json, '}');
        json_end(json, ']');
        json_end(json, '}');
}

/* A member that is not there matches. */
static bool matches(const cJSON *context, const char *key, const char *value, bool required) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(context, key);

        return member ? cJSON_IsString(member) && equal(member->valuestring, value) : !required;
}

void iso_put_log_config(struct call *call) {
        const cJSON *items = cJSON_GetObjectItemCaseSensitive(call->json, "items"), *item;
        enum logbook_severity level = logbook_level(call->component);

        if (!cJSON_IsArray(items)) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'items' must be an array");
                return;
        }
        cJSON_ArrayForEach (item, items) {
                const cJSON *context = cJSON_GetObjectItemCaseSensitive(item, "context");
                const cJSON *severity = cJSON_GetObjectItemCaseSensitive(item, "severity");

                level = cJSON_IsString(severity) ? logbook_severity_find(severity->valuestring) : LOGBOOK_N;
                if (level == LOGBOOK_N || !matches(context, "type", CONTEXT_TYPE, true) ||
                    !matches(context, "application_id", call->component->id, false) ||
                    !matches(context, "context_id", CONTEXT_ID, false)) {
                        call_fail(call, PROBLEM_BAD_REQUEST,
                                  level == LOGBOOK_N ? "'severity' must be fatal, error, warn, info or debug"
                                                     : "'context' is none of this component");
                        return;
                }
        }
        call->component->log.configured = cJSON_GetArraySize(items) > 0 || call->component->log.configured;
        call->component->log.level = (int)level;
        call->status = 204;
}

void iso_delete_log_config(struct call *call) {
        if (!call->component->log.configured) {
                call_fail(call, PROBLEM_NO_RESOURCE, "the log of '%s' is not configured",
                          call->component->id);
                return;
        }
        call->component->log.configured = false;
        call->status = 204;
}
