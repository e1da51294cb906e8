/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/auth.h"
#include "sovd-auth/browser_session.h"
#include "sovd-auth/client_cert.h"
#include "sovd-auth/jwt.h"
#include "sovd-auth/known.h"
#include "sovd-auth/mint.h"
#include "sovd-auth/proximity.h"
#include "sovd-auth/secrets.h"
#include "sovd-auth/sessions.h"
#include "sovd-core/base/timestamp.h"
#include <strings.h>

#define ENTRIES_MAX 256
#define WORDS_MAX   32

#define F(member) offsetof(struct sovd_api_key_settings, member)
static const struct sovd_field key_fields[] = {
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED, .min = 1, .max = 64,
          .doc = "Of the client; locks and limits go by it." },
        { .name = "key_sha256", .type = SOVD_FIELD_STRING, .offset = F(key_sha256), .flags = SOVD_SECRET, .min = 64, .max = 64,
          .doc = "SHA-256 of the key, 64 hex digits; `--make-key NAME` makes both." },
        { .name = "key_from", .type = SOVD_FIELD_STRING, .offset = F(key_from), .min = 1, .max = 4095,
          .doc = "Instead: where the key is, of at least 16 characters. " SOVD_SECRET_NOTATION },
        { .name = "roles", .type = SOVD_FIELD_STRINGS, .offset = F(roles), .min = 0, .max = WORDS_MAX,
          .doc = "What the client is." },
        { .name = "scopes", .type = SOVD_FIELD_STRINGS, .offset = F(scopes), .min = 0, .max = WORDS_MAX,
          .doc = "If given: the key is good for these only." },
        { .name = "tenant", .type = SOVD_FIELD_STRING, .offset = F(tenant), .min = 1, .max = 64,
          .doc = "Whose entities the client may see." },
        { .name = "expires", .type = SOVD_FIELD_STRING, .offset = F(expires), .min = 20, .max = 40,
          .format = "date-time", .doc = "From when on the key is refused (RFC 3339, with its offset)." },
        { 0 }
};
#undef F
static const struct sovd_schema key_schema = { .name = "api_key", .size = sizeof(struct sovd_api_key_settings),
                                               .fields = key_fields };

#define F(member) offsetof(struct sovd_unix_user_settings, member)
static const struct sovd_field user_fields[] = {
        { .name = "user", .type = SOVD_FIELD_STRING, .offset = F(user), .min = 1, .max = 64,
          .doc = "Name of the user on this machine; this or `uid`." },
        { .name = "uid", .type = SOVD_FIELD_INT, .offset = F(uid), .min = 0, .max = UINT32_MAX - 1,
          .doc = "Number of the user." },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED, .min = 1, .max = 64,
          .doc = "Of the client; locks and limits go by it." },
        { .name = "roles", .type = SOVD_FIELD_STRINGS, .offset = F(roles), .min = 0, .max = WORDS_MAX,
          .doc = "What the client is." },
        { .name = "scopes", .type = SOVD_FIELD_STRINGS, .offset = F(scopes), .min = 0, .max = WORDS_MAX,
          .doc = "If given: the client may do only what these say." },
        { .name = "tenant", .type = SOVD_FIELD_STRING, .offset = F(tenant), .min = 1, .max = 64,
          .doc = "Whose entities the client may see." },
        { 0 }
};
#undef F
static const struct sovd_schema user_schema = { .name = "unix_user", .size = sizeof(struct sovd_unix_user_settings),
                                                .fields = user_fields };

#define F(member) offsetof(struct sovd_auth_settings, member)
static const struct sovd_field auth_fields[] = {
        { .name = "enabled", .type = SOVD_FIELD_BOOL, .offset = F(enabled), .def = "false",
          .doc = "Whether a client without good credentials gets 401 for everything that is not public." },
        { .name = "public_metrics", .type = SOVD_FIELD_BOOL, .offset = F(public_metrics), .def = "false",
          .doc = "Whether /metrics needs no credentials either." },
        { .name = "public_docs", .type = SOVD_FIELD_BOOL, .offset = F(public_docs), .def = "false",
          .doc = "The same for descriptions (/docs), which name every entity and resource (ISO 17978-3 5.4.4 lets anybody "
                 "read them)." },
        { .name = "api_keys", .type = SOVD_FIELD_LIST, .offset = F(api_keys), .of = &key_schema, .min = 0,
          .max = ENTRIES_MAX, .doc = "Clients that are known by a key." },
        { .name = "unix_users", .type = SOVD_FIELD_LIST, .offset = F(unix_users), .of = &user_schema, .min = 0,
          .max = ENTRIES_MAX, .doc = "Clients on the Unix socket that are known by their user." },
        { .name = "policy_file", .type = SOVD_FIELD_STRING, .offset = F(policy_file), .min = 1, .max = 4096,
          .doc = "Roles, scopes and tenants (docs/authorisation.md); without it, the built-in roles. Read again with SIGHUP." },
        { .name = "vault", .type = SOVD_FIELD_OBJECT, .offset = F(vault), .of = &sovd_schema_vault_settings,
          .doc = "HashiCorp Vault, for secrets that are written vault:PATH#FIELD." },
        { .name = "certificates", .type = SOVD_FIELD_LIST, .offset = F(certificates), .of = &sovd_schema_client_cert, .min = 0,
          .max = SOVD_CLIENT_CERTS_MAX,
          .doc = "Clients that are known by a certificate; the first rule that matches counts. Needs `server.tls.client_ca`." },
        { .name = "jwt", .type = SOVD_FIELD_OBJECT, .offset = F(jwt), .of = &sovd_schema_jwt_settings,
          .doc = "Clients with signed tokens of an issuer whose key is known here." },
        { .name = "oidc", .type = SOVD_FIELD_OBJECT, .offset = F(oidc), .of = &sovd_schema_oidc_settings,
          .doc = "Clients with signed tokens of an OpenID provider." },
        { .name = "mint", .type = SOVD_FIELD_OBJECT, .offset = F(mint), .of = &sovd_schema_mint_settings,
          .doc = "Access tokens of the gateway's own, for clients that show a key at /token; without it there are none." },
        { .name = "proximity", .type = SOVD_FIELD_LIST, .offset = F(proximity), .of = &sovd_schema_proximity_rule, .min = 0,
          .max = SOVD_PROXIMITY_RULES_MAX,
          .doc = "What only somebody at the vehicle may start; the first rule that matches counts." },
        { .name = "proximity_challenges", .type = SOVD_FIELD_INT, .offset = F(proximity_challenges), .min = 1, .max = 65536,
          .def = "1024", .doc = "Challenges of proximity that may be open. One client may have 16." },
        { .name = "browser_sessions", .type = SOVD_FIELD_OBJECT, .offset = F(browser_sessions),
          .of = &sovd_schema_browser_session_settings,
          .doc = "Cookies in place of credentials, for web pages of the gateway's own origin." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_auth_settings = {
        .name = "auth", .size = sizeof(struct sovd_auth_settings), .fields = auth_fields,
        .doc = "Who asks. A client without credentials is known by its address only.",
};

static const char *tester[] = { "tester" }, *admin[] = { "admin" };
static struct sovd_api_key_settings demo_keys[] = {
        { .name = "demo-tester-a", .roles = { .items = tester, .n = 1, .set = true },
          .key_sha256 = "6f7aaa175780108afa107cf7e3916fe1863f09afa1929d51c8ae46af4b3793bb" },
        { .name = "demo-tester-b", .roles = { .items = tester, .n = 1, .set = true },
          .key_sha256 = "59771607bd9ab6a384242387ab1059f792a04d137f3170ad7a0fa29a2b8d3589" },
        { .name = "demo-admin", .roles = { .items = admin, .n = 1, .set = true },
          .key_sha256 = "a5d5a3991b702b1d426556db01c336d2f9c4a69f9f079a029f8e2f4ad9bf9f93" },
};
const struct sovd_auth_settings sovd_auth_demo_settings = {
        .api_keys = { .items = demo_keys, .n = SOVD_N_ELEMENTS(demo_keys), .set = true },
};

/* --- what the table cannot say ------------------------------------------------------------------------------- */

struct place {
        const char *list; /* "api_keys" */
        size_t index;
        const char *member; /* NULL: the element */
};

static bool is_word(const char *s) {
        return *s && strlen(s) <= 64 && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@:")] == '\0';
}

bool sovd_auth_is_name(const char *name) {
        return is_word(name);
}

static const char *check_words(const char *name, const struct sovd_strings *roles, const struct sovd_strings *scopes,
                               const char *tenant, const char **ret_member) {
        const struct {
                const char *member;
                const struct sovd_strings words;
        } all[] = {
                { "name", { .items = &name, .n = 1 } },
                { "roles", *roles },
                { "scopes", *scopes },
                { "tenant", { .items = &tenant, .n = tenant ? 1 : 0 } },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(all); i++)
                for (size_t k = 0; k < all[i].words.n; k++)
                        if (!is_word(all[i].words.items[k])) {
                                *ret_member = all[i].member;
                                return "may have at most 64 letters, digits and -._@: only";
                        }
        return NULL;
}

/* Files and the like are looked at here, so that the message tells the line. */
static const char *check_source(const char *notation, bool has_vault, struct sovd_arena *arena) {
        struct sovd_secret *secret = NULL;
        const char *why = sovd_secrets_check(notation, has_vault);

        if (why || sovd_has_prefix(notation, SOVD_SECRET_VAULT))
                return why;
        if (sovd_secret_read(&secret, notation, arena, &why))
                return why;
        why = sovd_known_key_check(secret);
        sovd_secret_unref(secret);
        return why;
}

static const char *check_mint(const struct sovd_auth_settings *s, struct sovd_arena *arena) {
        struct sovd_secret *secret = NULL;
        struct sovd_mint *mint = NULL;
        const char *why = sovd_secrets_check(s->mint->key, s->vault);

        if (why || sovd_has_prefix(s->mint->key, SOVD_SECRET_VAULT) || sovd_secret_read(&secret, s->mint->key, arena, &why))
                return why;
        if (!sovd_mint_new(&mint, secret, &why))
                why = NULL;
        sovd_mint_free(mint);
        sovd_secret_unref(secret);
        return why;
}

static const char *check_proof(const struct sovd_auth_settings *s, size_t i, struct sovd_arena *arena, const char **ret_member) {
        const struct sovd_api_key_settings *all = s->api_keys.items, *key = &all[i];

        *ret_member = NULL;
        if (!key->key_sha256 == !key->key_from)
                return "needs either key_sha256 or key_from";
        *ret_member = key->key_from ? "key_from" : "key_sha256";
        if (key->key_from)
                return check_source(key->key_from, s->vault, arena);
        if (strspn(key->key_sha256, "0123456789abcdefABCDEF") != 64)
                return "must be 64 hex digits";
        for (size_t k = 0; k < i; k++)
                if (all[k].key_sha256 && strcasecmp(key->key_sha256, all[k].key_sha256) == 0)
                        return "another client has the same key";
        return NULL;
}

static const char *check_key(const struct sovd_auth_settings *s, size_t i, struct sovd_arena *arena, const char **ret_member) {
        const struct sovd_api_key_settings *all = s->api_keys.items;
        const struct sovd_api_key_settings *key = &all[i];
        uint64_t expires;
        const char *why = check_words(key->name, &key->roles, &key->scopes, key->tenant, ret_member);

        for (size_t k = 0; !why && k < i; k++)
                if (strcmp(key->name, all[k].name) == 0)
                        *ret_member = "name", why = "another key has this name";
        if (!why)
                why = check_proof(s, i, arena, ret_member);
        if (!why && key->expires && !sovd_timestamp_parse(key->expires, &expires))
                *ret_member = "expires", why = "is no date-time such as 2027-01-31T00:00:00Z";
        return why;
}

static const char *check_user(const struct sovd_unix_user_settings *all, size_t i, const char **ret_member) {
        const struct sovd_unix_user_settings *user = &all[i];
        const char *why = check_words(user->name, &user->roles, &user->scopes, user->tenant, ret_member);

        int64_t uid;

        if (!why && !user->user == !user->uid.set)
                *ret_member = NULL, why = "needs either user or uid";
        if (!why && sovd_known_uid(&uid, user))
                *ret_member = "user", why = "this machine has no user of this name";
        for (size_t k = 0; !why && k < i; k++) {
                if (strcmp(user->name, all[k].name) == 0)
                        *ret_member = "name", why = "another user has this name";
                else if (sovd_streq(user->user, all[k].user))
                        *ret_member = "user", why = "this user has another name already";
                else if (user->uid.set && all[k].uid.set && user->uid.value == all[k].uid.value)
                        *ret_member = "uid", why = "this user has another name already";
        }
        return why;
}

/* Authentication that nobody can pass is a mistake. */
static bool somebody_is_known(const struct sovd_auth_settings *s) {
        return s->api_keys.n > 0 || s->unix_users.n > 0 || s->certificates.n > 0 || s->jwt || s->oidc;
}

static const char *check_all(const struct sovd_auth_settings *s, struct sovd_arena *arena, struct place *place) {
        const char *why = NULL;

        place->list = "api_keys";
        for (size_t i = 0; !why && i < s->api_keys.n; i++)
                place->index = i, why = check_key(s, i, arena, &place->member);
        if (why)
                return why;
        place->list = "unix_users";
        for (size_t i = 0; !why && i < s->unix_users.n; i++)
                place->index = i, why = check_user(s->unix_users.items, i, &place->member);
        if (why)
                return why;
        place->list = "certificates";
        return sovd_client_cert_settings_check(&s->certificates, &place->index, &place->member);
}

static const char own_issuer[] = "is auth.mint.issuer: the gateway looks its own tokens up, and trusts them by nothing else, so that they can be revoked";

static bool is_issuer(const struct sovd_issuer_settings *settings, const char *issuer) {
        return settings && strcmp(settings->issuer, issuer) == 0;
}

const char *sovd_auth_settings_check(const struct sovd_auth_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer) {
        struct place place = { 0 };
        const char *why = settings->vault ? sovd_vault_settings_check(settings->vault, &place.member) : NULL;

        if (why) {
                *ret_pointer = sovd_arena_printf(arena, "/vault/%s", place.member);
                return why;
        }
        why = sovd_jwt_settings_check(settings->jwt, settings->oidc, settings->vault, arena, ret_pointer);
        if (!why && settings->mint && is_issuer(settings->jwt, settings->mint->issuer))
                *ret_pointer = "/jwt/issuer", why = own_issuer;
        if (!why && settings->mint && is_issuer(settings->oidc, settings->mint->issuer))
                *ret_pointer = "/oidc/issuer_url", why = own_issuer;
        if (why)
                return why;
        why = settings->mint ? check_mint(settings, arena) : NULL;
        if (why) {
                *ret_pointer = "/mint/key";
                return why;
        }
        why = sovd_proximity_settings_check(&settings->proximity, settings->vault, arena, ret_pointer);
        if (why) {
                *ret_pointer = sovd_arena_printf(arena, "/proximity%s", *ret_pointer ? *ret_pointer : "");
                return why;
        }
        why = check_all(settings, arena, &place);
        if (why)
                *ret_pointer = sovd_arena_printf(arena, "/%s/%zu%s%s", place.list, place.index, place.member ? "/" : "",
                                                 place.member ? place.member : "");
        else if (settings->enabled.value && !somebody_is_known(settings)) {
                *ret_pointer = "/enabled";
                why = "is true, and nobody could prove who he is: there is no api_keys, no unix_users, no certificates, no jwt and no oidc";
        }
        return why;
}
