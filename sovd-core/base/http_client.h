#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP client - calls to one upstream server over pooled connections
 *
 * A pool holds at most max_in_flight libcurl handles; taking a handle is taking a slot, so no more calls than
 * that are ever under way. Callers beyond it wait, at most max_waiting of them and never past their deadline.
 * http and https only, no redirects, no proxy from the environment, no decompression; the answer's bytes are
 * counted as they come (CURLOPT_MAXFILESIZE does not stop a chunked answer in 7.88.1, measured).
 * Only GET and HEAD are ever sent twice: when a kept-alive connection turns out to be dead before the first
 * byte of the answer. Everything else is sent at most once.
 * All functions are thread-safe but new and free.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/source.h"

struct sovd_http_pool;

struct sovd_http_pool_options {
        const char *base_url;        /* http://127.0.0.1:3001 or with a path for all targets; copied */
        const char *unix_socket;     /* connect there instead; or NULL; copied */
        unsigned max_in_flight;      /* 1..256 */
        unsigned max_waiting;        /* 0..4096 */
        uint64_t connect_timeout_usec; /* TLS handshake included; 0 = only the deadline */
        size_t max_answer;           /* bytes of body */
        const char *ca_file;         /* https: the only trusted authorities; NULL = the system's; copied */
        const char *client_cert_file, *client_key_file; /* https: our certificate; or NULL; copied */
        const char *bearer_token;    /* sent as Authorization; or NULL; copied */
        bool forgets;                /* nothing of a call stays in memory but the answer: each has a connection of its own */
};

struct sovd_http_request {
        const char *method;
        const char *target;          /* path and query, already encoded, starts with '/' */
        const char *body;            /* or NULL */
        size_t body_len;
        const char *content_type;    /* of the body; NULL = application/json */
        const char *const *headers;  /* further "Name: value" lines, ends with NULL; or NULL */
        uint64_t deadline_usec;      /* monotonic; nothing goes on past it */
};

struct sovd_http_answer {
        unsigned status;
        const char *body;            /* NUL-terminated, in the arena; never NULL */
        size_t body_len;
        unsigned retry_after_sec;    /* 0 = none or not a number */
        const char *content_type;    /* in the arena; NULL = none */
};

enum sovd_http_result {
        SOVD_HTTP_OK,            /* an answer with a status came */
        SOVD_HTTP_BUSY,          /* no slot in time, too many wait, or stopped: nothing was sent */
        SOVD_HTTP_REFUSED,       /* not reachable (name, connect): nothing was sent */
        SOVD_HTTP_TIMEOUT,       /* the deadline passed, or stopped; perhaps the request was carried out */
        SOVD_HTTP_LOST,          /* the connection broke; perhaps the request was carried out */
        SOVD_HTTP_BROKEN,        /* what came is not HTTP, or contradicts itself */
        SOVD_HTTP_TOO_LARGE,     /* the answer is over max_answer */
        SOVD_HTTP_TLS,           /* no handshake, or a certificate that is not accepted: nothing was sent */
        SOVD_HTTP_N_RESULTS
};

struct sovd_http_counters {
        unsigned in_flight, waiting; /* now */
};

/* Once per process, before threads. -errno. */
int sovd_http_global_init(void);

/* NULL: the options are good; else what is wrong (static text), with the bad member's name in *ret_member. */
const char *sovd_http_pool_options_check(const struct sovd_http_pool_options *options,
                                         const char **ret_member);

/* -EINVAL: the options do not pass the check. -ENOMEM. */
int sovd_http_pool_new(struct sovd_http_pool **ret, const struct sovd_http_pool_options *options);

/* For good: who waits gets SOVD_HTTP_BUSY, calls under way end at once with SOVD_HTTP_TIMEOUT. */
void sovd_http_pool_stop(struct sovd_http_pool *pool);

/* No call may be under way. */
struct sovd_http_pool *sovd_http_pool_free(struct sovd_http_pool *pool);
SOVD_DEFINE_CLEANUP(struct sovd_http_pool *, sovd_http_pool_free)

/* Makes one call; blocks at most until request->deadline_usec. Returns enum sovd_http_result; -ENOMEM;
 * -EINVAL when method, target or a header is not one line of HTTP or HEAD has a body (a client's bytes should
 * not come so far). *answer is filled on SOVD_HTTP_OK only; its memory is in the calling thread's arena. */
int sovd_http_call(struct sovd_http_pool *pool, const struct sovd_http_request *request,
                   struct sovd_http_answer *answer, struct sovd_arena *arena);

/* A header field of the answer that is asked for; value: in the arena; NULL: it did not come. */
struct sovd_http_wanted {
        const char *name, *value;
};

/* What a call with large bodies has besides its request. */
struct sovd_http_transfer {
        struct sovd_source *body;       /* of the request, read by this call to its end; or NULL */
        uint64_t body_len;              /* UINT64_MAX: not known */
        uint64_t idle_usec;             /* so long the server may neither take nor give a byte */
        struct sovd_http_wanted *wanted; /* ends with name == NULL; or NULL */
        int body_result;                /* set: what reading `body` failed with; 0 = it did not */
};

/* As sovd_http_call(), with bodies of any size in bounded memory. ret NULL: the answer's body is held whole, as there.
 * Else the call returns when the head of a 2xx answer is there, and *ret is its body: it keeps its place in the pool
 * until it is closed, must be read by the same thread, and fails with SOVD_E_NOT_RESPONDING or SOVD_E_BAD_ANSWER.
 * For other statuses *ret is NULL, and the body is in the answer. request->body must be NULL when transfer->body is
 * not; request->deadline_usec bounds the whole, the reading of *ret included. */
int sovd_http_open(struct sovd_http_pool *pool, const struct sovd_http_request *request,
                   struct sovd_http_transfer *transfer, struct sovd_http_answer *answer, struct sovd_arena *arena,
                   struct sovd_source **ret);

void sovd_http_pool_counters(struct sovd_http_pool *pool, struct sovd_http_counters *ret);

/* Appends s to the arena, percent-encoded as one path segment (RFC 3986 unreserved stay; "." and ".." become
 * "%2E" and "%2E%2E"). NULL: no memory. */
const char *sovd_http_encode_segment(struct sovd_arena *arena, const char *s);
