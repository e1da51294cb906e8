#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Log of an app - what it wrote last, in a ring of the gateway
 *
 * Entries never change and are shared by reference, so that a reader holds the mutex for as long as it takes to count
 * them. The ring has limits of entries, bytes and entries per second; it outlives the connection of its app until
 * log_retention_secs have passed. All functions are called with native::mutex held, but for unref.
 */
#include "sovd-core/model/logs.h"

struct native_log;
struct native_log_context;

struct native_entry {
        struct native_entry *next;
        unsigned n_refs; /* atomic */
        uint64_t usec;   /* UTC */
        size_t size;     /* bytes that it takes */
        int severity;    /* enum sovd_log_severity */
        const char *msg;
        struct sovd_log_context context; /* strings are behind the entry, too */
};
struct native_entry *native_entry_unref(struct native_entry *entry);

struct native_ring_limits {
        size_t entries, bytes;
        double per_sec;
};

struct native_ring {
        struct native_entry *first, *last; /* oldest first */
        size_t n, n_bytes;
        double tokens;
        uint64_t tokens_usec;
        uint64_t n_missed;        /* over the limit per second since the last entry */
        uint64_t n_taken, n_lost; /* since the start of the gateway; lost: over the limit, or no memory */
};

/* Takes an entry; what the limit per second refuses is counted, and told by an entry before the next one that is taken.
 * limited = false: the gateway's own entry, always taken. now_usec is monotonic. */
bool native_ring_add(struct native_ring *ring, const struct native_ring_limits *limits,
                     const struct sovd_log_context *context, int severity, const char *msg, uint64_t usec,
                     bool limited, uint64_t now_usec);
void native_ring_clear(struct native_ring *ring);
