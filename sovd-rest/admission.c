/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/admission.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/rest.h"
#include <errno.h>

struct sovd_admission {
        struct sovd_rate_limit *address, *principal, *failures;
        struct sovd_network *exempt;
        size_t n_exempt;
        uint64_t failed[SOVD_N_CREDENTIALS]; /* atomic */
};

const char *const sovd_credential_names[] = { "bearer", "api-key", "certificate", "other", NULL };

int sovd_admission_new(struct sovd_admission **ret, const struct sovd_rate_settings *settings) {
        _cleanup_(sovd_admission_freep) struct sovd_admission *a = calloc(1, sizeof(*a));
        const size_t places = (size_t)settings->places.value;
        if (!a)
                return sovd_error_origin(-ENOMEM);

        a->exempt = calloc(settings->exempt.n + 1, sizeof(*a->exempt));
        if (!a->exempt)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < settings->exempt.n; i++)
                a->n_exempt += sovd_network_read(&a->exempt[a->n_exempt], settings->exempt.items[i]);

        int r = sovd_rate_limit_new(&a->address, places, sovd_rate_settings_rate(settings->per_address));
        if (!r)
                r = sovd_rate_limit_new(&a->principal, places, sovd_rate_settings_rate(settings->per_principal));
        if (!r)
                r = sovd_rate_limit_new(&a->failures, places, sovd_rate_settings_rate(settings->failures));
        if (r)
                return r;
        *ret = SOVD_TAKE(a);
        return 0;
}

struct sovd_admission *sovd_admission_free(struct sovd_admission *a) {
        if (!a)
                return NULL;
        a->address = sovd_rate_limit_free(a->address);
        a->principal = sovd_rate_limit_free(a->principal);
        a->failures = sovd_rate_limit_free(a->failures);
        free(a->exempt);
        free(a);
        return NULL;
}

void sovd_admission_set(struct sovd_admission *a, const struct sovd_rate_settings *settings) {
        sovd_rate_limit_set(a->address, sovd_rate_settings_rate(settings->per_address));
        sovd_rate_limit_set(a->principal, sovd_rate_settings_rate(settings->per_principal));
        sovd_rate_limit_set(a->failures, sovd_rate_settings_rate(settings->failures));
}

static struct sovd_rest_call *outer_of(struct sovd_call *call) {
        return (struct sovd_rest_call *)call;
}

static int refuse(struct sovd_call *call, uint64_t wait_usec, const char *what) {
        const unsigned seconds =
                (unsigned)SOVD_MIN((wait_usec + SOVD_USEC_PER_SEC - 1) / SOVD_USEC_PER_SEC, UINT64_C(86400));

        sovd_fail(call, SOVD_E_TOO_MANY, "%s; the next is possible in %u s", what, seconds);
        sovd_fail_retry_after(call, seconds);
        return SOVD_E_TOO_MANY;
}

static bool is_exempt(const struct sovd_admission *a, const struct sovd_address *address) {
        for (size_t i = 0; i < a->n_exempt; i++)
                if (sovd_network_holds(&a->exempt[i], address))
                        return true;
        return false;
}

/* An address that cannot be read is one client with all others like it; only a Unix socket has none. */
int sovd_admission_address(struct sovd_admission *a, struct sovd_call *call, bool pays) {
        struct sovd_rest_call *outer = outer_of(call);
        const struct sovd_http_exchange *x = outer->x;
        const struct sovd_origin_request request = { &x->head, x->remote, x->is_tls };
        struct sovd_address address = { { 0 } };
        bool known = sovd_origin_client(&request, outer->rest->trusted_proxies, &address);

        outer->from = sovd_address_client(&address);
        if (!pays || (!known && x->uid >= 0) || (known && is_exempt(a, &address)))
                return 0;
        uint64_t wait = sovd_rate_limit_take(a->address, outer->from.bytes, sizeof(outer->from.bytes));
        return wait ? refuse(call, wait, "there are more requests from this address than rate.per_address allows") : 0;
}

int sovd_admission_principal(struct sovd_admission *a, struct sovd_call *call) {
        if (call->principal.anonymous)
                return 0;
        uint64_t wait = sovd_rate_limit_take(a->principal, call->principal.id, strlen(call->principal.id));
        return wait ? refuse(call, wait, "this client asks more often than rate.per_principal allows") : 0;
}

/* Whose failures are counted together: the address, or the user of a Unix socket, and the kind of credentials. */
struct failure_key {
        struct sovd_address from;
        int64_t uid, kind;
};

static struct failure_key key_of(const struct sovd_call *call, enum sovd_credential kind) {
        const struct sovd_rest_call *outer = (const struct sovd_rest_call *)call;

        return (struct failure_key){ outer->from, outer->x->uid, kind };
}

int sovd_admission_failed(struct sovd_admission *a, struct sovd_call *call, enum sovd_credential kind, int r) {
        const struct failure_key key = key_of(call, kind);

        (void)__atomic_add_fetch(&a->failed[kind], 1, __ATOMIC_RELAXED);
        uint64_t wait = sovd_rate_limit_take(a->failures, &key, sizeof(key));
        return wait ? refuse(call, wait, "too many credentials that are not accepted came from this address") : r;
}

void sovd_admission_count(struct sovd_admission *a, struct sovd_admission_counters *ret) {
        sovd_rate_limit_count(a->address, &ret->address);
        sovd_rate_limit_count(a->principal, &ret->principal);
        sovd_rate_limit_count(a->failures, &ret->failures);
        for (size_t i = 0; i < SOVD_N_CREDENTIALS; i++)
                ret->failed[i] = __atomic_load_n(&a->failed[i], __ATOMIC_RELAXED);
}
