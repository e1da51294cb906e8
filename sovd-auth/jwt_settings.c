/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/key_fetch.h"
#include "sovd-auth/jwt_claims.h"
#include "sovd-auth/jwt_keys.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define F(member) offsetof(struct sovd_issuer_settings, member)
#define COMMON(default_name, key_doc)                                                                          \
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .def = default_name, .min = 1, .max = 32,      \
          .doc = "Short name of the issuer; its clients are jwt:NAME:SUBJECT. Another name makes other clients of them." }, \
        { .name = "audience", .type = SOVD_FIELD_STRING, .offset = F(audience), .flags = SOVD_REQUIRED, .min = 1, .max = 256, \
          .doc = "This gateway, as tokens name it in aud." },                                                      \
        { .name = "algorithms", .type = SOVD_FIELD_STRINGS, .offset = F(algorithms), .min = 1, .max = 12,                \
          .doc = "Algorithms of signatures that are accepted: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, " \
                 "ES256, ES384, EdDSA. Without it, all that " key_doc " can serve; a key never serves those of another kind." }, \
        { .name = "roles_claim", .type = SOVD_FIELD_STRING, .offset = F(roles_claim), .def = "roles", .min = 1, .max = 256, \
          .doc = "Claim with the client's roles, a text or a list; a JSON pointer when it begins with '/', such as " \
                 "/realm_access/roles." },                                                                             \
        { .name = "tenant_claim", .type = SOVD_FIELD_STRING, .offset = F(tenant_claim), .def = "tenant_id", .max = 256, .min = 0, \
          .doc = "Claim with the client's tenant, named in the same way; empty: none." },                           \
        { .name = "leeway_secs", .type = SOVD_FIELD_INT, .offset = F(leeway), .def = "30", .min = 0, .max = 60,        \
          .doc = "How much the issuer's clock and ours may differ, in seconds." },                                 \
        { .name = "cached_tokens", .type = SOVD_FIELD_INT, .offset = F(cached_tokens), .def = "1024", .min = 0, .max = 65536, \
          .doc = "Verified tokens that are remembered, each for a minute at most." },                              \
        { .name = "ca_file", .type = SOVD_FIELD_STRING, .offset = F(ca_file), .min = 1, .max = 4096,                   \
          .doc = "Authorities that the server with the keys is trusted by; without it, the system's." },           \
        { .name = "refresh_secs", .type = SOVD_FIELD_INT, .offset = F(refresh), .def = "300", .min = 1, .max = 86400,  \
          .doc = "How often keys are fetched, in seconds." },                                                      \
        { .name = "max_stale_secs", .type = SOVD_FIELD_INT, .offset = F(max_stale), .def = "86400", .min = 1, .max = 2592000, \
          .doc = "How long the last keys hold while none can be fetched, in seconds; then tokens are answered 503." }, \
        { .name = "unknown_key_secs", .type = SOVD_FIELD_INT, .offset = F(unknown_key), .def = "10", .min = 1, .max = 3600, \
          .doc = "Keys are fetched at most this often because a token names one that is not known, in seconds." }

static const struct sovd_field jwt_fields[] = {
        COMMON("local", "the key"),
        { .name = "issuer", .type = SOVD_FIELD_STRING, .offset = F(issuer), .flags = SOVD_REQUIRED, .min = 1, .max = 2048,
          .doc = "Who makes the tokens, as they say in iss." },
        { .name = "secret_file", .type = SOVD_FIELD_STRING, .offset = F(secret_file), .min = 1, .max = 4096,
          .doc = "Where the secret of HS256, HS384 and HS512 is, at least 32, 48 and 64 bytes. " SOVD_SECRET_NOTATION },
        { .name = "public_key_file", .type = SOVD_FIELD_STRING, .offset = F(public_key_file), .min = 1, .max = 4096,
          .doc = "File with the issuer's public key in PEM: RSA from 2048 bits, EC P-256 or P-384, Ed25519. "
                 "Nobody but its owner may write it." },
        { .name = "jwks_url", .type = SOVD_FIELD_STRING, .offset = F(jwks_url), .min = 1, .max = 2048, .format = "uri",
          .doc = "Address of the issuer's JWK set; https, or http on this machine. One of the three is required." },
        { 0 }
};
static const struct sovd_field oidc_fields[] = {
        COMMON("oidc", "the issuer's keys"),
        { .name = "issuer_url", .type = SOVD_FIELD_STRING, .offset = F(issuer), .flags = SOVD_REQUIRED, .min = 1, .max = 2048,
          .format = "uri",
          .doc = "The issuer, exactly as its discovery document and its tokens name it; https, or http on this machine." },
        { 0 }
};
#undef F

const struct sovd_schema sovd_schema_jwt_settings = { .name = "jwt", .size = sizeof(struct sovd_issuer_settings),
                                                      .fields = jwt_fields,
                                                      .doc = "Clients with tokens of an issuer whose key is known." };
const struct sovd_schema sovd_schema_oidc_settings = { .name = "oidc", .size = sizeof(struct sovd_issuer_settings),
                                                       .fields = oidc_fields,
                                                       .doc = "Clients with tokens of an OpenID provider." };

bool sovd_issuer_algorithms(const struct sovd_issuer_settings *s, unsigned *ret) {
        unsigned bits = 0;

        for (size_t i = 0; i < s->algorithms.n; i++) {
                enum sovd_jwa a = sovd_jwa_of(s->algorithms.items[i]);
                if (!a)
                        return false;
                bits |= SOVD_JWA_BIT(a);
        }
        *ret = bits;
        return true;
}

bool sovd_issuer_is_remote(const struct sovd_issuer_settings *s) {
        return !s->secret_file && !s->public_key_file;
}

/* --- checks ---------------------------------------------------------------------------------------------- */

struct complaint {
        const char *jwt, *oidc; /* where it is, by the section */
        const char *why;
};
#define AT(member) "/jwt/" member, "/oidc/" member

static bool is_name(const char *s) {
        return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")] == '\0';
}

static struct complaint check_algorithms(const struct sovd_issuer_settings *s) {
        unsigned algorithms;

        if (!sovd_issuer_algorithms(s, &algorithms))
                return (struct complaint){ AT("algorithms"), "names one that is not accepted here" };
        if (!s->secret_file && (algorithms & sovd_jwa_of_kind(SOVD_KEY_SECRET)))
                return (struct complaint){ AT("algorithms"), "HS256, HS384 and HS512 go with secret_file only" };
        if (s->secret_file && (algorithms & ~sovd_jwa_of_kind(SOVD_KEY_SECRET)))
                return (struct complaint){ AT("algorithms"), "only HS256, HS384 and HS512 go with secret_file" };
        return (struct complaint){ 0 };
}

/* Is there a certificate in it? A path that leads nowhere would show only when keys cannot be fetched. */
static bool is_ca_file(const char *file) {
        BIO *bio = BIO_new_file(file, "r");
        X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        bool good = certificate;

        X509_free(certificate);
        BIO_free(bio);
        ERR_clear_error();
        return good;
}

static struct complaint check_remote(const struct sovd_issuer_settings *s, bool is_oidc) {
        const char *why = sovd_key_url_check(is_oidc ? s->issuer : s->jwks_url);

        if (!why && is_oidc && strchr(s->issuer, '?'))
                why = "may have no query";
        if (why)
                return (struct complaint){ "/jwt/jwks_url", "/oidc/issuer_url", why };
        if (s->ca_file && !is_ca_file(s->ca_file))
                return (struct complaint){ AT("ca_file"), "cannot be read, or has no certificate in PEM" };
        if (s->max_stale.value < s->refresh.value)
                return (struct complaint){ AT("max_stale_secs"), "must be at least refresh_secs" };
        return (struct complaint){ 0 };
}

/* A secret in Vault is read when it is needed. */
static struct complaint check_file(const struct sovd_issuer_settings *s, bool has_vault, struct sovd_arena *arena) {
        _cleanup_(sovd_jwks_unrefp) struct sovd_jwks *set = NULL;
        const char *why = s->secret_file ? sovd_secrets_check(s->secret_file, has_vault) : NULL;
        bool is_elsewhere = s->secret_file && sovd_has_prefix(s->secret_file, SOVD_SECRET_VAULT);
        int r = why ? -EINVAL : is_elsewhere ? 0 : sovd_issuer_read_keys(&set, s, NULL, arena, &why);

        if (!r)
                return (struct complaint){ 0 };
        return (struct complaint){ s->secret_file ? "/jwt/secret_file" : "/jwt/public_key_file", NULL,
                                   why ? why : strerror(r < 0 ? -r : EINVAL) };
}

static struct complaint check(const struct sovd_issuer_settings *s, bool is_oidc, bool has_vault, struct sovd_arena *arena) {
        static const char pointer[] = "is no JSON pointer: a / and a name for each step, with ~0 for ~ and ~1 for /";
        const int n_sources = !!s->secret_file + !!s->public_key_file + !!s->jwks_url;

        if (!is_name(s->name))
                return (struct complaint){ AT("name"), "may have letters, digits and -._ only" };
        if (!sovd_claim_is_valid(s->roles_claim))
                return (struct complaint){ AT("roles_claim"), pointer };
        if (!sovd_claim_is_valid(s->tenant_claim)) /* it would find no tenant, and that is no bound */
                return (struct complaint){ AT("tenant_claim"), pointer };
        if (!is_oidc && n_sources != 1)
                return (struct complaint){ "/jwt", NULL, "needs one of secret_file, public_key_file and jwks_url" };
        struct complaint c = check_algorithms(s);
        if (c.why)
                return c;
        return sovd_issuer_is_remote(s) ? check_remote(s, is_oidc) : check_file(s, has_vault, arena);
}

const char *sovd_jwt_settings_check(const struct sovd_issuer_settings *jwt, const struct sovd_issuer_settings *oidc,
                                    bool has_vault, struct sovd_arena *arena, const char **ret_pointer) {
        struct complaint c = jwt ? check(jwt, false, has_vault, arena) : (struct complaint){ 0 };

        *ret_pointer = c.jwt;
        if (c.why || !oidc)
                return c.why;
        c = check(oidc, true, has_vault, arena);
        *ret_pointer = c.oidc;
        if (!c.why && jwt && strcmp(jwt->name, oidc->name) == 0)
                *ret_pointer = "/oidc/name", c.why = "auth.jwt has the same name";
        return c.why;
}
