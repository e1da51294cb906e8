/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/export.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/model/bulk_data.h"
#include "sovd-rest/respond.h"
#include "sovd-rest/respond_stream.h"
#include <errno.h>

#define SCHEMA_VERSION "1.0"                    /* of the lines: a new member counts up behind the point */
#define ARENA_BYTES    16384
#define PAUSE_USEC     (200 * SOVD_USEC_PER_MSEC) /* after so long the lines that there are go out */

/* --- lines ---------------------------------------------------------------------------------------------- */

void sovd_export_line_begin(struct sovd_export *x) {
        x->w.comma[0] = false; /* each line is a document of its own */
        sovd_json_object_begin(&x->w);
}

void sovd_export_line_end(struct sovd_export *x) {
        sovd_json_object_end(&x->w);
        sovd_json_raw(&x->w, "\n", 1);
        x->n_lines++;
}

void sovd_export_write_text(struct sovd_export *x, const char *key, const char *json, size_t len) {
        sovd_json_key(&x->w, key);
        x->w.after_key = false; /* the text counts for nothing to the writer */
        sovd_json_raw(&x->w, json, len);
}

void sovd_export_write_error(struct sovd_export *x, int r) {
        const char *text;
        size_t len;

        x->inner.call.failure.path = NULL; /* it belongs to a body, which nobody sent here */
        (void)sovd_encode_failure(&x->inner.call, r, &x->error);
        if (sovd_json_writer_finish(&x->error, &text, &len))
                sovd_json_key_string(&x->w, "error", NULL);
        else
                sovd_export_write_text(x, "error", text, len);
}

void sovd_export_error_line(struct sovd_export *x, const char *key, const char *value, int r) {
        sovd_export_line_begin(x);
        sovd_json_key_string(&x->w, key, value);
        sovd_export_write_error(x, r);
        sovd_export_line_end(x);
}

static void write_head(struct sovd_export *x) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_export_line_begin(x);
        sovd_json_key_bool(&x->w, "_meta", true);
        sovd_json_key_string(&x->w, "export_type", x->type);
        sovd_json_key_string(&x->w, "exported_at", sovd_clock_format(when, sovd_realtime_usec()));
        sovd_json_key_string(&x->w, "schema_version", SCHEMA_VERSION);
        sovd_json_key_string(&x->w, "server_version", SOVD_VERSION);
        x->head(x);
        sovd_export_line_end(x);
        x->n_lines = 0;
        x->has_head = true;
}

static void write_end(struct sovd_export *x) {
        uint64_t n = x->n_lines;

        sovd_export_line_begin(x);
        sovd_json_key_bool(&x->w, "_end", true);
        sovd_json_key_int(&x->w, "lines", (int64_t)n);
        sovd_export_line_end(x);
}

/* --- the source ----------------------------------------------------------------------------------------- */

struct sovd_call *sovd_export_call(struct sovd_export *x) {
        uint64_t soon = sovd_now_usec() + x->inner.rest->request_timeout_usec;

        sovd_arena_reset(x->inner.call.arena);
        x->inner.call.failure = (struct sovd_failure){ 0 };
        x->inner.call.deadline_usec = SOVD_MIN(soon, x->deadline_usec);
        return &x->inner.call;
}

static int make_lines(struct sovd_export *x, size_t size, const char **ret, size_t *ret_len) {
        const uint64_t until = SOVD_MIN(sovd_now_usec() + PAUSE_USEC, x->deadline_usec);
        bool more = true;
        int r = 0;

        if (!x->has_head && !x->is_plain)
                write_head(x);
        while (!r && more && x->w.len < size && sovd_clock_left_usec(until)) {
                r = x->step(x, &more);
                if (!r && !more && !x->is_plain)
                        write_end(x);
                x->ended = !more;
        }
        return r ? r : sovd_json_writer_finish(&x->w, ret, ret_len);
}

/* What does not fit into the piece stays for the next one. */
static void take(struct sovd_export *x, void *buf, size_t n) {
        if (!n)
                return;
        memcpy(buf, x->w.data, n);
        memmove(x->w.data, x->w.data + n, x->w.len - n);
        x->w.len -= n;
}

static int export_read(struct sovd_source *source, void *buf, size_t size, uint64_t deadline_usec, size_t *ret_n) {
        struct sovd_export *x = (struct sovd_export *)source;
        const char *text;
        size_t len = x->w.len;
        int r = 0;
        (void)deadline_usec; /* that of each question to the vehicle is in its call */

        while (!r && !len && !x->ended && sovd_clock_left_usec(x->deadline_usec))
                r = make_lines(x, size, &text, &len);
        if (!r && !len && !x->ended) {
                source->problem = "limits.bulk_timeout_secs has passed";
                return SOVD_E_NOT_RESPONDING;
        }
        if (r) {
                source->problem = r > 0 ? x->inner.call.failure.body.message : NULL;
                return r;
        }
        *ret_n = SOVD_MIN(len, size);
        take(x, buf, *ret_n);
        return 0;
}

static void export_close(struct sovd_source *source) {
        struct sovd_export *x = (struct sovd_export *)source;

        sovd_json_writer_done(&x->w);
        sovd_json_writer_done(&x->error);
        sovd_arena_free(x->inner.call.arena);
        free(x);
}

/* --- begin and end -------------------------------------------------------------------------------------- */

int sovd_export_new(struct sovd_call *call, size_t size, const char *type, void *ret) {
        struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_export *x = calloc(1, size);
        struct sovd_arena *arena = NULL;
        int r = x ? sovd_arena_new(&arena, ARENA_BYTES) : sovd_error_origin(-ENOMEM);

        if (!r)
                r = sovd_transfer_begin(call);
        if (r) {
                sovd_arena_free(arena);
                free(x);
                return r;
        }
        x->base = (struct sovd_source){ .read = export_read, .close = export_close, .may_fall_short = true };
        x->inner = (struct sovd_rest_call){ .rest = rest,
                                            .policy = ((const struct sovd_rest_call *)call)->policy,
                                            .call = { .arena = arena,
                                                      .gateway = call->gateway,
                                                      .request_id = call->request_id,
                                                      .traceparent = call->traceparent,
                                                      .principal = call->principal,
                                                      .base = call->base,
                                                      .tree = call->tree,
                                                      .entity = call->entity } };
        x->type = type;
        x->deadline_usec = sovd_now_usec() + rest->bulk_timeout_usec;
        sovd_json_writer_init(&x->w, 0, 0);
        sovd_json_writer_init(&x->error, 0, 0);
        *(struct sovd_export **)ret = x;
        return 0;
}

int sovd_export_cancel(struct sovd_call *call, struct sovd_export *x, int r) {
        export_close(&x->base);
        sovd_transfer_end(call, false);
        return r;
}

int sovd_export_answer(struct sovd_call *call, struct sovd_export *x, const char *filename) {
        struct sovd_bulk_content *content = sovd_arena_new0(call->arena, struct sovd_bulk_content);
        if (!content)
                return sovd_export_cancel(call, x, sovd_error_origin(-ENOMEM));

        *content = (struct sovd_bulk_content){
                .mimetype = "application/x-ndjson",
                .filename = filename,
                .size = UINT64_MAX,
                .length = UINT64_MAX,
                .stream = &x->base,
        };
        call->out = content;
        return 0;
}
