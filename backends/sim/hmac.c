/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/fingerprint.h"
#include <ctype.h>

bool sim_hmac_equals(const char *expected, const char *given) {
        char low[SOVD_FINGERPRINT_SIZE] = { 0 };

        if (sovd_has_prefix(given, "0x"))
                given += 2;
        for (size_t i = 0; given[i]; i++) {
                if (i == sizeof(low) - 1)
                        return false;
                low[i] = (char)tolower((unsigned char)given[i]);
        }
        return sovd_fingerprint_equal(expected, low);
}
