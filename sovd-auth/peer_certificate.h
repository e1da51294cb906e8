#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Peer certificate - what a verified certificate of a client says, as text
 *
 * What cannot be written as clean text (control characters, a NUL inside a name, too long) is left out, so that it matches
 * no rule.
 */
#include "sovd-core/base/arena.h"
#include <openssl/x509.h>

#define SOVD_PEER_SANS_MAX 32

struct sovd_peer_certificate {
        char sha256[65];            /* of its DER form, hex digits */
        const char *subject;        /* RFC 2253, printable ASCII; or NULL */
        const char *common_name;    /* the only one it has, UTF-8; or NULL */
        const char *sans[SOVD_PEER_SANS_MAX + 1]; /* "DNS:…" in lower case, "URI:…", "email:…"; ends with NULL */
        uint64_t ends_usec;         /* since the epoch */
        const char *chain;          /* PEM: itself, and those that it was shown with and verified by; NULL = not kept */
        struct sovd_arena *arena;   /* of the strings */
};

/* Reads a certificate that was verified. -ENOMEM, -EINVAL (it does not say when it ends). */
int sovd_peer_certificate_new(struct sovd_peer_certificate **ret, X509 *certificate);

/* Keeps it as PEM, with those of `verified` that were `shown` beside it. -ENOMEM. */
int sovd_peer_certificate_keep(struct sovd_peer_certificate *peer, X509 *certificate, const STACK_OF(X509) *shown,
                               const STACK_OF(X509) *verified);

struct sovd_peer_certificate *sovd_peer_certificate_free(struct sovd_peer_certificate *peer);
SOVD_DEFINE_CLEANUP(struct sovd_peer_certificate *, sovd_peer_certificate_free)
