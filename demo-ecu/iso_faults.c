/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - faults and their filters
 */
#include <stdio.h>
#include <strings.h>
#include "demo-ecu/faults.h"
#include "demo-ecu/iso.h"

static void write_fault(struct json *json, const char *key, const struct fault *fault) {
        struct fault_status status[FAULT_N_STATUS];

        json_begin(json, key, '{');
        json_string(json, "code", fault->code);
        json_string(json, "display_code", fault->code);
        json_string(json, "scope", fault->scope);
        json_string(json, "fault_name", fault->name);
        json_string(json, "fault_translation_id", fault->translation_id);
        json_integer(json, "severity", fault->severity);

        fault_status(fault, status);
        json_begin(json, "status", '{');
        for (size_t i = 0; i < FAULT_N_STATUS; ++i)
                json_string(json, status[i].key, status[i].value);
        json_end(json, '}');
        json_end(json, '}');
}

static bool flag_equal(const char *asked, const char *actual) {
        if (strcasecmp(asked, "true") == 0)
                return equal(actual, "1");
        if (strcasecmp(asked, "false") == 0)
                return equal(actual, "0");
        return equal(asked, actual);
}

/* Is the parameter status[<key>]=<value>, percent-encoded or not, and is it true of the fault? */
static bool status_parameter(const char *part, size_t n_part, const struct fault *fault, bool *ret_matches) {
        struct fault_status status[FAULT_N_STATUS];
        const char *equals = memchr(part, '=', n_part);
        char key[80], value[64];
        size_t n_key;

        if (!equals || !percent_decode(part, (size_t)(equals - part), key, sizeof(key)) ||
            !percent_decode(equals + 1, n_part - (size_t)(equals + 1 - part), value, sizeof(value)))
                return false;
        n_key = strlen(key);
        if (strncmp(key, "status[", 7) != 0 || key[n_key - 1] != ']')
                return false;

        key[n_key - 1] = '\0';
        fault_status(fault, status);
        for (size_t i = 0; i < FAULT_N_STATUS; ++i)
                if (strcasecmp(status[i].key, key + 7) == 0 && flag_equal(value, status[i].value))
                        *ret_matches = true;
        return true;
}

static bool status_passes(const struct call *call, const struct fault *fault) {
        bool filtered = false, matches = false;

        for (const char *part = call->query; *part; part += *part == '&') {
                size_t n_part = strcspn(part, "&");

                filtered |= status_parameter(part, n_part, fault, &matches);
                part += n_part;
        }
        return matches || !filtered;
}

static bool query_scope(const struct call *call, char *scope, size_t n_scope) {
        const char *iterator = NULL;

        return call_query(call, "scope", &iterator, scope, n_scope);
}

/* 0: there is no such filter */
static int query_severity(struct call *call, long *ret) {
        const char *iterator = NULL;
        char text[16], *end;

        *ret = 0;
        if (!call_query(call, "severity", &iterator, text, sizeof(text)))
                return 0;

        *ret = strtol(text, &end, 10);
        if (end == text || *end || *ret < 1)
                return problem_set(&call->problem, PROBLEM_BAD_REQUEST,
                                   "'severity' must be an integer above 0, got '%s'", text);
        return 0;
}

void iso_list_faults(struct call *call) {
        struct json *json = &call->out;
        char scope[64];
        bool scoped = query_scope(call, scope, sizeof(scope));
        long severity;

        if (query_severity(call, &severity)) {
                call_refuse(call);
                return;
        }

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        for (size_t i = 0; i < call->component->n_faults; ++i) {
                const struct fault *fault = &call->component->faults[i];

                if (fault->stored && (!severity || fault->severity < severity) &&
                    (!scoped || equal(fault->scope, scope)) && status_passes(call, fault))
                        write_fault(json, NULL, fault);
        }
        json_end(json, ']');
        json_end(json, '}');
}

void iso_get_fault(struct call *call) {
        const struct fault *fault = fault_find(call->component, call_resource(call));
        struct json *json = &call->out;

        if (!fault || !fault->stored) {
                call_fail(call, PROBLEM_NO_RESOURCE, "fault '%.64s' is not stored", call_resource(call));
                return;
        }

        json_begin(json, NULL, '{');
        write_fault(json, "item", fault);
        json_begin(json, "environment_data", '{');
        json_string(json, "timestamp", fault->timestamp);
        json_integer(json, "occurrence_counter", fault->n_occurrences);
        json_begin(json, "freeze_frame", '{');
        for (size_t i = 0; i < fault->n_frame; ++i)
                json_raw(json, fault->frame[i].id, fault->frame[i].text);
        json_end(json, '}');
        json_end(json, '}');
        json_end(json, '}');
}

void iso_clear_faults(struct call *call) {
        char scope[64];

        fault_clear_all(call->component, query_scope(call, scope, sizeof(scope)) ? scope : NULL);
        call->status = 204;
}

void iso_clear_fault(struct call *call) {
        struct fault *fault = fault_find(call->component, call_resource(call));

        if (fault_clear(fault, call_resource(call), &call->problem)) {
                call_refuse(call);
                return;
        }
        call->status = 204;
}
