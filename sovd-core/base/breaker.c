/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/breaker.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <pthread.h>

struct sovd_breaker {
        pthread_mutex_t mutex; /* all below but options */
        enum sovd_breaker_state state;
        unsigned n_failures;      /* in a row, while closed */
        bool probing;             /* half-open: the one probe is under way */
        uint64_t open_until_usec; /* while open */
        struct sovd_breaker_options options;
};

int sovd_breaker_new(struct sovd_breaker **ret, const struct sovd_breaker_options *options) {
        struct sovd_breaker *b = calloc(1, sizeof(*b));
        if (!b)
                return sovd_error_origin(-ENOMEM);

        if (options)
                b->options = *options;
        if (!b->options.threshold)
                b->options.threshold = 5;
        if (!b->options.open_usec)
                b->options.open_usec = 5 * SOVD_USEC_PER_SEC;

        (void)pthread_mutex_init(&b->mutex, NULL);
        *ret = b;
        return 0;
}

struct sovd_breaker *sovd_breaker_free(struct sovd_breaker *b) {
        if (!b)
                return NULL;

        (void)pthread_mutex_destroy(&b->mutex);
        free(b);
        return NULL;
}

static void breaker_open(struct sovd_breaker *b, uint64_t now_usec) {
        b->state = SOVD_BREAKER_OPEN;
        b->probing = false;
        b->open_until_usec = now_usec + b->options.open_usec;
}

static void breaker_close(struct sovd_breaker *b) {
        b->state = SOVD_BREAKER_CLOSED;
        b->probing = false;
        b->n_failures = 0;
}

/* Rounded up: who comes back after so many seconds finds the breaker half-open. */
static unsigned retry_after_sec(const struct sovd_breaker *b, uint64_t now_usec) {
        if (b->state != SOVD_BREAKER_OPEN || b->open_until_usec <= now_usec)
                return 1;
        return (unsigned)((b->open_until_usec - now_usec + SOVD_USEC_PER_SEC - 1) / SOVD_USEC_PER_SEC);
}

bool sovd_breaker_admit(struct sovd_breaker *b, uint64_t now_usec, unsigned *ret_retry_after_sec,
                        bool *ret_probe) {
        bool admitted;

        (void)pthread_mutex_lock(&b->mutex);
        if (b->state == SOVD_BREAKER_OPEN && now_usec >= b->open_until_usec)
                b->state = SOVD_BREAKER_HALF_OPEN;

        admitted = b->state == SOVD_BREAKER_CLOSED || (b->state == SOVD_BREAKER_HALF_OPEN && !b->probing);
        if (admitted)
                *ret_probe = b->probing = b->state == SOVD_BREAKER_HALF_OPEN;
        else
                *ret_retry_after_sec = retry_after_sec(b, now_usec);
        (void)pthread_mutex_unlock(&b->mutex);

        return admitted;
}

/* A probe reports into the half-open state that it was admitted in: nothing else can end that state. */
void sovd_breaker_success(struct sovd_breaker *b, bool probe) {
        (void)pthread_mutex_lock(&b->mutex);
        if (probe)
                breaker_close(b);
        else if (b->state == SOVD_BREAKER_CLOSED)
                b->n_failures = 0;
        (void)pthread_mutex_unlock(&b->mutex);
}

void sovd_breaker_failure(struct sovd_breaker *b, bool probe, uint64_t now_usec) {
        (void)pthread_mutex_lock(&b->mutex);
        if (probe || (b->state == SOVD_BREAKER_CLOSED && ++b->n_failures >= b->options.threshold))
                breaker_open(b, now_usec);
        (void)pthread_mutex_unlock(&b->mutex);
}

void sovd_breaker_abandon(struct sovd_breaker *b, bool probe) {
        (void)pthread_mutex_lock(&b->mutex);
        if (probe)
                b->probing = false;
        (void)pthread_mutex_unlock(&b->mutex);
}

void sovd_breaker_reset(struct sovd_breaker *b) {
        (void)pthread_mutex_lock(&b->mutex);
        breaker_close(b);
        (void)pthread_mutex_unlock(&b->mutex);
}

enum sovd_breaker_state sovd_breaker_state(struct sovd_breaker *b) {
        (void)pthread_mutex_lock(&b->mutex);
        enum sovd_breaker_state state = b->state;
        (void)pthread_mutex_unlock(&b->mutex);
        return state;
}
