/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is the query of a request
 *
 * Whatever is accepted has at most as many items as it has separators and one, and each of them is clean text.
 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_text(const char *s) {
        must(s && sovd_utf8_is_valid(s, strlen(s)));
        for (; *s; s++)
                must((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_items(const struct sovd_query_item *items, size_t n, const char *query) {
        size_t n_places = 1;

        for (const char *p = query; *p; p++)
                n_places += *p == '&';
        must(n <= SOVD_QUERY_MAX && n <= n_places);
        for (size_t i = 0; i < n; i++) {
                check_text(items[i].name);
                check_text(items[i].value);
                if (items[i].key) {
                        check_text(items[i].key);
                        must(*items[i].name && !strchr(items[i].name, '['));
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *query = strndup(size ? (const char *)data : "", size);
        struct sovd_query_item items[SOVD_QUERY_MAX];
        const char *reason = NULL;
        size_t n = 0;

        if (!query || sovd_arena_new(&arena, 4096))
                return 0;
        int r = sovd_query_parse(items, &n, query, arena, &reason);
        if (r)
                must(r == SOVD_E_BAD_REQUEST && reason && *reason);
        else
                check_items(items, n, query);
        return 0;
}
