#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trust - what a person brings along to check a log: the device key, and heads that were kept elsewhere
 */
#include "sovd-core/audit/verify.h"

/* The text of a key file: PEM ("BEGIN PUBLIC KEY"), or 32 bytes as base64 or hex. NULL, or why it is none. */
const char *sovd_audit_take_key(const char *text, unsigned char ret[static SOVD_AUDIT_KEY]);

/* SHA-256 as hex, also in capitals and with colons between the bytes. */
bool sovd_audit_take_fingerprint(const char *text, struct sovd_audit_hash *ret);

#define SOVD_AUDIT_HEADS_MAX 10000
struct sovd_audit_heads {
        struct sovd_audit_head *items; /* owned, with their names */
        size_t n;
};
void sovd_audit_heads_done(struct sovd_audit_heads *heads);

/* Adds the heads of a text: a checkpoint as it is, or lines "SIZE ROOT ..." (as the header SOVD-Audit-Head has them, its
 * name in front or not; what follows the root is not looked at). name: where it is from. NULL, or why it is none. */
const char *sovd_audit_take_heads(struct sovd_audit_heads *heads, const char *name, const char *text);
