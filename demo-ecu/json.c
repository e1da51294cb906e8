/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON - a writer that appends to one buffer, and the two questions cJSON does not answer
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include "demo-ecu/json.h"

#define DEPTH_MAX 32

static bool json_reserve(struct json *json, size_t n) {
        size_t n_alloc = json->n_alloc ? json->n_alloc : 1024;
        char *text;

        while (n_alloc < json->n_text + n + 1)
                n_alloc *= 2;
        if (n_alloc == json->n_alloc)
                return true;

        text = realloc(json->text, n_alloc);
        if (!text) {
                json->failed = true;
                return false;
        }

        json->text = text;
        json->n_alloc = n_alloc;
        return true;
}

static void json_put(struct json *json, const char *text, size_t n_text) {
        if (json->failed || !json_reserve(json, n_text))
                return;

        memcpy(json->text + json->n_text, text, n_text);
        json->n_text += n_text;
        json->text[json->n_text] = '\0';
}

/* The bytes of the UTF-8 character at text, 0 if they are none. Overlong forms and surrogates are none. */
static size_t utf8_length(const char *text) {
        static const unsigned int minimum[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *c = (const unsigned char *)text;
        size_t n = *c < 0x80 ? 1 : *c >> 5 == 0x6 ? 2 : *c >> 4 == 0xe ? 3 : *c >> 3 == 0x1e ? 4 : 0;
        unsigned int code;

        if (n < 2)
                return n;

        code = *c & (0x7fu >> n);
        for (size_t i = 1; i < n; ++i) {
                if ((c[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (c[i] & 0x3f);
        }
        return code < minimum[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

/* Texts of clients come back in messages, cut anywhere: what is no UTF-8 becomes the replacement sign. */
static void json_put_character(struct json *json, const char *text, size_t n) {
        char escape[8];

        if (n == 0)
                json_put(json, "\xef\xbf\xbd", 3);
        else if (*text == '"' || *text == '\\') {
                json_put(json, "\\", 1);
                json_put(json, text, 1);
        } else if ((unsigned char)*text < 0x20) {
                snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)(unsigned char)*text);
                json_put(json, escape, 6);
        } else
                json_put(json, text, n);
}

static void json_put_string(struct json *json, const char *value) {
        size_t n;

        json_put(json, "\"", 1);
        for (const char *c = value; *c; c += n ? n : 1) {
                n = utf8_length(c);
                json_put_character(json, c, n);
        }
        json_put(json, "\"", 1);
}

static void json_put_key(struct json *json, const char *key) {
        if (json->comma)
                json_put(json, ",", 1);
        json->comma = true;

        if (!key)
                return;
        json_put_string(json, key);
        json_put(json, ":", 1);
}

void json_begin(struct json *json, const char *key, char bracket) {
        json_put_key(json, key);
        json_put(json, &bracket, 1);
        json->comma = false;
}

void json_end(struct json *json, char bracket) {
        json_put(json, &bracket, 1);
        json->comma = true;
}

void json_string(struct json *json, const char *key, const char *value) {
        json_put_key(json, key);
        json_put_string(json, value);
}

void json_format(struct json *json, const char *key, const char *format, ...) {
        char value[512];
        va_list args;

        va_start(args, format);
        vsnprintf(value, sizeof(value), format, args);
        va_end(args);
        json_string(json, key, value);
}

void json_raw(struct json *json, const char *key, const char *text) {
        json_put_key(json, key);
        json_put(json, text, strlen(text));
}

void json_integer(struct json *json, const char *key, long long value) {
        char text[32];

        snprintf(text, sizeof(text), "%lld", value);
        json_raw(json, key, text);
}

void json_bool(struct json *json, const char *key, bool value) {
        json_raw(json, key, value ? "true" : "false");
}

/* The end of the string that starts at text; the document is known to be valid or the NUL ends the search. */
static const char *string_end(const char *text) {
        for (++text; *text && *text != '"'; ++text)
                if (*text == '\\' && text[1])
                        ++text;
        return *text ? text + 1 : text;
}

static bool utf8_is_valid(const char *text) {
        size_t n;

        for (; *text; text += n) {
                n = utf8_length(text);
                if (n == 0)
                        return false;
        }
        return true;
}

static bool depth_is_sane(const char *text) {
        size_t depth = 0;

        while (*text) {
                if (*text == '"') {
                        text = string_end(text);
                        continue;
                }
                if ((*text == '{' || *text == '[') && ++depth > DEPTH_MAX)
                        return false;
                if ((*text == '}' || *text == ']') && depth > 0)
                        --depth;
                ++text;
        }
        return true;
}

cJSON *json_parse(const char *text, size_t n_text) {
        /* A NUL byte inside would end the document early for everyone who reads it as a string. */
        if (strlen(text) != n_text || !utf8_is_valid(text) || !depth_is_sane(text))
                return NULL;

        return cJSON_ParseWithLengthOpts(text, n_text + 1, NULL, true);
}

static const char *skip_space(const char *text) {
        while (*text && (unsigned char)*text <= ' ')
                ++text;
        return text;
}

static const char *skip_value(const char *text) {
        size_t depth = 0;

        do {
                if (*text == '"') {
                        text = string_end(text);
                        continue;
                }
                if (*text == '{' || *text == '[')
                        ++depth;
                else if (*text == '}' || *text == ']')
                        --depth;
                ++text;
        } while (*text && (depth > 0 || !strchr(",]} \t\r\n", *text)));
        return text;
}

const char *json_member_text(const char *text, const char *key, size_t *ret_n) {
        size_t n_key = strlen(key);

        text = skip_space(text);
        if (*text != '{')
                return NULL;

        for (text = skip_space(text + 1); *text == '"'; text = skip_space(text + 1)) {
                const char *name = text + 1, *end = string_end(text), *value;

                value = skip_space(skip_space(end) + 1);
                text = skip_value(value);
                if ((size_t)(end - name) == n_key + 1 && strncmp(name, key, n_key) == 0) {
                        *ret_n = (size_t)(text - value);
                        return value;
                }
                text = skip_space(text);
                if (*text != ',')
                        return NULL;
        }
        return NULL;
}

static const char *skip_digits(const char *text, const char *end) {
        while (text < end && isdigit((unsigned char)*text))
                ++text;
        return text;
}

bool json_is_number(const char *text, size_t n_text, bool *ret_integer) {
        const char *end = text + n_text, *digits;

        *ret_integer = true;
        text += text < end && *text == '-';
        digits = text;
        text = skip_digits(text, end);
        if (text == digits || (*digits == '0' && text - digits > 1))
                return false;

        if (text < end && *text == '.') {
                *ret_integer = false;
                digits = ++text;
                text = skip_digits(text, end);
                if (text == digits)
                        return false;
        }
        if (text < end && (*text == 'e' || *text == 'E')) {
                *ret_integer = false;
                ++text;
                text += text < end && (*text == '+' || *text == '-');
                digits = text;
                text = skip_digits(text, end);
                if (text == digits)
                        return false;
        }
        return text == end;
}

void json_clear(struct json *json) {
        free(json->text);
        *json = (struct json){ 0 };
}
