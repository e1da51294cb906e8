#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Client certificates - who a client is by the certificate that it showed
 *
 * The configuration lists rules; the first one that matches says who it is. TLS has verified the certificate before. The rules do
 * not change once they were made.
 */
#include "sovd-core/base/schema.h"

struct sovd_call;
struct sovd_client_certs;
struct sovd_peer_certificate;
struct sovd_principal;

#define SOVD_CLIENT_CERTS_MAX 1024

struct sovd_client_cert_settings {
        const char *name;                   /* of the client */
        const char *subject, *san, *sha256; /* one of them; the others NULL */
        struct sovd_strings roles, scopes;
        const char *tenant;                 /* or NULL */
};
extern const struct sovd_schema sovd_schema_client_cert; /* of one rule */

/* What the table cannot say: NULL, or why an item is not acceptable, with its index and member. rules: a list of struct
 * sovd_client_cert_settings. */
const char *sovd_client_cert_settings_check(const struct sovd_list *rules, size_t *ret_index, const char **ret_member);

/* Rules that passed the check; they are copied. -ENOMEM. */
int sovd_client_certs_new(struct sovd_client_certs **ret, const struct sovd_list *rules);
struct sovd_client_certs *sovd_client_certs_free(struct sovd_client_certs *certs);
SOVD_DEFINE_CLEANUP(struct sovd_client_certs *, sovd_client_certs_free)

/* Makes the client that the certificate proves the principal of the call. *ret_known: a rule matched; else the principal
 * stays as it is. -ENOMEM. */
int sovd_client_certs_identify(const struct sovd_client_certs *certs, struct sovd_call *call,
                               const struct sovd_peer_certificate *peer, bool *ret_known);

/* What the rules say now of a client that one of them made known before: its roles, scopes and tenant, in the arena. The rule
 * must match what of the certificate made it known, whatever others have its name; of what a restart has left the name counts.
 * SOVD_E_UNAUTHORIZED: there is none; -ENOMEM. */
int sovd_client_certs_refresh(const struct sovd_client_certs *certs, struct sovd_principal *principal, struct sovd_arena *arena);
