/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config_scalar.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define DIGITS     "0123456789"
#define NUMBER_MAX 64 /* as in JSON input */

static bool is_one_of(const char *s, const char *const *words) {
        for (; *words; words++)
                if (strcmp(s, *words) == 0)
                        return true;
        return false;
}

static const char *skip_sign(const char *s) {
        return s + (*s == '+' || *s == '-');
}

static bool is_made_of(const char *s, const char *set) {
        return *s && s[strspn(s, set)] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *s) {
        s = skip_sign(s);
        size_t whole = strspn(s, DIGITS);
        s += whole;
        if (*s == '.') {
                size_t fraction = strspn(++s, DIGITS);
                if (whole + fraction == 0)
                        return false;
                s += fraction;
        } else if (whole == 0)
                return false;

        return *s == '\0' || ((*s == 'e' || *s == 'E') && is_made_of(skip_sign(s + 1), DIGITS));
}

static cJSON *make_number(double value, const char *digits) {
        cJSON *node = cJSON_CreateNumber(value);
        if (!node)
                return NULL;

        node->valuestring = strdup(digits);
        if (!node->valuestring) {
                cJSON_Delete(node);
                return NULL;
        }
        return node;
}

static cJSON *make_decimal(const char *s, const char **refused) {
        const char *digits = skip_sign(s);
        char text[NUMBER_MAX + 1];

        if (digits[0] == '0' && digits[1]) {
                *refused = "a number must not begin with 0: write 0o640 for octal, or put text in quotes";
                return NULL;
        }
        (void)snprintf(text, sizeof(text), "%s%s", *s == '-' && *digits != '0' ? "-" : "", digits);
        return make_number(strtod(text, NULL), text);
}

/* 0o17 and 0x1f: JSON has no such digits, so they are turned into decimal ones. */
static cJSON *make_based(const char *digits, int base, const char **refused) {
        char text[NUMBER_MAX];

        errno = 0;
        uint64_t v = strtoull(digits, NULL, base);
        if (errno || v > INT64_MAX) {
                *refused = "the number is too large";
                return NULL;
        }
        (void)snprintf(text, sizeof(text), "%" PRIu64, v);
        return make_number((double)v, text);
}

static cJSON *make_float(const char *s, const char **refused) {
        double v = strtod(s, NULL);
        struct sovd_json_fault fault;
        char text[NUMBER_MAX];

        if (!__builtin_isfinite(v)) {
                *refused = "the number is too large";
                return NULL;
        }
        if (sovd_json_validate(s, strlen(s), NULL, &fault))
                return make_number(v, s);

        (void)snprintf(text, sizeof(text), "%.17g", v); /* "1." and ".5" are no numbers in JSON */
        return make_number(v, text);
}

static cJSON *make_numeric(const char *s, const char **refused) {
        if (strlen(s) >= NUMBER_MAX) {
                *refused = "the number is too long; put text in quotes";
                return NULL;
        }
        if (is_made_of(skip_sign(s), DIGITS))
                return make_decimal(s, refused);
        if (is_float(s))
                return make_float(s, refused);
        return make_based(s + 2, s[1] == 'x' ? 16 : 8, refused);
}

static bool is_numeric(const char *s) {
        if (s[0] == '0' && s[1] == 'o')
                return is_made_of(s + 2, "01234567");
        if (s[0] == '0' && s[1] == 'x')
                return is_made_of(s + 2, DIGITS "abcdefABCDEF");
        return is_float(s);
}

cJSON *sovd_config_scalar(const char *text, const char **refused) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
        static const char *const trues[] = { "true", "True", "TRUE", NULL };
        static const char *const falses[] = { "false", "False", "FALSE", NULL };
        static const char *const infinities[] = { ".inf", ".Inf", ".INF", NULL };
        static const char *const not_numbers[] = { ".nan", ".NaN", ".NAN", NULL };

        *refused = NULL;
        if (is_one_of(text, nulls))
                return cJSON_CreateNull();
        if (is_one_of(text, trues))
                return cJSON_CreateTrue();
        if (is_one_of(text, falses))
                return cJSON_CreateFalse();
        if (is_numeric(text))
                return make_numeric(text, refused);
        if (is_one_of(skip_sign(text), infinities) || is_one_of(text, not_numbers)) {
                *refused = "the number must be finite; put text in quotes";
                return NULL;
        }
        return cJSON_CreateString(text);
}
