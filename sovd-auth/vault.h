#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vault - reads secrets of HashiCorp Vault's key-value store, version 2, and keeps its own token alive
 *
 * Blocking calls of any thread. What Vault answers is not believed further than it has to be: bounded, strict JSON,
 * text only. Neither a token nor a secret is in a message.
 */
#include "sovd-core/base/schema.h"
#include "sovd-core/base/secret.h"

struct sovd_vault_settings {
        const char *address; /* https://vault:8200; http to this machine only */
        const char *token;   /* where the token is: the notation of secrets, not in Vault */
        const char *mount, *ns, *ca_file; /* ns, ca_file: or NULL */
        struct sovd_number refresh, timeout; /* seconds */
};
extern const struct sovd_schema sovd_schema_vault_settings;

/* What the table cannot say: NULL, or why, with the member that is meant. */
const char *sovd_vault_settings_check(const struct sovd_vault_settings *settings, const char **ret_member);

struct sovd_vault;

/* Settings that passed the check; copied. -ENOMEM. */
int sovd_vault_new(struct sovd_vault **ret, const struct sovd_vault_settings *settings);
struct sovd_vault *sovd_vault_free(struct sovd_vault *vault);
SOVD_DEFINE_CLEANUP(struct sovd_vault *, sovd_vault_free)

/* For good: a call under way ends at once. Any thread. */
void sovd_vault_stop(struct sovd_vault *vault);

/* The secret at PATH#FIELD. 0, or -errno with *ret_why in the arena or static. */
int sovd_vault_read(struct sovd_vault *vault, const char *place, struct sovd_secret **ret, struct sovd_arena *arena,
                    const char **ret_why);

/* Makes the token live longer. *ret_secs: for how long it lives now; 0: it does not end. The same return values; -EPERM: this
 * token cannot be renewed, or is not good any more. */
int sovd_vault_renew(struct sovd_vault *vault, uint64_t *ret_secs, struct sovd_arena *arena, const char **ret_why);
