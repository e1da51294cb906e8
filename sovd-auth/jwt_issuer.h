#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Issuer - one that tokens are accepted from: its keys, its policy on claims, and its tokens that were verified
 */
#include "sovd-auth/jws.h"
#include "sovd-auth/jwt.h"
#include "sovd-auth/jwt_cache.h"

struct issuer;
struct sovd_secrets;

/* What came out, when it is not 0. */
struct issuer_verdict {
        bool signature_is_good;   /* it is of this issuer; then why says what is wrong with its claims */
        const char *why;          /* static text: what the token is or does */
        unsigned retry_after_sec; /* of SOVD_E_UNAVAILABLE */
        uint64_t proof;           /* of the key that its signature is of */
};

/* With the settings of `before` (or NULL) it is the same one, which reads its file again or fetches soon; else a new one. -EINVAL:
 * the file cannot be used, which is logged; -ENOMEM, -EAGAIN. */
int issuer_renew(struct issuer **ret, struct issuer *before, const struct sovd_schema *schema,
                 const struct sovd_issuer_settings *settings, struct sovd_secrets *secrets, uint64_t *changes);

/* Reads its file or secret again, if it has one; a bad one changes nothing and is logged (-EINVAL). */
int issuer_read_again(struct issuer *issuer, struct sovd_secrets *secrets);

struct issuer *issuer_ref(struct issuer *issuer);
/* The last one ends its thread. */
/* Is it the id of a client that showed a token of this issuer? */
bool issuer_made(const struct issuer *issuer, const char *id);
struct issuer *issuer_unref(struct issuer *issuer);

/* Was the token verified a moment ago? *ret_r: 0 or -ENOMEM. */
bool issuer_recall(struct issuer *issuer, const unsigned char *digest, struct sovd_claims *ret, struct sovd_arena *arena,
                   int *ret_r);

/* SOVD_E_UNAUTHORIZED or SOVD_E_UNAVAILABLE, with *verdict; -ENOMEM. */
int issuer_verify(struct issuer *issuer, const struct sovd_jws *jws, const unsigned char *digest, uint64_t deadline_usec,
                  struct sovd_arena *arena, struct sovd_claims *ret, struct issuer_verdict *verdict);

/* Are there keys now? */
bool issuer_has_keys(struct issuer *issuer);
/* Is the key with this proof among them? Where there are none now, nobody can say that it is not. */
bool issuer_may_have(struct issuer *issuer, uint64_t proof);
const char *issuer_name(const struct issuer *issuer);

void issuers_write_metrics(struct issuer *const *issuers, size_t n, struct sovd_json_writer *w);
