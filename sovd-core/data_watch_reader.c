/* SPDX-License-Identifier: Apache-2.0 */
/* One reader of a watch: what it is given, and in which order. */
#include "sovd-core/data_watch.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>

const struct watch_wanted *watch_reader_wants(const struct watch_reader *r, size_t value) {
        size_t low = 0, high = r->n_wanted;

        while (low < high) {
                size_t middle = (low + high) / 2;
                if (r->wanted[middle].value < value)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < r->n_wanted && r->wanted[low].value == value ? &r->wanted[low] : NULL;
}

/* Nothing to give now; at the end of the watch never again. */
static enum sovd_stream_what wait_or_end(struct watch_reader *r) {
        r->sleeping = !r->watch->ended;
        return r->sleeping ? SOVD_STREAM_NOTHING : SOVD_STREAM_END;
}

static enum sovd_stream_what give(struct sovd_event *event, enum sovd_stream_what what,
                                  struct sovd_event **ret) {
        if (!event)
                return SOVD_STREAM_END; /* memory is out: the client comes back and goes on where it was */
        *ret = event;
        return what;
}

/* From here on the client can come back without missing anything. Without data it is no event for the client. */
static enum sovd_stream_what begin(struct watch_reader *r, struct sovd_event **ret) {
        struct sovd_event *event = malloc(sizeof(*event) + 64);

        r->phase = WATCH_LIVE;
        if (event)
                *event = (struct sovd_event){ .n_refs = 1, .id = r->position };
        if (event)
                event->len =
                        (size_t)snprintf(event->text, 64, "id: %llu\n\n", (unsigned long long)r->position);
        return give(event, SOVD_STREAM_EVENT, ret);
}

/* It has no id: whoever loses the connection before the snapshot has ended gets it once more. */
static enum sovd_stream_what tell_gap(struct watch_reader *r, struct sovd_event **ret) {
        char text[64];
        int n = snprintf(text, sizeof(text), "{\"after\":%llu}", (unsigned long long)r->position);

        r->phase = WATCH_SNAPSHOT;
        r->step = 0;
        r->watch->all->counters.gaps++;
        return give(sovd_event_new("gap", text, (size_t)n), SOVD_STREAM_GAP, ret);
}

static bool all_are_read(const struct watch_reader *r) {
        for (size_t i = 0; i < r->n_wanted; i++)
                if (r->watch->values[r->wanted[i].value].state == WATCH_UNREAD)
                        return false;
        return true;
}

/* One value at a time. A change between two of them is an event behind the snapshot, unless it is in it. */
static enum sovd_stream_what tell_value(struct watch_reader *r, struct sovd_event **ret) {
        struct watch_wanted *wanted = &r->wanted[r->step++];
        const struct watch_value *v = &r->watch->values[wanted->value];

        if (r->step == r->n_wanted)
                r->phase = WATCH_SNAPSHOT_END;
        wanted->seen = v->event_id;
        return give(data_watch_event(v, NULL, true), SOVD_STREAM_EVENT, ret);
}

static enum sovd_stream_what tell_snapshot(struct watch_reader *r, struct sovd_event **ret) {
        if (r->step == 0) {
                if (!all_are_read(r))
                        return wait_or_end(r);
                r->position = sovd_sequence_last(r->watch->all->sequence);
        }
        return tell_value(r, ret);
}

static enum sovd_stream_what end_snapshot(struct watch_reader *r, struct sovd_event **ret) {
        char text[64];
        int n = snprintf(text, sizeof(text), "{\"values\":%zu}", r->n_wanted);
        struct sovd_event *event = sovd_event_new("snapshot-end", text, (size_t)n);

        r->phase = WATCH_LIVE;
        if (event)
                sovd_event_set_id(event, r->position);
        return give(event, SOVD_STREAM_EVENT, ret);
}

static enum sovd_stream_what tell_change(struct watch_reader *r, struct sovd_event **ret) {
        const struct data_watch *w = r->watch;

        for (size_t i = 0; i < w->n_events; i++) {
                const struct watch_event *e = &w->ring[(w->first + i) % w->all->options.kept];
                if (e->event->id <= r->position)
                        continue;
                r->position = e->event->id;
                const struct watch_wanted *wanted = watch_reader_wants(r, e->value);
                if (!wanted || e->event->id <= wanted->seen)
                        continue;
                *ret = sovd_event_ref(e->event);
                return SOVD_STREAM_EVENT;
        }
        return wait_or_end(r);
}

/* With the mutex held. */
static enum sovd_stream_what next(struct watch_reader *r, struct sovd_event **ret) {
        /* What it missed may be of others' values; which they were is not known any more. */
        if (r->phase == WATCH_LIVE && r->position < r->watch->dropped_id)
                r->phase = WATCH_GAP;
        switch (r->phase) {
        case WATCH_BEGIN:
                return begin(r, ret);
        case WATCH_GAP:
                return tell_gap(r, ret);
        case WATCH_SNAPSHOT:
                return tell_snapshot(r, ret);
        case WATCH_SNAPSHOT_END:
                return end_snapshot(r, ret);
        case WATCH_LIVE:
                break;
        }
        return tell_change(r, ret);
}

static enum sovd_stream_what reader_next(struct sovd_stream_reader *base, struct sovd_event **ret) {
        struct watch_reader *r = (struct watch_reader *)base;
        struct sovd_data_watches *all = r->watch->all;

        (void)pthread_mutex_lock(&all->mutex);
        enum sovd_stream_what what = next(r, ret);
        (void)pthread_mutex_unlock(&all->mutex);
        return what;
}

static void reader_close(struct sovd_stream_reader *base) {
        struct watch_reader *r = (struct watch_reader *)base;
        struct data_watch *w = r->watch;
        struct sovd_data_watches *all = w->all;
        struct watch_reader **link = &w->readers;

        (void)pthread_mutex_lock(&all->mutex);
        while (*link != r)
                link = &(*link)->next;
        *link = r->next;
        w->n_readers--;
        all->counters.readers--;
        for (size_t i = 0; i < r->n_wanted; i++) {
                struct watch_value *v = &w->values[r->wanted[i].value];
                if (--v->n_users == 0)
                        v->idle_usec = sovd_now_usec();
        }
        struct data_watch *unused = data_watch_take_unused(w);
        (void)pthread_mutex_unlock(&all->mutex);
        data_watch_unref(unused);
        data_watch_unref(w);
        free(r);
}

const struct sovd_stream_reader_ops watch_reader_ops = { .next = reader_next, .close = reader_close };

void sovd_data_watches_set_wake(struct sovd_stream_reader *base, void (*wake)(void *data), void *data) {
        struct watch_reader *r = (struct watch_reader *)base;

        r->wake = wake; /* nobody reads it before the reader sleeps */
        r->data = data;
}
