/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/http_unix.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_folder(const char *path, size_t n) {
        _cleanup_(sovd_freep) char *folder = n ? strndup(path, n) : strdup(*path == '/' ? "/" : ".");
        if (!folder)
                return sovd_error_origin(-ENOMEM);

        int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : -errno;
}

int sovd_http_unix_prepare(struct sovd_http_unix *ret, const char *path, char *spec, size_t size) {
        const char *slash = strrchr(path, '/');
        char random[12];

        ret->published = false;
        ret->name = slash ? slash + 1 : path;
        ret->folder = -1;
        if (!*ret->name)
                return -EISDIR;
        int fd = open_folder(path, slash ? (size_t)(slash - path) : 0);
        if (fd < 0)
                return fd;

        /* Hexadecimal digits as the letters a to p: no digit, and no letter that means something behind one. */
        sovd_id_trace(random, 8);
        for (char *c = random; *c; c++)
                *c = (char)('a' + (*c <= '9' ? *c - '0' : *c - 'a' + 10));
        (void)snprintf(ret->bound, sizeof(ret->bound), ".%s", random);
        ret->folder = fd;
        int n = snprintf(spec, size, "x/proc/self/fd/%d/%s", fd, ret->bound);
        return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* Does a process answer at the path already? */
static bool is_listened_on(const struct sovd_http_unix *u) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int n = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", u->folder, u->name);
        int fd = n > 0 && (size_t)n < sizeof(address.sun_path) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
        if (fd < 0)
                return false;

        bool answered = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
        (void)close(fd);
        return answered;
}

/* Is the file at the path the socket that was published? Somebody may have replaced it since. */
static bool is_ours(const struct sovd_http_unix *u) {
        struct stat st;

        return fstatat(u->folder, u->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == u->device &&
               st.st_ino == u->inode;
}

/* Only a socket is replaced: any other file at this path is somebody's. */
int sovd_http_unix_publish(struct sovd_http_unix *u, unsigned mode) {
        struct stat st;

        if (fstatat(u->folder, u->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode))
                return -EEXIST;
        if (is_listened_on(u))
                return -EADDRINUSE;
        if (fchmodat(u->folder, u->bound, mode, 0) != 0 || fstatat(u->folder, u->bound, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            renameat(u->folder, u->bound, u->folder, u->name) != 0)
                return -errno;
        u->device = st.st_dev;
        u->inode = st.st_ino;
        u->published = true;
        return 0;
}

void sovd_http_unix_done(struct sovd_http_unix *u) {
        if (u->folder < 0)
                return;
        if (!u->published || is_ours(u))
                (void)unlinkat(u->folder, u->published ? u->name : u->bound, 0);
        (void)close(u->folder);
        u->folder = -1;
}

int sovd_http_unix_listen_spec(struct sovd_http_unix *ret, const char *host, unsigned port, bool tls, const char *path,
                               char *spec, size_t size) {
        char unix_spec[64];
        int n = 0;

        if (host)
                n = snprintf(spec, size, strchr(host, ':') ? "[%s]:%u%s" : "%s:%u%s", host, port, tls ? "s" : "");
        if (path) {
                int r = sovd_http_unix_prepare(ret, path, unix_spec, sizeof(unix_spec));
                if (r)
                        return r;
                if (n >= 0 && (size_t)n < size)
                        n += snprintf(spec + n, size - (size_t)n, "%s%s", n ? "," : "", unix_spec);
        }
        return n > 0 && (size_t)n < size ? 0 : -EINVAL;
}
