#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Headers of every answer - what tells a browser to do nothing with it but what was asked
 *
 * Answers are data. A browser that shows one must not run, frame or guess anything of it, and must not tell other sites
 * where it came from. One table says so, and it stands in every answer, those of the HTTP layer included.
 */
#include "sovd-rest/http_server.h"

/* Writes them as lines behind those that an answer gives itself: what it names already is left out. hsts_sec: how long a
 * browser shall come over TLS only; 0 = not said. Returns their length, or -1 when there is no room. */
int sovd_http_headers_write(char *buf, size_t size, const struct sovd_http_header *given, uint64_t hsts_sec);
