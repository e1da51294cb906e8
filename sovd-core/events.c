/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/events_inside.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"

/* --- filter --------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *s, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i], s) == 0)
                        return true;
        return n == 0;
}

bool sovd_event_filter_matches(const struct sovd_event_filter *f, const struct sovd_fact *fact) {
        bool all = !*fact->code;

        if (fact->changed & SOVD_FACT_RESTORED)
                return true;
        if (f->sight.sees && !f->sight.sees(f->sight.data, fact->entity, fact->code))
                return false;
        if (!is_one_of(fact->entity, f->entities, f->n_entities) || (!all && !is_one_of(fact->code, f->codes, f->n_codes)))
                return false;
        if (f->scope && !(all && !*fact->scope) && strcmp(f->scope, fact->scope) != 0)
                return false;
        if (fact->changed & SOVD_FACT_CLEARED)
                return true;
        if (f->severity_below && fact->severity >= f->severity_below)
                return false;
        return !f->by_status || f->statuses[fact->status / 8] & (1u << (fact->status % 8));
}

static const char *const *copy_words(struct sovd_arena *arena, const char *const *words, size_t n) {
        const char **copy = n ? sovd_arena_array(arena, const char *, n) : NULL;

        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = sovd_arena_strdup(arena, words[i]);
                if (!copy[i])
                        return NULL;
        }
        return copy;
}

static int copy_filter(struct sovd_events_reader *reader, const struct sovd_event_filter *filter) {
        reader->filter = *filter;
        if (filter->hold)
                reader->filter.sight.data = filter->hold(filter->sight.data);
        if (!filter->n_entities && !filter->n_codes && !filter->scope)
                return 0;
        int r = sovd_arena_new(&reader->arena, 128);
        if (r)
                return r;

        reader->filter.entities = copy_words(reader->arena, filter->entities, filter->n_entities);
        reader->filter.codes = copy_words(reader->arena, filter->codes, filter->n_codes);
        reader->filter.scope = sovd_arena_strdup(reader->arena, filter->scope);
        bool ok = (reader->filter.entities || !filter->n_entities) &&
                  (reader->filter.codes || !filter->n_codes) && (reader->filter.scope || !filter->scope);
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- the ring ------------------------------------------------------------------------------------------- */

static struct sovd_events_entry *entry_free(struct sovd_events_entry *entry) {
        if (!entry)
                return NULL;
        sovd_event_unref(entry->event);
        free(entry);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct sovd_events_entry *, entry_free)

static const char *put_text(char **to, const char *text) {
        char *here = *to;

        *to = stpcpy(here, text) + 1;
        return here;
}

/* NULL: memory is out. */
static struct sovd_events_entry *entry_new(const struct sovd_fact *fact) {
        size_t n = strlen(fact->entity) + strlen(fact->code) + strlen(fact->scope) + 3;
        _cleanup_(entry_freep) struct sovd_events_entry *entry = malloc(sizeof(*entry) + n);
        if (!entry)
                return NULL;

        char *text = entry->text;
        entry->fact = *fact;
        entry->fact.entity = put_text(&text, fact->entity);
        entry->fact.code = put_text(&text, fact->code);
        entry->fact.scope = put_text(&text, fact->scope);
        entry->fact.body = NULL;
        entry->event = sovd_event_new("fault", fact->body, strlen(fact->body));
        if (!entry->event)
                return NULL;
        sovd_event_set_id(entry->event, fact->id);
        return SOVD_TAKE(entry);
}

static size_t size_of(const struct sovd_events_entry *entry) {
        return sizeof(*entry) + sizeof(*entry->event) + entry->event->len;
}

static struct sovd_events_entry **place(struct sovd_events *e, size_t i) {
        return &e->ring[(e->first + i) % e->options.kept];
}

static void drop_oldest(struct sovd_events *e) {
        struct sovd_events_entry **oldest = place(e, 0);

        e->counters.n_bytes -= size_of(*oldest);
        e->counters.n_kept--;
        *oldest = entry_free(*oldest);
        e->first = (e->first + 1) % e->options.kept;
}

static void drop_all(struct sovd_events *e) {
        while (e->counters.n_kept)
                drop_oldest(e);
}

static void append(struct sovd_events *e, struct sovd_events_entry *entry) {
        size_t size = size_of(entry);

        while (e->counters.n_kept &&
               (e->counters.n_kept == e->options.kept || e->counters.n_bytes + size > e->options.bytes_max))
                drop_oldest(e);
        *place(e, e->counters.n_kept++) = entry;
        e->counters.n_bytes += size;
}

uint64_t sovd_events_before_ring(const struct sovd_events *e) {
        return e->newest - e->counters.n_kept; /* ids in the ring have no holes */
}

/* --- publishing ----------------------------------------------------------------------------------------- */

void sovd_events_wake_reader(struct sovd_events_reader *reader) {
        if (!reader->sleeping)
                return;
        reader->sleeping = false;
        reader->wake(reader->data);
}

/* Who sleeps has had everything before this one. */
static void tell(struct sovd_events *e, const struct sovd_fact *fact) {
        for (struct sovd_events_reader *r = e->readers; r; r = r->next) {
                if (!r->sleeping || r->phase != SOVD_EVENTS_LIVE)
                        continue;
                if (sovd_event_filter_matches(&r->filter, fact))
                        sovd_events_wake_reader(r);
                else
                        r->position = fact->id;
        }
}

/* An event that is not in the ring is in the database: readers get it from there. */
static void add(struct sovd_events *e, const struct sovd_fact *fact, struct sovd_events_entry *entry) {
        if (!entry || fact->id != e->newest + 1)
                drop_all(e);
        e->newest = fact->id;
        e->counters.n_published++;
        if (entry)
                append(e, entry);
        tell(e, fact);
}

void sovd_events_publish(struct sovd_events *e, const struct sovd_fact *fact) {
        struct sovd_events_entry *entry = entry_new(fact);

        (void)pthread_mutex_lock(&e->mutex);
        add(e, fact, entry);
        void (*listener)(void *data, const struct sovd_fact *fact) = e->listener;
        void *data = e->listener_data;
        (void)pthread_mutex_unlock(&e->mutex);
        if (listener)
                listener(data, fact);
}

void sovd_events_listen(struct sovd_events *e, void (*f)(void *data, const struct sovd_fact *fact),
                        void *data) {
        (void)pthread_mutex_lock(&e->mutex);
        e->listener = f;
        e->listener_data = data;
        (void)pthread_mutex_unlock(&e->mutex);
}

uint64_t sovd_events_newest(struct sovd_events *e) {
        (void)pthread_mutex_lock(&e->mutex);
        uint64_t newest = e->newest;
        (void)pthread_mutex_unlock(&e->mutex);
        return newest;
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct sovd_events_page *sovd_events_page_free(struct sovd_events_page *page) {
        for (size_t i = page ? page->given : 0; page && i < page->n; i++)
                sovd_event_unref(page->events[i]);
        free(page);
        return NULL;
}

static enum sovd_stream_what take_of_page(struct sovd_events_reader *reader, struct sovd_event **ret) {
        struct sovd_events_page *page = reader->page;
        bool is_gap = page->is_gap && page->given == 0;

        *ret = page->events[page->given++];
        if (page->given == page->n)
                reader->page = sovd_events_page_free(page);
        return is_gap ? SOVD_STREAM_GAP : SOVD_STREAM_EVENT;
}

/* The next in the ring that is for this reader. */
static enum sovd_stream_what take_of_ring(struct sovd_events_reader *reader, struct sovd_event **ret) {
        struct sovd_events *e = reader->events;

        while (reader->position < e->newest) {
                const struct sovd_events_entry *entry =
                        *place(e, reader->position - sovd_events_before_ring(e));
                reader->position++;
                if (!sovd_event_filter_matches(&reader->filter, &entry->fact))
                        continue;
                *ret = sovd_event_ref(entry->event);
                return SOVD_STREAM_EVENT;
        }
        reader->sleeping = true;
        return SOVD_STREAM_NOTHING;
}

/* With the mutex held. */
static enum sovd_stream_what take(struct sovd_events_reader *reader, struct sovd_event **ret) {
        if (reader->page)
                return take_of_page(reader, ret);
        if (reader->failed || reader->events->stopping)
                return SOVD_STREAM_END;
        if (reader->phase == SOVD_EVENTS_LIVE && reader->position < sovd_events_before_ring(reader->events))
                reader->phase = SOVD_EVENTS_REPLAY;
        if (reader->phase == SOVD_EVENTS_LIVE)
                return take_of_ring(reader, ret);
        sovd_events_want_page(reader);
        reader->sleeping = true;
        return SOVD_STREAM_NOTHING;
}

static enum sovd_stream_what next(struct sovd_stream_reader *base, struct sovd_event **ret) {
        struct sovd_events_reader *reader = (struct sovd_events_reader *)base;

        (void)pthread_mutex_lock(&reader->events->mutex);
        enum sovd_stream_what what = take(reader, ret);
        (void)pthread_mutex_unlock(&reader->events->mutex);
        return what;
}

void sovd_events_reader_free(struct sovd_events_reader *reader) {
        sovd_events_page_free(reader->page);
        if (reader->filter.release)
                reader->filter.release(reader->filter.sight.data);
        sovd_arena_free(reader->arena);
        free(reader->place);
        free(reader);
}

static void stop_waiting(struct sovd_events_reader *reader) {
        struct sovd_events *e = reader->events;
        struct sovd_events_reader **link = &e->waiting;

        while (*link != reader)
                link = &(*link)->next_waiting;
        *link = reader->next_waiting;
        if (!*link)
                e->last_waiting = link;
        e->counters.n_waiting--;
}

static void close_reader(struct sovd_stream_reader *base) {
        struct sovd_events_reader *reader = (struct sovd_events_reader *)base;
        struct sovd_events *e = reader->events;

        (void)pthread_mutex_lock(&e->mutex);
        *reader->link = reader->next;
        if (reader->next)
                reader->next->link = reader->link;
        e->counters.n_readers--;
        if (reader->waiting)
                stop_waiting(reader);
        reader->closed = true;
        bool working = reader->working;
        (void)pthread_mutex_unlock(&e->mutex);
        if (!working)
                sovd_events_reader_free(reader);
}

static const struct sovd_stream_reader_ops reader_ops = { .next = next, .close = close_reader };

/* With the mutex held. */
static void begin(struct sovd_events_reader *reader, const struct sovd_events_source *source) {
        struct sovd_events *e = reader->events;

        reader->position = source->is_resumed ? SOVD_MIN(source->last_id, e->newest) : e->newest;
        if (source->with_snapshot && !source->is_resumed)
                reader->phase = SOVD_EVENTS_SNAPSHOT;
        reader->snapshot_after_gap = source->with_snapshot;
        reader->next = e->readers;
        reader->link = &e->readers;
        if (reader->next)
                reader->next->link = &reader->next;
        e->readers = reader;
        e->counters.n_readers++;
}

static int open_source(struct sovd_event_source *base, struct sovd_stream_reader **ret,
                       const char *last_event_id, void (*wake)(void *data), void *data) {
        const struct sovd_events_source *source = (struct sovd_events_source *)base;
        struct sovd_events_reader *reader = calloc(1, sizeof(*reader));
        if (!reader)
                return sovd_error_origin(-ENOMEM);

        (void)last_event_id; /* it was looked at when the source was made */
        reader->base.ops = &reader_ops;
        reader->events = source->events;
        reader->wake = wake;
        reader->data = data;
        int r = copy_filter(reader, &source->filter);
        if (r) {
                sovd_events_reader_free(reader);
                return r;
        }
        (void)pthread_mutex_lock(&reader->events->mutex);
        begin(reader, source);
        (void)pthread_mutex_unlock(&reader->events->mutex);
        *ret = &reader->base;
        return 0;
}

void sovd_events_source_init(struct sovd_events_source *source, struct sovd_events *events) {
        *source = (struct sovd_events_source){ .base.open = open_source, .events = events };
}

/* --- life ----------------------------------------------------------------------------------------------- */

static int read_newest(struct sovd_events *e) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_read_begin(e->options.db, &conn);
        if (r)
                return r;
        r = sovd_db_prepare(conn, &s, "SELECT seq FROM sqlite_sequence WHERE name='fault_event'");
        if (!r)
                r = sovd_db_step(s, &row);
        if (!r && row)
                e->newest = (uint64_t)sovd_db_int(s, 0);
        sovd_db_read_end(e->options.db, conn);
        return r;
}

int sovd_events_new(struct sovd_events **ret, const struct sovd_events_options *options) {
        _cleanup_(sovd_events_freep) struct sovd_events *e = NULL;

        e = calloc(1, sizeof(*e) + options->kept * sizeof(e->ring[0]));
        if (!e)
                return sovd_error_origin(-ENOMEM);
        e->options = *options;
        e->last_waiting = &e->waiting;
        (void)pthread_mutex_init(&e->mutex, NULL);
        (void)pthread_cond_init(&e->wanted, NULL);
        int r = read_newest(e);
        if (!r)
                r = sovd_events_start_pages(e);
        if (r)
                return r;

        *ret = SOVD_TAKE(e);
        return 0;
}

struct sovd_events *sovd_events_free(struct sovd_events *e) {
        if (!e)
                return NULL;

        sovd_events_stop_pages(e);
        drop_all(e);
        (void)pthread_cond_destroy(&e->wanted);
        (void)pthread_mutex_destroy(&e->mutex);
        free(e);
        return NULL;
}

void sovd_events_set_faults(struct sovd_events *e, struct sovd_fault_sink *sink) {
        e->sink = sink;
}

void sovd_events_count(struct sovd_events *e, struct sovd_events_counters *ret) {
        (void)pthread_mutex_lock(&e->mutex);
        *ret = e->counters;
        (void)pthread_mutex_unlock(&e->mutex);
}
