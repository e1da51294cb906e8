/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/tls_load.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES_MAX  (4 * 1024 * 1024)  /* a revocation list may be long */
#define PEER_BYTES_MAX  (64 * 1024)        /* of the chain that a client shows */
#define CHAIN_MAX       8
#define CIPHERS_1_2     "ECDHE+AESGCM:ECDHE+CHACHA20" /* forward secrecy and authenticated encryption only */
#define GROUPS          "X25519:P-256:P-384"

int sovd_tls_refuse(struct sovd_tls_problem *p, const char *member, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(p->why, sizeof(p->why), format, ap);
        va_end(ap);
        p->member = member;
        ERR_clear_error();
        return -ENOKEY;
}

/* What libcrypto says went wrong; never a part of a file. */
static const char *reason(void) {
        const char *text = ERR_reason_error_string(ERR_peek_last_error());

        return text ? text : "it is not in PEM form";
}

const char *sovd_tls_file(const struct sovd_tls_options *o, size_t i, const char **ret_member) {
        const struct {
                const char *member, *path;
        } files[SOVD_TLS_FILES] = {
                { "certificate", o->certificate }, { "key", o->key }, { "client_ca", o->client_ca }, { "crl", o->crl }
        };

        *ret_member = files[i].member;
        return files[i].path;
}

/* A key that the service manager or the environment has (secret.h). They do not change while the process runs. */
static bool is_given(const char *key) {
        return sovd_has_prefix(key, "credential:") || sovd_has_prefix(key, "env:");
}

const char *sovd_tls_watched(const struct sovd_tls_options *o, size_t i) {
        const char *member, *path = sovd_tls_file(o, i, &member);

        return path && path == o->key && is_given(path) ? NULL : path;
}

/* --- reading --------------------------------------------------------------------------------------------- */

struct text {
        char *bytes;
        size_t n;
};

static void text_done(struct text *t) {
        if (t->bytes)
                OPENSSL_cleanse(t->bytes, t->n);
        free(t->bytes);
}

static int check_file(int fd, const char *member, const char *path, size_t *ret_size, struct sovd_tls_problem *p) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return sovd_tls_refuse(p, member, "%s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return sovd_tls_refuse(p, member, "%s is not a file", path);
        if (st.st_size > FILE_BYTES_MAX)
                return sovd_tls_refuse(p, member, "%s is larger than %d bytes", path, FILE_BYTES_MAX);
        if (strcmp(member, "key") == 0 && (st.st_mode & (S_IRWXO | S_IWGRP)))
                return sovd_tls_refuse(p, member,
                                       "%s has mode %03o: others may read or change it; it must be 0600, or 0640 for a group",
                                       path, st.st_mode & 0777u);
        if (strcmp(member, "key") == 0 && st.st_uid != geteuid() && st.st_uid != 0)
                return sovd_tls_refuse(p, member, "%s belongs to user %u, who is neither the one that the gateway runs as nor root",
                                       path, (unsigned)st.st_uid);
        *ret_size = (size_t)st.st_size;
        return 0;
}

/* As it is opened without waiting, a FIFO in its place cannot stop the caller. */
static int read_text(struct text *ret, const char *member, const char *path, struct sovd_tls_problem *p) {
        size_t size = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return sovd_tls_refuse(p, member, "%s cannot be read: %s", path, strerror(errno));

        int r = check_file(fd, member, path, &size, p);
        if (!r) {
                ret->bytes = malloc(size + 1);
                r = ret->bytes ? 0 : sovd_error_origin(-ENOMEM);
        }
        while (!r && ret->n < size) {
                ssize_t n = read(fd, ret->bytes + ret->n, size - ret->n);
                if (n < 0)
                        r = sovd_tls_refuse(p, member, "%s cannot be read: %s", path, strerror(errno));
                if (n <= 0)
                        break;
                ret->n += (size_t)n;
        }
        (void)close(fd);
        return r;
}

static int read_given(struct text *ret, const char *member, const char *notation, struct sovd_tls_problem *p) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *why = sovd_secret_check(notation), *bytes;

        int r = sovd_arena_new(&arena, 1024);
        if (r)
                return r;
        if (why || sovd_secret_read(&secret, notation, arena, &why))
                return sovd_tls_refuse(p, member, "%s cannot be used: %s", notation, why);
        bytes = sovd_secret_bytes(secret, &ret->n);
        ret->bytes = malloc(ret->n + 1);
        if (!ret->bytes)
                return sovd_error_origin(-ENOMEM);
        memcpy(ret->bytes, bytes, ret->n);
        return 0;
}

static int open_text(BIO **ret, struct text *text, const char *member, const char *path, struct sovd_tls_problem *p) {
        bool given = strcmp(member, "key") == 0 && is_given(path);
        int r = given ? read_given(text, member, path, p) : read_text(text, member, path, p);

        if (!r)
                *ret = BIO_new_mem_buf(text->bytes, (int)text->n);
        return r ? r : *ret ? 0 : sovd_error_origin(-ENOMEM);
}

/* Did reading stop because there is no further PEM block? */
static bool is_at_end(void) {
        unsigned long error = ERR_peek_last_error();

        return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* --- the parts ------------------------------------------------------------------------------------------- */

uint64_t sovd_tls_usec(const ASN1_TIME *time) {
        struct tm tm = { 0 };

        if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
                return 0;
        time_t seconds = timegm(&tm);
        return seconds > 0 ? (uint64_t)seconds * SOVD_USEC_PER_SEC : 0;
}

static int use_chain(SSL_CTX *ctx, BIO *bio, const struct sovd_tls_options *o, struct sovd_tls_ends *ends,
                     struct sovd_tls_problem *p) {
        X509 *own = PEM_read_bio_X509_AUX(bio, NULL, sovd_no_passphrase, NULL);

        if (!own || SSL_CTX_use_certificate(ctx, own) != 1) {
                X509_free(own);
                return sovd_tls_refuse(p, "certificate", "%s cannot be used: %s", o->certificate, reason());
        }
        ends->certificate_usec = sovd_tls_usec(X509_get0_notAfter(own));
        X509_free(own);
        if (!ends->certificate_usec)
                return sovd_tls_refuse(p, "certificate", "%s cannot be used: it does not say when it ends", o->certificate);

        for (size_t n = 0;; n++) {
                X509 *next = PEM_read_bio_X509(bio, NULL, sovd_no_passphrase, NULL);
                if (!next && is_at_end())
                        break;
                if (!next || n == CHAIN_MAX || SSL_CTX_add0_chain_cert(ctx, next) != 1) {
                        X509_free(next);
                        return sovd_tls_refuse(p, "certificate", "%s cannot be used: %s", o->certificate,
                                               n == CHAIN_MAX ? "the chain is too long" : reason());
                }
        }
        ERR_clear_error();
        return 0;
}

static int use_key(SSL_CTX *ctx, BIO *bio, const struct sovd_tls_options *o, struct sovd_tls_problem *p) {
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, sovd_no_passphrase, NULL);

        if (!key)
                return sovd_tls_refuse(p, "key", "%s cannot be used: %s", o->key,
                                       ERR_GET_REASON(ERR_peek_error()) == PEM_R_BAD_PASSWORD_READ ? "it has a password" : reason());
        int same = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key);
        int used = same == 1 ? SSL_CTX_use_PrivateKey(ctx, key) : 0;
        EVP_PKEY_free(key);
        if (same != 1)
                return sovd_tls_refuse(p, "key", "%s does not belong to the certificate %s", o->key, o->certificate);
        return used == 1 ? 0 : sovd_tls_refuse(p, "key", "%s cannot be used: %s", o->key, reason());
}

/* The names of the signers are sent to clients, so that these know which certificate to show. */
static int use_signer(SSL_CTX *ctx, X509 *signer, const char *path, struct sovd_tls_problem *p) {
        if (X509_check_ca(signer) == 0)
                return sovd_tls_refuse(p, "client_ca", "%s has a certificate that may not sign others", path);
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), signer) != 1 || SSL_CTX_add_client_CA(ctx, signer) != 1)
                return sovd_tls_refuse(p, "client_ca", "%s cannot be used: %s", path, reason());
        return 0;
}

static int use_signers(SSL_CTX *ctx, BIO *bio, const struct sovd_tls_options *o, struct sovd_tls_problem *p) {
        size_t n = 0;
        int r = 0;

        for (;; n++) {
                X509 *signer = PEM_read_bio_X509(bio, NULL, sovd_no_passphrase, NULL);
                if (!signer)
                        break;
                r = use_signer(ctx, signer, o->client_ca, p);
                X509_free(signer);
                if (r)
                        return r;
        }
        if (!n || !is_at_end())
                return sovd_tls_refuse(p, "client_ca", "%s cannot be used: %s", o->client_ca,
                                       n ? reason() : "there is no certificate in it");
        ERR_clear_error();
        return 0;
}

static int use_lists(SSL_CTX *ctx, BIO *bio, const struct sovd_tls_options *o, struct sovd_tls_ends *ends,
                     struct sovd_tls_problem *p) {
        X509_STORE *store = SSL_CTX_get_cert_store(ctx);
        size_t n = 0;

        for (;; n++) {
                X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, sovd_no_passphrase, NULL);
                if (!list)
                        break;
                const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
                uint64_t ends_usec = sovd_tls_usec(next);
                int added = X509_STORE_add_crl(store, list);
                X509_CRL_free(list);
                if (added != 1 || (next && !ends_usec))
                        return sovd_tls_refuse(p, "crl", "%s cannot be used: %s", o->crl, reason());
                if (ends_usec && (!ends->crl_usec || ends_usec < ends->crl_usec))
                        ends->crl_usec = ends_usec;
        }
        if (!n || !is_at_end())
                return sovd_tls_refuse(p, "crl", "%s cannot be used: %s", o->crl,
                                       n ? reason() : "there is no revocation list in it");
        ERR_clear_error();
        /* Of every signer in a chain: an issuer whose own certificate was revoked vouches for nobody. */
        (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        return 0;
}

/* --- together -------------------------------------------------------------------------------------------- */

/* A session that is resumed would not look at client certificates again, so every connection begins anew. */
static int set_up(SSL_CTX *ctx, const struct sovd_tls_options *o, struct sovd_tls_problem *p) {
        static const unsigned char id[] = "sovd-gateway";

        SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_max_cert_list(ctx, PEER_BYTES_MAX);
        SSL_CTX_set_security_level(ctx, 2);
        SSL_CTX_set_default_passwd_cb(ctx, sovd_no_passphrase);
        SSL_CTX_set_verify_depth(ctx, CHAIN_MAX);
        if (SSL_CTX_set_min_proto_version(ctx, o->min_version == 2 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) != 1 || SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
            SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) != 1)
                return sovd_tls_refuse(p, "min_version", "TLS cannot be set up: %s", reason());
        if (o->client_ca)
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (o->require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
        return 0;
}

static int use_file(SSL_CTX *ctx, size_t i, const struct sovd_tls_options *o, struct sovd_tls_ends *ends,
                    struct sovd_tls_problem *p) {
        struct text text = { 0 };
        const char *member, *path = sovd_tls_file(o, i, &member);
        BIO *bio = NULL;

        if (!path)
                return 0;
        int r = open_text(&bio, &text, member, path, p);
        if (!r && i == 0)
                r = use_chain(ctx, bio, o, ends, p);
        else if (!r && i == 1)
                r = use_key(ctx, bio, o, p);
        else if (!r && i == 2)
                r = use_signers(ctx, bio, o, p);
        else if (!r)
                r = use_lists(ctx, bio, o, ends, p);
        BIO_free(bio);
        text_done(&text);
        return r;
}

int sovd_tls_load(SSL_CTX **ret, struct sovd_tls_ends *ret_ends, const struct sovd_tls_options *o,
                  struct sovd_tls_problem *p) {
        struct sovd_tls_ends ends = { 0 };
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        if (!ctx)
                return sovd_error_origin(-ENOMEM);

        ERR_clear_error();
        int r = set_up(ctx, o, p);
        for (size_t i = 0; !r && i < SOVD_TLS_FILES; i++)
                r = use_file(ctx, i, o, &ends, p);
        if (r) {
                SSL_CTX_free(ctx);
                return r;
        }
        *ret = ctx;
        *ret_ends = ends;
        return 0;
}
