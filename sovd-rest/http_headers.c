/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/http_headers.h"
#include <stdio.h>
#include <strings.h>

static const struct sovd_http_header always[] = {
        { "X-Content-Type-Options", "nosniff" },
        { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
};

static bool is_given(const struct sovd_http_header *given, const char *name) {
        for (; given->name; given++)
                if (*given->name == *name && strcasecmp(given->name, name) == 0)
                        return true;
        return false;
}

int sovd_http_headers_write(char *buf, size_t size, const struct sovd_http_header *given, uint64_t hsts_sec) {
        int n = 0;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(always) && (size_t)n < size; i++)
                if (!is_given(given, always[i].name))
                        n += snprintf(buf + n, size - (size_t)n, "%s: %s\r\n", always[i].name, always[i].value);
        if (hsts_sec && (size_t)n < size)
                n += snprintf(buf + n, size - (size_t)n, "Strict-Transport-Security: max-age=%llu\r\n",
                              (unsigned long long)hsts_sec);
        return (size_t)n < size ? n : -1;
}
