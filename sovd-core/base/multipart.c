/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/multipart.h"
#include "sovd-core/base/error.h"
#include <stdio.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define WINDOW       (2 * SOVD_MULTIPART_HEAD_MAX)
#define EPILOGUE_MAX 2 /* the line end that many senders put behind the last boundary */

struct multipart {
        struct sovd_multipart shown;
        struct sovd_source *body;
        struct sovd_arena *arena;
        char delimiter[BOUNDARY_MAX + 5]; /* CR LF - - boundary */
        size_t delimiter_len;
        char *window; /* bytes that were read and not handed on */
        size_t start, end;
        bool body_ended, ended;
};

static int bad(struct multipart *m, const char *why) {
        m->shown.base.problem = why;
        return SOVD_E_BAD_REQUEST;
}

/* Moves what is left to the front and fills the window. */
static int fill(struct multipart *m, uint64_t deadline_usec) {
        size_t n = 0, room;

        memmove(m->window, m->window + m->start, m->end - m->start);
        m->end -= m->start;
        m->start = 0;
        room = WINDOW - m->end;
        if (m->body_ended || !room)
                return 0;
        int r = m->body->read(m->body, m->window + m->end, room, deadline_usec, &n);
        if (r > 0)
                m->shown.base.problem = m->body->problem;
        if (r)
                return r;
        m->end += n;
        m->body_ended = n < room;
        return 0;
}

/* Behind the file's delimiter: "--", perhaps a line end, and nothing more. */
static int take_end(struct multipart *m, uint64_t deadline_usec) {
        int r = fill(m, deadline_usec);
        if (r)
                return r;

        size_t n = m->end - m->start;
        const char *s = m->window + m->start;
        if (n < 2 || s[0] != '-' || s[1] != '-')
                return bad(m,
                           n < 2 ? "the multipart body ends before its last boundary"
                                 : "a part follows the file: a transfer carries one file, as its last part");
        if (!m->body_ended || n > 2 + EPILOGUE_MAX || (n > 2 && strncmp(s + 2, "\r\n", n - 2) != 0))
                return bad(m, "bytes follow the last boundary of the multipart body");
        m->ended = true;
        return 0;
}

static size_t hand_on(struct multipart *m, char *buf, size_t size, size_t available) {
        size_t n = SOVD_MIN(size, available);

        memcpy(buf, m->window + m->start, n);
        m->start += n;
        return n;
}

static int multipart_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                          size_t *ret_n) {
        struct multipart *m = (struct multipart *)stream;
        size_t n = 0;

        while (n < size && !m->ended) {
                const char *at =
                        memmem(m->window + m->start, m->end - m->start, m->delimiter, m->delimiter_len);
                size_t have = m->end - m->start,
                       sure = have >= m->delimiter_len ? have - m->delimiter_len + 1 : 0;
                int r = 0;

                if (at)
                        sure = (size_t)(at - (m->window + m->start));
                n += hand_on(m, (char *)buf + n, size, SOVD_MIN(sure, size - n));
                if (n == size)
                        break;
                if (at) {
                        m->start += m->delimiter_len;
                        r = take_end(m, deadline_usec);
                } else if (m->body_ended) {
                        r = bad(m, "the multipart body ends before its last boundary");
                } else {
                        r = fill(m, deadline_usec);
                }
                if (r)
                        return r;
        }
        *ret_n = n;
        return 0;
}

/* --- the head of the part ------------------------------------------------------------------------------- */

static int take_field(struct multipart *m, char *line, const char **reason) {
        char *colon = strchr(line, ':');

        if (!colon || colon == line || *line == ' ' || *line == '\t')
                return bad(m, "a header line of the part is malformed");
        *colon = '\0';
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        if (strcasecmp(line, "Content-Disposition") == 0) {
                if (m->shown.disposition.type)
                        return bad(m, "the part has two Content-Disposition lines");
                int r = sovd_disposition_parse(value, m->arena, &m->shown.disposition, reason);
                return r > 0 ? bad(m, *reason) : r;
        }
        if (strcasecmp(line, "Content-Type") == 0) {
                if (!sovd_media_type_is_valid(value))
                        return bad(m, "the part's Content-Type is not a media type");
                m->shown.content_type = value;
        }
        if (strcasecmp(line, "Content-Transfer-Encoding") == 0 && strcasecmp(value, "binary") != 0 &&
            strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0)
                return bad(m, "the part's Content-Transfer-Encoding is not read here");
        return 0;
}

/* Each line ends with CR LF; head ends behind the last one. */
static int take_fields(struct multipart *m, char *head, const char **reason) {
        while (*head) {
                char *end = strstr(head, "\r\n");
                if (!end)
                        return bad(m, "a header line of the part is malformed");
                *end = '\0';
                int r = take_field(m, head, reason);
                if (r)
                        return r;
                head = end + 2;
        }
        if (!m->shown.disposition.type || strcasecmp(m->shown.disposition.type, "form-data") != 0 ||
            !m->shown.disposition.name)
                return bad(m, "the part needs Content-Disposition: form-data with a name");
        return 0;
}

/* "--boundary CRLF fields CRLF CRLF" at the start of the window. */
static int take_head(struct multipart *m, const char **reason) {
        size_t n = m->delimiter_len - 2;

        if (m->end < n + 2 || memcmp(m->window, m->delimiter + 2, n) != 0 ||
            memcmp(m->window + n, "\r\n", 2) != 0)
                return bad(m, "the multipart body does not begin with its boundary");
        const char *fields = m->window + n + 2, *end = memmem(fields - 2, m->end - n, "\r\n\r\n", 4);
        if (!end || (size_t)(end - fields) > SOVD_MULTIPART_HEAD_MAX)
                return bad(m, "the part's header lines do not end, or are over 8192 bytes");
        if (end < fields)
                return bad(m, "the part needs Content-Disposition: form-data with a name");

        char *head = sovd_arena_strndup(m->arena, fields, (size_t)(end - fields) + 2);
        if (!head)
                return sovd_error_origin(-ENOMEM);
        if (memchr(fields, '\0', (size_t)(end - fields)))
                return bad(m, "a header line of the part is malformed");
        m->start = (size_t)(end - m->window) +
                   2; /* the delimiter of an empty file begins with the line end before it */
        return take_fields(m, head, reason);
}

static int set_boundary(struct multipart *m, const char *content_type) {
        const char *boundary;

        int r = sovd_field_parameter(content_type, "boundary", m->arena, &boundary);
        if (r < 0)
                return r;
        if (r || !boundary || strlen(boundary) > BOUNDARY_MAX)
                return bad(m, "Content-Type needs a boundary of 1 to 70 characters");
        for (const char *p = boundary; *p; p++)
                if (*p < ' ' || *p == 0x7f)
                        return bad(m, "the boundary has a character that it may not have");
        m->delimiter_len = (size_t)snprintf(m->delimiter, sizeof(m->delimiter), "\r\n--%s", boundary);
        return m->delimiter_len > 4 ? 0 : bad(m, "Content-Type needs a boundary of 1 to 70 characters");
}

int sovd_multipart_open(struct sovd_multipart **ret, struct sovd_source *body, const char *content_type,
                        uint64_t deadline_usec, struct sovd_arena *arena, const char **reason) {
        struct multipart *m = sovd_arena_new0(arena, struct multipart);
        if (!m)
                return sovd_error_origin(-ENOMEM);

        m->shown.base.read = multipart_read;
        m->shown.content_type = "application/octet-stream";
        m->body = body;
        m->arena = arena;
        m->window = sovd_arena_alloc(arena, WINDOW);
        if (!m->window)
                return sovd_error_origin(-ENOMEM);

        int r = set_boundary(m, content_type);
        if (!r)
                r = fill(m, deadline_usec);
        if (!r)
                r = take_head(m, reason);
        if (r > 0)
                *reason = m->shown.base.problem;
        if (r)
                return r;
        /* The delimiter's own line end is the file's first two bytes now: an empty file is found, others skip it. */
        if (m->end - m->start < m->delimiter_len ||
            memcmp(m->window + m->start, m->delimiter, m->delimiter_len) != 0)
                m->start += 2;
        *ret = &m->shown;
        return 0;
}
