#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Note - what the log says about itself, signed
 *
 * A checkpoint is a signed note in the form of C2SP (signed-note, tlog-checkpoint), so tools of others can check it:
 *
 *   sovd-audit/<log>            the name of the log
 *   <size>                      how many entries
 *   <root>                      base64
 *   chain <hex>
 *   boot <32 hex>
 *   time <RFC 3339>
 *   epoch <n>                   whose key signed
 *
 *   — sovd-audit/<log> <base64 of 4 bytes that name the key, and the Ed25519 signature>
 *
 * The keys: the device key is the anchor of trust and signs key 0; each key signs the next one. A key signs only while
 * its epoch lasts: from the size it began with to that of its successor (sovd_audit_key_covers()).
 *
 * Results: 0; -EBADMSG it is not what it should be; -EIO the library failed; -ENOMEM; -EINVAL a value cannot be written.
 */
#include "sovd-core/audit/entry.h"

#define SOVD_AUDIT_KEY       32 /* bytes of a public key, and of a private one's seed */
#define SOVD_AUDIT_SIGNATURE 64
#define SOVD_AUDIT_NOTE_SIZE 640 /* room for a note and its NUL */

struct sovd_audit_checkpoint {
        char log[SOVD_AUDIT_LOG_SIZE];
        uint64_t size;
        struct sovd_audit_hash root, chain;
        char boot[SOVD_AUDIT_BOOT_SIZE];
        char time[25]; /* sovd_clock_format() */
        uint64_t epoch;
};

/* --- a private key -------------------------------------------------------------------------------------- */

struct sovd_audit_signer;

/* The key of a seed; the caller wipes the seed. */
int sovd_audit_signer_new(struct sovd_audit_signer **ret, const unsigned char seed[static SOVD_AUDIT_KEY]);
struct sovd_audit_signer *sovd_audit_signer_free(struct sovd_audit_signer *signer); /* wipes it */
SOVD_DEFINE_CLEANUP(struct sovd_audit_signer *, sovd_audit_signer_free)
const unsigned char *sovd_audit_signer_public(const struct sovd_audit_signer *signer);
int sovd_audit_sign(const struct sovd_audit_signer *signer, const void *data, size_t n,
                    unsigned char ret[static SOVD_AUDIT_SIGNATURE]);

/* A public key as it is read; checking many signatures of one key costs its making once. */
struct sovd_audit_public;
int sovd_audit_public_new(struct sovd_audit_public **ret, const unsigned char key[static SOVD_AUDIT_KEY]);
struct sovd_audit_public *sovd_audit_public_free(struct sovd_audit_public *key);
SOVD_DEFINE_CLEANUP(struct sovd_audit_public *, sovd_audit_public_free)
int sovd_audit_check_signature(const struct sovd_audit_public *key, const void *data, size_t n,
                               const unsigned char signature[static SOVD_AUDIT_SIGNATURE]);

/* --- checkpoints ---------------------------------------------------------------------------------------- */

/* The note with its NUL. ret_signature, when asked for: the 64 bytes that are in it. */
int sovd_audit_note_sign(const struct sovd_audit_checkpoint *checkpoint,
                         const struct sovd_audit_signer *signer, char ret[static SOVD_AUDIT_NOTE_SIZE],
                         unsigned char *ret_signature);
/* Reads exactly what sovd_audit_note_sign() writes; whether the signature is right is not looked at. ret_signature of
 * SOVD_AUDIT_SIGNATURE bytes, or NULL. */
int sovd_audit_note_read(const char *note, struct sovd_audit_checkpoint *ret, unsigned char *ret_signature);
/* Is it signed by this key? */
int sovd_audit_note_check(const char *note, const struct sovd_audit_public *key);

/* --- keys ----------------------------------------------------------------------------------------------- */

struct sovd_audit_key {
        uint64_t epoch;
        unsigned char public_key[SOVD_AUDIT_KEY];
        uint64_t from_size; /* entries in the log when it began */
        unsigned char
                signature[SOVD_AUDIT_SIGNATURE]; /* by the key before it, of epoch 0 by the device key */
};

/* Fills the signature. */
int sovd_audit_key_sign(struct sovd_audit_key *key, const char *log, const struct sovd_audit_signer *before);
int sovd_audit_key_check(const struct sovd_audit_key *key, const char *log,
                         const struct sovd_audit_public *before);
/* May it have signed a checkpoint of this size? next: its successor, or NULL. */
bool sovd_audit_key_covers(const struct sovd_audit_key *key, const struct sovd_audit_key *next,
                           uint64_t size);

/* SHA-256 of a public key: what a person compares. */
int sovd_audit_fingerprint(const unsigned char key[static SOVD_AUDIT_KEY], char ret[static SOVD_AUDIT_HEX]);
