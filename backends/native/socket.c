/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/socket.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int open_folder(const char *path, const char *slash) {
        _cleanup_(sovd_freep) char *folder = !slash          ? strdup(".")
                                             : slash == path ? strdup("/")
                                                             : strndup(path, (size_t)(slash - path));
        if (!folder)
                return sovd_error_origin(-ENOMEM);

        int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : -errno;
}

/* By the open folder, so that a long or changing path does not matter. */
static int address_of(const struct native_socket *s, const char *name, struct sockaddr_un *ret) {
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", s->folder, name);
        return n > 0 && (size_t)n < sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

static bool is_answered(const struct native_socket *s) {
        struct sockaddr_un address;
        int fd = address_of(s, s->name, &address)
                         ? -1
                         : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return false;

        /* EAGAIN: it listens, and its queue is full. */
        bool answered =
                connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
        (void)close(fd);
        return answered;
}

static int check_place(const struct native_socket *s) {
        struct stat st;

        if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return 0;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;
        return is_answered(s) ? -EADDRINUSE : 0;
}

/* Nobody listens yet, so nobody can connect before the mode is right. */
static int dress(const struct native_socket *s, const char *bound, bool with_group, gid_t group) {
        if (with_group && group != (gid_t)-1 &&
            fchownat(s->folder, bound, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) != 0)
                return -errno;
        if (fchmodat(s->folder, bound, with_group ? 0660 : 0600, 0) != 0)
                return -errno;
        return listen(s->fd, BACKLOG) == 0 ? 0 : -errno;
}

static int publish(struct native_socket *s, const char *bound) {
        struct stat st;

        if (fstatat(s->folder, bound, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            renameat(s->folder, bound, s->folder, s->name) != 0)
                return -errno;
        s->device = st.st_dev;
        s->inode = st.st_ino;
        return 0;
}

static int bind_as(struct native_socket *s, const char *bound) {
        struct sockaddr_un address;

        int r = address_of(s, bound, &address);
        if (r)
                return r;
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
                return -errno;
        return 0;
}

int native_socket_open(struct native_socket *ret, const char *path, bool with_group, gid_t group) {
        const char *slash = strrchr(path, '/');
        struct native_socket s = { .fd = -1, .folder = -1, .name = slash ? slash + 1 : path };
        char bound[16] = ".";

        if (!*s.name)
                return -EISDIR;
        s.folder = open_folder(path, slash);
        if (s.folder < 0)
                return s.folder;
        sovd_id_trace(bound + 1, 12);
        int r = check_place(&s);
        if (!r)
                r = bind_as(&s, bound);
        if (!r)
                r = dress(&s, bound, with_group, group);
        if (!r)
                r = publish(&s, bound);
        if (!r) {
                *ret = s;
                return 0;
        }
        (void)unlinkat(s.folder, bound, 0);
        if (s.fd >= 0)
                (void)close(s.fd);
        (void)close(s.folder);
        return r;
}

void native_socket_close(struct native_socket *s) {
        struct stat st;

        if (s->fd < 0)
                return;
        (void)close(s->fd);
        if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == s->device &&
            st.st_ino == s->inode)
                (void)unlinkat(s->folder, s->name, 0);
        (void)close(s->folder);
        s->fd = s->folder = -1;
}
