#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Schemas - one table says what a JSON object looks like
 *
 * The same table decodes a request body or an upstream answer into a struct, encodes a struct as the answer,
 * prints the OpenAPI schema, and describes the configuration file. Bad input is named by JSON pointer.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/json_writer.h"

struct cJSON;
struct sovd_schema;

enum sovd_field_type {
        SOVD_FIELD_STRING, /* const char *; NULL = absent */
        SOVD_FIELD_INT,    /* struct sovd_int */
        SOVD_FIELD_NUMBER, /* struct sovd_number */
        SOVD_FIELD_BOOL,   /* struct sovd_bool */
        SOVD_FIELD_ENUM,   /* int: position in names + 1; 0 = absent */
        SOVD_FIELD_JSON,   /* const struct cJSON *, any value; NULL = absent */
        SOVD_FIELD_OBJECT, /* pointer to a struct of schema `of`; NULL = absent */
        SOVD_FIELD_LIST,   /* struct sovd_list of structs of schema `of` */
        SOVD_FIELD_STRINGS /* struct sovd_strings */
};

enum {
        SOVD_REQUIRED = 1 << 0,    /* decode fails without it; OpenAPI "required" */
        SOVD_EMPTY_LIST = 1 << 1,  /* an empty list is written as [], not left out */
        SOVD_SECRET = 1 << 2,      /* never printed, never logged (configuration) */
        SOVD_ANY_OBJECT = 1 << 3,  /* JSON: only an object is accepted */
        SOVD_OR_ZERO = 1 << 4      /* NUMBER with `least`: 0 is accepted too */
};

struct sovd_int {
        bool set;
        int64_t value;
};
struct sovd_number {
        bool set;
        double value;
};
struct sovd_bool {
        bool set;
        bool value;
};
struct sovd_list {
        void *items; /* array of n structs, in the arena */
        size_t n;
        bool set;    /* the member was there, perhaps empty */
};
struct sovd_strings {
        const char **items;
        size_t n;
        bool set;
};

#define SOVD_INT(v)    ((struct sovd_int){ true, (v) })
#define SOVD_NUMBER(v) ((struct sovd_number){ true, (v) })
#define SOVD_BOOL(v)   ((struct sovd_bool){ true, (v) })

struct sovd_field {
        const char *name;
        enum sovd_field_type type;
        size_t offset;
        unsigned flags;
        const struct sovd_schema *of;   /* OBJECT, LIST */
        const char *const *names;       /* ENUM: tokens, ends with NULL */
        int64_t min, max;               /* INT and NUMBER: bounds, both 0 = none; STRING: bytes, LIST: items */
        double least;                   /* NUMBER: the lower bound where it is no integer, min is 0 then; 0 = min */
        const char *format;             /* STRING: OpenAPI format, e.g. "date-time", "uri-reference" */
        const char *def;                /* default as text (configuration); applied when absent */
        const char *doc;                /* a sentence, with unit and range */
};

struct sovd_schema {
        const char *name;               /* OpenAPI component name */
        size_t size;                    /* sizeof the struct */
        const struct sovd_field *fields; /* ends with name == NULL */
        const char *doc;
        size_t extra;                   /* offset of a const struct cJSON * for the extension members ("x-…") of a
                                         * decoded object, kept and written again; 0 = not kept */
        const struct sovd_schema *base; /* its fields come first; its struct is the first member of this one */
};

struct sovd_schema_error {
        const char *path;   /* JSON pointer of the bad member, "" for the whole; in the arena */
        const char *reason; /* in the arena */
};

enum { SOVD_DECODE_CLOSED = 1 << 0 }; /* members that the table does not know are errors */

/* Fills *object (of schema->size bytes, zeroed by the callee) from json. Strings and JSON members point into
 * json, which must outlive the object; all else is in the arena. Returns 0, SOVD_E_BAD_REQUEST with *error
 * filled, or -ENOMEM. A member whose value is null counts as absent. */
int sovd_schema_decode(const struct sovd_schema *schema, const struct cJSON *json, void *object,
                       struct sovd_arena *arena, unsigned flags, struct sovd_schema_error *error);

/* Writes the object; absent members are left out. Failures stick in the writer. */
void sovd_schema_encode(const struct sovd_schema *schema, const void *object, struct sovd_json_writer *w);

/* The members only, into an object that the caller opened: to add members beside them. */
void sovd_schema_encode_members(const struct sovd_schema *schema, const void *object, struct sovd_json_writer *w);

/* The OpenAPI 3.1 schema object; nested schemas are references to #/components/schemas/NAME. NULL: no memory.
 * Owned by the caller. */
struct cJSON *sovd_schema_openapi(const struct sovd_schema *schema);

/* The same without references: nested schemas stand where they are used. */
struct cJSON *sovd_schema_openapi_inline(const struct sovd_schema *schema);

/* Calls f for schema and every schema it refers to, once each at least. */
void sovd_schema_visit(const struct sovd_schema *schema, void (*f)(const struct sovd_schema *s, void *data),
                       void *data);

/* The position of a token in names + 1, or 0. */
int sovd_enum_parse(const char *const *names, const char *token);
