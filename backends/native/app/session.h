#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session - one connection to the gateway; all of this runs on the library's thread
 */
#include "backends/native/app/app.h"

struct buffer {
        unsigned char *bytes;
        size_t from, len, size;
};

struct session {
        struct sovd_app *app;
        int fd;
        struct buffer in, out;
        int64_t seq, register_seq;
        bool welcome, registered, broken;
        size_t max_frame;
        unsigned heartbeat_ms;
        uint64_t started_ms, heard_ms, beat_ms;
};

/* Puts a frame into the output; takes it over (NULL: no memory). false: it is longer than the gateway reads, and was not
 * sent. */
bool app_put(struct session *s, cJSON *frame);
cJSON *app_frame(const char *type);

/* answers.c: a request of the gateway is answered by calling back. */
void app_answer_request(struct session *s, const cJSON *frame, double seq);
const char *app_text_of(const cJSON *frame, const char *name);
bool app_is_type(const cJSON *frame, const char *type);
