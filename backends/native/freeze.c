/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are kept with an occurrence: those that were published, and those that the app is asked for. */
#include "backends/native/reports.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

#define ASKED_MAX    32    /* values of one app that are asked for at a time */
#define VALUES_BYTES 16384 /* of all values of one report */
#define MISSING      "x-gw-not-read"

/* --- what is wanted ------------------------------------------------------------------------------------------ */

/* With the mutex held. The text in the arena, or NULL: nothing was published. */
static const char *copy_published(const struct native_app *app, const struct native_data *d,
                                  struct sovd_arena *arena) {
        const struct native_data *all = app->registration->lists.data.items;

        return sovd_arena_strdup(arena, app->values[d - all].text);
}

static void take_published(struct native_peer *p, struct native_frozen *f, const struct native_data *d,
                           struct sovd_arena *arena) {
        struct sovd_json_fault fault;
        struct cJSON *json = NULL;

        (void)pthread_mutex_lock(&p->b->mutex);
        const char *text = copy_published(p->app, d, arena);
        (void)pthread_mutex_unlock(&p->b->mutex);
        if (text && !sovd_json_parse_in(arena, &json, text, strlen(text), NULL, &fault))
                f->value = json;
}

static size_t count_open(const struct native_app *app) {
        size_t n = 0;

        for (const struct native_pending *x = app->pending; x; x = x->next)
                n += x->n_open;
        return n;
}

static void ask(struct native_peer *p, struct native_pending *pending, struct native_frozen *f) {
        struct sovd_json_writer w;

        if (count_open(p->app) + pending->n_open >= ASKED_MAX) {
                f->error = "the app has too many values to tell already";
                return;
        }
        f->seq = atomic_fetch_add(&p->b->last_seq, 1) + 1;
        pending->n_open++;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "read");
        sovd_json_key_int(&w, "seq", (int64_t)f->seq);
        sovd_json_key_string(&w, "id", f->id);
        sovd_json_object_end(&w);
        native_peer_send(p, &w);
}

int native_freeze(struct native_peer *p, struct native_pending *pending, struct sovd_arena *arena) {
        const struct native_fault *fault = &pending->message->fault;
        const bool fails =
                fault->report - 1 == SOVD_REPORT_FAILED || fault->report - 1 == SOVD_REPORT_PREFAILED;
        struct sovd_strings ids = { 0 };
        int r = fails && p->app->registration
                        ? p->b->sink->ops->freeze_frame(p->b->sink, p->app->key, fault->code, arena, &ids)
                        : 0;

        if (r || !ids.n)
                return r;
        pending->values = sovd_arena_array(arena, struct native_frozen, ids.n);
        if (!pending->values)
                return sovd_error_origin(-ENOMEM);
        pending->deadline_usec = sovd_now_usec() + p->b->freeze_usec;
        for (size_t i = 0; i < ids.n; i++) {
                struct native_frozen *f = &pending->values[pending->n_values++];
                f->id = ids.items[i];
                const struct native_data *d =
                        NATIVE_FIND(p->app->registration->lists.data, native_data, f->id);
                if (d && d->published.value)
                        take_published(p, f, d, arena);
                else if (d)
                        ask(p, pending, f);
        }
        return 0;
}

/* --- as text --------------------------------------------------------------------------------------------------- */

static size_t length_of(const struct cJSON *value) {
        struct sovd_json_writer w;
        const char *text;
        size_t len = SIZE_MAX;

        sovd_json_writer_init(&w, 0, VALUES_BYTES);
        sovd_json_tree(&w, value);
        if (sovd_json_writer_finish(&w, &text, &len))
                len = SIZE_MAX;
        sovd_json_writer_done(&w);
        return len;
}

/* What the app says itself wins; what does not fit any more is left out. */
static void write_values(struct sovd_json_writer *w, const struct native_pending *pending,
                         const struct cJSON *said) {
        size_t left = VALUES_BYTES;

        for (size_t i = 0; i < pending->n_values; i++) {
                const struct native_frozen *f = &pending->values[i];
                const size_t len = f->value ? length_of(f->value) : SIZE_MAX;
                if (len > left || cJSON_GetObjectItemCaseSensitive(said, f->id))
                        continue;
                sovd_json_key(w, f->id);
                sovd_json_tree(w, f->value);
                left -= len;
        }
}

/* Of values that the app was asked for, why they are not there. */
static void write_missing(struct sovd_json_writer *w, const struct native_pending *pending,
                          const struct cJSON *said) {
        bool begun = false;

        for (size_t i = 0; i < pending->n_values; i++) {
                const struct native_frozen *f = &pending->values[i];
                const char *why = f->seq ? "the app did not answer in time" : f->error;
                if (f->value || !why || cJSON_GetObjectItemCaseSensitive(said, f->id))
                        continue;
                if (!begun) {
                        sovd_json_key(w, MISSING);
                        sovd_json_object_begin(w);
                        begun = true;
                }
                sovd_json_key_string(w, f->id, why);
        }
        if (begun)
                sovd_json_object_end(w);
}

static int write_all(struct sovd_json_writer *w, const struct native_pending *pending,
                     struct sovd_arena *arena, const char **ret) {
        const struct cJSON *said = pending->message->fault.environment, *member;
        const char *text;
        size_t len;

        sovd_json_object_begin(w);
        cJSON_ArrayForEach (member, said) {
                if (pending->n_values && strcmp(member->string, MISSING) == 0)
                        continue; /* the gateway's own word */
                sovd_json_key(w, member->string);
                sovd_json_tree(w, member);
        }
        write_values(w, pending, said);
        write_missing(w, pending, said);
        sovd_json_object_end(w);
        int r = sovd_json_writer_finish(w, &text, &len);
        if (r || (len == strlen("{}") && !said))
                return r; /* nothing is known */
        *ret = sovd_arena_strdup(arena, text);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

/* The app's own part has a limit of its own: what is added cannot make it too long. */
int native_freeze_text(const struct native_pending *pending, struct sovd_arena *arena, const char **ret) {
        const struct cJSON *said = pending->message->fault.environment;
        struct sovd_json_writer w;

        *ret = NULL;
        if (said && length_of(said) > NATIVE_FRAME_BYTES)
                return -E2BIG;
        sovd_json_writer_init(&w, 0, 0);
        int r = write_all(&w, pending, arena, ret);
        sovd_json_writer_done(&w);
        return r;
}
