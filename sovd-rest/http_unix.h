#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unix socket of the HTTP server - any path, and no moment without a socket
 *
 * civetweb reads its listening addresses from one text, in which commas, and digits in front of certain letters, have
 * a meaning. So it binds a plain name inside the folder, reached through a descriptor of the folder, and the socket
 * is then renamed to where it belongs. That also replaces what a former process left behind, in one step.
 */
#include "sovd-core/base/util.h"
#include <sys/types.h>

struct sovd_http_unix {
        int folder;       /* descriptor, or -1 */
        const char *name; /* in the folder; points into the path */
        char bound[16];   /* the name that is bound at first */
        bool published;   /* it has its own name */
        dev_t device;     /* and is this file */
        ino_t inode;
};

/* Fills *ret for a path, and spec with the text for civetweb. -errno when the folder cannot be opened. The path must
 * outlive it. */
int sovd_http_unix_prepare(struct sovd_http_unix *ret, const char *path, char *spec, size_t size);

/* Fills spec with what civetweb listens on: an address (host NULL: none; tls: with TLS) and a Unix socket (path NULL:
 * none), for which *ret is prepared. -EINVAL: it does not fit. */
int sovd_http_unix_listen_spec(struct sovd_http_unix *ret, const char *host, unsigned port, bool tls, const char *path,
                               char *spec, size_t size);

/* The socket is bound: gives it its mode, whatever the umask is, and moves it to its path. -EEXIST when something else than a socket is there, -EADDRINUSE when
 * somebody listens on the one that is, -errno. */
int sovd_http_unix_publish(struct sovd_http_unix *u, unsigned mode);

/* Removes the socket and closes the folder. Safe on one that was never prepared, with folder -1. */
void sovd_http_unix_done(struct sovd_http_unix *u);
