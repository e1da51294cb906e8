#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames - a stream cut into messages: four bytes of length (big-endian), then so many bytes of text
 *
 * What arrives is collected until a frame is whole. Memory grows with what has arrived, not with what a length
 * promises. Not thread-safe.
 */
#include "sovd-core/base/util.h"

#define NATIVE_HEAD 4

struct native_frames {
        size_t max;           /* largest text */
        unsigned char *bytes; /* owned; what was not taken yet begins at `from` */
        size_t from, len, size;
};

enum native_frame_result { NATIVE_FRAME_NONE, NATIVE_FRAME_WHOLE, NATIVE_FRAME_EMPTY, NATIVE_FRAME_TOO_LONG };

void native_frames_init(struct native_frames *f, size_t max);
void native_frames_done(struct native_frames *f);

/* Room for at least n more bytes, to be filled from *ret and told with native_frames_add(). -ENOMEM. */
int native_frames_room(struct native_frames *f, size_t n, unsigned char **ret);
void native_frames_add(struct native_frames *f, size_t n);

/* The next frame; its text lives until the next call of room. After EMPTY and TOO_LONG the stream cannot be read on. */
enum native_frame_result native_frames_next(struct native_frames *f, const char **ret, size_t *ret_len);

/* Has a frame begun that is not whole? */
bool native_frames_is_partial(const struct native_frames *f);

/* Writes the head of a text of n bytes. */
void native_frame_head(unsigned char head[static NATIVE_HEAD], size_t n);
