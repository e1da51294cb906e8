#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS files - certificate, key, client CA and revocation list become one context, or a reason why not
 *
 * A context is made anew and whole each time: what a handshake uses was checked together and never changes.
 */
#include "sovd-core/base/util.h"
#include <openssl/types.h>

#define SOVD_TLS_FILES 4

/* The files of server.tls; strings belong to whoever made the options. */
struct sovd_tls_options {
        const char *certificate, *key; /* PEM: the chain, and its private key, which may be credential:NAME or env:NAME */
        const char *client_ca;         /* PEM: who signs certificates of clients; NULL = clients show none */
        const char *crl;               /* PEM: revocation lists of all these; NULL = none */
        bool require_client_certificate;
        int min_version;               /* 1: TLS 1.2, 2: TLS 1.3 */
        uint64_t watch_usec;           /* how often the files are looked at; 0 = never */
};

/* When what was read ends, in microseconds since the epoch; 0 = there is none. */
struct sovd_tls_ends {
        uint64_t certificate_usec, crl_usec;
};

struct sovd_tls_problem {
        const char *member; /* of server.tls: what has to be put right */
        char why[320];
};

/* The members of server.tls that are files, and where each of them is in the options (NULL = not given). */
const char *sovd_tls_file(const struct sovd_tls_options *options, size_t i, const char **ret_member);

/* The same path when its file can change, else NULL. */
const char *sovd_tls_watched(const struct sovd_tls_options *options, size_t i);

/* Since the epoch; 0: it says no time, or none since then. */
uint64_t sovd_tls_usec(const ASN1_TIME *time);

/* Reads all files and makes a context of them. -ENOKEY: *ret_problem says what cannot be used; -ENOMEM. */
int sovd_tls_load(SSL_CTX **ret, struct sovd_tls_ends *ret_ends, const struct sovd_tls_options *options,
                  struct sovd_tls_problem *ret_problem);

/* Makes *ret_problem and returns -ENOKEY. */
int sovd_tls_refuse(struct sovd_tls_problem *ret_problem, const char *member, const char *format, ...) _printf_(3, 4);
