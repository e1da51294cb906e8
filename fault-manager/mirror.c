/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that a backend keeps, followed from outside: what it shows now is compared with what it showed last, which is in
 * the file. So a restart repeats nothing. */
#include "fault-manager/fault_manager.h"
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>

#define TEXT_MAX 1024 /* of a descriptor */
#define TAGS_MAX 32
#define FAULT_MAX 16384 /* bytes of what is stored of one: so few values can be read again by the limits of JSON */

/* A fault as it is seen now, ready to be a row. */
struct seen {
        const char *code, *about, *scope; /* about: JSON */
        const struct fm_descriptor *descriptor;
        uint8_t status;
};

/* A row of the file, ready to be compared. */
struct known {
        struct fm_row row; /* in the arena */
        bool is_seen;
};

struct change {
        struct fm_event event;
        char *body;
};

struct observe {
        struct fm_manager *m;
        struct sovd_arena *arena;
        const char *entity;
        struct seen *seen; /* by code */
        size_t n_seen;
        struct known *known; /* by code */
        size_t n_known, size_known;
        struct change *changes;
        size_t n_changes;
        uint64_t now_usec; /* UTC */
        bool finished;
        int result;
};

/* --- what is seen ---------------------------------------------------------------------------------------- */

/* A text that fits into a descriptor, which is only there for the filters: what is shown is what was observed. */
static const char *cut(struct sovd_arena *arena, const char *text) {
        size_t n = TEXT_MAX;

        if (!text || strlen(text) <= TEXT_MAX)
                return text && *text ? text : NULL;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
                n--;
        return sovd_arena_strndup(arena, text, n);
}

static int observed_node(struct sovd_arena *arena, const struct sovd_fault *fault, const struct cJSON **ret) {
        struct sovd_fault told = *fault;
        struct sovd_json_writer w;

        told.extra = NULL; /* members that no standard knows may change with every look */
        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_fault, &told, &w);
        return sovd_json_written(arena, &w, ret);
}

static int write_about(struct sovd_arena *arena, const struct fm_descriptor *d, const char **ret) {
        _cleanup_(sovd_json_writer_done) struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&fm_schema_stored, d, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (r)
                return r;
        *ret = sovd_arena_strdup(arena, text);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

static int make_seen(struct sovd_arena *arena, const struct sovd_fault *fault, struct seen *ret) {
        struct fm_descriptor *d = sovd_arena_new0(arena, struct fm_descriptor);
        if (!d)
                return sovd_error_origin(-ENOMEM);

        d->code = fault->code;
        d->name = cut(arena, fault->fault_name);
        d->name = d->name ? d->name : fault->code;
        d->scope = cut(arena, fault->scope);
        d->severity = SOVD_INT(fault->severity.set ? SOVD_MAX(1, SOVD_MIN(fault->severity.value, 4)) : 2);
        d->tags = fault->tags;
        d->tags.n = SOVD_MIN(d->tags.n, (size_t)TAGS_MAX);
        int r = observed_node(arena, fault, &d->observed);
        if (r)
                return r;
        *ret = (struct seen){ .code = fault->code, .scope = d->scope ? d->scope : "", .descriptor = d,
                              .status = fm_status_bits(fault->status) };
        return write_about(arena, d, &ret->about);
}

static int compare_seen(const void *a, const void *b) {
        return strcmp(((const struct seen *)a)->code, ((const struct seen *)b)->code);
}

static uint64_t hash(uint64_t h, const char *text) {
        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
        return (h ^ 0xff) * UINT64_C(1099511628211); /* no byte of UTF-8: where a text ends */
}

/* Sorted; a code that comes twice counts once. */
static int take_seen(struct observe *o, struct sovd_observed_faults *observed, uint64_t *ret_fingerprint) {
        uint64_t h = UINT64_C(14695981039346656037);
        size_t n = 0;

        o->seen = sovd_arena_array(o->arena, struct seen, SOVD_MIN(observed->n, (size_t)FM_OBSERVED_MAX) + 1);
        if (!o->seen)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < observed->n; i++) {
                bool fits = n < FM_OBSERVED_MAX && *observed->faults[i].code &&
                            strlen(observed->faults[i].code) <= FM_CODE_MAX;
                int r = fits ? make_seen(o->arena, &observed->faults[i], &o->seen[n]) : 0;
                if (r)
                        return r;
                fits = fits && strlen(o->seen[n].about) <= FAULT_MAX;
                n += fits;
                observed->n_left_out += !fits;
        }
        qsort(o->seen, n, sizeof(*o->seen), compare_seen);
        for (size_t i = 0; i < n; i++) {
                if (o->n_seen && strcmp(o->seen[o->n_seen - 1].code, o->seen[i].code) == 0)
                        continue;
                o->seen[o->n_seen++] = o->seen[i];
                h = hash(hash(h, o->seen[i].code), o->seen[i].about);
        }
        *ret_fingerprint = h ? h : 1;
        return 0;
}

/* --- what is known --------------------------------------------------------------------------------------- */

static struct known *more_known(struct observe *o) {
        if (o->n_known == o->size_known) {
                size_t size = o->size_known ? 2 * o->size_known : 16;
                struct known *known = sovd_arena_array(o->arena, struct known, size);
                if (!known)
                        return NULL;
                if (o->n_known)
                        memcpy(known, o->known, o->n_known * sizeof(*known));
                o->known = known;
                o->size_known = size;
        }
        return &o->known[o->n_known++];
}

static bool keep(struct sovd_arena *arena, const char **text) {
        const char *copy = sovd_arena_strdup(arena, *text);
        bool ok = copy || !*text;

        *text = copy;
        return ok;
}

static int add_known(const struct fm_row *row, void *data) {
        struct observe *o = data;
        struct known *k = more_known(o);
        if (!k)
                return sovd_error_origin(-ENOMEM);

        *k = (struct known){ .row = *row };
        bool ok = keep(o->arena, &k->row.code) && keep(o->arena, &k->row.about) && keep(o->arena, &k->row.scope) &&
                  keep(o->arena, &k->row.first_frame) && keep(o->arena, &k->row.last_frame);
        k->row.entity = o->entity;
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

static int compare_known(const void *a, const void *b) {
        return strcmp(((const struct known *)a)->row.code, ((const struct known *)b)->row.code);
}

static int take_known(struct observe *o, struct sovd_db_conn *conn) {
        const struct fm_query query = { .entity = o->entity, .max = INT32_MAX };

        o->n_known = 0; /* the work may be done again */
        int r = fm_store_list(conn, &query, add_known, o);
        if (!r && o->n_known)
                qsort(o->known, o->n_known, sizeof(*o->known), compare_known);
        return r;
}

/* --- the difference --------------------------------------------------------------------------------------- */

static int write_event(struct observe *o, struct sovd_db_conn *conn, const struct fm_descriptor *about, const char *code,
                       unsigned changed, struct fm_state state) {
        struct change *c = &o->changes[o->n_changes++];

        c->event = (struct fm_event){ .usec = o->now_usec, .entity = o->entity, .code = code, .changed = changed,
                                      .state = state, .about = about, .scope = about->scope ? about->scope : "" };
        int r = fm_event_body(&c->event, o->arena, &c->body);
        c->event.body = c->body;
        return r ? r : fm_store_event(conn, &c->event, &c->event.id);
}

static unsigned difference(unsigned before, unsigned now) {
        unsigned changed = FM_CHANGED;

        if (now & ~before & FM_TEST_FAILED)
                changed |= FM_NOW_FAILED;
        if (before & ~now & FM_TEST_FAILED)
                changed |= FM_NOW_PASSED;
        if (now & ~before & FM_CONFIRMED)
                changed |= FM_NOW_CONFIRMED;
        return changed;
}

static int put(struct observe *o, struct sovd_db_conn *conn, const struct seen *s, const struct known *k) {
        unsigned changed = difference(k ? k->row.state.status : 0, s->status);
        bool begins = !k || changed & FM_NOW_FAILED;
        struct fm_row row = { .entity = o->entity,
                              .code = s->code,
                              .about = s->about,
                              .severity = s->descriptor->severity.value,
                              .scope = s->scope,
                              .state = { .status = s->status, .n_occurrences = 1 },
                              .first_usec = o->now_usec,
                              .last_usec = o->now_usec };

        if (k) {
                row.state.n_occurrences = k->row.state.n_occurrences;
                row.state.n_occurrences += begins && row.state.n_occurrences < UINT32_MAX;
                row.first_usec = k->row.first_usec;
                row.last_usec = begins ? o->now_usec : k->row.last_usec;
        }
        int r = fm_store_put(conn, &row);
        return r ? r : write_event(o, conn, s->descriptor, s->code, changed, row.state);
}

/* It is not in the backend's memory any more. */
static int drop(struct observe *o, struct sovd_db_conn *conn, const struct known *k, struct fm_descriptor *about) {
        struct fm_row row = k->row;

        fm_state_clear(&row.state);
        int r = fm_store_put(conn, &row);
        return r ? r : write_event(o, conn, about, row.code, FM_CLEARED, row.state);
}

static struct known *find_known(const struct observe *o, const char *code) {
        const struct known key = { .row.code = code };

        return o->n_known ? bsearch(&key, o->known, o->n_known, sizeof(key), compare_known) : NULL;
}

static int put_seen(struct observe *o, struct sovd_db_conn *conn) {
        int r = 0;

        for (size_t i = 0; !r && i < o->n_seen; i++) {
                struct known *k = find_known(o, o->seen[i].code);
                if (k)
                        k->is_seen = true;
                if (!k || strcmp(k->row.about, o->seen[i].about) != 0)
                        r = put(o, conn, &o->seen[i], k);
        }
        return r;
}

/* What was never observed was reported to the manager itself: by an app that had this id before. */
static int drop_gone(struct observe *o, struct sovd_db_conn *conn) {
        int r = 0;

        for (size_t i = 0; !r && i < o->n_known; i++) {
                struct fm_descriptor *about;
                if (o->known[i].is_seen)
                        continue;
                r = fm_descriptor_read(o->arena, o->known[i].row.about, &about);
                if (!r && about->observed)
                        r = drop(o, conn, &o->known[i], about);
        }
        return r;
}

static void drop_bodies(struct observe *o) {
        for (size_t i = 0; i < o->n_changes; i++)
                free(o->changes[i].body);
        o->n_changes = 0;
}

static int work(struct sovd_db_conn *conn, void *data) {
        struct observe *o = data;

        drop_bodies(o);
        o->now_usec = sovd_realtime_usec();
        int r = take_known(o, conn);
        if (r)
                return r;
        o->changes = sovd_arena_array(o->arena, struct change, o->n_seen + o->n_known + 1);
        r = o->changes ? put_seen(o, conn) : sovd_error_origin(-ENOMEM);
        return r ? r : drop_gone(o, conn);
}

static void done(int result, void *data) {
        struct observe *o = data;
        struct fm_manager *m = o->m;

        for (size_t i = 0; !result && m->options.published && i < o->n_changes; i++)
                m->options.published(&o->changes[i].event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        m->counters.n_changes += result ? 0 : o->n_changes;
        o->result = result;
        o->finished = true;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

static int write_and_wait(struct observe *o) {
        struct fm_manager *m = o->m;

        int r = sovd_db_post(m->options.db, work, done, o);
        if (r)
                return r;
        (void)pthread_mutex_lock(&m->mutex);
        while (!o->finished)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
        return o->result;
}

int fm_manager_observe(struct fm_manager *m, struct sovd_observed_faults *observed, struct sovd_arena *arena) {
        struct observe o = { .m = m, .arena = arena, .entity = observed->entity };
        uint64_t fingerprint = 0;

        observed->n_changes = observed->n_left_out = 0;
        int r = take_seen(&o, observed, &fingerprint);
        if (r || fingerprint == observed->fingerprint)
                return r;
        r = write_and_wait(&o);
        if (!r) {
                observed->fingerprint = fingerprint;
                observed->n_changes = o.n_changes;
        }
        drop_bodies(&o);
        return r;
}
