/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/file_source.h"
#include "sovd-core/base/error.h"
#include <unistd.h>

struct file_source {
        struct sovd_source base;
        int fd;
};

static int file_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec, size_t *ret_n) {
        struct file_source *f = (struct file_source *)stream;
        (void)deadline_usec; /* a local file */

        for (*ret_n = 0; *ret_n < size;) {
                ssize_t n = read(f->fd, (char *)buf + *ret_n, size - *ret_n);
                if (n < 0 && errno != EINTR)
                        return sovd_error_origin(-errno);
                if (n == 0)
                        break;
                *ret_n += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static void file_close(struct sovd_source *stream) {
        (void)close(((struct file_source *)stream)->fd);
        free(stream);
}

int sovd_file_source_new(struct sovd_source **ret, int fd) {
        struct file_source *f = calloc(1, sizeof(*f));
        if (!f) {
                (void)close(fd);
                return sovd_error_origin(-ENOMEM);
        }

        f->base.read = file_read;
        f->base.close = file_close;
        f->fd = fd;
        *ret = &f->base;
        return 0;
}

static int write_all(int fd, const char *bytes, size_t n) {
        while (n) {
                ssize_t done = write(fd, bytes, n);
                if (done < 0 && errno != EINTR)
                        return sovd_error_origin(-errno);
                bytes += done > 0 ? done : 0;
                n -= done > 0 ? (size_t)done : 0;
        }
        return 0;
}

int sovd_file_source_save(struct sovd_source *source, int fd, uint64_t max, uint64_t deadline_usec, uint64_t *ret_n) {
        _cleanup_(sovd_freep) char *piece = malloc(SOVD_SOURCE_PIECE);
        size_t n = SOVD_SOURCE_PIECE;
        int r = piece ? 0 : sovd_error_origin(-ENOMEM);

        for (*ret_n = 0; !r && n == SOVD_SOURCE_PIECE; *ret_n += n) {
                r = source->read(source, piece, SOVD_SOURCE_PIECE, deadline_usec, &n);
                if (!r && *ret_n + n > max)
                        r = SOVD_E_TOO_LARGE;
                if (!r)
                        r = write_all(fd, piece, n);
        }
        return r;
}
