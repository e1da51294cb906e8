/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwa.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#define COORDINATE_MAX 48 /* of P-384 */

static const struct row {
        const char *name;
        enum sovd_key_kind kind;
        const EVP_MD *(*digest)(void);
        bool pss;
        size_t half; /* of an ECDSA signature: the bytes of r and of s */
} rows[SOVD_JWA_MAX] = {
        [SOVD_JWA_HS256] = { "HS256", SOVD_KEY_SECRET, EVP_sha256, false, 0 },
        [SOVD_JWA_HS384] = { "HS384", SOVD_KEY_SECRET, EVP_sha384, false, 0 },
        [SOVD_JWA_HS512] = { "HS512", SOVD_KEY_SECRET, EVP_sha512, false, 0 },
        [SOVD_JWA_RS256] = { "RS256", SOVD_KEY_RSA, EVP_sha256, false, 0 },
        [SOVD_JWA_RS384] = { "RS384", SOVD_KEY_RSA, EVP_sha384, false, 0 },
        [SOVD_JWA_RS512] = { "RS512", SOVD_KEY_RSA, EVP_sha512, false, 0 },
        [SOVD_JWA_PS256] = { "PS256", SOVD_KEY_RSA, EVP_sha256, true, 0 },
        [SOVD_JWA_PS384] = { "PS384", SOVD_KEY_RSA, EVP_sha384, true, 0 },
        [SOVD_JWA_PS512] = { "PS512", SOVD_KEY_RSA, EVP_sha512, true, 0 },
        [SOVD_JWA_ES256] = { "ES256", SOVD_KEY_P256, EVP_sha256, false, 32 },
        [SOVD_JWA_ES384] = { "ES384", SOVD_KEY_P384, EVP_sha384, false, 48 },
        [SOVD_JWA_EDDSA] = { "EdDSA", SOVD_KEY_ED25519, NULL, false, 0 },
};

enum sovd_jwa sovd_jwa_of(const char *name) {
        for (unsigned a = SOVD_JWA_UNKNOWN + 1; name && a < SOVD_JWA_MAX; a++)
                if (strcmp(rows[a].name, name) == 0)
                        return (enum sovd_jwa)a;
        return SOVD_JWA_UNKNOWN;
}

const char *sovd_jwa_name(enum sovd_jwa a) {
        return rows[a].name;
}

unsigned sovd_jwa_of_kind(enum sovd_key_kind kind) {
        unsigned bits = 0;

        for (unsigned a = SOVD_JWA_UNKNOWN + 1; a < SOVD_JWA_MAX; a++)
                bits |= rows[a].kind == kind ? SOVD_JWA_BIT(a) : 0;
        return bits;
}

size_t sovd_jwa_secret_size(enum sovd_jwa a) {
        return rows[a].kind == SOVD_KEY_SECRET && rows[a].digest ? (size_t)EVP_MD_get_size(rows[a].digest())
                                                                 : 0;
}

static bool verify_hmac(const struct row *row, const unsigned char *secret, size_t secret_len,
                        const char *data, size_t n, const unsigned char *sig, size_t sig_len) {
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned mac_len = 0;

        if (!secret || secret_len > INT_MAX ||
            !HMAC(row->digest(), secret, (int)secret_len, (const unsigned char *)data, n, mac, &mac_len))
                return false;
        bool same = sig_len == mac_len && CRYPTO_memcmp(mac, sig, mac_len) == 0;
        OPENSSL_cleanse(mac, sizeof(mac)); /* it would sign what the client wrote */
        return same;
}

/* Tokens carry r and s side by side, each with all its bytes; OpenSSL wants DER. Returns the length, 0: not so. */
static size_t to_der(unsigned char *ret, size_t size, size_t half, const unsigned char *sig, size_t sig_len) {
        if (sig_len != 2 * half)
                return 0;
        BIGNUM *r = BN_bin2bn(sig, (int)half, NULL), *s = BN_bin2bn(sig + half, (int)half, NULL);
        ECDSA_SIG *pair = ECDSA_SIG_new();
        if (!r || !s || !pair || !ECDSA_SIG_set0(pair, r, s)) {
                BN_free(r);
                BN_free(s);
                ECDSA_SIG_free(pair);
                return 0;
        }
        int len = i2d_ECDSA_SIG(pair, NULL);
        bool fits = len > 0 && (size_t)len <= size && i2d_ECDSA_SIG(pair, &ret) == len;
        ECDSA_SIG_free(pair);
        return fits ? (size_t)len : 0;
}

static bool verify_with(EVP_MD_CTX *context, const struct row *row, EVP_PKEY *key, const char *data, size_t n,
                        const unsigned char *sig, size_t sig_len) {
        unsigned char der[2 * COORDINATE_MAX + 16];
        EVP_PKEY_CTX *pkey_context = NULL;

        if (row->half) {
                sig_len = to_der(der, sizeof(der), row->half, sig, sig_len);
                sig = der;
        }
        if (!sig_len ||
            EVP_DigestVerifyInit(context, &pkey_context, row->digest ? row->digest() : NULL, NULL, key) != 1)
                return false;
        if (row->pss && (EVP_PKEY_CTX_set_rsa_padding(pkey_context, RSA_PKCS1_PSS_PADDING) != 1 ||
                         EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_context, RSA_PSS_SALTLEN_DIGEST) != 1))
                return false;
        return EVP_DigestVerify(context, sig, sig_len, (const unsigned char *)data, n) == 1;
}

bool sovd_jwa_verify(enum sovd_jwa a, EVP_PKEY *key, const unsigned char *secret, size_t secret_len,
                     const char *data, size_t n, const unsigned char *sig, size_t sig_len) {
        const struct row *row = &rows[a];

        if (!row->name)
                return false;
        if (row->kind == SOVD_KEY_SECRET)
                return verify_hmac(row, secret, secret_len, data, n, sig, sig_len);
        EVP_MD_CTX *context = key ? EVP_MD_CTX_new() : NULL;
        bool good = context && verify_with(context, row, key, data, n, sig, sig_len);
        EVP_MD_CTX_free(context);
        if (!good)
                ERR_clear_error(); /* the queue is the thread's, and TLS reads it too */
        return good;
}
