/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/hash.h"
#include "sovd-core/audit/entry.h"
#include "sovd-core/base/error.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#define CHAIN_LABEL "SOVD-AUDIT-v1" /* with its NUL */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

/* Asked for once: looking the algorithm up costs more than hashing an entry. */
static void fetch(void) {
        sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

int sovd_audit_sha256(const void *data, size_t n, struct sovd_audit_hash *ret) {
        unsigned size = 0;

        (void)pthread_once(&once, fetch);
        if (!sha256 || EVP_Digest(data, n, ret->bytes, &size, sha256, NULL) != 1 || size != SOVD_AUDIT_HASH)
                return sovd_error_origin(-EIO);
        return 0;
}

int sovd_audit_leaf(const char *body, size_t n, struct sovd_audit_hash *ret) {
        unsigned char data[1 + SOVD_AUDIT_BODY_MAX];

        if (n > SOVD_AUDIT_BODY_MAX)
                return sovd_error_origin(-E2BIG);
        data[0] = 0;
        memcpy(data + 1, body, n);
        return sovd_audit_sha256(data, 1 + n, ret);
}

int sovd_audit_node(const struct sovd_audit_hash *left, const struct sovd_audit_hash *right,
                    struct sovd_audit_hash *ret) {
        unsigned char data[1 + 2 * SOVD_AUDIT_HASH];

        data[0] = 1;
        memcpy(data + 1, left->bytes, SOVD_AUDIT_HASH);
        memcpy(data + 1 + SOVD_AUDIT_HASH, right->bytes, SOVD_AUDIT_HASH);
        return sovd_audit_sha256(data, sizeof(data), ret);
}

int sovd_audit_chain_begin(const char *log, struct sovd_audit_hash *ret) {
        char data[sizeof(CHAIN_LABEL) + SOVD_AUDIT_LOG_SIZE] = CHAIN_LABEL;
        size_t n = strnlen(log, SOVD_AUDIT_LOG_SIZE);

        memcpy(data + sizeof(CHAIN_LABEL), log, n);
        return sovd_audit_sha256(data, sizeof(CHAIN_LABEL) + n, ret);
}

int sovd_audit_chain_next(const struct sovd_audit_hash *before, uint64_t seq,
                          const struct sovd_audit_hash *leaf, struct sovd_audit_hash *ret) {
        unsigned char data[sizeof(CHAIN_LABEL) + SOVD_AUDIT_HASH + 8 + SOVD_AUDIT_HASH] = CHAIN_LABEL;
        unsigned char *p = data + sizeof(CHAIN_LABEL);

        memcpy(p, before->bytes, SOVD_AUDIT_HASH);
        p += SOVD_AUDIT_HASH;
        for (int i = 0; i < 8; i++)
                *p++ = (unsigned char)(seq >> (56 - 8 * i));
        memcpy(p, leaf->bytes, SOVD_AUDIT_HASH);
        return sovd_audit_sha256(data, sizeof(data), ret);
}

bool sovd_audit_same(const struct sovd_audit_hash *a, const struct sovd_audit_hash *b) {
        return CRYPTO_memcmp(a->bytes, b->bytes, SOVD_AUDIT_HASH) == 0;
}

const char *sovd_audit_to_hex(char ret[static SOVD_AUDIT_HEX], const struct sovd_audit_hash *hash) {
        sovd_hex(ret, hash->bytes, SOVD_AUDIT_HASH);
        return ret;
}

static int digit_of(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sovd_audit_from_hex(const char *text, struct sovd_audit_hash *ret) {
        struct sovd_audit_hash hash;

        for (size_t i = 0; i < SOVD_AUDIT_HASH; i++) {
                int high = digit_of(text[2 * i]), low = high < 0 ? -1 : digit_of(text[2 * i + 1]);
                if (low < 0)
                        return false;
                hash.bytes[i] = (unsigned char)(high << 4 | low);
        }
        if (text[2 * SOVD_AUDIT_HASH])
                return false;
        *ret = hash;
        return true;
}

void sovd_audit_to_base64(char *ret, const void *bytes, size_t n) {
        (void)EVP_EncodeBlock((unsigned char *)ret, bytes, (int)n);
}

/* OpenSSL takes blanks and bits that mean nothing; what comes out is encoded again and must be the same text. */
bool sovd_audit_from_base64(const char *text, void *ret, size_t n) {
        unsigned char bytes[100] = "";
        char again[SOVD_AUDIT_BASE64(96)];
        size_t len = SOVD_AUDIT_BASE64(n) - 1;

        if (n > 96 || strnlen(text, len + 1) != len ||
            EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) < 0)
                return false;
        sovd_audit_to_base64(again, bytes, n);
        if (strcmp(text, again) != 0)
                return false;
        memcpy(ret, bytes, n);
        return true;
}
