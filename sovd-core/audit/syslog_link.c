/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/syslog_link.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/secret.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_HEAD 24    /* "LENGTH " */
#define HEARD_MAX  65536 /* a collector has nothing to say */

struct syslog_link {
        struct sovd_syslog_options options;
        int stop, fd;
        size_t heard; /* bytes on this connection */
        SSL_CTX *ctx; /* or NULL: no TLS */
        bool told;    /* that its files cannot be used now */
        SSL *ssl;
};

static int wait_for(const struct syslog_link *l, short events, uint64_t deadline) {
        struct pollfd fds[2] = { { .fd = l->fd, .events = events }, { .fd = l->stop, .events = POLLIN } };

        for (;;) {
                int n = poll(fds, 2, (int)((sovd_clock_left_usec(deadline) + 999) / 1000));
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0 && fds[1].revents)
                        return -ECANCELED;
                if (n > 0)
                        return 0;
                if (!sovd_clock_left_usec(deadline))
                        return -ETIMEDOUT;
        }
}

/* --- TLS --------------------------------------------------------------------------------------------------- */

/* After a call that wants something of the socket: waits for it. Another failure is the end. */
static int wait_tls(const struct syslog_link *l, int result, uint64_t deadline) {
        int e = SSL_get_error(l->ssl, result);

        if (e == SSL_ERROR_WANT_READ)
                return wait_for(l, POLLIN, deadline);
        if (e == SSL_ERROR_WANT_WRITE)
                return wait_for(l, POLLOUT, deadline);
        int saved = errno;
        ERR_clear_error();
        if (e == SSL_ERROR_ZERO_RETURN)
                return -ECONNRESET;
        if (e == SSL_ERROR_SYSCALL && saved)
                return -saved;
        return SSL_get_verify_result(l->ssl) == X509_V_OK ? -EPROTO : -EKEYREJECTED;
}

static bool name_peer(SSL *ssl, const char *host) {
        unsigned char address[sizeof(struct in6_addr)];
        bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

        if (is_address)
                return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
        return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int begin_tls(struct syslog_link *l, uint64_t deadline) {
        int r = 0, done;

        ERR_clear_error();
        l->ssl = SSL_new(l->ctx);
        if (!l->ssl || !name_peer(l->ssl, l->options.host) || SSL_set_fd(l->ssl, l->fd) != 1)
                return sovd_error_origin(-ENOMEM);
        while (!r && (done = SSL_connect(l->ssl)) != 1)
                r = wait_tls(l, done, deadline);
        return r;
}

/* As with the server's key (sovd-rest/tls_load.c). NULL, or why not; *ret: the key. */
static const char *read_key(const char *file, EVP_PKEY **ret) {
        int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        const char *why = NULL;

        if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
                why = "cannot be read";
        else if (st.st_uid != geteuid() && st.st_uid != 0)
                why = "belongs to another user than the one that the gateway runs as";
        else if (st.st_mode & (S_IRWXO | S_IWGRP))
                why = "may be read or changed by others; it must be 0600 or stricter";
        BIO *bio = why ? NULL : BIO_new_fd(fd, BIO_NOCLOSE);
        *ret = bio ? PEM_read_bio_PrivateKey(bio, NULL, sovd_no_passphrase, NULL) : NULL;
        (void)BIO_free(bio);
        if (fd >= 0)
                (void)close(fd);
        ERR_clear_error();
        return why ? why : *ret ? NULL : "is no private key in PEM form, without a passphrase";
}

/* NULL, or why not. */
static const char *use_pair(SSL_CTX *ctx, const char *cert_file, const char *key_file) {
        EVP_PKEY *key = NULL;
        const char *why = read_key(key_file, &key);

        if (!why && SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
                why = "goes with a certificate that cannot be read, or is none in PEM form";
        if (!why && (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1))
                why = "is not that of the certificate";
        EVP_PKEY_free(key);
        ERR_clear_error();
        return why;
}

const char *sovd_syslog_check_pair(const char *cert_file, const char *key_file) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        const char *why = ctx ? use_pair(ctx, cert_file, key_file) : "cannot be used: out of memory";

        SSL_CTX_free(ctx);
        return why;
}

static SSL_CTX *make_context(const char *ca_file) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        ERR_clear_error();
        if (!ctx)
                return NULL;
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        bool good = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
                    (ca_file ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL) : SSL_CTX_set_default_verify_paths(ctx)) == 1;
        ERR_clear_error();
        if (good)
                return ctx;
        SSL_CTX_free(ctx);
        return NULL;
}

const char *sovd_syslog_check_ca(const char *file) {
        SSL_CTX *ctx = make_context(file);

        SSL_CTX_free(ctx);
        return ctx ? NULL : "cannot be read, or holds no certificate in PEM form";
}

/* NULL: *ret_why says why not. */
static SSL_CTX *read_files(const struct sovd_syslog_options *o, const char **ret_why) {
        SSL_CTX *ctx = make_context(o->ca_file);

        *ret_why = !ctx ? "ca_file cannot be read, or holds no certificate in PEM form" : o->cert_file ? use_pair(ctx, o->cert_file, o->key_file) : NULL;
        if (!*ret_why)
                return ctx;
        SSL_CTX_free(ctx);
        return NULL;
}

/* Files are exchanged while the gateway runs; what is half written has another chance with the next connection. */
static void read_again(struct syslog_link *l) {
        const char *why;
        SSL_CTX *ctx = read_files(&l->options, &why);

        if (!ctx && !l->told)
                sovd_log(SOVD_LOG_WARN, "files of audit.syslog cannot be used now: %s%s; those of before stay",
                         sovd_has_prefix(why, "ca_file") ? "" : "key ", why);
        l->told = !ctx;
        if (!ctx)
                return;
        SSL_CTX_free(l->ctx);
        l->ctx = ctx;
}

/* --- connecting -------------------------------------------------------------------------------------------- */

static int connect_to(struct syslog_link *l, const struct addrinfo *a, uint64_t deadline) {
        int error = 0;
        socklen_t len = sizeof(error);

        l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (l->fd < 0)
                return -errno;
        if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -errno;
        int r = wait_for(l, POLLOUT, deadline);
        if (!r && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len))
                r = -errno;
        return r ? r : -error;
}

/* A name is looked up each time: its address may be another one by now. */
static int look_up(const struct syslog_link *l, struct addrinfo **ret) {
        const struct addrinfo hints = { .ai_socktype = l->options.transport == SOVD_SYSLOG_UDP ? SOCK_DGRAM : SOCK_STREAM,
                                        .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
        char port[16];

        (void)snprintf(port, sizeof(port), "%u", l->options.port);
        return getaddrinfo(l->options.host, port, &hints, ret) ? -EHOSTUNREACH : 0;
}

int syslog_link_open(struct syslog_link *l) {
        uint64_t deadline = sovd_now_usec() + l->options.timeout_usec;
        struct addrinfo *all = NULL;
        int r = look_up(l, &all);

        if (r)
                return r;
        r = -EHOSTUNREACH;
        for (const struct addrinfo *a = all; a && r && r != -ECANCELED; a = a->ai_next) {
                syslog_link_close(l);
                r = connect_to(l, a, deadline);
        }
        freeaddrinfo(all);
        if (!r && l->ctx) {
                read_again(l);
                r = begin_tls(l, deadline);
        }
        if (r)
                syslog_link_close(l);
        return r;
}

void syslog_link_close(struct syslog_link *l) {
        if (l->ssl)
                (void)SSL_shutdown(l->ssl); /* says good-bye if it can, and waits for nothing */
        SSL_free(l->ssl);
        l->ssl = NULL;
        ERR_clear_error();
        if (l->fd >= 0)
                (void)close(l->fd);
        l->fd = -1;
        l->heard = 0;
}

/* --- sending ----------------------------------------------------------------------------------------------- */

static int send_some(struct syslog_link *l, const char *bytes, size_t n, size_t *ret_n, uint64_t deadline) {
        *ret_n = 0;
        if (l->ssl) {
                ERR_clear_error();
                errno = 0;
                int done = SSL_write(l->ssl, bytes, (int)n);
                if (done <= 0) {
                        int r = wait_tls(l, done, deadline);
                        return r == -EPROTO ? -EPERM : r;
                }
                *ret_n = (size_t)done;
                return 0;
        }
        ssize_t done = send(l->fd, bytes, n, MSG_NOSIGNAL);
        if (done < 0)
                return errno == EAGAIN || errno == ENOBUFS ? wait_for(l, POLLOUT, deadline) : errno == EINTR ? 0 : -errno;
        *ret_n = (size_t)done;
        return 0;
}

static int send_all(struct syslog_link *l, const char *bytes, size_t n) {
        uint64_t deadline = sovd_now_usec() + l->options.timeout_usec;
        int r = 0;

        for (size_t done = 0, part = 0; !r && done < n; done += part) {
                r = sovd_clock_left_usec(deadline) ? send_some(l, bytes + done, n - done, &part, deadline) : -ETIMEDOUT;
                if (r)
                        part = 0;
        }
        return r;
}

int syslog_link_send(struct syslog_link *l, const char *text, size_t n) {
        char head[FRAME_HEAD];

        if (l->options.transport == SOVD_SYSLOG_UDP)
                return send_all(l, text, n);
        char *frame = malloc(sizeof(head) + n);
        if (!frame)
                return sovd_error_origin(-ENOMEM);
        int len = snprintf(frame, sizeof(head), "%zu ", n);
        memcpy(frame + len, text, n);
        int r = send_all(l, frame, (size_t)len + n);
        free(frame);
        return r;
}

int syslog_link_fd(const struct syslog_link *l) {
        return l->fd;
}

static int hear(struct syslog_link *l, size_t n) {
        l->heard += n;
        return l->heard > HEARD_MAX ? -EPROTO : 0;
}

int syslog_link_drain(struct syslog_link *l) {
        char buf[1024];

        if (l->ssl) {
                ERR_clear_error();
                int n = SSL_read(l->ssl, buf, sizeof(buf)), e = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
                ERR_clear_error();
                return n > 0 ? hear(l, (size_t)n) : e == SSL_ERROR_SSL ? -EPERM : e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -ECONNRESET;
        }
        ssize_t n = recv(l->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n > 0)
                return hear(l, (size_t)n);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        return n < 0 ? -errno : l->options.transport == SOVD_SYSLOG_UDP ? 0 : -ECONNRESET;
}

/* --- life -------------------------------------------------------------------------------------------------- */

int syslog_link_new(struct syslog_link **ret, const struct sovd_syslog_options *options, int stop) {
        struct syslog_link *l = calloc(1, sizeof(*l));
        const char *why;
        if (!l)
                return sovd_error_origin(-ENOMEM);

        l->options = *options;
        l->stop = stop;
        l->fd = -1;
        if (options->transport == SOVD_SYSLOG_TLS && !(l->ctx = read_files(options, &why))) {
                free(l);
                return sovd_error_origin(-EINVAL);
        }
        *ret = l;
        return 0;
}

struct syslog_link *syslog_link_free(struct syslog_link *l) {
        if (!l)
                return NULL;
        syslog_link_close(l);
        SSL_CTX_free(l->ctx);
        free(l);
        return NULL;
}
