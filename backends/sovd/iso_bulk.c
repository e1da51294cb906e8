/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_bulk.h"
#include "backends/sovd/upstream.h"
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_text.h"
#include "sovd-core/base/id.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>

static struct upstream bulk(struct sovd_call *call, const struct sovd_entity *e, const char *what,
                            const char *id) {
        return upstream_of(call, e, SOVD_COLLECTION_BULK_DATA, what, id);
}

int iso_bulk_categories(struct sovd_call *call, const struct sovd_entity *e,
                        struct sovd_bulk_categories *ret) {
        struct upstream u = bulk(call, e, "bulk-data", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "bulk-data", NULL);
        return r ? r : answer_decode(call, &sovd_schema_bulk_categories, json, ret);
}

/* All are asked for, and the filter is ours: servers differ in which of its parts they know. */
int iso_bulk_list(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                  const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret) {
        struct upstream u = bulk(call, e, "category of bulk data", category);
        struct cJSON *json;
        size_t n = 0;

        int r = upstream_get(&u, &json, "bulk-data", category, NULL);
        if (!r)
                r = answer_decode(call, &sovd_schema_bulk_list, json, ret);
        if (r)
                return r;

        struct sovd_bulk_item *items = ret->items.items;
        for (size_t i = 0; i < ret->items.n; i++)
                if (sovd_bulk_filter_matches(filter, &items[i]))
                        items[n++] = items[i];
        ret->items.n = n;
        return 0;
}

/* --- download ------------------------------------------------------------------------------------------- */

enum { TYPE, LENGTH, RANGE, RANGES, ETAG, MODIFIED, DISPOSITION, LOCATION, ENCODING, N_WANTED };
#define WANTED                                                                                               \
        {                                                                                                    \
                { "Content-Type", NULL }, { "Content-Length", NULL }, { "Content-Range", NULL },             \
                        { "Accept-Ranges", NULL }, { "ETag", NULL }, { "Last-Modified", NULL },              \
                        { "Content-Disposition", NULL }, { "Location", NULL }, { "Content-Encoding", NULL }, \
                {                                                                                            \
                        NULL, NULL                                                                           \
                }                                                                                            \
        }

static const char *range_line(struct sovd_arena *arena, const struct sovd_range *range) {
        unsigned long long first = range->first, last = range->last;

        if (range->suffix)
                return sovd_arena_printf(arena, "Range: bytes=-%llu", last);
        if (range->last == UINT64_MAX)
                return sovd_arena_printf(arena, "Range: bytes=%llu-", first);
        return sovd_arena_printf(arena, "Range: bytes=%llu-%llu", first, last);
}

static bool is_line(const char *s, size_t max) {
        return s && *s && strlen(s) <= max && sovd_http_field_is_valid(s);
}

static bool is_etag(const char *s) {
        size_t n = s ? strlen(s) : 0;

        if (!is_line(s, 200))
                return false;
        s += sovd_has_prefix(s, "W/") ? 2 : 0;
        n = strlen(s);
        return n >= 2 && s[0] == '"' && s[n - 1] == '"' && !memchr(s + 1, '"', n - 2);
}

static const char *filename_of(struct sovd_call *call, const char *field) {
        struct sovd_disposition d = { 0 };
        const char *reason;

        if (!field || sovd_disposition_parse(field, call->arena, &d, &reason))
                return NULL;
        return d.filename ? d.filename : d.name;
}

static int bad_answer(struct sovd_call *call, const char *why) {
        return sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend's answer cannot be passed on: %s", why);
}

/* Length and range have to agree: a client puts the pieces together by them. */
static int take_extent(struct sovd_call *call, unsigned status, const struct sovd_http_wanted *w,
                       const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret) {
        const char *digits = w[LENGTH].value;
        uint64_t last;

        ret->size = ret->length = UINT64_MAX;
        if (digits && (!sovd_digits_parse(&digits, &ret->length) || *digits))
                return bad_answer(call, "its Content-Length is no number");
        ret->size = ret->length;
        ret->has_ranges = w[RANGES].value && strcasecmp(w[RANGES].value, "bytes") == 0;
        if (status != 206)
                return 0;
        if (!wish->range.set || !sovd_content_range_parse(w[RANGE].value, &ret->first, &last, &ret->size))
                return bad_answer(call, "it is a part that was not asked for, or says not which");
        if (ret->length != UINT64_MAX && ret->length != last - ret->first + 1)
                return bad_answer(call, "its Content-Length and Content-Range contradict each other");
        ret->length = last - ret->first + 1;
        ret->partial = ret->has_ranges = true;
        return 0;
}

static int take_content(struct sovd_call *call, unsigned status, const struct sovd_http_wanted *w,
                        const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret) {
        const char *type = w[TYPE].value;

        if (w[ENCODING].value && strcasecmp(w[ENCODING].value, "identity") != 0)
                return bad_answer(call, "its bytes are encoded though that was not asked for");
        ret->mimetype = type && sovd_media_type_is_valid(type) ? type : "application/octet-stream";
        ret->etag = is_etag(w[ETAG].value) ? w[ETAG].value : NULL;
        ret->last_modified = is_line(w[MODIFIED].value, 40) ? w[MODIFIED].value : NULL;
        ret->filename = filename_of(call, w[DISPOSITION].value);
        return take_extent(call, status, w, wish, ret);
}

/* Only what is a whole address of its own means to the client what it means to the server. */
static int take_redirection(struct sovd_call *call, const char *location, struct sovd_bulk_content *ret) {
        bool web = location &&
                   (strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0);

        if (!web || strlen(location) > 2000 || strpbrk(location, " \t\"<>\\") ||
            !sovd_http_field_is_valid(location))
                return bad_answer(call, "it sends to another place without an absolute http or https URI");
        *ret = (struct sovd_bulk_content){ .location = location };
        return 0;
}

static int refuse_range(struct sovd_call *call, const char *field) {
        uint64_t size;
        const char *p = field && sovd_has_prefix(field, "bytes */") ? field + 8 : NULL;

        if (p && sovd_digits_parse(&p, &size))
                return sovd_fail_range(call, size);
        return sovd_fail(call, SOVD_E_RANGE, "the backend has no byte of the range");
}

static int take_head(struct upstream *u, const struct sovd_http_answer *answer,
                     const struct sovd_http_wanted *w, const struct sovd_bulk_wish *wish,
                     struct sovd_bulk_content *ret) {
        switch (u->status) {
        case 200:
        case 206:
                return take_content(u->call, u->status, w, wish, ret);
        case 202:
                *ret = (struct sovd_bulk_content){ .not_ready = true,
                                                   .retry_after_sec = answer->retry_after_sec };
                return 0;
        case 302:
        case 303:
        case 307:
        case 308:
                return take_redirection(u->call, w[LOCATION].value, ret);
        case 416:
                return refuse_range(u->call, w[RANGE].value);
        default:
                return u->status < 300 ? bad_answer(u->call, "its status is none of a download")
                                       : answer_fail(u->call, answer, &u->subject);
        }
}

int iso_bulk_open(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id,
                  const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret) {
        struct upstream u = bulk(call, e, "bulk data item", id);
        struct sovd_http_wanted wanted[] = WANTED;
        struct sovd_http_transfer transfer = { .wanted = wanted };
        _cleanup_(sovd_source_closep) struct sovd_source *stream = NULL;
        struct sovd_http_answer answer = { 0 };
        const char *lines[3] = { NULL };
        const struct upstream_transfer t = { .method = "GET",
                                             .accept = "Accept: */*",
                                             .lines = lines,
                                             .transfer = &transfer,
                                             .stream = &stream };

        if (wish->range.set)
                lines[0] = range_line(call->arena, &wish->range);
        if (lines[0] && wish->if_range)
                lines[1] = sovd_arena_printf(call->arena, "If-Range: %s", wish->if_range);
        if (wish->range.set && (!lines[0] || (wish->if_range && !lines[1])))
                return sovd_error_origin(-ENOMEM);

        int r = upstream_transfer(&u, &t, &answer, "bulk-data", category, id, NULL);
        if (!r)
                r = take_head(&u, &answer, wanted, wish, ret);
        if (!r && ret->mimetype)
                ret->stream = SOVD_TAKE(stream);
        return r;
}

/* --- upload and deleting -------------------------------------------------------------------------------- */

/* RFC 7578 4.2: UTF-8 as it is. */
static const char *quoted(struct sovd_arena *arena, const char *text) {
        char *out = sovd_arena_calloc(arena, strlen(text) + 2, 2), *p = out;

        if (!out)
                return NULL;
        *p++ = '"';
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        *p++ = '\\';
                *p++ = *text;
        }
        *p = '"';
        return out;
}

static const char *disposition_line(struct sovd_arena *arena, const struct sovd_bulk_upload *upload) {
        const char *file = sovd_disposition_format(arena, upload->filename ? upload->filename : upload->name);
        const char *name = quoted(arena, upload->name);

        if (!file || !name)
                return NULL;
        return sovd_arena_printf(arena, "Content-Disposition: attachment; name=%s%s", name,
                                 file + strlen("attachment"));
}

static int take_created(struct upstream *u, const struct sovd_http_answer *answer,
                        struct sovd_bulk_created *ret) {
        struct cJSON *json;

        if (u->status < 200 || u->status >= 300)
                return upstream_refused(u, answer);
        int r = answer_parse(u->call, answer, &json);
        if (!r)
                r = answer_decode(u->call, &sovd_schema_bulk_created, json, ret);
        if (!r && !sovd_id_is_valid(ret->id))
                r = sovd_fail(u->call, SOVD_E_BAD_ANSWER,
                              "the backend's answer has an id that cannot be used");
        return upstream_accepted(u, r);
}

int iso_bulk_write(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                   const struct sovd_bulk_upload *upload, struct sovd_bulk_created *ret) {
        struct upstream u = bulk(call, e, "category of bulk data", category);
        struct sovd_http_transfer transfer = { .body = upload->body, .body_len = upload->size };
        struct sovd_http_answer answer = { 0 };
        const char *lines[] = { disposition_line(call->arena, upload), NULL };
        const struct upstream_transfer t = {
                .method = "POST", .content_type = upload->mimetype, .lines = lines, .transfer = &transfer
        };
        if (!lines[0])
                return sovd_error_origin(-ENOMEM);

        int r = upstream_transfer(&u, &t, &answer, "bulk-data", category, NULL);
        return r ? r : take_created(&u, &answer, ret);
}

int iso_bulk_delete(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                    const char *id) {
        struct upstream u = bulk(call, e, "bulk data item", id);

        return upstream_send(&u, "DELETE", NULL, NULL, "bulk-data", category, id, NULL);
}

int iso_bulk_delete_all(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                        struct sovd_bulk_deleted *ret) {
        struct upstream u = bulk(call, e, "category of bulk data", category);
        struct cJSON *json = NULL;

        int r = upstream_send(&u, "DELETE", NULL, &json, "bulk-data", category, NULL);
        if (!r && !json)
                r = sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend does not say what it deleted");
        if (!r)
                r = answer_decode(call, &sovd_schema_bulk_deleted, json, ret);
        return upstream_accepted(&u, r);
}
