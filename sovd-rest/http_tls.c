/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/http_tls.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <time.h>

static int refuse(const char *what, const char *file) {
        char reason[160];

        ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
        ERR_clear_error();
        sovd_log(SOVD_LOG_ERROR, "%s %s cannot be used: %s", what, file, reason);
        return -ENOKEY;
}

static int load(SSL_CTX *ctx, const char *certificate, const char *key) {
        if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
                return refuse("TLS 1.2 as the lowest version", "");
        if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
                return refuse("the certificate", certificate);
        if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
                return refuse("the key", key);
        if (SSL_CTX_check_private_key(ctx) != 1)
                return refuse("the key does not belong to the certificate:", key);
        SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return 0;
}

int sovd_http_tls_new(SSL_CTX **ret, const char *certificate, const char *key) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        if (!ctx)
                return sovd_error_origin(-ENOMEM);

        int r = load(ctx, certificate, key);
        if (r) {
                SSL_CTX_free(ctx);
                return r;
        }
        *ret = ctx;
        return 0;
}

void sovd_http_tls_free(SSL_CTX *ctx) {
        SSL_CTX_free(ctx);
}

uint64_t sovd_http_tls_not_after_usec(SSL_CTX *ctx) {
        const X509 *certificate = SSL_CTX_get0_certificate(ctx);
        struct tm tm = { 0 };

        if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
                return 0;
        time_t seconds = timegm(&tm);
        return seconds > 0 ? (uint64_t)seconds * SOVD_USEC_PER_SEC : 0;
}
