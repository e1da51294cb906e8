#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Router - from a request to the function that answers it, by a table of the dialect in use
 *
 * What holds for every route is done here: percent-decoding, 404, 405 with Allow, the checks of a body,
 * looking up the component, and the lock of the vehicle, which is held while a handler runs.
 */
#include <cjson/cJSON.h>
#include "demo-ecu/json.h"
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

#define BASE_PATH     "/sovd/v1"
#define SEGMENTS_MAX  12
#define BODY_MAX      65536
#define SEG_COLLECTION 4
#define SEG_ENTITY    3 /* /sovd/v1/components/{3}/data/{5}/executions/{7} */
#define SEG_RESOURCE  5
#define SEG_EXECUTION 7

struct bulk;
struct dialect;
struct inject;
struct stats;
struct subscriptions;

struct server {
        const struct dialect *dialect;
        struct vehicle *vehicle;
        struct inject *inject;
        struct stats *stats;
        struct subscriptions *subscriptions;
        struct bulk *bulk;
};

/* The connection, for handlers that read or write more than fits in memory. */
struct call_io {
        void *user;
        const char *(*header)(void *user, const char *name); /* NULL if it is not there */
        int (*read)(void *user, void *buffer, size_t n);     /* 0 at the end, -1 if it came too early */
        bool (*write)(void *user, const void *data, size_t n);
};

struct call {
        struct server *server;

        const char *method; /* HEAD comes as GET */
        const char *path;   /* as sent, percent-encoded */
        const char *query;  /* as sent, never NULL */
        const char *content_type;
        const char *client; /* who asks: its Authorization, else its address */
        char *body; /* NUL-terminated; NULL if none came */
        size_t n_body;

        char decoded[1024];
        const char *segments[SEGMENTS_MAX]; /* into decoded */
        size_t n_segments;
        cJSON *json; /* owned; the parsed body of a route that wants one */
        struct component *component;

        bool is_stream; /* the answer is the stream of the subscription that the path names */
        int status;
        struct json out;
        char location[256];
        char allow[48];
        struct problem problem;

        const struct call_io *io;
        bool head;     /* HEAD was asked */
        bool answered; /* the handler wrote its answer itself */
};

enum {
        ROUTE_BODY = 1, /* a JSON object is required */
        ROUTE_OPTIONAL_BODY = 2,
        ROUTE_TRANSFER = 4, /* handled without the vehicle's lock; it reads and writes for itself */
};

struct route {
        const char *method;
        const char *path; /* from the root; a segment "*" matches any */
        void (*handler)(struct call *call);
        unsigned int flags;
};

struct dialect {
        const char *name;
        const struct route *routes; /* the last has no method */
        void (*write_problem)(struct call *call, int status);
};

extern const struct dialect dialect_iso;
extern const struct dialect dialect_odata;
extern const struct route control_routes[];

void router_handle(struct call *call);

/* Answers with the problem; what the handler wrote so far is dropped. */
void call_refuse(struct call *call);
void call_fail(struct call *call, enum problem_kind kind, const char *format, ...) _printf_(3, 4);

/* The whole number above 0 in that member, 0 if it is not there; refuses and returns true if it is other. */
bool call_seconds(struct call *call, const char *key, unsigned int *ret);

/* The next query parameter of that name, decoded; *iterator starts as NULL. False when there is none. */
bool call_query(const struct call *call, const char *name, const char **iterator, char *value,
                size_t n_value);

/* Percent-decodes n bytes; false if they are malformed, do not fit, or hold a NUL. */
bool percent_decode(const char *text, size_t n, char *ret, size_t n_ret);

void call_clear(struct call *call);
