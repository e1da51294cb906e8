#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JWT - clients that prove themselves by a signed token (RFC 7519, RFC 8725)
 *
 * Up to two issuers are trusted: one whose key is configured (auth.jwt), and one that is found by OpenID Connect Discovery
 * (auth.oidc). A token's signature decides which of them it is from; then its claims must say so too. Thread-safe but new and
 * free.
 */
#include "sovd-auth/sha256.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/schema.h"

struct sovd_call;
struct sovd_jwt;
struct sovd_secrets;

/* Of one issuer; which of the keys are set depends on the section. */
struct sovd_issuer_settings {
        const char *name;
        const char *issuer; /* oidc: issuer_url */
        const char *audience;
        const char *roles_claim, *tenant_claim;
        struct sovd_strings algorithms;
        struct sovd_int leeway, cached_tokens;
        const char *secret_file, *public_key_file, *jwks_url; /* jwt: one of them; the first is a notation of base/secret.h */
        const char *ca_file;
        struct sovd_int refresh, max_stale, unknown_key;
};
extern const struct sovd_schema sovd_schema_jwt_settings, sovd_schema_oidc_settings;

/* What the tables cannot say, the files that are named included; either may be NULL. NULL, or why, with *ret_pointer from the
 * section auth ("/jwt/issuer"; static text). */
const char *sovd_jwt_settings_check(const struct sovd_issuer_settings *jwt, const struct sovd_issuer_settings *oidc,
                                    bool has_vault, struct sovd_arena *arena, const char **ret_pointer);

/* No issuer is trusted until settings are applied. -ENOMEM. */
int sovd_jwt_new(struct sovd_jwt **ret);
struct sovd_jwt *sovd_jwt_free(struct sovd_jwt *jwt);
SOVD_DEFINE_CLEANUP(struct sovd_jwt *, sovd_jwt_free)

/* Where secrets are read that are not in files; not owned. What changes there holds at once. Before settings are applied.
 * -ENOSPC. */
int sovd_jwt_set_secrets(struct sovd_jwt *jwt, struct sovd_secrets *secrets);

/* Trusts these issuers from now on, and no others. Files are read again; an issuer whose settings are the same keeps its keys
 * until it has newer ones. One thread at a time. -EINVAL (a file cannot be used, which is logged), -ENOMEM, -EAGAIN: all
 * stays as it was. */
int sovd_jwt_apply(struct sovd_jwt *jwt, const struct sovd_issuer_settings *static_keys,
                   const struct sovd_issuer_settings *oidc);

/* Is any issuer trusted? */
bool sovd_jwt_is_configured(struct sovd_jwt *jwt);

/* Is the issuer still trusted whose token made a client known by this id? */
bool sovd_jwt_trusts(struct sovd_jwt *jwt, const char *id);

/* And has it still the key with this proof, as far as is known? */
bool sovd_jwt_proves(struct sovd_jwt *jwt, const char *id, uint64_t proof);

/* Grows when keys of an issuer are exchanged or withdrawn. */
uint64_t sovd_jwt_changes(const struct sovd_jwt *jwt);

/* Makes the client that the token, with the SHA-256 digest, proves the principal of the call; its certificate stays. Sets the failure:
 * SOVD_E_UNAUTHORIZED; SOVD_E_UNAVAILABLE, with Retry-After, when there are no keys to verify it with now. -ENOMEM, -EIO. */
int sovd_jwt_identify(struct sovd_jwt *jwt, struct sovd_call *call, const char *token,
                      const unsigned char digest[static SOVD_AUTH_SHA256_SIZE]);

/* The names of issuers whose tokens are 503 now, for want of keys; copied into the arena. -ENOMEM. */
int sovd_jwt_without_keys(struct sovd_jwt *jwt, struct sovd_arena *arena, struct sovd_strings *ret);

void sovd_jwt_write_metrics(struct sovd_jwt *jwt, struct sovd_json_writer *w);
