#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Browser sessions - a cookie in place of credentials, for a web page of the gateway's own origin
 *
 * A session is opened with credentials that a request showed. They are kept, where secrets are, and verified again with every
 * request: when they end, are revoked or become somebody else's, so does the session. Of the cookie only a digest is kept. All of
 * it is in memory and ends with the process. Thread-safe.
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/schema.h"

struct sovd_browser_sessions;
struct sovd_secret;

struct sovd_browser_session_settings {
        struct sovd_bool enabled;
        struct sovd_int idle, max; /* seconds */
        struct sovd_int sessions, per_client;
};
extern const struct sovd_schema sovd_schema_browser_session_settings;

#define SOVD_SESSION_COOKIE_SIZE 65 /* 256 random bits as lower-case hex digits, and a NUL */
#define SOVD_SESSION_DIGEST      32

/* None can be opened until settings are applied. -ENOMEM, -EIO. */
int sovd_browser_sessions_new(struct sovd_browser_sessions **ret);
struct sovd_browser_sessions *sovd_browser_sessions_free(struct sovd_browser_sessions *s);
SOVD_DEFINE_CLEANUP(struct sovd_browser_sessions *, sovd_browser_sessions_free)

/* NULL, or not enabled: all end. Another number of them ends all, too; other times hold for those that are open. -ENOMEM. */
int sovd_browser_sessions_apply(struct sovd_browser_sessions *s,
                                const struct sovd_browser_session_settings *settings);
bool sovd_browser_sessions_are_enabled(const struct sovd_browser_sessions *s);

/* What one rests on. */
struct sovd_browser_session_of {
        const char *client;      /* id of the principal */
        const char *certificate; /* the one that it showed, or NULL */
        const char *credentials; /* a token or a key */
        bool is_api_key;         /* they came in the field for keys */
        uint64_t expires_usec;   /* of the credentials, UTC; 0 = they say no end */
};

struct sovd_browser_session {
        unsigned char digest[SOVD_SESSION_DIGEST]; /* by which it is known */
        char csrf[SOVD_SESSION_COOKIE_SIZE];       /* what changes have to show beside the cookie */
        uint64_t ends_usec;                        /* UTC: not later than that */
        uint64_t idle_usec;
        char client[65], certificate[65]; /* fingerprint of the id; "" = it showed none */
        bool is_api_key;
        struct sovd_secret *credentials; /* reference */
};
void sovd_browser_session_done(struct sovd_browser_session *session);

/* Opens one. Of a client that has as many as it may, the one that was not used for longest ends. SOVD_E_OVERLOAD (all places are
 * taken), SOVD_E_NOT_IMPLEMENTED (they are not enabled), -errno. */
int sovd_browser_sessions_open(struct sovd_browser_sessions *s, const struct sovd_browser_session_of *of,
                               char ret_cookie[static SOVD_SESSION_COOKIE_SIZE],
                               struct sovd_browser_session *ret);

/* Finds the one of a cookie's value, which counts as a use of it. SOVD_E_UNAUTHORIZED, -EIO. */
int sovd_browser_sessions_find(struct sovd_browser_sessions *s, const char *cookie,
                               struct sovd_browser_session *ret);

/* Is it still there? No use of it. */
bool sovd_browser_sessions_hold(struct sovd_browser_sessions *s,
                                const unsigned char digest[static SOVD_SESSION_DIGEST]);

enum sovd_session_end {
        SOVD_SESSION_CLOSED,
        SOVD_SESSION_TIMED_OUT,
        SOVD_SESSION_REPLACED,
        SOVD_SESSION_REVOKED,
        SOVD_SESSION_N_ENDS
};
void sovd_browser_sessions_end(struct sovd_browser_sessions *s,
                               const unsigned char digest[static SOVD_SESSION_DIGEST],
                               enum sovd_session_end why);

/* Counts a request with a cookie that was refused. */
enum sovd_session_refusal {
        SOVD_SESSION_UNKNOWN,
        SOVD_SESSION_CROSS_ORIGIN,
        SOVD_SESSION_NO_CSRF,
        SOVD_SESSION_N_REFUSALS
};
void sovd_browser_sessions_refused(struct sovd_browser_sessions *s, enum sovd_session_refusal why);

/* Are they the same? In a time that does not depend on where they differ. */
bool sovd_browser_session_proves(const struct sovd_browser_session *session, const char *csrf);

/* Writes the metrics. */
void sovd_browser_sessions_write_metrics(struct sovd_browser_sessions *s, struct sovd_json_writer *w);
