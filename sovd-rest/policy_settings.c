/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/policy_settings.h"
#include "sovd-auth/client_cert.h"
#include "sovd-rest/access.h"
#include <errno.h>

static const char *complain(const struct sovd_config_tree *tree, struct sovd_arena *arena, const char *pointer,
                            const char *why) {
        return sovd_config_complain(tree, arena, pointer, why ? why : "out of memory");
}

/* A name that grants nothing is a slip of the pen in what the same person writes. */
static const char *check_client(const struct sovd_policy *policy, const struct sovd_config_tree *tree,
                                struct sovd_arena *arena, const char *at, const struct sovd_strings *roles,
                                const struct sovd_strings *scopes, const char *tenant) {
        for (size_t i = 0; i < roles->n; i++)
                if (!sovd_policy_has_role(policy, roles->items[i]))
                        return complain(tree, arena, sovd_arena_printf(arena, "%s/roles/%zu", at, i),
                                        sovd_arena_printf(arena, "the policy has no role '%.64s'", roles->items[i]));
        for (size_t i = 0; i < scopes->n; i++)
                if (!sovd_policy_has_scope(policy, scopes->items[i]))
                        return complain(tree, arena, sovd_arena_printf(arena, "%s/scopes/%zu", at, i),
                                        sovd_arena_printf(arena, "the policy has no scope '%.64s'", scopes->items[i]));
        if (tenant && !sovd_policy_has_tenant(policy, tenant))
                return complain(tree, arena, sovd_arena_printf(arena, "%s/tenant", at),
                                sovd_arena_printf(arena, "the policy has no tenant '%.64s'", tenant));
        return NULL;
}

static const char *check_clients(const struct sovd_policy *policy, const struct sovd_auth_settings *s,
                                 const struct sovd_config_tree *tree, struct sovd_arena *arena) {
        const struct sovd_api_key_settings *keys = s->api_keys.items;
        const struct sovd_unix_user_settings *users = s->unix_users.items;
        const struct sovd_client_cert_settings *certificates = s->certificates.items;
        const char *why = NULL;

        for (size_t i = 0; !why && i < s->api_keys.n; i++)
                why = check_client(policy, tree, arena, sovd_arena_printf(arena, "/auth/api_keys/%zu", i), &keys[i].roles,
                                   &keys[i].scopes, keys[i].tenant);
        for (size_t i = 0; !why && i < s->unix_users.n; i++)
                why = check_client(policy, tree, arena, sovd_arena_printf(arena, "/auth/unix_users/%zu", i),
                                   &users[i].roles, &users[i].scopes, users[i].tenant);
        for (size_t i = 0; !why && i < s->certificates.n; i++)
                why = check_client(policy, tree, arena, sovd_arena_printf(arena, "/auth/certificates/%zu", i),
                                   &certificates[i].roles, &certificates[i].scopes, certificates[i].tenant);
        return why;
}

const char *sovd_policy_settings_read(const struct sovd_auth_settings *s, const struct sovd_config_tree *tree,
                                      struct sovd_arena *arena, struct sovd_policy **ret) {
        struct sovd_policy *policy = NULL;
        const char *message = NULL;

        *ret = NULL;
        if (s->policy_file && !s->enabled.value)
                return complain(tree, arena, "/auth/policy_file", "nothing is enforced while auth.enabled is false");
        if (!s->enabled.value)
                return NULL;
        if (sovd_policy_new(&policy, s->policy_file, sovd_access_names(), arena, &message))
                return message ? message : "out of memory";
        message = check_clients(policy, s, tree, arena);
        if (message)
                sovd_policy_unref(policy);
        else
                *ret = policy;
        return message;
}
