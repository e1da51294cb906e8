#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hashes of the audit log
 *
 * leaf    SHA-256(0x00 || bytes of the entry)          RFC 9162, 2.1.1
 * node    SHA-256(0x01 || left || right)               the same: a node can never be taken for a leaf
 * chain 0 SHA-256("SOVD-AUDIT-v1\0" || name of the log)
 * chain n SHA-256("SOVD-AUDIT-v1\0" || chain n-1 || n as 8 bytes, high first || leaf n)
 *
 * Pure functions, usable from any thread. Result: 0; -EIO the library failed (never taken for a hash).
 */
#include "sovd-core/base/util.h"

#define SOVD_AUDIT_HASH 32

struct sovd_audit_hash {
        unsigned char bytes[SOVD_AUDIT_HASH];
};

int sovd_audit_sha256(const void *data, size_t n, struct sovd_audit_hash *ret);
/* -E2BIG: longer than an entry may be. */
int sovd_audit_leaf(const char *body, size_t n, struct sovd_audit_hash *ret);
int sovd_audit_node(const struct sovd_audit_hash *left, const struct sovd_audit_hash *right,
                    struct sovd_audit_hash *ret);
int sovd_audit_chain_begin(const char *log, struct sovd_audit_hash *ret);
int sovd_audit_chain_next(const struct sovd_audit_hash *before, uint64_t seq,
                          const struct sovd_audit_hash *leaf, struct sovd_audit_hash *ret);

bool sovd_audit_same(const struct sovd_audit_hash *a, const struct sovd_audit_hash *b);

/* Lower-case hex: SOVD_AUDIT_HEX bytes with its NUL. false: it is not exactly that. */
#define SOVD_AUDIT_HEX 65
const char *sovd_audit_to_hex(char ret[static SOVD_AUDIT_HEX], const struct sovd_audit_hash *hash);
bool sovd_audit_from_hex(const char *text, struct sovd_audit_hash *ret);

/* Base64 (RFC 4648, 4) with padding and no other bytes; the one form that the bytes have. Room for n bytes and a NUL: */
#define SOVD_AUDIT_BASE64(n) (((n) + 2) / 3 * 4 + 1)
void sovd_audit_to_base64(char *ret, const void *bytes, size_t n);
/* Of exactly n bytes, at most 96. */
bool sovd_audit_from_base64(const char *text, void *ret, size_t n);
