/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/range.h"
#include <strings.h>

bool sovd_digits_parse(const char **p, uint64_t *ret) {
        const char *s = *p;
        uint64_t n = 0;

        while (*s >= '0' && *s <= '9') {
                if (__builtin_mul_overflow(n, UINT64_C(10), &n) ||
                    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
                        return false;
                s++;
        }
        if (s == *p)
                return false;
        *p = s;
        *ret = n;
        return true;
}

static const char *skip_space(const char *s) {
        return s + strspn(s, " \t");
}

struct sovd_range sovd_range_parse(const char *field) {
        static const struct sovd_range none = { 0 };
        struct sovd_range range = { .set = true, .last = UINT64_MAX };

        if (!field || strncasecmp(field, "bytes=", 6) != 0)
                return none;
        const char *p = skip_space(field + 6);
        range.suffix = *p == '-';
        if (!range.suffix && !sovd_digits_parse(&p, &range.first))
                return none;
        if (*p++ != '-')
                return none;
        bool has_last = sovd_digits_parse(&p, &range.last);
        if ((range.suffix && !has_last) || (has_last && !range.suffix && range.last < range.first))
                return none;
        return *skip_space(p) ? none : range; /* a comma: several ranges */
}

bool sovd_range_resolve(const struct sovd_range *range, uint64_t size, uint64_t *ret_first,
                        uint64_t *ret_length) {
        uint64_t first = range->first, end = size;

        if (range->suffix)
                first = range->last < size ? size - range->last : 0;
        else if (range->last < size)
                end = range->last + 1;
        if (first >= end)
                return false;
        *ret_first = first;
        *ret_length = end - first;
        return true;
}

bool sovd_content_range_parse(const char *field, uint64_t *ret_first, uint64_t *ret_last,
                              uint64_t *ret_size) {
        uint64_t first, last, size = UINT64_MAX;

        if (!field || strncasecmp(field, "bytes ", 6) != 0)
                return false;
        const char *p = field + 6;
        if (!sovd_digits_parse(&p, &first) || *p++ != '-' || !sovd_digits_parse(&p, &last) || *p++ != '/')
                return false;
        if (*p == '*')
                p++;
        else if (!sovd_digits_parse(&p, &size))
                return false;
        if (*p || first > last || last >= size)
                return false;
        *ret_first = first;
        *ret_last = last;
        *ret_size = size;
        return true;
}
