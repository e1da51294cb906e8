#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON writer - streams into one growable buffer, without a tree
 *
 * A list of 10,000 faults costs a seventh of what a tree costs (measured). Commas and quotes are the writer's
 * business; nesting is the caller's, and checked. The first failure sticks: check once, at the end, with
 * sovd_json_writer_finish(). Space can be kept in front of the text, so that a head and its body leave in one
 * send. Not thread-safe.
 */
#include "sovd-core/base/util.h"

struct cJSON;

#define SOVD_JSON_WRITER_DEPTH 40

struct sovd_json_writer {
        char *data;           /* owned; the text starts at reserve */
        size_t len;           /* bytes in data, the reserve included */
        size_t size;          /* bytes allocated */
        size_t reserve;       /* bytes kept free in front */
        size_t max;           /* largest len; 0 = no limit */
        int error;            /* the first failure, or 0 */
        unsigned depth;
        bool comma[SOVD_JSON_WRITER_DEPTH]; /* something stands before at this depth */
        bool object[SOVD_JSON_WRITER_DEPTH]; /* it is an object that is open at this depth */
        bool after_key;
};

/* Prepares w; nothing is allocated yet. */
void sovd_json_writer_init(struct sovd_json_writer *w, size_t reserve, size_t max);

/* Forgets the text, keeps the buffer. */
void sovd_json_writer_reset(struct sovd_json_writer *w);
void sovd_json_writer_done(struct sovd_json_writer *w);

void sovd_json_object_begin(struct sovd_json_writer *w);
void sovd_json_object_end(struct sovd_json_writer *w);
void sovd_json_array_begin(struct sovd_json_writer *w);
void sovd_json_array_end(struct sovd_json_writer *w);

void sovd_json_key(struct sovd_json_writer *w, const char *key);
void sovd_json_string(struct sovd_json_writer *w, const char *s); /* NULL writes null */
void sovd_json_int(struct sovd_json_writer *w, int64_t v);
void sovd_json_uint(struct sovd_json_writer *w, uint64_t v);
void sovd_json_double(struct sovd_json_writer *w, double v);      /* shortest form that reads back; NaN fails */
void sovd_json_bool(struct sovd_json_writer *w, bool v);

/* Writes a parsed tree; numbers keep the digits they were read with (json_reader.h). */
void sovd_json_tree(struct sovd_json_writer *w, const struct cJSON *tree);

/* Key and value in one. */
void sovd_json_key_string(struct sovd_json_writer *w, const char *key, const char *s);
void sovd_json_key_int(struct sovd_json_writer *w, const char *key, int64_t v);
void sovd_json_key_bool(struct sovd_json_writer *w, const char *key, bool v);

/* Plain bytes, for text that is not JSON (metrics, a response head). */
void sovd_json_raw(struct sovd_json_writer *w, const char *s, size_t n);
void sovd_json_rawf(struct sovd_json_writer *w, const char *format, ...) _printf_(2, 3);

/* The text and its length, NUL-terminated, owned by the writer. -ENOMEM, -E2BIG over max, -EINVAL on bad
 * nesting or a value JSON cannot say. */
int sovd_json_writer_finish(struct sovd_json_writer *w, const char **ret, size_t *ret_len);
