/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a policy file
 *
 * Beside the sanitizers' findings: a refused file has a message; of an accepted one, nobody without a role may anything, what
 * is hidden is not allowed, and who is not narrowed sees every entity.
 */
#include "sovd-auth/policy.h"
#include "sovd-core/base/error.h"
#include "sovd-core/call.h"

static const char *const collections[] = { "entities", "data", "faults", "locks", "updates", "x-admin", NULL };
static const char *const routes[] = { "data-read", "data-write", "lock-break", NULL };
static const char *const types[] = { "components", "apps" }, *const ids[] = { "bms", "cell-1", "nav" };
static const char *const roles[] = { "viewer", "tester", "admin", "a", "b", "anonymous" };

static void check(bool holds) {
        if (!holds)
                abort();
}

static void ask(const struct sovd_policy *policy, const struct sovd_principal *who, const char *type, const char *id) {
        const bool shown = sovd_policy_shows(policy, who, type, id);

        check(shown || sovd_policy_narrows(policy, who));
        for (const char *const *collection = collections; *collection; collection++) {
                const struct sovd_access access = { .method = "GET",
                                                    .route = "data-read",
                                                    .collection = *collection,
                                                    .entity_type = type,
                                                    .entity_id = id,
                                                    .resource = &ids[1],
                                                    .n_resource = 1 };
                const struct sovd_decision d = sovd_policy_decide(policy, who, &access);
                check(d.why && (!d.rule || d.where));
                check(shown || d.verdict == SOVD_HIDDEN);
                check(d.verdict != SOVD_ALLOWED || who->roles.n || who->anonymous);
        }
}

static void ask_all(const struct sovd_policy *policy, const struct sovd_principal *who) {
        for (size_t t = 0; t < SOVD_N_ELEMENTS(types); t++)
                for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++)
                        ask(policy, who, types[t], ids[i]);
        (void)sovd_policy_picks(policy, who);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct sovd_policy_names names = { collections, routes };
        struct sovd_arena *arena = NULL;
        struct sovd_policy *policy = NULL;
        const char *message = NULL;

        if (sovd_arena_new(&arena, 1024))
                return 0;
        int r = sovd_policy_parse(&policy, "p", (const char *)data, size, &names, arena, &message);
        check(r ? message && !policy : !message && policy);
        for (size_t i = 0; !r && i <= SOVD_N_ELEMENTS(roles); i++) {
                struct sovd_principal who = { .id = "x" };
                if (i < SOVD_N_ELEMENTS(roles))
                        who.roles = (struct sovd_strings){ .items = (const char **)(uintptr_t)&roles[i], .n = 1, .set = true };
                ask_all(policy, &who);
                who.tenant = "a";
                ask_all(policy, &who);
                who.scopes = (struct sovd_strings){ .items = (const char **)(uintptr_t)&roles[3], .n = 2, .set = true };
                ask_all(policy, &who);
                who.anonymous = true;
                ask_all(policy, &who);
        }
        sovd_policy_unref(policy);
        sovd_arena_free(arena);
        return 0;
}
