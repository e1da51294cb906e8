/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt.h"
#include "sovd-auth/jwt_issuer.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/base/error.h"
#include "sovd-core/call.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>

#define ISSUERS_MAX 2
#define MARGIN_USEC (100 * SOVD_USEC_PER_MSEC) /* of a request's time, for the answer */

struct sovd_jwt {
        pthread_rwlock_t lock; /* leaf; of the pointers */
        struct issuer *issuers[ISSUERS_MAX];
        struct sovd_secrets *secrets; /* or NULL */
        uint64_t changes;             /* atomic */
};

int sovd_jwt_new(struct sovd_jwt **ret) {
        struct sovd_jwt *jwt = calloc(1, sizeof(*jwt));
        pthread_rwlockattr_t attributes;

        if (!jwt)
                return sovd_error_origin(-ENOMEM);

        /* Else requests that never cease would keep new settings out for good. */
        (void)pthread_rwlockattr_init(&attributes);
        (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        (void)pthread_rwlock_init(&jwt->lock, &attributes);
        (void)pthread_rwlockattr_destroy(&attributes);
        *ret = jwt;
        return 0;
}

struct sovd_jwt *sovd_jwt_free(struct sovd_jwt *jwt) {
        if (!jwt)
                return NULL;
        for (size_t i = 0; i < ISSUERS_MAX; i++)
                issuer_unref(jwt->issuers[i]);
        (void)pthread_rwlock_destroy(&jwt->lock);
        free(jwt);
        return NULL;
}

/* References to those that are trusted now. */
static size_t take(struct sovd_jwt *jwt, struct issuer *ret[static ISSUERS_MAX]) {
        size_t n = 0;

        (void)pthread_rwlock_rdlock(&jwt->lock);
        for (size_t i = 0; i < ISSUERS_MAX; i++)
                if (jwt->issuers[i])
                        ret[n++] = issuer_ref(jwt->issuers[i]);
        (void)pthread_rwlock_unlock(&jwt->lock);
        return n;
}

bool sovd_jwt_is_configured(struct sovd_jwt *jwt) {
        (void)pthread_rwlock_rdlock(&jwt->lock);
        bool any = jwt->issuers[0] || jwt->issuers[1];
        (void)pthread_rwlock_unlock(&jwt->lock);
        return any;
}

bool sovd_jwt_trusts(struct sovd_jwt *jwt, const char *id) {
        bool any = false;

        (void)pthread_rwlock_rdlock(&jwt->lock);
        for (size_t i = 0; i < ISSUERS_MAX; i++)
                any = any || (jwt->issuers[i] && issuer_made(jwt->issuers[i], id));
        (void)pthread_rwlock_unlock(&jwt->lock);
        return any;
}

bool sovd_jwt_proves(struct sovd_jwt *jwt, const char *id, uint64_t proof) {
        struct issuer *issuers[ISSUERS_MAX] = { NULL };
        size_t n = take(jwt, issuers);
        bool any = false;

        for (size_t i = 0; i < n; i++) {
                any = any || (issuer_made(issuers[i], id) && issuer_may_have(issuers[i], proof));
                issuer_unref(issuers[i]);
        }
        return any;
}

uint64_t sovd_jwt_changes(const struct sovd_jwt *jwt) {
        return __atomic_load_n(&jwt->changes, __ATOMIC_ACQUIRE);
}

/* --- settings -------------------------------------------------------------------------------------------- */

static void read_again(void *data) {
        struct issuer *issuers[ISSUERS_MAX] = { NULL };
        struct sovd_jwt *jwt = data;
        size_t n = take(jwt, issuers);

        for (size_t i = 0; i < n; i++) {
                (void)issuer_read_again(issuers[i], jwt->secrets);
                issuer_unref(issuers[i]);
        }
        (void)__atomic_add_fetch(&jwt->changes, 1, __ATOMIC_RELEASE);
}

int sovd_jwt_set_secrets(struct sovd_jwt *jwt, struct sovd_secrets *secrets) {
        jwt->secrets = secrets;
        return sovd_secrets_watch(secrets, read_again, jwt);
}

/* All new ones are there before one takes its place. */
int sovd_jwt_apply(struct sovd_jwt *jwt, const struct sovd_issuer_settings *static_keys,
                   const struct sovd_issuer_settings *oidc) {
        const struct sovd_issuer_settings *settings[ISSUERS_MAX] = { static_keys, oidc };
        const struct sovd_schema *schemas[ISSUERS_MAX] = { &sovd_schema_jwt_settings,
                                                           &sovd_schema_oidc_settings };
        struct issuer *next[ISSUERS_MAX] = { NULL }, *before;
        int r = 0;

        for (size_t i = 0; !r && i < ISSUERS_MAX; i++)
                if (settings[i])
                        r = issuer_renew(&next[i], jwt->issuers[i], schemas[i], settings[i], jwt->secrets, &jwt->changes);
        for (size_t i = 0; i < ISSUERS_MAX; i++) {
                before = next[i];
                if (!r) {
                        (void)pthread_rwlock_wrlock(&jwt->lock);
                        before = jwt->issuers[i];
                        jwt->issuers[i] = next[i];
                        (void)pthread_rwlock_unlock(&jwt->lock);
                }
                issuer_unref(before);
        }
        return r;
}

/* --- a token --------------------------------------------------------------------------------------------- */

/* A bound token is good in the hands of one client only; the cache does not know whose hands they are. */
static bool is_bound_elsewhere(const struct sovd_call *call, const struct sovd_claims *claims) {
        const char *shown = call->principal.certificate;

        if (!claims->confirmation)
                return false;
        return !shown || strlen(shown) != 64 || CRYPTO_memcmp(shown, claims->confirmation, 64) != 0;
}

static int become(struct sovd_call *call, const struct sovd_claims *claims) {
        const char *certificate = call->principal.certificate;

        if (is_bound_elsewhere(call, claims))
                return sovd_fail(
                        call, SOVD_E_UNAUTHORIZED,
                        "the token is bound to a client certificate that this connection did not show (cnf)");
        call->principal = claims->principal;
        call->principal.method = "jwt";
        call->principal.certificate = certificate;
        return 0;
}

static int refuse(struct sovd_call *call, int r, const struct issuer_verdict *v) {
        if (r == SOVD_E_UNAVAILABLE) {
                (void)sovd_fail(call, SOVD_E_UNAVAILABLE,
                                "there are no keys to verify the token with now; try again later");
                sovd_fail_retry_after(call, v->retry_after_sec);
                return SOVD_E_UNAVAILABLE;
        }
        return r < 0 ? r : sovd_fail(call, SOVD_E_UNAUTHORIZED, "the token %s", v->why);
}

/* Each issuer is asked whether the token is its own: by its keys first. The answer is that of the one that got furthest; that
 * keys are missing comes before that they do not fit. */
static int verify(struct issuer **issuers, size_t n, struct sovd_call *call, const char *token,
                  const unsigned char *digest, struct sovd_claims *ret) {
        const uint64_t deadline = call->deadline_usec > MARGIN_USEC ? call->deadline_usec - MARGIN_USEC : 0;
        struct issuer_verdict best = { .why = "is not signed with a key that is known here" };
        struct sovd_jws jws;
        int r = sovd_jws_open(&jws, token, call->arena, &best.why), result = SOVD_E_UNAUTHORIZED;

        if (r)
                return refuse(call, r, &best);
        for (size_t i = 0; i < n; i++) {
                struct issuer_verdict v = { 0 };
                r = issuer_verify(issuers[i], &jws, digest, deadline, call->arena, ret, &v);
                if (r <= 0)
                        return r;
                if (n == 1 || v.signature_is_good || (r == SOVD_E_UNAVAILABLE && !best.signature_is_good))
                        best = v, result = r;
        }
        return refuse(call, result, &best);
}

int sovd_jwt_identify(struct sovd_jwt *jwt, struct sovd_call *call, const char *token,
                      const unsigned char digest[static SOVD_AUTH_SHA256_SIZE]) {
        struct issuer *issuers[ISSUERS_MAX] = { NULL };
        struct sovd_claims claims;
        bool found = false;
        size_t n = take(jwt, issuers);
        int r = 0;

        for (size_t i = 0; !r && !found && i < n; i++)
                found = issuer_recall(issuers[i], digest, &claims, call->arena, &r);
        if (!r && !found)
                r = verify(issuers, n, call, token, digest, &claims);
        for (size_t i = 0; i < n; i++)
                issuer_unref(issuers[i]);
        return r ? r : become(call, &claims);
}

int sovd_jwt_without_keys(struct sovd_jwt *jwt, struct sovd_arena *arena, struct sovd_strings *ret) {
        struct issuer *issuers[ISSUERS_MAX] = { NULL };
        struct sovd_strings names = { .items = sovd_arena_array(arena, const char *, ISSUERS_MAX) };
        size_t n = take(jwt, issuers);
        bool good = names.items;

        for (size_t i = 0; i < n; i++) {
                if (good && !issuer_has_keys(issuers[i])) {
                        names.items[names.n] = sovd_arena_strdup(arena, issuer_name(issuers[i]));
                        good = names.items[names.n++];
                }
                issuer_unref(issuers[i]);
        }
        if (!good)
                return sovd_error_origin(-ENOMEM);
        *ret = names;
        return 0;
}

/* --- metrics --------------------------------------------------------------------------------------------- */

void sovd_jwt_write_metrics(struct sovd_jwt *jwt, struct sovd_json_writer *w) {
        struct issuer *issuers[ISSUERS_MAX] = { NULL };
        size_t n = take(jwt, issuers);

        issuers_write_metrics(issuers, n, w);
        for (size_t i = 0; i < n; i++)
                issuer_unref(issuers[i]);
}
