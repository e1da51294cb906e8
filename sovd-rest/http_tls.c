/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/http_tls.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#define RETRY_USEC (60 * SOVD_USEC_PER_SEC) /* files that could not be used may become good by time alone */

/* What a file was when it was looked at; a link is followed. */
struct stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
        int error;
};

struct sovd_tls {
        struct sovd_tls_options options;
        struct stamp read[SOVD_TLS_FILES], seen[SOVD_TLS_FILES]; /* main thread: when last read, when last looked at */
        uint64_t next_usec, retry_usec;                          /* main thread; retry 0 = not wanted */

        pthread_mutex_t mutex; /* leaf; all below */
        SSL_CTX *ctx;
        uint64_t generation;
        struct sovd_tls_status status;
};

/* --- what is in force ------------------------------------------------------------------------------------ */

static SSL_CTX *in_force(struct sovd_tls *tls, uint64_t *ret_generation) {
        (void)pthread_mutex_lock(&tls->mutex);
        SSL_CTX *ctx = tls->ctx;
        *ret_generation = tls->generation;
        (void)SSL_CTX_up_ref(ctx);
        (void)pthread_mutex_unlock(&tls->mutex);
        return ctx;
}

SSL *sovd_tls_session(struct sovd_tls *tls, uint64_t *ret_generation) {
        SSL_CTX *ctx = in_force(tls, ret_generation);
        SSL *session = SSL_new(ctx);

        SSL_CTX_free(ctx);
        return session;
}

struct sovd_peer_certificate *sovd_tls_peer(SSL *session) {
        X509 *certificate = SSL_get0_peer_certificate(session);
        struct sovd_peer_certificate *peer = NULL;

        if (!certificate || SSL_get_verify_result(session) != X509_V_OK)
                return NULL;
        int r = sovd_peer_certificate_new(&peer, certificate);
        if (!r)
                r = sovd_peer_certificate_keep(peer, certificate, SSL_get_peer_cert_chain(session), SSL_get0_verified_chain(session));
        if (!r)
                return peer;
        sovd_log(SOVD_LOG_WARN, "a client certificate cannot be read");
        return sovd_peer_certificate_free(peer);
}

/* X509_V_OK, or why not. */
static int verify(SSL_CTX *ctx, X509 *certificate, STACK_OF(X509) *others) {
        X509_STORE_CTX *check = X509_STORE_CTX_new();
        bool good = check && X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ctx), certificate, others) == 1 &&
                    X509_STORE_CTX_set_default(check, "ssl_client") == 1;
        int error = X509_V_ERR_OUT_OF_MEM;

        if (good) {
                X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(check), SSL_CTX_get_security_level(ctx));
                X509_STORE_CTX_set_depth(check, SSL_CTX_get_verify_depth(ctx));
                error = X509_verify_cert(check) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(check);
        }
        X509_STORE_CTX_free(check);
        ERR_clear_error();
        return error;
}

bool sovd_tls_trusts(struct sovd_tls *tls, SSL *session, uint64_t *generation) {
        X509 *certificate = SSL_get0_peer_certificate(session);
        bool good = true;

        if (!certificate)
                return true;
        if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
                return false;
        if (__atomic_load_n(&tls->generation, __ATOMIC_ACQUIRE) == *generation)
                return true;

        uint64_t now;
        SSL_CTX *ctx = in_force(tls, &now);
        good = verify(ctx, certificate, SSL_get_peer_cert_chain(session)) == X509_V_OK;
        SSL_CTX_free(ctx);
        if (good)
                *generation = now;
        return good;
}

static enum sovd_tls_trust meaning_of(int error) {
        switch (error) {
        case X509_V_OK:
                return SOVD_TLS_TRUSTED;
        case X509_V_ERR_CERT_NOT_YET_VALID: /* of a clock that is not set yet, too */
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CRL_NOT_YET_VALID:
        case X509_V_ERR_CRL_HAS_EXPIRED:
        case X509_V_ERR_UNABLE_TO_GET_CRL:
        case X509_V_ERR_OUT_OF_MEM:
        case X509_V_ERR_UNSPECIFIED:
                return SOVD_TLS_NOT_NOW;
        default:
                return SOVD_TLS_NEVER;
        }
}

static int verify_kept(SSL_CTX *ctx, const char *chain, uint64_t *ret_ends_usec) {
        BIO *bio = BIO_new_mem_buf(chain, -1);
        X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *next;
        STACK_OF(X509) *others = sk_X509_new_null();
        bool ok = bio && others;
        int error = ok ? X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT : X509_V_ERR_OUT_OF_MEM;

        while (ok && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
                if (sk_X509_push(others, next) <= 0) {
                        X509_free(next);
                        error = X509_V_ERR_OUT_OF_MEM;
                        ok = false;
                }
        if (ok && certificate) {
                *ret_ends_usec = sovd_tls_usec(X509_get0_notAfter(certificate));
                error = verify(ctx, certificate, others);
        }
        sk_X509_pop_free(others, X509_free);
        X509_free(certificate);
        BIO_free(bio);
        ERR_clear_error();
        return error;
}

enum sovd_tls_trust sovd_tls_trusts_kept(struct sovd_tls *tls, const char *chain, uint64_t *generation, uint64_t *ends_usec) {
        if (__atomic_load_n(&tls->generation, __ATOMIC_ACQUIRE) != *generation) {
                uint64_t now;
                SSL_CTX *ctx = in_force(tls, &now);
                enum sovd_tls_trust trust = meaning_of(verify_kept(ctx, chain, ends_usec));
                SSL_CTX_free(ctx);
                if (trust != SOVD_TLS_TRUSTED)
                        return trust;
                *generation = now;
        }
        return *ends_usec > sovd_realtime_usec() ? SOVD_TLS_TRUSTED : SOVD_TLS_NOT_NOW;
}

void sovd_tls_count_failed(struct sovd_tls *tls) {
        (void)pthread_mutex_lock(&tls->mutex);
        tls->status.n_handshakes_failed++;
        (void)pthread_mutex_unlock(&tls->mutex);
}

void sovd_tls_status(struct sovd_tls *tls, struct sovd_tls_status *ret) {
        (void)pthread_mutex_lock(&tls->mutex);
        *ret = tls->status;
        (void)pthread_mutex_unlock(&tls->mutex);
}

void sovd_tls_describe(struct sovd_tls *tls, struct sovd_tls_facts *ret) {
        unsigned char sum[EVP_MAX_MD_SIZE];
        uint64_t generation;
        unsigned n = 0;

        (void)pthread_mutex_lock(&tls->mutex);
        *ret = (struct sovd_tls_facts){ .ends = tls->status.ends, .min_version = tls->options.min_version,
                                        .client_ca = tls->options.client_ca != NULL,
                                        .client_required = tls->options.require_client_certificate };
        (void)pthread_mutex_unlock(&tls->mutex);
        SSL_CTX *ctx = in_force(tls, &generation);
        X509 *certificate = SSL_CTX_get0_certificate(ctx);
        if (certificate && X509_digest(certificate, EVP_sha256(), sum, &n) == 1 && 2 * n < sizeof(ret->certificate_sha256))
                for (unsigned i = 0; i < n; i++)
                        (void)snprintf(ret->certificate_sha256 + 2 * i, 3, "%02x", sum[i]);
        SSL_CTX_free(ctx);
        ERR_clear_error();
}

/* --- changes --------------------------------------------------------------------------------------------- */

static void look(const struct sovd_tls *tls, struct stamp ret[static SOVD_TLS_FILES]) {
        struct stat st;

        for (size_t i = 0; i < SOVD_TLS_FILES; i++) {
                const char *path = sovd_tls_watched(&tls->options, i);
                memset(&ret[i], 0, sizeof(ret[i])); /* they are compared as bytes */
                if (path && stat(path, &st)) {
                        ret[i].error = errno;
                } else if (path) {
                        ret[i].device = st.st_dev;
                        ret[i].inode = st.st_ino;
                        ret[i].size = st.st_size;
                        ret[i].modified = st.st_mtim;
                        ret[i].changed = st.st_ctim;
                }
        }
}

static bool same(const struct stamp a[static SOVD_TLS_FILES], const struct stamp b[static SOVD_TLS_FILES]) {
        return memcmp(a, b, SOVD_TLS_FILES * sizeof(*a)) == 0;
}

/* Something that has ended, or does not hold yet, does not take the place of something that holds. */
static int check_times(const struct sovd_tls *tls, SSL_CTX *ctx, const struct sovd_tls_ends *ends, struct sovd_tls_problem *p) {
        uint64_t now = sovd_realtime_usec();
        const struct sovd_tls_ends *old = &tls->status.ends;

        if (ends->certificate_usec <= now && old->certificate_usec > now)
                return sovd_tls_refuse(p, "certificate", "%s has ended", tls->options.certificate);
        if (X509_cmp_current_time(X509_get0_notBefore(SSL_CTX_get0_certificate(ctx))) > 0)
                return sovd_tls_refuse(p, "certificate", "%s does not hold yet", tls->options.certificate);
        if (ends->crl_usec && ends->crl_usec <= now && (!old->crl_usec || old->crl_usec > now))
                return sovd_tls_refuse(p, "crl", "%s has ended", tls->options.crl);
        return 0;
}

static void put_in_force(struct sovd_tls *tls, SSL_CTX *ctx, const struct sovd_tls_ends *ends) {
        (void)pthread_mutex_lock(&tls->mutex);
        SSL_CTX *before = tls->ctx;
        tls->ctx = ctx;
        __atomic_store_n(&tls->generation, tls->generation + 1, __ATOMIC_RELEASE);
        tls->status.ends = *ends;
        tls->status.is_stale = false;
        *tls->status.why = '\0';
        tls->status.n_reloads++;
        (void)pthread_mutex_unlock(&tls->mutex);
        SSL_CTX_free(before);
}

/* The same reason is logged once. */
static void stay(struct sovd_tls *tls, const struct sovd_tls_problem *p) {
        char why[sizeof(tls->status.why)];

        (void)snprintf(why, sizeof(why), "%s: %s", p->member, p->why);
        (void)pthread_mutex_lock(&tls->mutex);
        bool known = tls->status.is_stale && strcmp(tls->status.why, why) == 0;
        tls->status.is_stale = true;
        memcpy(tls->status.why, why, sizeof(why));
        tls->status.n_failed++;
        (void)pthread_mutex_unlock(&tls->mutex);
        if (!known)
                sovd_log(SOVD_LOG_ERROR, "the files of server.tls stay as they were: %s", why);
}

static void log_ends(const char *what, const struct sovd_tls_ends *ends) {
        char certificate[SOVD_TIMESTAMP_SIZE];

        sovd_log(SOVD_LOG_INFO, "%s; the certificate ends at %s", what, sovd_clock_format(certificate, ends->certificate_usec));
}

void sovd_tls_reload(struct sovd_tls *tls) {
        struct sovd_tls_problem problem = { .member = "certificate", .why = "out of memory" };
        struct sovd_tls_ends ends;
        SSL_CTX *ctx = NULL;

        look(tls, tls->read); /* before reading: what changes meanwhile is read again */
        memcpy(tls->seen, tls->read, sizeof(tls->seen));
        int r = sovd_tls_load(&ctx, &ends, &tls->options, &problem);
        if (!r)
                r = check_times(tls, ctx, &ends, &problem);
        tls->retry_usec = r ? sovd_now_usec() + RETRY_USEC : 0;
        if (r) {
                SSL_CTX_free(ctx);
                stay(tls, &problem);
                return;
        }
        put_in_force(tls, ctx, &ends);
        log_ends("the files of server.tls were read again", &ends);
}

uint64_t sovd_tls_tick(struct sovd_tls *tls) {
        struct stamp now[SOVD_TLS_FILES];

        if (!tls || !tls->options.watch_usec)
                return UINT64_MAX;
        if (sovd_clock_left_usec(tls->next_usec))
                return tls->next_usec;

        look(tls, now);
        bool changed = !same(now, tls->read), settled = same(now, tls->seen);
        memcpy(tls->seen, now, sizeof(now));
        if ((changed && settled) || (tls->retry_usec && !sovd_clock_left_usec(tls->retry_usec)))
                sovd_tls_reload(tls);
        tls->next_usec = sovd_now_usec() + tls->options.watch_usec;
        return tls->next_usec;
}

/* --- life ------------------------------------------------------------------------------------------------ */

/* A clock that is not set yet must not keep the gateway from starting, so what has ended is told only. */
static void complain_of_ends(const struct sovd_tls *tls) {
        uint64_t now = sovd_realtime_usec();

        if (tls->status.ends.certificate_usec <= now)
                sovd_log(SOVD_LOG_ERROR, "the certificate %s has ended", tls->options.certificate);
        if (tls->status.ends.crl_usec && tls->status.ends.crl_usec <= now)
                sovd_log(SOVD_LOG_ERROR, "a revocation list of %s has ended: no client certificate is accepted", tls->options.crl);
}

int sovd_tls_new(struct sovd_tls **ret, const struct sovd_tls_options *options) {
        struct sovd_tls_problem problem = { .member = "certificate", .why = "out of memory" };
        _cleanup_(sovd_tls_freep) struct sovd_tls *tls = calloc(1, sizeof(*tls));
        if (!tls)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&tls->mutex, NULL);
        tls->options = *options;
        tls->generation = 1;
        look(tls, tls->read);
        memcpy(tls->seen, tls->read, sizeof(tls->seen));
        int r = sovd_tls_load(&tls->ctx, &tls->status.ends, options, &problem);
        if (r) {
                sovd_log(SOVD_LOG_ERROR, "server.tls.%s: %s", problem.member, problem.why);
                return r;
        }
        complain_of_ends(tls);

        *ret = SOVD_TAKE(tls);
        return 0;
}

struct sovd_tls *sovd_tls_free(struct sovd_tls *tls) {
        if (!tls)
                return NULL;
        SSL_CTX_free(tls->ctx);
        (void)pthread_mutex_destroy(&tls->mutex);
        free(tls);
        return NULL;
}
