#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI paths - one path with its operations, from the rows of the route table
 *
 * Shared by the document of the program (openapi.h) and the descriptions of the running vehicle (docs.h), which add
 * what they know of one resource. Written straight into a writer: a description of thousands of entities needs no
 * tree.
 */
#include "sovd-core/base/json_writer.h"
#include "sovd-rest/route.h"

#define SOVD_OPENAPI_PATH_SIZE   2048
#define SOVD_OPENAPI_SCHEMAS_MAX 250
#define SOVD_OPENAPI_METHODS_MAX 16 /* routes that one path can have, of all types of entities */

struct sovd_openapi {
        struct sovd_json_writer *w;
        const struct sovd_schema *schemas[SOVD_OPENAPI_SCHEMAS_MAX]; /* that the paths refer to, so far */
        size_t n_schemas;
};

/* The schema of one member is known better than the table knows it. */
struct sovd_openapi_known {
        const struct sovd_schema *of; /* the object that has the member */
        const char *member;
        const struct cJSON *schema;
};

struct sovd_openapi_path {
        const char *text;                       /* encoded; names in braces are its parameters */
        const struct sovd_route *const *routes; /* one for each method */
        size_t n_routes;
        const struct sovd_openapi_known *known;
        size_t n_known;
        unsigned only_start_status; /* of POST: only this of the two successes; 0 = both */
        uint64_t retention_sec;     /* how long at most stays what routes with SOVD_TEMPORARY make; 0 = not said */
        const char *server;         /* URL that the path is below; NULL = that of the document */
        void (*attributes)(struct sovd_json_writer *w,
                           const void *data); /* more members of the path; or NULL */
        const void *data;
};

/* The members before "paths": version, info and server. */
void sovd_openapi_begin(struct sovd_openapi *o, const char *title, const char *base);

/* One member of "paths", which the caller opened. */
void sovd_openapi_write_path(struct sovd_openapi *o, const struct sovd_openapi_path *path);

/* The member "components": what the paths refer to. */
void sovd_openapi_write_components(struct sovd_openapi *o);

/* --- shared by its two files --- */

/* An answer to what went wrong; each is one of the document's responses. */
struct sovd_openapi_error {
        unsigned status, when; /* when: for which routes; openapi_path.c */
        const char *name, *text;
};
extern const struct sovd_openapi_error sovd_openapi_errors[]; /* ends with name == NULL */

/* Notes that a schema is referred to; data is the struct sovd_openapi. For sovd_schema_visit(). */
void sovd_openapi_use_schema(const struct sovd_schema *schema, void *data);

/* {"$ref": "#/components/KIND/NAME"} */
void sovd_openapi_write_reference(struct sovd_json_writer *w, const char *kind, const char *name);
/* The member `key` with a schema of this type. */
void sovd_openapi_write_type(struct sovd_json_writer *w, const char *key, const char *type);
/* The member "servers" with this one. */
void sovd_openapi_write_server(struct sovd_json_writer *w, const char *url);
