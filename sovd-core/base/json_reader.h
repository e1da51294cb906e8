#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON reader - a strict validator in front of cJSON
 *
 * cJSON takes duplicate keys, trailing garbage, broken UTF-8, "\u0000" and numbers that JSON does not know
 * (measured with 1.7.15), and it keeps numbers as doubles. So a one-pass validator without allocation refuses
 * all of that first, by RFC 8259 and RFC 7493, and afterwards each number node carries the digits it was read
 * with in its valuestring: 23.0 stays 23.0, and a 64-bit integer keeps every digit when it is written again.
 */
#include "sovd-core/base/util.h"

struct cJSON;
struct sovd_arena;

struct sovd_json_limits {
        unsigned max_depth; /* 0 = SOVD_JSON_DEPTH */
        size_t max_nodes;   /* values in the text; 0 = SOVD_JSON_NODES */
};

#define SOVD_JSON_DEPTH     32
#define SOVD_JSON_NODES     10000
#define SOVD_JSON_MEMBERS   1024 /* in one object */
#define SOVD_JSON_KEY_MAX   128  /* bytes of a member name */

struct sovd_json_fault {
        size_t offset;      /* byte where the text stops being acceptable */
        const char *reason; /* static text */
};

/* Is text (len bytes, need not end with NUL) one acceptable JSON value? true, or false with *fault filled. */
bool sovd_json_validate(const char *text, size_t len, const struct sovd_json_limits *limits,
                        struct sovd_json_fault *fault);

/* Validates and parses. *ret is owned by the caller (cJSON_Delete). Returns SOVD_E_BAD_REQUEST with *fault
 * filled when the text is not acceptable, -ENOMEM. limits NULL = the defaults. */
int sovd_json_parse(struct cJSON **ret, const char *text, size_t len, const struct sovd_json_limits *limits,
                    struct sovd_json_fault *fault);

/* The same; the tree lives as long as the arena. */
int sovd_json_parse_in(struct sovd_arena *arena, struct cJSON **ret, const char *text, size_t len,
                       const struct sovd_json_limits *limits, struct sovd_json_fault *fault);

/* Gives a tree to the arena. -ENOMEM, also for NULL: what could not be made cannot be given; the tree is deleted. */
int sovd_json_own(struct sovd_arena *arena, struct cJSON *tree);

/* What a writer holds, as a tree in the arena; the writer is done with, whatever comes out. -ENOMEM, -E2BIG, -EINVAL. */
struct sovd_json_writer;
int sovd_json_written(struct sovd_arena *arena, struct sovd_json_writer *w, const struct cJSON **ret);

/* Is text valid UTF-8 without overlong forms and surrogates (RFC 3629)? */
bool sovd_utf8_is_valid(const char *text, size_t len);

/* The node's number as an integer. false when it is not a number, has a fraction or exponent, or does not fit. */
bool sovd_json_get_int(const struct cJSON *node, int64_t *ret);

/* The node as a double, by its digits. false when it is not a number. */
bool sovd_json_get_double(const struct cJSON *node, double *ret);
