#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Call - one request without HTTP
 *
 * It carries what a handler and a backend need: memory that ends with the request, the deadline, the entity as
 * the tree of its first moment shows it, decoded input, and the place for the answer or the failure. It belongs
 * to one thread at a time.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/error_body.h"

struct cJSON;
struct sovd_gateway;
struct sovd_json_writer;
struct sovd_source;

/* Who asks. Locks, temporary resources and limits per client go by the id. The strings live as long as the call's arena. */
struct sovd_principal {
        const char *id;             /* never NULL; never shown to other clients */
        bool anonymous;             /* nothing proved it: the id is the place that the client asks from */
        bool is_gateway;            /* nobody: the gateway asks for itself, and for whoever may hear the answer */
        bool admin;                 /* may keep the gateway itself: copy and replace its state */
        struct sovd_strings roles;  /* what the credentials say it is */
        struct sovd_strings scopes; /* what they were given out for (RFC 6749 3.3); not set = they say nothing of it */
        const char *tenant;         /* whose entities it may see; NULL = they say nothing of it */
        const char *method;         /* how it was proved: "api-key", "jwt", "certificate", "unix-user", …; NULL = not */
        const char *token_id;       /* which of its credentials: a jti, the name of a key, what a rule matched of a certificate; NULL = they have none */
        const char *certificate;    /* SHA-256 of the client's certificate (DER), 64 hex digits; NULL = it showed none */
        const char *chain;          /* PEM: the certificate that proved it, and what it came with; NULL = it was none */
        uint64_t expires_usec;      /* of the credentials, since the epoch; 0 = they say no end */
        uint64_t proof;             /* of the key behind them: another key of the same name has another one; 0 = none */
};

#define SOVD_PARAMS_MAX 4
#define SOVD_QUERY_MAX  32

struct sovd_query_item {
        const char *name, *key, *value; /* key: what stands in brackets, status[key]=value; else NULL */
};

/* Why a call failed; the strings are in the arena or static. */
struct sovd_failure {
        int error;                       /* enum sovd_error; 0 = nothing failed */
        unsigned status;                 /* HTTP status; 0 = that of the error's row */
        struct sovd_generic_error body;  /* error_code NULL = that of the error's row */
        const char *path;                /* JSON pointer of the bad element: the body is a DataError too */
        unsigned retry_after_sec;        /* 0 = no Retry-After */
        const char *allow;               /* Allow, for SOVD_E_METHOD */
        bool outcome_unknown;            /* what was asked for may have been done: vendor_code outcome-unknown */
        const char *content_range;       /* Content-Range, for SOVD_E_RANGE */
        const char *package;             /* the update that runs, which the message names; or NULL */
};

struct sovd_call {
        struct sovd_arena *arena;
        struct sovd_gateway *gateway;
        uint64_t deadline_usec;          /* monotonic: the answer must be made by then */
        const char *request_id;          /* never NULL */
        struct sovd_principal principal;
        const char *base;                /* what every URI in the answer begins with, absolute when the client's
                                          * view of the server is known (sovd-rest/origin.h); never NULL */
        const char *traceparent;         /* W3C trace context, of the client or made here */

        struct sovd_tree *tree;          /* reference, held until the answer is sent */
        const struct sovd_entity *entity; /* in tree; NULL for resources of the server */
        const char *params[SOVD_PARAMS_MAX]; /* decoded path parameters after the entity */
        struct sovd_query_item query[SOVD_QUERY_MAX];
        size_t n_query;
        const void *in;                  /* decoded body, of the route's input schema */
        const char *raw;                 /* the body as it came, NUL-terminated; NULL = the route takes none */
        size_t raw_len;
        uint64_t fence;                  /* of the lock that a change rests on (locks.h); 0 = it rests on none */
        uint64_t idempotency;            /* ticket of its Idempotency-Key (idempotency.h); 0 = it has none */
        struct sovd_source *body;        /* the body, not read yet, for routes that take it piece by piece */

        const char *session, *session_of; /* of tokens that it is about, and whose it is, for the audit log; or NULL */
        const char *session_tenant;       /* of whose it is; or NULL */

        bool wants_events;               /* the answer is to be an event stream: out is a struct sovd_event_source * (event.h) */

        bool acted;                      /* a backend was told to change something and has not refused it: a failure from
                                          * here on is one of which nobody can say what was done */

        const void *out;                 /* the answer, of the route's output schema */
        /* Writes the members of the answer's object straight from where they are kept, in the place of out (which may
         * point to what it needs): for answers too long to be put together first. */
        void (*write)(const struct sovd_call *call, struct sovd_json_writer *w);
        bool out_is_document;            /* out is text of its own instead (struct sovd_document) */
        unsigned status;                 /* 0 = the route's success status */
        const char *location;            /* Location; begins with base */
        const char *link;                /* Link: where the list goes on (page.h); or NULL */
        struct sovd_failure failure;
};

/* Sets the failure and returns error. A failure that is set already is replaced. */
int sovd_fail(struct sovd_call *call, enum sovd_error error, const char *format, ...) _printf_(3, 4);

/* The same because of an update that runs; the message is "update 'ID' is …". */
int sovd_fail_update(struct sovd_call *call, enum sovd_error error, const char *id, const char *what);

/* The same for a faulty element of the request's body; path is a JSON pointer (copied). */
int sovd_fail_at(struct sovd_call *call, enum sovd_error error, const char *path, const char *format, ...)
        _printf_(4, 5);

/* Passes an error of the other side on: its status, its GenericError, and the path of its DataError, or NULL.
 * The strings must live as long as the arena. Returns SOVD_E_UPSTREAM. */
int sovd_fail_upstream(struct sovd_call *call, unsigned status, const struct sovd_generic_error *body,
                       const char *path);

/* Says of the failure that what was asked for may have been done all the same. Returns r. */
int sovd_fail_unknown(struct sovd_call *call, int r);
#define SOVD_OUTCOME_UNKNOWN "outcome-unknown" /* its vendor code */

/* The result of a backend's op that changes something: unless it was refused it was carried out, or may have been. Returns r. */
int sovd_call_did(struct sovd_call *call, int r);
/* Of a failure after that: it says that the outcome is unknown, also when it is ours. Returns r, never negative then. */
int sovd_call_settle(struct sovd_call *call, int r);

/* Fails with SOVD_E_RANGE for an item of this size. */
int sovd_fail_range(struct sovd_call *call, uint64_t size);

/* Fails for what the database said (base/db.h): SOVD_E_NO_SPACE, SOVD_E_STORAGE, or SOVD_E_OVERLOAD when too many changes
 * wait; with Retry-After. SOVD_E_NOT_RESPONDING: a reading took too long. Nothing was changed. -ENOMEM stays what it is. */
int sovd_fail_storage(struct sovd_call *call, int r);

/* Adds Retry-After to the failure. */
void sovd_fail_retry_after(struct sovd_call *call, unsigned seconds);

/* The first value of a query parameter, or NULL. */
const char *sovd_call_query(const struct sovd_call *call, const char *name);

/* All values of a repeated query parameter. false: no memory. */
bool sovd_call_query_all(struct sovd_call *call, const char *name, struct sovd_strings *ret);

/* Formats into the arena; "" when memory is out, with the failure of the call left to the caller. */
const char *sovd_call_printf(struct sovd_call *call, const char *format, ...) _printf_(2, 3);
