/* SPDX-License-Identifier: Apache-2.0 */
/* One watch: what a reading does to a value, and the ring of events. */
#include "sovd-core/data_watch.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/model/error_body.h"

/* --- life ----------------------------------------------------------------------------------------------- */

struct data_watch *data_watch_ref(struct data_watch *w) {
        (void)__atomic_add_fetch(&w->n_refs, 1, __ATOMIC_RELAXED);
        return w;
}

struct data_watch *data_watch_unref(struct data_watch *w) {
        if (!w || __atomic_sub_fetch(&w->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; i < w->n_values; i++) {
                free(w->values[i].id);
                free(w->values[i].about);
                free(w->values[i].text);
        }
        for (size_t i = 0; w->ring && i < w->all->options.kept; i++)
                sovd_event_unref(w->ring[i].event);
        free(w->values);
        free(w->ring);
        free(w->entity);
        free(w->base);
        free(w);
        return NULL;
}

struct data_watch *data_watch_new(struct sovd_data_watches *all, const struct sovd_watch_request *request) {
        struct data_watch *w = calloc(1, sizeof(*w));
        if (!w)
                return NULL;

        w->n_refs = 1;
        w->all = all;
        w->type = request->entity->type;
        w->interval = request->interval;
        w->period_usec = request->period_usec;
        w->entity = strdup(request->entity->id);
        w->base = strdup(request->base);
        w->ring = calloc(all->options.kept, sizeof(*w->ring));
        return w->entity && w->base && w->ring ? w : data_watch_unref(w);
}

void data_watch_forget(struct data_watch *w, struct watch_value *v) {
        w->n_value_bytes -= v->len;
        free(SOVD_TAKE(v->text));
        v->len = 0;
        v->state = WATCH_UNREAD;
        v->error = 0;
        v->event_id = 0;
        v->generation++;
}

static bool is_used(const struct data_watch *w) {
        for (size_t i = 0; i < w->n_values; i++)
                if (w->values[i].n_users || w->values[i].record || w->values[i].starting)
                        return true;
        return w->n_readers;
}

struct data_watch *data_watch_take_unused(struct data_watch *w) {
        struct data_watch **link = &w->all->list;

        if (w->ended || is_used(w))
                return NULL;
        while (*link && *link != w)
                link = &(*link)->next;
        if (!*link)
                return NULL;
        *link = w->next;
        w->ended = true;
        (void)__atomic_sub_fetch(&w->all->n_watches, 1, __ATOMIC_RELAXED);
        return w;
}

/* --- events --------------------------------------------------------------------------------------------- */

struct sovd_event *data_watch_event(const struct watch_value *v, const uint64_t *id, bool snapshot) {
        bool failing = v->state == WATCH_FAILING;
        struct sovd_event *event = NULL;
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_json_writer out;
        const char *text;
        size_t len;

        sovd_json_writer_init(&out, 0, 0);
        sovd_json_rawf(&out, "{\"timestamp\":\"%s\",%s,\"%s\":", sovd_clock_format(when, v->read_usec),
                       v->about, failing ? "error" : "data");
        sovd_json_raw(&out, v->text, v->len);
        sovd_json_raw(&out, "}", 1);
        if (sovd_json_writer_finish(&out, &text, &len) == 0)
                event = sovd_event_new(failing ? "data-error" : snapshot ? "snapshot" : "data", text, len);
        if (event && id)
                sovd_event_set_id(event, *id);
        sovd_json_writer_done(&out);
        return event;
}

static void drop_oldest(struct data_watch *w) {
        struct watch_event *oldest = &w->ring[w->first];

        w->dropped_id = oldest->event->id;
        w->n_event_bytes -= oldest->event->len;
        oldest->event = sovd_event_unref(oldest->event);
        w->first = (w->first + 1) % w->all->options.kept;
        w->n_events--;
}

static void append(struct data_watch *w, struct sovd_event *event, size_t value) {
        const size_t kept = w->all->options.kept;

        while (w->n_events && (w->n_events == kept || w->n_event_bytes + event->len > SOVD_WATCH_EVENTS_MAX))
                drop_oldest(w);
        w->ring[(w->first + w->n_events++) % kept] = (struct watch_event){ event, value };
        w->n_event_bytes += event->len;
}

static void wake_readers(struct data_watch *w, size_t value) {
        for (struct watch_reader *r = w->readers; r; r = r->next)
                if (r->sleeping && watch_reader_wants(r, value)) {
                        r->sleeping = false;
                        r->wake(r->data);
                }
}

/* --- readings ------------------------------------------------------------------------------------------- */

/* What was read, ready to take the place of what is there. */
struct outcome {
        enum watch_state state;
        int error;
        char *text; /* owned */
        size_t len;
};

static int too_long(struct outcome *ret) {
        const struct sovd_error_info *info = sovd_error_info(SOVD_E_NOT_IMPLEMENTED);
        const struct sovd_generic_error body = {
                .error_code = info->error_code,
                .vendor_code = info->vendor_code,
                .message = "the value is too long to be watched; read it with GET"
        };
        struct sovd_json_writer out;
        const char *text;

        sovd_json_writer_init(&out, 0, 0);
        sovd_schema_encode(&sovd_schema_generic_error, &body, &out);
        if (!sovd_json_writer_finish(&out, &text, &ret->len))
                ret->text = strdup(text);
        sovd_json_writer_done(&out);
        ret->state = WATCH_FAILING;
        ret->error = SOVD_E_NOT_IMPLEMENTED;
        return ret->text ? 0 : -ENOMEM;
}

static int outcome_of(struct outcome *ret, const struct data_watch *w, size_t value, int error,
                      const char *text, size_t len) {
        struct sovd_data_watches *all = w->all;

        (void)pthread_mutex_lock(&all->mutex);
        size_t others = w->n_value_bytes - w->values[value].len;
        (void)pthread_mutex_unlock(&all->mutex);
        if (len > SOVD_WATCH_VALUE_MAX || others + len > SOVD_WATCH_VALUES_MAX)
                return too_long(ret);
        ret->state = error ? WATCH_FAILING : WATCH_READ;
        ret->error = error;
        ret->len = len;
        ret->text = malloc(len + 1);
        if (!ret->text)
                return -ENOMEM;
        memcpy(ret->text, text, len);
        ret->text[len] = '\0';
        return 0;
}

/* An error is the same as long as its kind is: its message may well hold a time. */
static bool is_same(const struct watch_value *v, const struct outcome *o) {
        if (v->state != o->state)
                return false;
        return o->state == WATCH_FAILING ? v->error == o->error
                                         : v->len == o->len && memcmp(v->text, o->text, v->len) == 0;
}

static void swap(struct data_watch *w, struct watch_value *v, struct outcome *o) {
        struct outcome old = { v->state, v->error, v->text, v->len };

        w->n_value_bytes += o->len - v->len;
        v->state = o->state;
        v->error = o->error;
        v->text = o->text;
        v->len = o->len;
        *o = old;
}

/* With the mutex held. Where no event can be made everything stays as it was: the next reading finds the change again. */
static void change(struct data_watch *w, size_t value, struct outcome *o) {
        struct watch_value *v = &w->values[value];
        const uint64_t before_usec = v->read_usec;
        bool is_first = v->state == WATCH_UNREAD && o->state == WATCH_READ;
        struct sovd_event *event = NULL;
        uint64_t id;

        if (!is_first && !sovd_sequence_next(w->all->sequence, &id))
                return;
        swap(w, v, o);
        v->read_usec = sovd_realtime_usec();
        if (!is_first)
                event = data_watch_event(v, &id, false);
        if (!is_first && !event) {
                v->read_usec = before_usec;
                swap(w, v, o);
                return;
        }
        if (event) {
                v->event_id = id;
                w->all->counters.events += v->state == WATCH_READ;
                w->all->counters.errors += v->state == WATCH_FAILING;
                append(w, event, value);
        }
        wake_readers(w, value);
}

/* With the mutex held: nobody has wanted the value for long enough. Its record is the caller's to end. */
static struct sovd_record *retire(struct data_watch *w, struct watch_value *v) {
        if (v->n_users || v->starting || sovd_now_usec() - v->idle_usec < w->all->options.linger_usec)
                return NULL;
        data_watch_forget(w, v);
        return SOVD_TAKE(v->record);
}

void data_watch_take(void *taker, int error, const char *text, size_t len) {
        const struct watch_taker *t = taker;
        struct data_watch *w = t->watch, *unused = NULL;
        struct sovd_data_watches *all = w->all;
        struct sovd_record *retired = NULL;
        struct outcome o = { 0 };

        if (outcome_of(&o, w, t->value, error, text, len))
                return;
        (void)pthread_mutex_lock(&all->mutex);
        struct watch_value *v = &w->values[t->value];
        if (v->generation == t->generation && !w->ended) {
                retired = retire(w, v);
                if (retired)
                        unused = data_watch_take_unused(w);
                else if (!is_same(v, &o))
                        change(w, t->value, &o);
        }
        (void)pthread_mutex_unlock(&all->mutex);
        free(o.text);
        if (retired)
                sovd_observations_unwatch(all->options.observations, retired);
        data_watch_unref(unused);
}

void data_watch_release(void *taker) {
        struct watch_taker *t = taker;

        data_watch_unref(t->watch);
        free(t);
}
