#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an answer to a challenge of proximity is worth
 */
#include "sovd-core/base/secret.h"

#define SOVD_PROXIMITY_LINE_MAX 4096 /* bytes of what the process says */

struct sovd_proximity_question {
        const char *challenge, *resource;
        const char *client; /* fingerprint of its id */
        const char *response;
};

/* hex(HMAC-SHA-256(key, challenge "\n" resource)). 1: right, 0: wrong, -EIO. */
int sovd_proximity_verify_key(const struct sovd_secret *key, const struct sovd_proximity_question *question);

/* Asks the process that listens on the Unix stream socket: one JSON line there, one back, {"ok": true} or {"ok": false}.
 * uid: of its user; -1: ours, or root. 1, 0; -errno: nobody is there, it is the user of somebody else, or it said anything else. */
int sovd_proximity_verify_socket(const char *path, int64_t uid, uint64_t deadline_usec,
                                 const struct sovd_proximity_question *question);
