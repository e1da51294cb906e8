/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/timestamp.h"
#include <time.h>

/* n digits exactly, then `end`; *p moves behind both. */
static bool take(const char **p, size_t n, const char *end, int *ret) {
        int value = 0;

        for (size_t i = 0; i < n; i++) {
                if ((*p)[i] < '0' || (*p)[i] > '9')
                        return false;
                value = value * 10 + ((*p)[i] - '0');
        }
        *p += n;
        if (*end && (!**p || !strchr(end, **p)))
                return false;
        *p += *end != '\0';
        *ret = value;
        return true;
}

static uint64_t take_fraction(const char **p) {
        uint64_t usec = 0, unit = 100000;

        if (**p != '.')
                return 0;
        for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
                usec += (uint64_t)(**p - '0') * unit;
        return usec;
}

static bool take_offset(const char **p, int64_t *ret_sec) {
        int hours, minutes;
        char sign = **p;

        *ret_sec = 0;
        (*p)++;
        if (sign == 'Z' || sign == 'z')
                return true;
        if ((sign != '+' && sign != '-' && sign != ' ') || !take(p, 2, ":", &hours) ||
            !take(p, 2, "", &minutes) || hours > 23 || minutes > 59)
                return false;
        *ret_sec = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
        return true;
}

/* Did timegm() change the date, as it does with the 31st of April? */
static bool is_date(const struct tm *tm, int month, int day) {
        return tm->tm_mon == month - 1 && tm->tm_mday == day;
}

bool sovd_timestamp_parse(const char *text, uint64_t *ret_usec) {
        const char *p = text;
        int year, month, day, hour, minute, second;
        int64_t offset;

        if (!take(&p, 4, "-", &year) || !take(&p, 2, "-", &month) || !take(&p, 2, "Tt ", &day) ||
            !take(&p, 2, ":", &hour) || !take(&p, 2, ":", &minute) || !take(&p, 2, "", &second))
                return false;
        uint64_t fraction = take_fraction(&p);
        if (!take_offset(&p, &offset) || *p || hour > 23 || minute > 59 || second > 60 || year < 1970)
                return false;

        struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
        int64_t sec = timegm(&tm);
        if (!is_date(&tm, month, day))
                return false;
        sec += (hour * 60 + minute) * 60 + second - offset;
        if (sec < 0)
                return false;
        *ret_usec = (uint64_t)sec * SOVD_USEC_PER_SEC + fraction;
        return true;
}
