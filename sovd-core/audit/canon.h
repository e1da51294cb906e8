#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Canonical JSON - the one text that a record has
 *
 * What RFC 8785 (JCS) says, for objects whose member names are ASCII and whose values are strings, integers from 0
 * to 2^53 - 1, arrays of strings, and objects: no blank, members in the order of their bytes, one way to write each
 * character. The writer cannot write anything else, the reader takes nothing else, so two texts that read the same
 * are the same bytes. Nothing is allocated.
 */
#include "sovd-core/base/util.h"

#define SOVD_CANON_INT_MAX  ((UINT64_C(1) << 53) - 1)
#define SOVD_CANON_NAME_MAX 32 /* bytes of a member name, [a-z_]; with its NUL one more */

/* Writes into the caller's buffer. The first failure sticks; look at it once, at the end. */
struct sovd_canon_writer {
        char *data;
        size_t len, size;
        int error; /* 0, -E2BIG no room, -EINVAL not UTF-8 or a number too large */
        bool comma;
};

void sovd_canon_begin(struct sovd_canon_writer *w, char *buf, size_t size);
void sovd_canon_open(struct sovd_canon_writer *w, char bracket);  /* '{' or '[' */
void sovd_canon_close(struct sovd_canon_writer *w, char bracket); /* '}' or ']' */
void sovd_canon_name(struct sovd_canon_writer *w, const char *name);
void sovd_canon_string(struct sovd_canon_writer *w, const char *s, size_t n);
void sovd_canon_int(struct sovd_canon_writer *w, uint64_t v);
/* Name and value in one. */
void sovd_canon_member(struct sovd_canon_writer *w, const char *name, const char *s);
void sovd_canon_number(struct sovd_canon_writer *w, const char *name, uint64_t v);
/* Puts a NUL behind the text. 0 or the first failure. */
int sovd_canon_end(struct sovd_canon_writer *w, size_t *ret_len);

/* Reads text that ends with NUL. Strings are decoded into the caller's room; the first failure sticks. */
struct sovd_canon_reader {
        const char *p;
        const char *reason; /* static text of the first failure, or NULL */
        char *room;         /* where the next string goes */
        size_t room_left;
};

void sovd_canon_read(struct sovd_canon_reader *r, const char *text, char *room, size_t room_size);
/* Takes this byte, or fails. */
bool sovd_canon_take(struct sovd_canon_reader *r, char c);
/* Is it this byte? It stays. */
bool sovd_canon_is(const struct sovd_canon_reader *r, char c);
/* The next member's name and its ':'; name is that of the member before it, "" for the first. false: the object ends here (its
 * '}' was taken), or a failure. */
bool sovd_canon_next(struct sovd_canon_reader *r, char name[static SOVD_CANON_NAME_MAX + 1]);
/* A string with its NUL in the room (*ret, *ret_len), or NULL. ret_len may be NULL. */
const char *sovd_canon_get_string(struct sovd_canon_reader *r, size_t *ret_len);
bool sovd_canon_get_int(struct sovd_canon_reader *r, uint64_t *ret);
/* The end of the text was reached, without a failure. */
bool sovd_canon_is_end(struct sovd_canon_reader *r);
bool sovd_canon_fail(struct sovd_canon_reader *r, const char *reason);
