#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON - a writer that appends to one buffer, and the two questions cJSON does not answer
 *
 * Answers are written straight into the buffer that is sent: a number keeps the text it was given
 * (23.0 stays 23.0, an integer beyond 2^53 keeps every digit), and no tree is built for a read.
 * A failed allocation is remembered in `failed`, so that callers need not check each append.
 */
#include <stdint.h>
#include <cjson/cJSON.h>
#include "demo-ecu/util.h"

struct json {
        char *text; /* owned; NUL-terminated once something was written */
        size_t n_text;
        size_t n_alloc;
        bool comma; /* a member was written at this level */
        bool failed;
};

/* `key` is NULL for elements of an array and for the outermost value. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *value);
void json_format(struct json *json, const char *key, const char *format, ...) _printf_(3, 4);
void json_raw(struct json *json, const char *key, const char *text);
void json_integer(struct json *json, const char *key, long long value);
void json_bool(struct json *json, const char *key, bool value);

/* One whole document and nothing after it, not nested deeper than 32; NULL otherwise. */
cJSON *json_parse(const char *text, size_t n_text);

/* The text of a top-level member of a valid document, as the client spelled it; NULL if there is none. */
const char *json_member_text(const char *text, const char *key, size_t *ret_n);

/* Whether the text is a number as JSON spells them; cJSON is more lenient (it takes 01 and 1.). */
bool json_is_number(const char *text, size_t n_text, bool *ret_integer);

void json_clear(struct json *json);

static inline void json_freep(cJSON **json) {
        cJSON_Delete(*json);
}
