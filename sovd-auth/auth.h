#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Auth - all ways to prove who one is
 *
 * One object knows the keys, the users of this machine and what verifies tokens, and makes who it finds the principal of a
 * call. It says who asks, not what he may do. Wrong credentials are refused even where none are needed, so that a client
 * never works under another name than it believes. Thread-safe; settings are exchanged as a whole.
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/schema.h"

struct sovd_auth;
struct sovd_call;
struct sovd_secrets;
struct sovd_vault_settings;
struct sovd_peer_certificate;
struct sovd_mint_settings;
struct sovd_sessions;
struct sovd_granted;

struct sovd_api_key_settings {
        const char *name;
        const char *key_sha256; /* 64 hex digits; or NULL */
        const char *key_from;   /* where the key is (base/secret.h); or NULL: one of the two */
        struct sovd_strings roles, scopes;
        const char *tenant;  /* or NULL */
        const char *expires; /* RFC 3339; or NULL */
};
struct sovd_unix_user_settings {
        const char *user;    /* of the password file; or NULL */
        struct sovd_int uid; /* one of the two */
        const char *name;
        struct sovd_strings roles, scopes;
        const char *tenant; /* or NULL */
};
struct sovd_auth_settings {
        struct sovd_bool enabled;
        struct sovd_bool public_metrics, public_docs;
        struct sovd_list api_keys;   /* struct sovd_api_key_settings */
        struct sovd_list unix_users; /* struct sovd_unix_user_settings */
        const char *policy_file;     /* or NULL */
        struct sovd_vault_settings *vault; /* or NULL */
        struct sovd_list certificates; /* struct sovd_client_cert_settings (client_cert.h) */
        struct sovd_issuer_settings *jwt, *oidc; /* or NULL (jwt.h) */
        struct sovd_mint_settings *mint;   /* or NULL */
        struct sovd_list proximity;             /* struct sovd_proximity_rule_settings (proximity.h) */
        struct sovd_int proximity_challenges;
        struct sovd_browser_session_settings *browser_sessions; /* or NULL */
};
extern const struct sovd_schema sovd_schema_auth_settings;

/* Keys of the demonstration: "demo-tester-a", "demo-tester-b" and "demo-admin-of-this-machine". */
extern const struct sovd_auth_settings sovd_auth_demo_settings;

/* What the table cannot say: NULL, or why, with a JSON pointer from the section to what is meant (in the arena; NULL:
 * no memory). */
const char *sovd_auth_settings_check(const struct sovd_auth_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer);

/* May a client have this name? */
bool sovd_auth_is_name(const char *name);

/* Nobody is known, and authentication is not enabled, until settings are applied. -ENOMEM. */
int sovd_auth_new(struct sovd_auth **ret);
struct sovd_auth *sovd_auth_free(struct sovd_auth *auth);
SOVD_DEFINE_CLEANUP(struct sovd_auth *, sovd_auth_free)

/* Where keys are read that the configuration does not hold; not owned. Before settings are applied. -ENOSPC. */
int sovd_auth_set_secrets(struct sovd_auth *auth, struct sovd_secrets *secrets);

/* Whose access tokens are keys too; not owned. Before the first request. */
void sovd_auth_set_sessions(struct sovd_auth *auth, struct sovd_sessions *sessions);

/* Makes these settings hold, which passed the check. -ENOMEM, -ESRCH (a user that this machine does not know), -errno (a
 * key that cannot be read; logged): the old ones stay. Logs which keys end soon. */
int sovd_auth_apply(struct sovd_auth *auth, const struct sovd_auth_settings *settings);

/* What came with a request; what is absent is NULL, or -1. */
struct sovd_credentials {
        const char *authorization; /* value of the field */
        const char *api_key;       /* value of X-API-Key */
        int64_t uid;               /* of the user at the other end of a Unix socket */
        const struct sovd_peer_certificate *certificate; /* shown by the client and verified */
};

/* Makes the client that the credentials prove the principal of the call, which is whoever is there until then (its
 * certificate stays). Without any, or with those of an unknown user, it stays who it was; when authentication is enabled
 * it is anonymous then. Sets the failure: SOVD_E_UNAUTHORIZED; SOVD_E_BAD_REQUEST (two kinds of credentials); what is
 * said of a signed token (jwt.h). -ENOMEM. */
int sovd_auth_identify(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_credentials *credentials);

/* What the configuration says now of a principal that it made known before: its roles, scopes, tenant and end, in the arena.
 * A client of a signed token stays what that said, as long as its issuer is trusted. SOVD_E_UNAUTHORIZED: it is not known any more,
 * or its time is over; -ENOMEM. */
struct sovd_principal;
int sovd_auth_refresh(struct sovd_auth *auth, struct sovd_principal *principal, struct sovd_arena *arena);

/* Is there still a key or a user of its name, if its time is over or not? For those that the configuration names only. */
bool sovd_auth_has(struct sovd_auth *auth, const struct sovd_principal *principal);

/* Is what proved the principal the same now: the key of its name, the session of its token, the key that this was signed with? */
bool sovd_auth_proves(struct sovd_auth *auth, const struct sovd_principal *principal);

/* Grows when that may have become untrue by something else than settings that are applied. */
uint64_t sovd_auth_changes(const struct sovd_auth *auth);

/* What a client asks for at /token or /authorize; what is absent is NULL. */
struct sovd_token_request {
        const char *grant_type;               /* client_credentials, or refresh_token */
        const char *client_id, *client_secret; /* the name of a key, and the key; or it was shown with the request */
        const char *scope, *refresh_token;
        const char *response_type; /* of a flow that is not offered */
};

/* Gives tokens out, if everything is as it should be. shown: the key in the head of the request, which identified it; or NULL. Sets the failure: SOVD_E_BAD_REQUEST, SOVD_E_UNAUTHORIZED, SOVD_E_FORBIDDEN (a
 * scope that the key has not), SOVD_E_OVERLOAD, SOVD_E_NOT_IMPLEMENTED, what the state says. -ENOMEM, -EIO. */
int sovd_auth_grant(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request, const char *shown,
                    struct sovd_granted *ret);
/* Ends the session of a token; it is no error when there is none. */
int sovd_auth_revoke(struct sovd_auth *auth, struct sovd_call *call, const char *token);

/* Do anonymous clients get nothing but what is public? */
bool sovd_auth_is_enabled(const struct sovd_auth *auth);
/* What the configuration makes public besides. */
bool sovd_auth_metrics_are_public(const struct sovd_auth *auth);
bool sovd_auth_docs_are_public(const struct sovd_auth *auth);

/* By which a client can be known, as the settings in force have it: a bit for each. */
enum sovd_way { SOVD_WAY_API_KEY, SOVD_WAY_UNIX_USER, SOVD_WAY_CERTIFICATE, SOVD_WAY_JWT, SOVD_WAY_OIDC, SOVD_N_WAYS };
extern const char *const sovd_way_names[];
unsigned sovd_auth_ways(const struct sovd_auth *auth);

/* Calls f for each key that ends, with its name and when (UTC). f must not call back. */
typedef void (*sovd_auth_key_function)(void *data, const char *name, uint64_t ends_usec);
void sovd_auth_each_ending_key(struct sovd_auth *auth, sovd_auth_key_function f, void *data);
#define SOVD_AUTH_SOON_USEC (30 * 86400 * SOVD_USEC_PER_SEC) /* "soon" */

/* Counts an authentication that somebody else decided. method: static text. */
enum sovd_auth_result { SOVD_AUTH_OK, SOVD_AUTH_REFUSED, SOVD_AUTH_EXPIRED, SOVD_AUTH_N_RESULTS };
enum sovd_auth_method {
        SOVD_AUTH_NONE, /* no credentials */
        SOVD_AUTH_API_KEY,
        SOVD_AUTH_JWT,
        SOVD_AUTH_SESSION, /* an access token of the gateway */
        SOVD_AUTH_CERTIFICATE,
        SOVD_AUTH_UNIX_USER,
        SOVD_AUTH_OTHER, /* credentials of a form that is not taken here */
        SOVD_AUTH_N_METHODS
};
extern const char *const sovd_auth_method_names[];
void sovd_auth_count(struct sovd_auth *auth, enum sovd_auth_method method, enum sovd_auth_result result);

/* The names of issuers of signed tokens that have no keys now (jwt.h). -ENOMEM. */
int sovd_auth_issuers_without_keys(struct sovd_auth *auth, struct sovd_arena *arena, struct sovd_strings *ret);

/* Writes the metrics. */
void sovd_auth_write_metrics(struct sovd_auth *auth, struct sovd_json_writer *w);
