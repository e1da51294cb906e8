#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS of the HTTP server - what is in force, and how it changes while connections run
 *
 * Each handshake takes the context that is in force at its moment; a connection keeps its own until it ends. Another
 * context comes into force whole or not at all, with the verification of clients that the configuration asks for.
 */
#include "sovd-rest/tls_load.h"

struct sovd_tls;
struct sovd_peer_certificate;

#define SOVD_TLS_EXPIRING_USEC (30 * 86400 * SOVD_USEC_PER_SEC) /* from when on the end of a certificate is told */

struct sovd_tls_status {
        struct sovd_tls_ends ends;    /* of what is in force */
        uint64_t n_reloads, n_failed; /* changes that came into force, and files that could not be used */
        uint64_t n_handshakes_failed;
        bool is_stale;                /* the files that are there now cannot be used */
        char why[384];                /* then: "client_ca: …" */
};

/* Reads the files. -ENOKEY with the reason logged: refuse to start. The options' strings must outlive it. */
int sovd_tls_new(struct sovd_tls **ret, const struct sovd_tls_options *options);
struct sovd_tls *sovd_tls_free(struct sovd_tls *tls);
SOVD_DEFINE_CLEANUP(struct sovd_tls *, sovd_tls_free)

/* A session for a new connection; *ret_generation says with which files. NULL: no memory. From any thread. */
SSL *sovd_tls_session(struct sovd_tls *tls, uint64_t *ret_generation);

/* What a client showed, verified; NULL: nothing, or there is no memory for it. */
struct sovd_peer_certificate *sovd_tls_peer(SSL *session);

/* Is the client of a running connection one that could connect now as well: its certificate has not ended, and the signers
 * and lists that are in force since *generation, which is updated, do not refuse it? True for one without certificate. */
bool sovd_tls_trusts(struct sovd_tls *tls, SSL *session, uint64_t *generation);

/* The same of a client that is gone: its certificate, and what it came with (PEM). *generation and *ends_usec, which are 0
 * at first, are kept from one time to the next. */
enum sovd_tls_trust {
        SOVD_TLS_TRUSTED,
        SOVD_TLS_NOT_NOW, /* by time, or by a list that is missing or has ended */
        SOVD_TLS_NEVER,   /* it was revoked, or nobody that is trusted vouches for it */
};
enum sovd_tls_trust sovd_tls_trusts_kept(struct sovd_tls *tls, const char *chain, uint64_t *generation, uint64_t *ends_usec);

/* Reads the files again at once. They come into force, or the old ones stay and it is logged why. Main thread only, as all below. */
void sovd_tls_reload(struct sovd_tls *tls);

/* Reads them again when they have changed and then stayed as they are for a round. Returns when to be called again
 * (monotonic). tls may be NULL. */
uint64_t sovd_tls_tick(struct sovd_tls *tls);

/* From any thread. */
void sovd_tls_status(struct sovd_tls *tls, struct sovd_tls_status *ret);
struct sovd_tls_facts {
        struct sovd_tls_ends ends;
        char certificate_sha256[65]; /* of its DER form; "" = the library failed */
        int min_version;             /* as in the options */
        bool client_ca, client_required;
};
void sovd_tls_describe(struct sovd_tls *tls, struct sovd_tls_facts *ret);
void sovd_tls_count_failed(struct sovd_tls *tls);
