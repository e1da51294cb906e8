#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Auth - its inside: auth.c says who asks, auth_tokens.c gives tokens out
 */
#include "sovd-auth/known.h"
#include "sovd-auth/sessions.h"
#include <pthread.h>

struct sovd_client_certs;
struct sovd_jwt;

struct sovd_auth {
        pthread_rwlock_t lock;   /* leaf; of known and certificates */
        struct sovd_known *known; /* NULL: nobody */
        uint64_t generation;      /* of known */
        struct sovd_client_certs *certificates; /* the same */
        bool enabled, public_metrics, public_docs; /* atomic */
        unsigned ways;           /* atomic */
        uint64_t changes;        /* atomic: keys that were exchanged by themselves */
        struct sovd_jwt *jwt;
        struct sovd_secrets *secrets;   /* or NULL */
        struct sovd_sessions *sessions; /* or NULL */
        uint64_t counts[SOVD_AUTH_N_METHODS][SOVD_AUTH_N_RESULTS]; /* atomic */
};

/* Makes the client whose key the session came from the principal, narrowed to the session's scopes. */
int auth_identify_session(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_session_owner *owner);
