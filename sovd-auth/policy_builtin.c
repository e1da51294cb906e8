/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/policy_inside.h"

/* The collections of a rule are named one by one: what a new route is about is in none of them until somebody has thought
 * about it, and only admin may use it. */
#define WORDS(...)                                             \
        {                                                      \
                .items = (const char *[]){ __VA_ARGS__ },      \
                .n = SOVD_N_ELEMENTS(((const char *[]){ __VA_ARGS__ })) \
        }
#define RULE(label, ...) { .name = label, .where = "built-in", __VA_ARGS__ }
#define CHANGES WORDS("POST", "PUT", "DELETE")
#define RULES(rules) .allow = rules, .n_allow = SOVD_N_ELEMENTS(rules)

static const struct policy_rule viewer[] = {
        RULE("role viewer, allow 1", .methods = WORDS("GET"),
             .collections = WORDS("entities", "data", "faults", "operations", "modes", "configurations", "data-lists",
                                  "locks", "logs", "communication-logs", "bulk-data", "scripts", "clear-data", "status",
                                  "triggers", "cyclic-subscriptions", "updates", "health", "metrics")),
};
static const struct policy_rule tester[] = {
        RULE("role tester, allow 1", .methods = CHANGES,
             .collections = WORDS("data", "faults", "operations", "data-lists", "locks", "triggers",
                                  "cyclic-subscriptions")),
};
static const struct policy_rule developer[] = {
        RULE("role developer, allow 1", .methods = CHANGES,
             .collections = WORDS("modes", "configurations", "scripts", "bulk-data", "logs", "communication-logs",
                                  "clear-data", "status")),
};
static const struct policy_rule updater[] = {
        RULE("role updater, allow 1", .methods = WORDS("GET"),
             .collections = WORDS("entities", "data", "faults", "status", "locks", "bulk-data", "health")),
        RULE("role updater, allow 2", .collections = WORDS("updates", "locks")),
        RULE("role updater, allow 3", .methods = WORDS("POST", "DELETE"), .collections = WORDS("bulk-data")),
};
static const struct policy_rule admin[] = {
        RULE("role admin, allow 1"),
        RULE("role admin, allow 2", .collections = WORDS("x-admin", "audit", "compliance-evidence")),
        RULE("role admin, allow 3", .routes = WORDS(SOVD_ROUTE_LOCK_BREAK)),
};
static const struct policy_rule auditor[] = {
        RULE("role auditor, allow 1", .methods = WORDS("GET"), .collections = WORDS("audit", "compliance-evidence")),
};

const struct policy_grant policy_builtin[] = {
        { .name = "viewer", RULES(viewer) },
        { .name = "tester", .inherits = WORDS("viewer"), RULES(tester) },
        { .name = "developer", .inherits = WORDS("tester"), RULES(developer) },
        { .name = "updater", RULES(updater) },
        { .name = SOVD_ROLE_ADMIN, RULES(admin) },
        { .name = "auditor", RULES(auditor) },
};
const size_t policy_n_builtin = SOVD_N_ELEMENTS(policy_builtin);

const char *const sovd_policy_builtin_roles[] = { "viewer",       "tester",  "developer", "updater",
                                                  SOVD_ROLE_ADMIN, "auditor", NULL };
