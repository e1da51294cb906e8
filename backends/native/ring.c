/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/logs.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>

struct native_entry *native_entry_unref(struct native_entry *entry) {
        if (entry && !__atomic_sub_fetch(&entry->n_refs, 1, __ATOMIC_ACQ_REL))
                free(entry);
        return NULL;
}

/* Puts a copy of a string at *at, and goes behind it. */
static const char *put(char **at, const char *s) {
        if (!s)
                return NULL;
        const size_t n = strlen(s) + 1;
        const char *own = memcpy(*at, s, n);

        *at += n;
        return own;
}

static size_t room_of(const char *s) {
        return s ? strlen(s) + 1 : 0;
}

static struct native_entry *entry_new(const struct sovd_log_context *c, int severity, const char *msg,
                                      uint64_t usec) {
        const size_t size = sizeof(struct native_entry) + room_of(msg) + room_of(c->host) +
                            room_of(c->process) + room_of(c->application_id) + room_of(c->context_id);
        struct native_entry *entry = malloc(size);

        if (!entry)
                return NULL;
        char *at = (char *)(entry + 1);
        *entry = (struct native_entry){ .n_refs = 1, .usec = usec, .size = size, .severity = severity };
        entry->msg = put(&at, msg);
        entry->context = (struct sovd_log_context){ .type = c->type,
                                                    .host = put(&at, c->host),
                                                    .process = put(&at, c->process),
                                                    .pid = c->pid,
                                                    .application_id = put(&at, c->application_id),
                                                    .context_id = put(&at, c->context_id) };
        return entry;
}

static void drop_first(struct native_ring *ring) {
        struct native_entry *first = ring->first;

        ring->first = first->next;
        if (!ring->first)
                ring->last = NULL;
        ring->n--;
        ring->n_bytes -= first->size;
        native_entry_unref(first);
}

static bool append(struct native_ring *ring, const struct native_ring_limits *limits,
                   struct native_entry *entry) {
        ring->n_lost += !entry;
        if (!entry)
                return false;
        if (ring->last)
                ring->last->next = entry;
        else
                ring->first = entry;
        ring->last = entry;
        ring->n++;
        ring->n_bytes += entry->size;
        ring->n_taken++;
        while (ring->n > limits->entries || (ring->n_bytes > limits->bytes && ring->n > 1))
                drop_first(ring);
        return true;
}

static bool is_within_limit(struct native_ring *ring, double per_sec, uint64_t now) {
        if (ring->tokens_usec)
                ring->tokens += (double)(now - ring->tokens_usec) / (double)SOVD_USEC_PER_SEC * per_sec;
        if (!ring->tokens_usec || ring->tokens > per_sec)
                ring->tokens = per_sec;
        ring->tokens_usec = now;
        if (ring->tokens < 1)
                return false;
        ring->tokens -= 1;
        return true;
}

/* A log with a hole says so. */
static void tell_missed(struct native_ring *ring, const struct native_ring_limits *limits,
                        const struct sovd_log_context *context, uint64_t usec) {
        char text[128];

        if (!ring->n_missed)
                return;
        (void)snprintf(text, sizeof(text),
                       "%llu entries before this one were not kept: more than %g came in a second",
                       (unsigned long long)ring->n_missed, limits->per_sec);
        ring->n_missed = 0;
        (void)append(ring, limits, entry_new(context, SOVD_SEVERITY_WARN, text, usec));
}

bool native_ring_add(struct native_ring *ring, const struct native_ring_limits *limits,
                     const struct sovd_log_context *context, int severity, const char *msg, uint64_t usec,
                     bool limited, uint64_t now_usec) {
        if (limited && !is_within_limit(ring, limits->per_sec, now_usec)) {
                ring->n_missed++;
                ring->n_lost++;
                return false;
        }
        tell_missed(ring, limits, context, usec);
        return append(ring, limits, entry_new(context, severity, msg, usec));
}

void native_ring_clear(struct native_ring *ring) {
        while (ring->first)
                drop_first(ring);
        ring->n_missed = 0;
}
