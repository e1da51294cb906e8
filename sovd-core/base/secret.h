#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets - what the configuration names and does not hold
 *
 * One notation says where a secret is:
 *
 *   /path/to/file      a file that only its owner, who is this user or root, can read and write
 *   credential:NAME    the credential NAME that the service manager gave ($CREDENTIALS_DIRECTORY/NAME)
 *   env:NAME           the environment variable NAME
 *   vault:PATH#FIELD   a secret of HashiCorp Vault; not read here (sovd-auth/secrets.h)
 *
 * A line break at the end does not belong to the secret. It is kept in memory that is not dumped and, if the system allows,
 * not swapped, and is wiped with its last reference.
 */
#include "sovd-core/base/arena.h"

#define SOVD_SECRET_BYTES_MAX 65536

struct sovd_secret; /* never changes; references are counted, by any thread */

/* NULL: the notation is one of these; else what is wrong with it (static text). Nothing is read. */
const char *sovd_secret_check(const char *notation);

/* Reads it now. 0, or -errno with *ret_why in the arena (static text when memory is out): which file, what is wrong with
 * it, and nothing that is in it. */
int sovd_secret_read(struct sovd_secret **ret, const char *notation, struct sovd_arena *arena, const char **ret_why);

/* A secret of these bytes, which are copied. -EMSGSIZE, -ENODATA (none), -ENOMEM. */
int sovd_secret_new(struct sovd_secret **ret, const char *bytes, size_t n);

/* The bytes, with a NUL behind them that is not counted. */
const char *sovd_secret_bytes(const struct sovd_secret *secret, size_t *ret_n);

/* Compares in a time that depends on the lengths alone. */
bool sovd_secret_same(const struct sovd_secret *a, const struct sovd_secret *b);

struct sovd_secret *sovd_secret_ref(struct sovd_secret *secret);
struct sovd_secret *sovd_secret_unref(struct sovd_secret *secret);
SOVD_DEFINE_CLEANUP(struct sovd_secret *, sovd_secret_unref)

#define SOVD_SECRET_NOTATION "A file, `credential:NAME`, `env:NAME` or `vault:PATH#FIELD`."
#define SOVD_SECRET_VAULT    "vault:"

/* For OpenSSL's readers of PEM (pem_password_cb): nobody is there to be asked, so what is encrypted is refused. -1. */
int sovd_no_passphrase(char *buf, int size, int writing, void *data);
