/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt_keys.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 * 1024)

/* Static text, or in the arena: why the file cannot be read as what it is. */
static const char *check_file(int fd, bool is_secret, struct sovd_arena *arena) {
        struct stat st;

        if (fstat(fd, &st) != 0)
                return sovd_arena_printf(arena, "cannot be read: %s", strerror(errno));
        if (!S_ISREG(st.st_mode))
                return "is no file";
        if ((size_t)st.st_size > FILE_MAX)
                return "has more than 65536 bytes";
        if (is_secret && (st.st_mode & 077))
                return sovd_arena_printf(arena,
                                         "others may read or write it (its mode is %03o; it should be 600)",
                                         (unsigned)st.st_mode & 0777u);
        return NULL;
}

/* Returns how many bytes, or -1 with *ret_why. */
static ssize_t read_file(unsigned char buf[static FILE_MAX], const char *file, bool is_secret,
                         struct sovd_arena *arena, const char **ret_why) {
        int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = 0, got = 1;

        if (fd < 0) {
                *ret_why = sovd_arena_printf(arena, "cannot be read: %s", strerror(errno));
                return -1;
        }
        *ret_why = check_file(fd, is_secret, arena);
        while (!*ret_why && got > 0 && (size_t)n < FILE_MAX) {
                got = read(fd, buf + n, FILE_MAX - (size_t)n);
                if (got < 0 && errno == EINTR)
                        got = 1;
                else if (got < 0)
                        *ret_why = sovd_arena_printf(arena, "cannot be read: %s", strerror(errno));
                else
                        n += got;
        }
        (void)close(fd);
        return *ret_why ? -1 : n;
}

/* Editors end a file with a line end that nobody means. */
static size_t trimmed(const unsigned char *secret, size_t n) {
        if (n && secret[n - 1] == '\n')
                n--;
        if (n && secret[n - 1] == '\r')
                n--;
        return n;
}

int sovd_issuer_read_keys(struct sovd_jwks **ret, const struct sovd_issuer_settings *s,
                          struct sovd_arena *arena, const char **ret_why) {
        const bool is_secret = s->secret_file;
        unsigned char *buf = malloc(FILE_MAX);
        unsigned algorithms;
        int r = SOVD_E_BAD_REQUEST;

        if (!buf)
                return sovd_error_origin(-ENOMEM);
        *ret_why = "an algorithm is not known";
        ssize_t n = sovd_issuer_algorithms(s, &algorithms)
                            ? read_file(buf, is_secret ? s->secret_file : s->public_key_file, is_secret,
                                        arena, ret_why)
                            : -1;
        if (n >= 0)
                r = is_secret ? sovd_jwks_from_secret(ret, buf, trimmed(buf, (size_t)n), algorithms, ret_why)
                              : sovd_jwks_from_pem(ret, (const char *)buf, (size_t)n, algorithms, ret_why);
        OPENSSL_cleanse(buf, FILE_MAX);
        free(buf);
        return r;
}
