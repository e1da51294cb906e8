/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void sovd_json_writer_init(struct sovd_json_writer *w, size_t reserve, size_t max) {
        *w = (struct sovd_json_writer){ .reserve = reserve, .len = reserve, .max = max };
}

void sovd_json_writer_reset(struct sovd_json_writer *w) {
        w->len = w->reserve;
        w->error = 0;
        w->depth = 0;
        w->comma[0] = false;
        w->after_key = false;
}

void sovd_json_writer_done(struct sovd_json_writer *w) {
        free(w->data);
        *w = (struct sovd_json_writer){ 0 };
}

static void fail(struct sovd_json_writer *w, int r) {
        if (!w->error)
                w->error = r;
}

/* Makes room for n more bytes and a NUL. */
static bool grow(struct sovd_json_writer *w, size_t n) {
        size_t need = w->len + n + 1;

        if (w->error)
                return false;
        if (w->max && w->len + n > w->max) {
                fail(w, -E2BIG);
                return false;
        }
        if (need <= w->size)
                return true;

        size_t size = SOVD_MAX(SOVD_MAX(need, w->size * 2), (size_t)1024);
        char *data = realloc(w->data, size);
        if (!data) {
                fail(w, -ENOMEM);
                return false;
        }
        w->data = data;
        w->size = size;
        return true;
}

void sovd_json_raw(struct sovd_json_writer *w, const char *s, size_t n) {
        if (!grow(w, n))
                return;
        memcpy(w->data + w->len, s, n);
        w->len += n;
}

void sovd_json_rawf(struct sovd_json_writer *w, const char *format, ...) {
        char small[512];
        va_list args;

        va_start(args, format);
        int n = vsnprintf(small, sizeof(small), format, args);
        va_end(args);
        if (n < 0)
                return fail(w, -EINVAL);
        if ((size_t)n < sizeof(small))
                return sovd_json_raw(w, small, (size_t)n);
        if (!grow(w, (size_t)n))
                return;

        va_start(args, format);
        (void)vsnprintf(w->data + w->len, (size_t)n + 1, format, args);
        va_end(args);
        w->len += (size_t)n;
}

static void put_comma(struct sovd_json_writer *w) {
        if (w->comma[w->depth])
                sovd_json_raw(w, ",", 1);
        w->comma[w->depth] = true;
}

/* Writes the comma that a value needs in front of it. In an object it needs a name; outside of everything there is
 * one value. */
static void separate(struct sovd_json_writer *w) {
        if (w->after_key)
                w->after_key = false;
        else if (w->depth ? w->object[w->depth] : w->comma[0])
                fail(w, -EINVAL);
        else
                put_comma(w);
}

static void open(struct sovd_json_writer *w, bool object) {
        separate(w);
        if (w->depth + 1 >= SOVD_JSON_WRITER_DEPTH)
                return fail(w, -EINVAL);
        sovd_json_raw(w, object ? "{" : "[", 1);
        w->comma[++w->depth] = false;
        w->object[w->depth] = object;
}

static void close(struct sovd_json_writer *w, bool object) {
        if (!w->depth || w->after_key || w->object[w->depth] != object)
                return fail(w, -EINVAL);
        w->depth--;
        sovd_json_raw(w, object ? "}" : "]", 1);
}

void sovd_json_object_begin(struct sovd_json_writer *w) {
        open(w, true);
}

void sovd_json_object_end(struct sovd_json_writer *w) {
        close(w, true);
}

void sovd_json_array_begin(struct sovd_json_writer *w) {
        open(w, false);
}

void sovd_json_array_end(struct sovd_json_writer *w) {
        close(w, false);
}

static void quote(struct sovd_json_writer *w, const char *s) {
        sovd_json_raw(w, "\"", 1);
        while (*s) {
                size_t n = 0;
                while ((unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
                        n++;
                sovd_json_raw(w, s, n);
                s += n;
                if (*s == '"' || *s == '\\')
                        sovd_json_rawf(w, "\\%c", *s++);
                else if (*s)
                        sovd_json_rawf(w, "\\u%04x", (unsigned char)*s++);
        }
        sovd_json_raw(w, "\"", 1);
}

void sovd_json_key(struct sovd_json_writer *w, const char *key) {
        if (w->after_key || !w->object[w->depth])
                return fail(w, -EINVAL);
        put_comma(w);
        quote(w, key);
        sovd_json_raw(w, ":", 1);
        w->after_key = true;
}

void sovd_json_string(struct sovd_json_writer *w, const char *s) {
        separate(w);
        if (s)
                quote(w, s);
        else
                sovd_json_raw(w, "null", 4);
}

void sovd_json_int(struct sovd_json_writer *w, int64_t v) {
        separate(w);
        sovd_json_rawf(w, "%lld", (long long)v);
}

void sovd_json_uint(struct sovd_json_writer *w, uint64_t v) {
        separate(w);
        sovd_json_rawf(w, "%llu", (unsigned long long)v);
}

void sovd_json_double(struct sovd_json_writer *w, double v) {
        char text[40];

        separate(w);
        if (!isfinite(v))
                return fail(w, -EINVAL);
        for (int digits = 15; digits <= 17; digits++) {
                (void)snprintf(text, sizeof(text), "%.*g", digits, v);
                if (strtod(text, NULL) == v)
                        break;
        }
        sovd_json_raw(w, text, strlen(text));
}

void sovd_json_bool(struct sovd_json_writer *w, bool v) {
        separate(w);
        sovd_json_raw(w, v ? "true" : "false", v ? 4 : 5);
}

static void container(struct sovd_json_writer *w, const cJSON *tree, bool object) {
        const cJSON *child;

        open(w, object);
        cJSON_ArrayForEach(child, tree) {
                if (object)
                        sovd_json_key(w, child->string);
                sovd_json_tree(w, child);
        }
        close(w, object);
}

/* A number that was read keeps its digits in valuestring; one that was built here has only the double. */
static void number(struct sovd_json_writer *w, const cJSON *tree) {
        if (!tree->valuestring)
                return sovd_json_double(w, tree->valuedouble);
        separate(w);
        sovd_json_raw(w, tree->valuestring, strlen(tree->valuestring));
}

void sovd_json_tree(struct sovd_json_writer *w, const cJSON *tree) {
        if (cJSON_IsObject(tree) || cJSON_IsArray(tree))
                container(w, tree, cJSON_IsObject(tree));
        else if (cJSON_IsString(tree))
                sovd_json_string(w, tree->valuestring);
        else if (cJSON_IsNumber(tree))
                number(w, tree);
        else if (cJSON_IsBool(tree))
                sovd_json_bool(w, cJSON_IsTrue(tree));
        else if (cJSON_IsNull(tree))
                sovd_json_string(w, NULL);
        else
                fail(w, -EINVAL);
}

void sovd_json_key_string(struct sovd_json_writer *w, const char *key, const char *s) {
        sovd_json_key(w, key);
        sovd_json_string(w, s);
}

void sovd_json_key_int(struct sovd_json_writer *w, const char *key, int64_t v) {
        sovd_json_key(w, key);
        sovd_json_int(w, v);
}

void sovd_json_key_bool(struct sovd_json_writer *w, const char *key, bool v) {
        sovd_json_key(w, key);
        sovd_json_bool(w, v);
}

int sovd_json_writer_finish(struct sovd_json_writer *w, const char **ret, size_t *ret_len) {
        if (w->depth || w->after_key)
                fail(w, -EINVAL);
        if (!grow(w, 0))
                return sovd_error_origin(w->error);

        w->data[w->len] = '\0';
        *ret = w->data + w->reserve;
        *ret_len = w->len - w->reserve;
        return 0;
}
