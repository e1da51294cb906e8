#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening socket of the native backend
 *
 * It is bound under another name in the same folder, gets its owner and mode there, and takes its path with one rename:
 * nobody can connect while it is too open, and a socket that a former process left is replaced in one step. A path on
 * which somebody answers, or which is no socket, is left alone.
 */
#include <stdbool.h>
#include <sys/types.h>

struct native_socket {
        int fd, folder;   /* -1 = none */
        const char *name; /* in the folder; points into the path */
        dev_t device;
        ino_t inode;
};

/* with_group: mode 0660 and this group ((gid_t)-1 = as it is), else 0600. -errno: -EADDRINUSE somebody answers there,
 * -EEXIST something else is there. path must live as long. */
int native_socket_open(struct native_socket *ret, const char *path, bool with_group, gid_t group);

/* Closes, and removes the path if it is still ours. */
void native_socket_close(struct native_socket *s);
