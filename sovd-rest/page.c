/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/page.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-rest/resources/resources.h"
#include <stdio.h>

#define LINK_MAX  3000
#define MSEC_LAST UINT64_C(253402300799999) /* of the year 9999 */
#define SEPARATOR '\x1f'                    /* no character of a code or of an id */
#define SUM_SIZE  8                         /* hexadecimal digits */

/* --- times ---------------------------------------------------------------------------------------------- */

static bool read_msec(const char *text, uint64_t *ret_usec) {
        size_t n = strspn(text, "0123456789");

        if (!n || text[n] || n > 15)
                return false;
        uint64_t msec = strtoull(text, NULL, 10);
        *ret_usec = msec * SOVD_USEC_PER_MSEC;
        return msec <= MSEC_LAST;
}

static int take_time(struct sovd_call *call, const char *name, uint64_t *ret) {
        const char *text = sovd_call_query(call, name);

        if (!text || read_msec(text, ret) || sovd_timestamp_parse(text, ret))
                return 0;
        return sovd_fail(call, SOVD_E_BAD_REQUEST,
                         "query parameter '%s' must be a date-time like 2026-01-31T12:00:00Z, or milliseconds since 1970",
                         name);
}

int sovd_page_times(struct sovd_call *call, uint64_t *ret_from, uint64_t *ret_to) {
        uint64_t from = 0, to = 0;

        int r = take_time(call, "from", &from);
        if (!r)
                r = take_time(call, "to", &to);
        if (r)
                return r;
        if (sovd_call_query(call, "to")) /* answers show milliseconds: the time of a fault finds that fault */
                to = to / SOVD_USEC_PER_MSEC * SOVD_USEC_PER_MSEC + SOVD_USEC_PER_MSEC - 1;
        if (to && from > to)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'from' is later than 'to'");
        *ret_from = from;
        *ret_to = to;
        return 0;
}

int sovd_page_limit(struct sovd_call *call, size_t otherwise, size_t *ret) {
        const char *text = sovd_call_query(call, "limit");
        long long n = text ? strtoll(text, NULL, 10) : 0; /* dispatch has checked that it is a number */

        if (text && (n < 1 || n > SOVD_PAGE_MAX))
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'limit' must be from 1 to %d", SOVD_PAGE_MAX);
        *ret = text ? (size_t)n : otherwise;
        return 0;
}

/* --- cursors -------------------------------------------------------------------------------------------- */

/* FNV-1a: against slips, not against malice; whoever forges a cursor sees what another query would show. */
static uint32_t sum_of(const char *text, size_t n) {
        uint32_t h = 0x811c9dc5u;

        for (size_t i = 0; i < n; i++)
                h = (h ^ (unsigned char)text[i]) * 0x01000193u;
        return h;
}

static int digit_of(char c) {
        const char *digit = c ? strchr(SOVD_HEX_DIGITS, c) : NULL;

        return digit ? (int)(digit - SOVD_HEX_DIGITS) : -1;
}

static char *bytes_of(struct sovd_call *call, const char *hex, size_t n) {
        char *text = sovd_arena_alloc(call->arena, n / 2 + 1);

        for (size_t i = 0; text && i < n; i++) {
                int digit = digit_of(hex[i]);
                if (digit < 0)
                        return NULL;
                text[i / 2] = (char)((unsigned char)text[i / 2] << 4 | digit);
        }
        return text;
}

/* Cuts the field that ends at the next separator. */
static char *cut(char **rest) {
        char *field = *rest, *end = field ? strchr(field, SEPARATOR) : NULL;

        *rest = end ? end + 1 : NULL;
        if (end)
                *end = '\0';
        return field;
}

/* Eight digits of a sum, then the kind, the number and both strings in hexadecimal digits. */
static bool read_cursor(struct sovd_call *call, const char *text, struct sovd_cursor *ret) {
        size_t n = strlen(text);
        char sum[SUM_SIZE + 1];

        if (n < SUM_SIZE + 2 || n % 2)
                return false;
        char *bytes = bytes_of(call, text + SUM_SIZE, n - SUM_SIZE);
        size_t len = (n - SUM_SIZE) / 2;
        if (!bytes || strlen(bytes) != len)
                return false;
        (void)snprintf(sum, sizeof(sum), "%08x", sum_of(bytes, len));
        if (memcmp(sum, text, SUM_SIZE) != 0)
                return false;

        char *kind = cut(&bytes), *number = cut(&bytes), *first = cut(&bytes), *second = bytes;
        if (!second || strlen(kind) != 1 || !*number || number[strspn(number, "0123456789")])
                return false;
        *ret = (struct sovd_cursor){ *kind, strtoull(number, NULL, 10), first, second };
        return ret->number <= INT64_MAX;
}

int sovd_page_bad_cursor(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'after' is not where a page of this list ended");
}

int sovd_page_after(struct sovd_call *call, const char *kinds, struct sovd_cursor *ret) {
        const char *text = sovd_call_query(call, "after");

        *ret = (struct sovd_cursor){ .first = "", .second = "" };
        if (!text || (read_cursor(call, text, ret) && strchr(kinds, ret->kind)))
                return 0;
        return sovd_page_bad_cursor(call);
}

/* "" when memory is out. */
static const char *write_cursor(struct sovd_call *call, const struct sovd_cursor *c) {
        const char *text = sovd_call_printf(call, "%c%c%llu%c%s%c%s", c->kind, SEPARATOR, (unsigned long long)c->number,
                                            SEPARATOR, c->first ? c->first : "", SEPARATOR, c->second ? c->second : "");
        size_t n = strlen(text);
        char *hex = sovd_arena_alloc(call->arena, 2 * n + 1);

        if (!n || !hex)
                return "";
        sovd_hex(hex, (const unsigned char *)text, n);
        return sovd_call_printf(call, "%08x%s", sum_of(text, n), hex);
}

/* --- the link ------------------------------------------------------------------------------------------- */

int sovd_page_link(struct sovd_call *call, const char *path, const struct sovd_cursor *cursor) {
        const char *after = write_cursor(call, cursor), *uri = path;
        size_t n = 0;

        for (size_t i = 0; i < call->n_query; i++) {
                const struct sovd_query_item *item = &call->query[i];
                if (strcmp(item->name, "after") == 0)
                        continue;
                uri = sovd_call_printf(call, "%s%c%s", uri, n++ ? '&' : '?', sovd_encoded(call, item->name));
                if (item->key)
                        uri = sovd_call_printf(call, "%s%%5B%s%%5D", uri, sovd_encoded(call, item->key));
                uri = sovd_call_printf(call, "%s=%s", uri, sovd_encoded(call, item->value));
        }
        call->link = sovd_call_printf(call, "<%s%cafter=%s>; rel=\"next\"", uri, n ? '&' : '?', after);
        if (!*after || !*call->link)
                return sovd_error_origin(-ENOMEM);
        if (strlen(call->link) <= LINK_MAX)
                return 0;
        call->link = NULL;
        return sovd_fail(call, SOVD_E_URI_TOO_LONG, "the query is too long to be repeated in the link to the next page");
}
