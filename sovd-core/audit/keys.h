#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys of the audit log - who signs it, and how secrets are named in it
 *
 * The device key (Ed25519) is the anchor: it signs the key of the first epoch, and nothing else. Each epoch's key signs the
 * checkpoints of its time and the key after it; then it is overwritten, so whoever takes today's key cannot sign yesterday.
 * A random key, made once, turns secrets into names (HMAC-SHA-256). Files are private (0600) and in one folder; without a
 * folder, all of them live as long as the process.
 */
#include "sovd-core/audit/note.h"

#define SOVD_AUDIT_NAME_SIZE 65 /* hex digits of an HMAC and a NUL */

struct sovd_audit_keys;

/* folder: NULL = none. key_file: PEM of the device key; NULL = the service's credential "audit.key", else a file of the folder,
 * which is made. Logs why it cannot. -EPERM: others can use the file; -EBADMSG: it holds no Ed25519 key. */
int sovd_audit_keys_new(struct sovd_audit_keys **ret, const char *folder, const char *key_file);

/* Can the device key of this file be used? NULL, or why not (static text, or that of the C library). */
const char *sovd_audit_check_key(const char *key_file);
struct sovd_audit_keys *sovd_audit_keys_free(struct sovd_audit_keys *keys);
SOVD_DEFINE_CLEANUP(struct sovd_audit_keys *, sovd_audit_keys_free)

const struct sovd_audit_signer *sovd_audit_keys_device(const struct sovd_audit_keys *keys);

/* Thread-safe. */
int sovd_audit_keys_name(const struct sovd_audit_keys *keys, const void *data, size_t n, char ret[static SOVD_AUDIT_NAME_SIZE]);

/* A fresh key for an epoch; its file is on the disk when this returns. */
int sovd_audit_epoch_make(struct sovd_audit_keys *keys, uint64_t epoch, struct sovd_audit_signer **ret);

/* The key of an epoch that is under way. -ENOKEY: its file is not there, or holds another key than the public one. */
int sovd_audit_epoch_load(struct sovd_audit_keys *keys, uint64_t epoch, const unsigned char public[static SOVD_AUDIT_KEY],
                          struct sovd_audit_signer **ret);

/* Overwrites and removes the keys of all epochs but one. */
void sovd_audit_epoch_keep_only(struct sovd_audit_keys *keys, uint64_t epoch);

/* Writes a small file: whole or not at all, also after a power cut. */
int sovd_audit_write_file(const char *folder, const char *name, unsigned mode, const void *data, size_t n);

/* Reads one, at most size bytes; *ret_n. -errno; -EFBIG. */
int sovd_audit_read_file(const char *folder, const char *name, void *buf, size_t size, size_t *ret_n);
