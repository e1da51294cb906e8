#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets of every notation (base/secret.h), those in Vault too
 *
 * What was read of Vault once is read again in the background; while Vault is away, or answers with nothing usable, the
 * secret of before stays. Whoever uses one hears that it changed and asks again. Thread-safe.
 */
#include "sovd-auth/vault.h"
#include "sovd-core/base/json_writer.h"

struct sovd_secrets;

#define SOVD_SECRETS_MAX          256 /* of Vault */
#define SOVD_SECRETS_WATCHERS_MAX 8

/* vault: copied; NULL: there is none. -ENOMEM, -errno. */
int sovd_secrets_new(struct sovd_secrets **ret, const struct sovd_vault_settings *vault);
/* Watchers are not called any more when it returns. */
struct sovd_secrets *sovd_secrets_free(struct sovd_secrets *secrets);
SOVD_DEFINE_CLEANUP(struct sovd_secrets *, sovd_secrets_free)

/* NULL: the notation is one that can be read here; else what is wrong with it. */
const char *sovd_secrets_check(const char *notation, bool has_vault);

/* The secret; of Vault what is known of it, else it is asked now, for at most vault.timeout_secs. 0, or -errno with *ret_why
 * in the arena or static. */
int sovd_secrets_read(struct sovd_secrets *secrets, const char *notation, struct sovd_secret **ret,
                      struct sovd_arena *arena, const char **ret_why);

/* f is called on a thread of its own when a secret of Vault changed. -ENOSPC. Before the first request. */
typedef void (*sovd_secrets_watcher)(void *data);
int sovd_secrets_watch(struct sovd_secrets *secrets, sovd_secrets_watcher f, void *data);

/* Asks Vault again soon. */
void sovd_secrets_refresh(struct sovd_secrets *secrets);

/* Writes the metrics. */
void sovd_secrets_write_metrics(struct sovd_secrets *secrets, struct sovd_json_writer *w);
