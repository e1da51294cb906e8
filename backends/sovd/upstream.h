#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Upstream - one request's exchange with the server
 *
 * Deadline, breaker, one repetition of reads, trace headers and counters in one place; the dialects above say
 * only what they ask. Blocks up to the call's deadline; no lock is held meanwhile.
 */
#include "backends/sovd/answer.h"
#include "backends/sovd/backend.h"
#include "sovd-core/base/json_writer.h"

struct upstream {
        struct sovd_sovd *backend;
        struct sovd_call *call;
        struct subject subject;
        const char *query; /* encoded, without '?'; or NULL */
        const char *field; /* a further line of the request's head; or NULL */
        unsigned status;   /* of the last answer; 0 = none */
        const char *accept; /* NULL = application/json */
        const char *content_type; /* of what is sent; NULL = application/json */
        bool acted_before;        /* call->acted before the last exchange */
};

/* The exchange about a resource of an entity; backend: the entity's provider. */
struct upstream upstream_of(struct sovd_call *call, const struct sovd_entity *e,
                            enum sovd_collection collection, const char *what, const char *id);

/* The exchange about a resource of the server itself. */
struct upstream upstream_of_server(struct sovd_call *call, struct sovd_backend *backend, const char *what,
                                   const char *id);

/* Is include-schema=true asked for? Then it is sent on. */
void upstream_pass_schema(struct upstream *u);

/* "name=value", encoded. */
int upstream_set_query(struct upstream *u, const char *name, const char *value);

/* The same, after what is there. */
int upstream_add_query(struct upstream *u, const char *name, const char *value);

/* Reads {entity}/{segments}; the segments end with NULL and are encoded here. 0, or the failure that is
 * set. */
int upstream_get(struct upstream *u, struct cJSON **ret, ...) __attribute__((sentinel));

/* The same for an answer of any type, as it came. */
int upstream_get_any(struct upstream *u, struct sovd_http_answer *ret, ...) __attribute__((sentinel));

/* Sends something that changes the server: never repeated. body may be NULL (then none is sent). ret may
 * be NULL; *ret is NULL when the answer has no body. */
int upstream_send(struct upstream *u, const char *method, struct sovd_json_writer *body, struct cJSON **ret,
                  ...) __attribute__((sentinel));

/* The same with a body of any type; len 0: without one. */
int upstream_send_raw(struct upstream *u, const char *content_type, const char *bytes, size_t len, struct cJSON **ret,
                      ...) __attribute__((sentinel));

/* An exchange with large bodies. */
struct upstream_transfer {
        const char *method, *accept; /* accept: the whole line, or NULL */
        const char *content_type;    /* of the request's body */
        const char *const *lines;    /* at most 4 header lines, ends with NULL; or NULL */
        struct sovd_http_transfer *transfer;
        struct sovd_source **stream; /* of a 2xx answer; or NULL */
};

/* 0 when an answer of any status came: it is in u->status and *answer. When the request's body could not be read,
 * that error, with no failure set. */
int upstream_transfer(struct upstream *u, const struct upstream_transfer *t, struct sovd_http_answer *answer, ...)
        __attribute__((sentinel));

/* The failure for an answer that is none of success. What it refuses was not done (call->acted). */
int upstream_refused(struct upstream *u, const struct sovd_http_answer *answer);

/* r: what decoding the answer to a change gave. An answer that cannot be used must not look as if nothing had
 * happened: the message says that the request was accepted. */
int upstream_accepted(struct upstream *u, int r);

/* r: the failure of a list of executions. A server need not have that list: when it says so, and knows the
 * operation, the failure is taken back and 0 returned, as it names none. Else r. */
int upstream_without_list(struct upstream *u, int r, const char *operation);

/* Dialect of the backend, or NULL with the failure set: it was never reached. */
const struct dialect *upstream_dialect(struct sovd_call *call, const struct sovd_entity *e,
                                       enum sovd_collection collection);

/* The same for what is not an entity's. */
const struct dialect *upstream_dialect_of(struct sovd_call *call, struct sovd_backend *backend);
