/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/slots.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>

/* On the stack of its thread. Slots are handed over in the order of arrival, so nobody starves. */
struct waiter {
        struct waiter *next;
        pthread_cond_t wake; /* CLOCK_MONOTONIC */
        bool granted;
        unsigned index; /* when granted */
};

struct sovd_slots {
        pthread_mutex_t mutex; /* all below but max_waiting and n_slots; and the waiters */
        struct waiter *first;  /* non-NULL only while n_free is 0 */
        unsigned n_waiting, max_waiting;
        unsigned n_slots, n_free;
        bool stopping;
        unsigned free[]; /* a stack of n_free indices */
};

int sovd_slots_new(struct sovd_slots **ret, unsigned n_slots, unsigned max_waiting) {
        struct sovd_slots *slots = calloc(1, sizeof(*slots) + n_slots * sizeof(slots->free[0]));
        if (!slots)
                return sovd_error_origin(-ENOMEM);

        slots->max_waiting = max_waiting;
        slots->n_slots = slots->n_free = n_slots;
        for (unsigned i = 0; i < n_slots; i++)
                slots->free[i] = n_slots - 1 - i;

        (void)pthread_mutex_init(&slots->mutex, NULL);
        *ret = slots;
        return 0;
}

struct sovd_slots *sovd_slots_free(struct sovd_slots *slots) {
        if (!slots)
                return NULL;

        (void)pthread_mutex_destroy(&slots->mutex);
        free(slots);
        return NULL;
}

static void waiter_init(struct waiter *w) {
        *w = (struct waiter){ 0 };
        (void)sovd_cond_init(&w->wake);
}

static struct waiter **end_of_queue(struct sovd_slots *slots) {
        struct waiter **end = &slots->first;

        while (*end)
                end = &(*end)->next;
        return end;
}

static void leave_queue(struct sovd_slots *slots, const struct waiter *w) {
        struct waiter **p = &slots->first;

        while (*p != w)
                p = &(*p)->next;
        *p = w->next;
        slots->n_waiting--;
}

/* Under the mutex, as all of these. */
static bool wait_for_slot(struct sovd_slots *slots, uint64_t deadline_usec, unsigned *ret_index) {
        struct waiter w;
        int r = 0;

        waiter_init(&w);
        *end_of_queue(slots) = &w;
        slots->n_waiting++;
        while (!w.granted && !slots->stopping && r == 0)
                r = sovd_cond_wait_until(&w.wake, &slots->mutex, deadline_usec);

        if (w.granted)
                *ret_index = w.index;
        else
                leave_queue(slots, &w);
        (void)pthread_cond_destroy(&w.wake);
        return w.granted;
}

bool sovd_slots_take(struct sovd_slots *slots, uint64_t deadline_usec, unsigned *ret_index) {
        bool taken = false;

        (void)pthread_mutex_lock(&slots->mutex);
        if (!slots->stopping && slots->n_free) {
                *ret_index = slots->free[--slots->n_free];
                taken = true;
        } else if (!slots->stopping && slots->n_waiting < slots->max_waiting)
                taken = wait_for_slot(slots, deadline_usec, ret_index);
        (void)pthread_mutex_unlock(&slots->mutex);

        return taken;
}

void sovd_slots_give(struct sovd_slots *slots, unsigned index) {
        (void)pthread_mutex_lock(&slots->mutex);
        struct waiter *w = slots->stopping ? NULL : slots->first;
        if (w) {
                leave_queue(slots, w);
                w->index = index;
                w->granted = true;
                (void)pthread_cond_signal(&w->wake);
        } else
                slots->free[slots->n_free++] = index;
        (void)pthread_mutex_unlock(&slots->mutex);
}

void sovd_slots_stop(struct sovd_slots *slots) {
        (void)pthread_mutex_lock(&slots->mutex);
        slots->stopping = true;
        for (struct waiter *w = slots->first; w; w = w->next)
                (void)pthread_cond_signal(&w->wake);
        (void)pthread_mutex_unlock(&slots->mutex);
}

void sovd_slots_count(struct sovd_slots *slots, unsigned *ret_taken, unsigned *ret_waiting) {
        (void)pthread_mutex_lock(&slots->mutex);
        *ret_taken = slots->n_slots - slots->n_free;
        *ret_waiting = slots->n_waiting;
        (void)pthread_mutex_unlock(&slots->mutex);
}
