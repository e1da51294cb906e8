/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a boundary, a line end, and a multipart body that comes in pieces of odd sizes
 *
 * A form that is accepted says the same in whatever pieces it comes, and its file is part of the body.
 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/multipart.h"
#include "sovd-core/base/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
        struct sovd_source base;
        const uint8_t *data;
        size_t left;
};

static void must(bool condition) {
        if (!condition)
                abort();
}

static int source_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                       size_t *ret_n) {
        struct source *s = (struct source *)stream;
        size_t n = SOVD_MIN(size, s->left);

        memcpy(buf, s->data, n);
        s->data += n;
        s->left -= n;
        *ret_n = n;
        return 0;
}

/* The file's bytes, read with so many at a time; SIZE_MAX: the form is not accepted. */
static size_t read_form(const char *type, const uint8_t *data, size_t size, size_t piece, char *file,
                        struct sovd_arena *arena) {
        struct source source = { .base.read = source_read, .data = data, .left = size };
        struct sovd_multipart *form;
        const char *reason = NULL;
        size_t total = 0, n = piece;

        int r = sovd_multipart_open(&form, &source.base, type, 0, arena, &reason);
        must(r <= 0 || (reason && *reason));
        if (r)
                return SIZE_MAX;
        must(form->disposition.name && *form->disposition.name && strlen(form->disposition.name) <= 255);
        must(sovd_utf8_is_valid(form->disposition.name, strlen(form->disposition.name)));
        must(!form->disposition.filename || !strchr(form->disposition.filename, '/'));
        must(sovd_media_type_is_valid(form->content_type));
        while (n == piece) {
                must(total + piece <= size + piece);
                r = form->base.read(&form->base, file + total, piece, 0, &n);
                if (r) {
                        must(r > 0 && form->base.problem);
                        return SIZE_MAX;
                }
                total += n;
        }
        return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
        size_t n = line ? (size_t)(line - data) : 0, body = line ? size - n - 1 : 0;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *one = malloc(body + 5000), *two = malloc(body + 5000);

        if (!line || !one || !two || sovd_arena_new(&arena, 4096))
                return 0;
        const char *type = sovd_arena_strndup(arena, (const char *)data, n);
        if (!type)
                return 0;
        size_t n_one = read_form(type, line + 1, body, 4096, one, arena);
        size_t n_two = read_form(type, line + 1, body, 7, two, arena);
        must(n_one == n_two);
        if (n_one != SIZE_MAX)
                must(n_one < body && memcmp(one, two, n_one) == 0 &&
                     (!n_one || memmem(line + 1, body, one, n_one)));
        return 0;
}
