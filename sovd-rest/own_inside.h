#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Own faults - their inside: own_looks.c finds what is wrong, own_faults.c tells it
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/own_faults.h"
#include <pthread.h>

#define OWN_CODE_MAX 64

enum own_verdict { OWN_UNKNOWN, OWN_GOOD, OWN_BAD };

struct own_look; /* one round */

/* What can be wrong. A kind that is `each` exists once for every backend or app. */
struct own_kind {
        const char *code, *name; /* name: with %s for the subject */
        int severity;
        unsigned n_looks;        /* bad ones in a row until it counts */
        bool once;               /* it says what happened at the start: when a client clears it, it stays cleared */
        void (*each)(struct own_look *l, const struct own_kind *kind);                  /* finds them all; or: */
        enum own_verdict (*check)(struct own_look *l, struct sovd_json_writer *w);      /* the members of the environment data */
};

struct own_finding {
        const struct own_kind *kind;
        const char *code, *subject;
        enum own_verdict verdict;
        const char *environment; /* JSON, when it is bad */
};

/* What was told of a code; the codes come in the order of the findings. */
struct own_told {
        const struct own_kind *kind;
        char code[OWN_CODE_MAX + 1];
        enum own_verdict verdict;
        unsigned n_bad;
        char *environment;
};

struct sovd_own_faults {
        struct sovd_gateway *gateway;
        struct sovd_fault_sink *sink;
        char *entity, *damaged; /* entity: "apps/sovd-gateway" */
        uint64_t next_usec;    /* main thread */
        struct sovd_tls *tls;                      /* set before the first tick; or NULL */
        struct sovd_auth *auth;                    /* the same */
        bool complained;                           /* the same */

        pthread_mutex_t mutex; /* leaf: the told ones; only the main thread writes them */
        struct own_told *told;
        size_t n_told;
};

struct own_look {
        struct sovd_own_faults *own;
        struct sovd_arena *arena;
        struct own_finding *findings;
        size_t n, size;
        int error;
        struct sovd_tls_status tls; /* all 0 when there is no TLS */
};

/* Looks at everything: l->findings, always in the same order as long as the configuration is the same. l->error: -ENOMEM. */
void own_look_at_all(struct own_look *l);

/* Of the fault that the state cannot be written. */
extern const struct own_kind *const own_kind_unwritten;
