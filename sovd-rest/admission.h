#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Admission - how often somebody may ask, and how often his credentials may fail
 *
 * A request pays one token of its address before it is asked who sent it, and one of its principal when that is proved.
 * Credentials that are not accepted pay from a third bucket, of the address and the kind of credentials: only who fails
 * pays there, so whoever has good ones is not kept out by what others try from behind the same address. While it is
 * empty those that fail are told to wait.
 */
#include "sovd-auth/rate_limit.h"
#include "sovd-core/call.h"
#include "sovd-rest/rate_settings.h"

struct sovd_admission;

enum sovd_credential {
        SOVD_CREDENTIAL_BEARER,
        SOVD_CREDENTIAL_API_KEY,
        SOVD_CREDENTIAL_CERTIFICATE,
        SOVD_CREDENTIAL_OTHER,
        SOVD_N_CREDENTIALS
};
extern const char *const sovd_credential_names[];

struct sovd_admission_counters {
        struct sovd_rate_limit_counters address, principal, failures;
        uint64_t failed[SOVD_N_CREDENTIALS];
};

/* -ENOMEM, -errno. */
int sovd_admission_new(struct sovd_admission **ret, const struct sovd_rate_settings *settings);
struct sovd_admission *sovd_admission_free(struct sovd_admission *admission);
SOVD_DEFINE_CLEANUP(struct sovd_admission *, sovd_admission_free)

/* Other rates from now on; exempt and places stay those of the start. */
void sovd_admission_set(struct sovd_admission *admission, const struct sovd_rate_settings *settings);

/* Takes a token of the address that the call came from (sovd_origin_client()), and remembers the address with the call.
 * SOVD_E_TOO_MANY with Retry-After, when pays is set; who does not pay is never refused. */
int sovd_admission_address(struct sovd_admission *admission, struct sovd_call *call, bool pays);

/* The same of its principal; anonymous ones have paid as addresses. */
int sovd_admission_principal(struct sovd_admission *admission, struct sovd_call *call);

/* Credentials of this kind were not accepted: pays for it. r (the failure is set), or SOVD_E_TOO_MANY in its place. */
int sovd_admission_failed(struct sovd_admission *admission, struct sovd_call *call, enum sovd_credential kind, int r);

void sovd_admission_count(struct sovd_admission *admission, struct sovd_admission_counters *ret);
