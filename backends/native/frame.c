/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/frame.h"
#include "sovd-core/base/error.h"

void native_frames_init(struct native_frames *f, size_t max) {
        *f = (struct native_frames){ .max = max };
}

void native_frames_done(struct native_frames *f) {
        free(f->bytes);
        *f = (struct native_frames){ .max = f->max };
}

int native_frames_room(struct native_frames *f, size_t n, unsigned char **ret) {
        if (f->from) {
                memmove(f->bytes, f->bytes + f->from, f->len - f->from);
                f->len -= f->from;
                f->from = 0;
        }
        if (f->size - f->len < n) {
                size_t size = SOVD_MAX(f->size * 2, f->len + n);
                unsigned char *bytes = realloc(f->bytes, size);
                if (!bytes)
                        return sovd_error_origin(-ENOMEM);
                f->bytes = bytes;
                f->size = size;
        }
        *ret = f->bytes + f->len;
        return 0;
}

void native_frames_add(struct native_frames *f, size_t n) {
        f->len += n;
}

static size_t length_at(const unsigned char *p) {
        return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3];
}

enum native_frame_result native_frames_next(struct native_frames *f, const char **ret, size_t *ret_len) {
        const size_t left = f->len - f->from;
        if (left < NATIVE_HEAD)
                return NATIVE_FRAME_NONE;

        const size_t n = length_at(f->bytes + f->from);
        if (!n)
                return NATIVE_FRAME_EMPTY;
        if (n > f->max)
                return NATIVE_FRAME_TOO_LONG;
        if (left - NATIVE_HEAD < n)
                return NATIVE_FRAME_NONE;
        *ret = (const char *)f->bytes + f->from + NATIVE_HEAD;
        *ret_len = n;
        f->from += NATIVE_HEAD + n;
        return NATIVE_FRAME_WHOLE;
}

bool native_frames_is_partial(const struct native_frames *f) {
        return f->len > f->from;
}

void native_frame_head(unsigned char head[static NATIVE_HEAD], size_t n) {
        for (int i = 0; i < NATIVE_HEAD; i++)
                head[i] = (unsigned char)(n >> (8 * (NATIVE_HEAD - 1 - i)));
}
