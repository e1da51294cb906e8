#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims - what a verified token says, and whether it is meant for this gateway now (RFC 7519 4.1, RFC 9068)
 *
 * A claim that is used here and has another type than it should is a refusal, never as if it were absent: a role or scope
 * that is not understood could be one that forbids something.
 */
#include "sovd-core/call.h"

struct cJSON;

struct sovd_claims_policy {
        const char *name;         /* of the issuer here; principals are jwt:NAME:SUB */
        const char *issuer;       /* iss, exactly */
        const char *audience;     /* one of aud, exactly */
        const char *roles_claim;  /* a name, or a JSON pointer when it begins with '/' */
        const char *tenant_claim; /* the same */
        uint64_t leeway_usec;     /* how much clocks may differ */
};

/* Who it is by the claims. Strings are in the arena or in the tree. */
struct sovd_claims {
        struct sovd_principal principal; /* but for its certificate */
        const char *confirmation;        /* SHA-256 of the certificate that must be shown, 64 hex digits; NULL = none */
};

/* The object member that a name or pointer leads to, or NULL. Pointers have no escapes but ~0 and ~1. */
const struct cJSON *sovd_claim_at(const struct cJSON *payload, const char *claim);

/* Can it lead anywhere? */
bool sovd_claim_is_valid(const char *claim);

/* Fills *ret. now_usec: since the epoch. SOVD_E_UNAUTHORIZED with *ret_why (static text: what the token is or does); -ENOMEM. */
int sovd_claims_read(struct sovd_claims *ret, const struct cJSON *payload, const struct sovd_claims_policy *policy,
                     uint64_t now_usec, struct sovd_arena *arena, const char **ret_why);
