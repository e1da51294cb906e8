/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/head.h"
#include "sovd-rest/origin.h"
#include <strings.h>

const char *sovd_head_field(const struct sovd_head *head, const char *name) {
        for (size_t i = 0; i < head->n_fields; i++)
                if (strcasecmp(head->fields[i].name, name) == 0)
                        return head->fields[i].value;
        return NULL;
}

static size_t count(const struct sovd_head *head, const char *name) {
        size_t n = 0;

        for (size_t i = 0; i < head->n_fields; i++)
                n += strcasecmp(head->fields[i].name, name) == 0;
        return n;
}

/* White space that follows a value is no part of it (RFC 9110 5.5); what stands in front the parser has passed over. */
static void trim(const struct sovd_head *head) {
        for (size_t i = 0; i < head->n_fields; i++) {
                const char *value = head->fields[i].value;
                size_t n = strlen(value);
                while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
                        n--;
                head->buf[value - head->buf + (ptrdiff_t)n] = '\0';
        }
}

static int refuse(const char **reason, const char *text) {
        *reason = text;
        return SOVD_E_BAD_REQUEST;
}

static const char *end_of(const char *s) {
        return s + strlen(s);
}

/* The request line: one space between the words, CRLF behind it, at most one empty line before it (RFC 9112 2.2). */
static int check_line(const struct sovd_head *head, const char **reason) {
        const char *start = head->buf;

        if (head->len > 2 && memcmp(start, "\r\n", 2) == 0)
                start += 2;
        if (head->method != start)
                return refuse(reason, "white space before the request line");
        if (head->uri != end_of(head->method) + 1 || head->version != end_of(head->uri) + 1 + strlen("HTTP/"))
                return refuse(reason, "more than one space in the request line");

        const char *end = end_of(head->version);
        if (end + 4 > head->buf + head->len || end[1] != '\0' || (!head->n_fields && end[2] != '\r'))
                return refuse(reason, "the request line does not end with CRLF");
        return 0;
}

/* Name, colon, value, CRLF and nothing else; then the next name. civetweb puts a NUL over the colon, over spaces
 * before it, and over CR and LF. */
static int check_field(const struct sovd_head_field *f, const char **reason) {
        static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const char *colon = end_of(f->name);

        if (!*f->name || strspn(f->name, token) != strlen(f->name))
                return refuse(reason, "a field name with characters that are not allowed");
        if (f->value > colon + 1 && colon[1] == '\0')
                return refuse(reason, "white space before the colon of a field");
        return 0;
}

static int check_fields(const struct sovd_head *head, const char **reason) {
        const char *expected = end_of(head->version) + 2;

        for (size_t i = 0; i < head->n_fields; i++) {
                const struct sovd_head_field *f = &head->fields[i];
                if (f->name != expected)
                        return refuse(reason, "a line that does not end with CRLF, or is folded");
                int r = check_field(f, reason);
                if (r)
                        return r;
                expected = end_of(f->value) + 2;
        }
        /* The empty line must follow at once, else fields were passed over. Its CR is still there behind a field; the
         * parser would also take "\n \n\n" for the end. */
        if (expected + 2 != head->buf + head->len || (head->n_fields && *expected != '\r'))
                return refuse(reason, "a field that cannot be read, or is folded");
        return 0;
}

static int check_length(const struct sovd_head *head, struct sovd_head_info *info, const char **reason) {
        const char *length = sovd_head_field(head, "Content-Length");

        if (count(head, "Content-Length") > 1)
                return refuse(reason, "more than one Content-Length");
        if (!length)
                return 0;

        size_t n = strlen(length);
        if (n < 1 || n > 13 || strspn(length, "0123456789") != n)
                return refuse(reason, "Content-Length is not a plain number of at most 13 digits");
        info->content_length = strtoull(length, NULL, 10);
        info->has_body = info->content_length > 0;
        return 0;
}

static int check_coding(const struct sovd_head *head, struct sovd_head_info *info, const char **reason) {
        const char *coding = sovd_head_field(head, "Transfer-Encoding");

        if (!coding)
                return 0;
        if (sovd_head_field(head, "Content-Length"))
                return refuse(reason, "Content-Length and Transfer-Encoding together");
        if (count(head, "Transfer-Encoding") > 1 || strcasecmp(coding, "chunked") != 0)
                return refuse(reason, "Transfer-Encoding is not exactly 'chunked'");
        if (strcmp(head->version, "1.1") != 0)
                return refuse(reason, "Transfer-Encoding with HTTP/1.0");
        info->chunked = info->has_body = true;
        return 0;
}

static int check_body(const struct sovd_head *head, const struct sovd_head_info *info, const char **reason) {
        bool writes = strcmp(head->method, "POST") == 0 || strcmp(head->method, "PUT") == 0 ||
                      strcmp(head->method, "PATCH") == 0;
        /* DELETE of an execution may have a body by the standard (defect D14), so it is not refused here. */
        bool reads = strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0 ||
                     strcmp(head->method, "OPTIONS") == 0;

        /* Neither a length nor a type: there is no body (RFC 9112 6.3). Many resources are told something by a bare PUT. */
        if (writes && !info->chunked && !sovd_head_field(head, "Content-Length") &&
            sovd_head_field(head, "Content-Type")) {
                *reason = "Content-Length is missing; for no body say 0";
                return SOVD_E_LENGTH_REQUIRED;
        }
        if (reads && info->has_body)
                return refuse(reason, "a body where none is expected");
        return 0;
}

static int check_once(const struct sovd_head *head, const char **reason) {
        static const char *const once[] = { "Authorization", "DPoP",     "Idempotency-Key", "Content-Type",
                                            "Expect",        "If-Match", "X-API-Key",       "If-None-Match",
                                            "Content-Encoding" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(once); i++)
                if (count(head, once[i]) > 1)
                        return refuse(reason, "a field twice that may come only once");
        return 0;
}

static bool is_host(const char *host) {
        return sovd_authority_is_valid(host, strlen(host));
}

static int check_host(const struct sovd_head *head, const char **reason) {
        size_t n = count(head, "Host");

        if (n > 1)
                return refuse(reason, "more than one Host");
        if (n == 0 && strcmp(head->version, "1.0") != 0)
                return refuse(reason, "Host is missing");
        if (n == 1 && !is_host(sovd_head_field(head, "Host")))
                return refuse(reason, "Host is not a host");
        return 0;
}

static int check_expect(const struct sovd_head *head, struct sovd_head_info *info, const char **reason) {
        const char *expect = sovd_head_field(head, "Expect");

        if (!expect)
                return 0;
        if (strcasecmp(expect, "100-continue") != 0) {
                *reason = "Expect asks for something other than 100-continue";
                return SOVD_E_EXPECTATION;
        }
        info->expect_continue = true;
        return 0;
}

int sovd_head_check(const struct sovd_head *head, struct sovd_head_info *ret, const char **reason) {
        *ret = (struct sovd_head_info){ 0 };
        if (head->n_fields > SOVD_HEAD_FIELDS_MAX) {
                *reason = "more than 63 header fields";
                return SOVD_E_HEAD_TOO_LARGE;
        }

        int r = check_line(head, reason);
        if (!r)
                r = check_fields(head, reason);
        if (r)
                return r;
        trim(head);
        r = check_host(head, reason);
        if (!r)
                r = check_once(head, reason);
        if (!r)
                r = check_length(head, ret, reason);
        if (!r)
                r = check_coding(head, ret, reason);
        if (!r)
                r = check_expect(head, ret, reason);
        return r ? r : check_body(head, ret, reason);
}
