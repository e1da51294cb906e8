/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/proximity_verify.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/json_writer.h"
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAC_BYTES 32

static int nibble(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

static bool read_mac(unsigned char ret[static MAC_BYTES], const char *hex) {
        if (strlen(hex) != 2 * MAC_BYTES)
                return false;
        for (size_t i = 0; i < MAC_BYTES; i++) {
                int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                ret[i] = (unsigned char)(high << 4 | low);
        }
        return true;
}

int sovd_proximity_verify_key(const struct sovd_secret *key, const struct sovd_proximity_question *q) {
        unsigned char expected[EVP_MAX_MD_SIZE], given[MAC_BYTES];
        const size_t n_challenge = strlen(q->challenge), n_resource = strlen(q->resource),
                     n = n_challenge + 1 + n_resource;
        unsigned char *message = malloc(n);
        size_t n_key;
        if (!message)
                return sovd_error_origin(-ENOMEM);

        const char *bytes = sovd_secret_bytes(key, &n_key);
        memcpy(message, q->challenge, n_challenge);
        message[n_challenge] = '\n';
        memcpy(message + n_challenge + 1, q->resource, n_resource);
        int r = HMAC(EVP_sha256(), bytes, (int)n_key, message, n, expected, NULL) ? 0 : -EIO;
        OPENSSL_cleanse(message, n);
        free(message);
        if (!r)
                r = read_mac(given, q->response) && CRYPTO_memcmp(expected, given, MAC_BYTES) == 0;
        OPENSSL_cleanse(expected, sizeof(expected));
        return r < 0 ? sovd_error_origin(r) : r;
}

/* --- a process of this machine ----------------------------------------------------------------------------- */

static int wait_for(int fd, short events, uint64_t deadline_usec) {
        struct pollfd p = { .fd = fd, .events = events };

        for (;;) {
                uint64_t left = sovd_clock_left_usec(deadline_usec);
                if (!left)
                        return -ETIMEDOUT;
                int n = poll(&p, 1, (int)((left + 999) / 1000));
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

/* Who listens there, as the kernel knows it. */
static int check_user(int fd, int64_t uid) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || size != sizeof(peer))
                return -errno;
        if (uid >= 0)
                return (int64_t)peer.uid == uid ? 0 : -EPERM;
        return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}

static int reach(int fd, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));
        return connect(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static int send_all(int fd, const char *text, size_t n, uint64_t deadline_usec) {
        while (n) {
                ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
                if (sent >= 0) {
                        text += sent;
                        n -= (size_t)sent;
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                int r = errno == EAGAIN ? wait_for(fd, POLLOUT, deadline_usec) : 0;
                if (r)
                        return r;
        }
        return 0;
}

/* Up to the end of the line, which is the last that comes. */
static int receive_line(int fd, char buf[static SOVD_PROXIMITY_LINE_MAX], size_t *ret_n,
                        uint64_t deadline_usec) {
        size_t n = 0;

        for (;;) {
                ssize_t got =
                        n < SOVD_PROXIMITY_LINE_MAX ? recv(fd, buf + n, SOVD_PROXIMITY_LINE_MAX - n, 0) : 0;
                if (!got)
                        return -EBADMSG; /* too long, or without an end */
                if (got > 0) {
                        n += (size_t)got;
                        const char *end = memchr(buf, '\n', n);
                        *ret_n = n - 1;
                        if (end)
                                return end == buf + n - 1 ? 0 : -EBADMSG;
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                int r = errno == EAGAIN ? wait_for(fd, POLLIN, deadline_usec) : 0;
                if (r)
                        return r;
        }
}

static int write_question(struct sovd_json_writer *w, const struct sovd_proximity_question *q) {
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "challenge", q->challenge);
        sovd_json_key_string(w, "resource", q->resource);
        sovd_json_key_string(w, "client", q->client);
        sovd_json_key_string(w, "response", q->response);
        sovd_json_object_end(w);
        sovd_json_raw(w, "\n", 1);
        return w->error;
}

/* An object whose only member says it. */
static int read_answer(const char *line, size_t n) {
        struct sovd_json_fault fault;
        cJSON *json = NULL;
        int r = sovd_json_parse(&json, line, n, NULL, &fault);

        if (r)
                return r < 0 ? r : -EBADMSG;
        const cJSON *ok = cJSON_IsObject(json) ? cJSON_GetObjectItemCaseSensitive(json, "ok") : NULL;
        r = cJSON_IsBool(ok) && json->child == ok && !ok->next ? cJSON_IsTrue(ok) : -EBADMSG;
        cJSON_Delete(json);
        return r;
}

static int converse(int fd, const char *path, int64_t uid, uint64_t deadline_usec,
                    const struct sovd_proximity_question *q) {
        char line[SOVD_PROXIMITY_LINE_MAX];
        struct sovd_json_writer w;
        const char *text;
        size_t n;

        int r = reach(fd, path);
        if (!r)
                r = check_user(fd, uid);
        if (r)
                return r;
        sovd_json_writer_init(&w, 0, 0);
        (void)write_question(&w, q);
        r = sovd_json_writer_finish(&w, &text, &n);
        if (!r)
                r = send_all(fd, text, n, deadline_usec);
        sovd_json_writer_done(&w);
        if (!r)
                r = receive_line(fd, line, &n, deadline_usec);
        return r ? r : read_answer(line, n);
}

int sovd_proximity_verify_socket(const char *path, int64_t uid, uint64_t deadline_usec,
                                 const struct sovd_proximity_question *q) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return sovd_error_origin(-errno);

        int r = converse(fd, path, uid, deadline_usec, q);
        (void)close(fd);
        return r < 0 ? sovd_error_origin(r) : r;
}
