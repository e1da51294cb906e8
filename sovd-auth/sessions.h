#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions - who was given access tokens, and for how long they are good
 *
 * A client shows its key and gets a short-lived access token and a refresh token, which is exchanged for the next pair.
 * Only digests are kept, in the state, so sessions outlive a restart, and what was revoked stays so. A session lives only
 * as long as the key that it came from. A refresh token that is shown a second time ends its session: one of the two who
 * have it stole it. Thread-safe.
 */
#include "sovd-auth/sha256.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/call.h"

#define SOVD_SESSION_DIGEST 32

struct sovd_db;
struct sovd_secrets;
struct sovd_sessions;

struct sovd_mint_settings {
        const char *key; /* where the private key is (base/secret.h) */
        const char *issuer, *audience;
        struct sovd_number access, refresh; /* seconds */
        struct sovd_int sessions, sessions_per_key;
};
extern const struct sovd_schema sovd_schema_mint_settings;

/* Loads those that go on. -EINVAL (the key cannot be used, logged), -errno. settings: copied. */
int sovd_sessions_new(struct sovd_sessions **ret, const struct sovd_mint_settings *settings, struct sovd_secrets *secrets,
                      struct sovd_db *db);
/* Before the database is closed. */
struct sovd_sessions *sovd_sessions_free(struct sovd_sessions *sessions);
SOVD_DEFINE_CLEANUP(struct sovd_sessions *, sovd_sessions_free)

/* What a session may do: that of its key, narrowed to the scopes, when there are any. */
struct sovd_session_owner {
        unsigned char key[SOVD_SESSION_DIGEST];
        const char *scopes; /* with blanks between; NULL: all of the key */
        const char *id;
        uint64_t ends_usec; /* of the access token, UTC */
};

/* What a client is given. */
struct sovd_granted {
        const char *access, *refresh, *scope; /* scope: or NULL */
        uint64_t expires_sec;
};

/* Opens a session of the principal, which a key with this digest proves. Durable when it returns. Sets the failure:
 * SOVD_E_OVERLOAD (too many sessions), what the state says. -ENOMEM, -EIO. */
int sovd_sessions_open(struct sovd_sessions *sessions, struct sovd_call *call, const struct sovd_principal *principal,
                       const struct sovd_session_owner *owner, struct sovd_granted *ret);

/* Whose session is that, by its refresh token? SOVD_E_UNAUTHORIZED without a failure set: nobody's, or it was shown before,
 * and then its session has ended. What the state says. */
int sovd_sessions_find_refresh(struct sovd_sessions *sessions, struct sovd_call *call, const char *token,
                               struct sovd_session_owner *ret);

/* Exchanges the tokens of a session. Results as of open; SOVD_E_UNAUTHORIZED without a failure set: somebody else was
 * faster. */
int sovd_sessions_refresh(struct sovd_sessions *sessions, struct sovd_call *call, const struct sovd_principal *principal,
                          const struct sovd_session_owner *owner, const char *token, struct sovd_granted *ret);

/* Ends the session of an access token or a refresh token, if there is one: it is the session of the call then, and *ret has
 * its key. What the state says. */
int sovd_sessions_revoke(struct sovd_sessions *sessions, struct sovd_call *call, const char *token,
                         struct sovd_session_owner *ret);

/* Whose session is that, by the SHA-256 of its access token? false: nobody's, or the token has ended. */
bool sovd_sessions_find(struct sovd_sessions *sessions, const unsigned char digest[static SOVD_AUTH_SHA256_SIZE], struct sovd_arena *arena,
                        struct sovd_session_owner *ret);

/* Does the session go on? */
bool sovd_sessions_has(struct sovd_sessions *sessions, const char *id);

/* Grows when a session is ended before its time. */
uint64_t sovd_sessions_changes(const struct sovd_sessions *sessions);

/* NULL: no tokens are given out. */
void sovd_sessions_write_metrics(struct sovd_sessions *sessions, struct sovd_json_writer *w);
