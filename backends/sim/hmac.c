/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

int sim_hmac(char ret[static SIM_HMAC_SIZE], const char *key, const void *message, size_t len) {
        static const char digits[] = "0123456789abcdef";
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (!HMAC(EVP_sha256(), key, (int)strlen(key), message, len, hash, &n) || 2 * n + 1 != SIM_HMAC_SIZE)
                return sovd_error_origin(-EIO);
        for (size_t i = 0; i < n; i++) {
                ret[2 * i] = digits[hash[i] >> 4];
                ret[2 * i + 1] = digits[hash[i] & 15];
        }
        ret[SIM_HMAC_SIZE - 1] = '\0';
        return 0;
}

bool sim_hmac_equals(const char expected[static SIM_HMAC_SIZE], const char *given) {
        char low[SIM_HMAC_SIZE] = { 0 };

        if (sovd_has_prefix(given, "0x"))
                given += 2;
        if (strlen(given) != SIM_HMAC_SIZE - 1)
                return false;
        for (size_t i = 0; i < SIM_HMAC_SIZE - 1; i++)
                low[i] = (char)tolower((unsigned char)given[i]);
        return CRYPTO_memcmp(expected, low, SIM_HMAC_SIZE - 1) == 0;
}
