/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Control - the paths below /x-demo/, by which a test changes the vehicle and reads statistics
 *
 * They stand outside the API and look the same in both dialects; failures are worded as the dialect does it.
 */
#include <stdio.h>
#include "demo-ecu/action.h"
#include "demo-ecu/inject.h"
#include "demo-ecu/router.h"
#include "demo-ecu/stats.h"

static void get_inject(struct call *call) {
        inject_write(call->server->inject, &call->out);
}

static void put_inject(struct call *call) {
        const cJSON *rule = cJSON_GetObjectItemCaseSensitive(call->json, "rule"), *entry;
        char error[200];

        if (!cJSON_IsString(rule) && !cJSON_IsArray(rule)) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'rule' must be a string or a list of strings");
                return;
        }
        if (cJSON_IsString(rule) &&
            inject_add(call->server->inject, rule->valuestring, error, sizeof(error))) {
                call_fail(call, PROBLEM_BAD_REQUEST, "%s", error);
                return;
        }
        cJSON_ArrayForEach (entry, rule) {
                const char *text = cJSON_IsString(entry) ? entry->valuestring : "";

                if (inject_add(call->server->inject, text, error, sizeof(error))) {
                        call_fail(call, PROBLEM_BAD_REQUEST, "%s", error);
                        return;
                }
        }
        call->status = 204;
}

static void delete_inject(struct call *call) {
        inject_reset(call->server->inject);
        call->status = 204;
}

static void get_stats(struct call *call) {
        stats_write(call->server->stats, &call->out);
}

static void delete_stats(struct call *call) {
        stats_reset(call->server->stats);
        call->status = 204;
}

static const char *member_string(const struct call *call, const char *key) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(call->json, key);

        return cJSON_IsString(member) ? member->valuestring : NULL;
}

static int data_action(const struct call *call, struct action *action, struct problem *problem) {
        const cJSON *hold = cJSON_GetObjectItemCaseSensitive(call->json, "hold");
        const char *string = member_string(call, "value"), *text;
        size_t n_text = 0;

        text = string ? string : json_member_text(call->body, "value", &n_text);
        if (!text && !hold)
                return problem_set(problem, PROBLEM_BAD_REQUEST,
                                   "'data' comes with 'value', with 'hold', or both");

        copy_text(action->verb, sizeof(action->verb),
                  !text                ? "release"
                  : cJSON_IsTrue(hold) ? "hold"
                                       : "set");
        if (text)
                snprintf(action->value, sizeof(action->value), "%.*s", string ? 63 : (int)n_text, text);
        return 0;
}

static int flag_action(const struct call *call, struct action *action, const char *key, const char *yes,
                       const char *no, struct problem *problem) {
        const cJSON *flag = cJSON_GetObjectItemCaseSensitive(call->json, key);

        if (!cJSON_IsBool(flag))
                return problem_set(problem, PROBLEM_BAD_REQUEST, "'%s' must be true or false", key);

        copy_text(action->verb, sizeof(action->verb), cJSON_IsTrue(flag) ? yes : no);
        return 0;
}

static int action_read(const struct call *call, struct action *action, struct problem *problem) {
        const char *data = member_string(call, "data"), *fault = member_string(call, "fault");
        const char *component = member_string(call, "component"),
                   *outcome = member_string(call, "next_self_test");

        if (outcome) {
                copy_text(action->verb, sizeof(action->verb), "self-test");
                copy_text(action->value, sizeof(action->value), outcome);
                return 0;
        }
        if (!component)
                return problem_set(problem, PROBLEM_BAD_REQUEST, "'component' must be a string");

        copy_text(action->component, sizeof(action->component), component);
        copy_text(action->id, sizeof(action->id), data ? data : fault ? fault : "");
        if (data)
                return data_action(call, action, problem);
        if (fault)
                return flag_action(call, action, "active", "raise", "heal", problem);
        return flag_action(call, action, "present", "appear", "vanish", problem);
}

static void put_vehicle(struct call *call) {
        struct action action = { 0 };

        if (action_read(call, &action, &call->problem) ||
            action_apply(call->server->vehicle, &action, &call->problem))
                call_refuse(call);
        else
                call->status = 204;
}

const struct route control_routes[] = {
        { "GET", "/x-demo/inject", get_inject },
        { "PUT", "/x-demo/inject", put_inject, ROUTE_BODY },
        { "DELETE", "/x-demo/inject", delete_inject },
        { "GET", "/x-demo/stats", get_stats },
        { "DELETE", "/x-demo/stats", delete_stats },
        { "PUT", "/x-demo/vehicle", put_vehicle, ROUTE_BODY },
        { 0 },
};
