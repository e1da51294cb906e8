#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Routes - the one table that says everything about a request
 *
 * The router, the decoding of query and body, the answer's status and shape, the OpenAPI document, Allow, the
 * metrics labels and the tests are all derived from it. Paths are relative to /sovd/v1, except with
 * SOVD_ROUTE_ROOT. "{entity}" at the start stands for an entity path: a collection and an id, then any number
 * of subareas/subcomponents steps.
 */
#include "sovd-core/backend.h"
#include "sovd-core/call.h"
#include "sovd-core/gateway.h"

#define SOVD_API_BASE "/sovd/v1"

enum sovd_method { SOVD_GET, SOVD_POST, SOVD_PUT, SOVD_DELETE, SOVD_N_METHODS };
extern const char *const sovd_method_names[];

enum sovd_query_type { SOVD_QUERY_STRING, SOVD_QUERY_BOOL, SOVD_QUERY_INT, SOVD_QUERY_STRINGS, SOVD_QUERY_MAP };

struct sovd_query_param {
        const char *name;
        enum sovd_query_type type;
        const char *doc;
};

enum {
        /* what it is */
        SOVD_ROUTE_ROOT = 1 << 0,     /* the path is from the root of the server, outside of the API base */
        SOVD_PROBE = 1 << 1,          /* health, metrics: not a resource of the standard */
        SOVD_DEPRECATED = 1 << 2,     /* by the standard; there is another word for it */
        SOVD_NO_LOCK = 1 << 3,        /* not a read, yet it changes nothing that a lock is for */
        SOVD_ADMIN = 1 << 18,         /* for clients whose credentials say admin */
        SOVD_PUBLIC = 1 << 19,        /* needs no credentials, even where they are asked for */
        SOVD_PUBLIC_METRICS = 1 << 20, /* the same if auth.public_metrics says so */
        SOVD_PUBLIC_DOCS = 1 << 21,   /* the same for auth.public_docs */
        SOVD_AUDITOR = 1 << 22,       /* for clients that may read the audit log */
        SOVD_ACKNOWLEDGES = 1 << 24,  /* the one change that is made while the audit log is under suspicion */
        SOVD_OWN = 1 << 26,           /* about the client itself: needs credentials, and no role */
        SOVD_AUDITED = 1 << 23,       /* a read that is put on record; what changes something always is */
        SOVD_NEVER_OFF = 1 << 25,     /* a change that is made although changes are switched off (switched.h) */
        SOVD_TAKES_OUT = 1 << 27,     /* carries much away at once: the feature data-exports */
        SOVD_TEMPORARY = 1 << 17,     /* makes, or keeps on, what ends by itself: /docs says when */
        /* what it takes */
        SOVD_INCLUDE_SCHEMA = 1 << 4, /* offers include-schema (ISO 17978-3 5.1) */
        SOVD_IF_MATCH = 1 << 5,       /* a write that honours If-Match: compared with GET on the same path */
        SOVD_IDEMPOTENT = 1 << 6,     /* honours Idempotency-Key */
        SOVD_OPTIONAL_BODY = 1 << 7,  /* no body is as good as {} */
        SOVD_RAW_BODY = 1 << 8,       /* takes a body of any type: call->raw, sovd_call_header() for its type; with an
                                       * input schema JSON is decoded too */
        SOVD_STREAM_BODY = 1 << 9,    /* call->body is read by the handler, piece by piece, up to limits.bulk_bytes */
        /* what it answers with; JSON by the output schema unless one of these says otherwise */
        SOVD_BARE_LIST = 1 << 10,     /* the array that is the only member of the output schema */
        SOVD_DOCUMENT = 1 << 11,      /* text of its own (call->out is struct sovd_document *) */
        SOVD_PLAIN_TEXT = 1 << 12,    /* the document is text/plain, not JSON */
        SOVD_ANY_TYPE = 1 << 13,      /* JSON or bytes: the handler asks sovd_call_check_accept() */
        SOVD_STREAM_OUT = 1 << 14,    /* bytes (call->out is struct sovd_bulk_content *) */
        SOVD_EVENTS = 1 << 15,        /* an event stream: call->wants_events is set */
        SOVD_OR_EVENTS = 1 << 16      /* the same when Accept asks for it */
};

/* The answer of a SOVD_DOCUMENT route. */
struct sovd_document {
        const char *content_type;
        const char *text; /* in the arena, or static */
        size_t len;
};

#define SOVD_ANY_ENTITY   0xfu
#define SOVD_ONLY(type)   (1u << (type))

struct sovd_route {
        const char *id;                 /* operationId and metrics label, unique: "data-read" */
        enum sovd_method method;
        const char *path;
        int (*handler)(struct sovd_call *call);
        unsigned flags;
        unsigned entities;              /* for {entity} paths: SOVD_ANY_ENTITY or SOVD_ONLY() bits */
        enum sovd_collection collection; /* the entity must offer it; SOVD_NO_COLLECTION = none */
        const struct sovd_query_param *query; /* ends with name == NULL; or NULL */
        const char *const *query_family; /* parameters of its siblings: one that `query` lacks is refused, not ignored, as
                                          * the answer would be to another question; ends with NULL; or NULL */
        const struct sovd_schema *in;   /* body, or NULL = none */
        const struct sovd_schema *out;  /* body of success, or the data of an event; or NULL = none */
        unsigned success;               /* status of success */
        const struct sovd_schema *out_other; /* a second form of success, with its own status */
        unsigned success_other;
        const char *summary;
        const char *clause;             /* where the rule comes from */
};

/* All routes of the program: an array of tables, each ends with id == NULL; ends with NULL. */
extern const struct sovd_route *const sovd_routes[];

/* The scope of locks that a route needs: of one that changes something, its collection; else SOVD_NO_COLLECTION. */
enum sovd_collection sovd_route_lock_scope(const struct sovd_route *route);

/* How many routes there are; each has the position in the sequence of all tables. */
size_t sovd_route_count(void);
const struct sovd_route *sovd_route_at(size_t position);
