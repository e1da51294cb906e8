/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers that outlive the process: what is written before a client hears of it, and what is taken in at the start. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include "sovd-core/sampler.h"
#include "sovd-core/state_clock.h"
#include "sovd-core/trigger_store.h"

struct lasting {
        struct sovd_observations *o;
        struct sovd_record *record; /* with a reference */
        struct trigger_row row;
        const struct sovd_observation_change *change;
        bool is_out; /* the record is nobody's any more but this one's */
        int r;
};

static struct sovd_record *by_id(const struct sovd_observations *o, const char *id) {
        struct sovd_record *r = o->records;

        while (r && strcmp(r->id, id) != 0)
                r = r->next;
        return r;
}

/* --- adding ---------------------------------------------------------------------------------------------- */

static int write_new(struct sovd_db_conn *conn, void *data) {
        return trigger_store_put(conn, &((struct lasting *)data)->row);
}

/* Nobody has seen it so far, and nothing was read for it. */
static void written(int result, void *data) {
        struct lasting *l = data;
        struct sovd_record *record = l->record;

        (void)pthread_mutex_lock(&l->o->mutex);
        record->hidden = false;
        l->r = result;
        if (!result && !record->removed)
                l->r = sovd_sampler_plan(l->o, record, l->row.spec.source,
                                         sovd_now_usec() + (record->behind_faults ? 0 : record->period_usec));
        l->is_out = l->r && !record->removed;
        if (l->is_out)
                sovd_sampler_take_out(l->o, record);
        if (l->r)
                record->condition = NULL; /* it stays the caller's */
        (void)pthread_mutex_unlock(&l->o->mutex);
}

int sovd_lasting_add(struct sovd_observations *o, struct sovd_record *record, const struct sovd_observation_spec *spec) {
        struct lasting l = { .o = o,
                             .record = record,
                             .row = { .id = record->id, .spec = *spec, .expires_usec = record->expires_usec } };

        (void)sovd_db_apply(o->options.db, write_new, written, &l);
        if (l.is_out)
                sovd_sampler_end(o, record);
        sovd_record_unref(record);
        return l.r;
}

/* --- changing -------------------------------------------------------------------------------------------- */

static int write_expiry(struct sovd_db_conn *conn, void *data) {
        const struct lasting *l = data;

        return trigger_store_expire(conn, l->row.id, l->row.expires_usec);
}

static void changed(int result, void *data) {
        struct lasting *l = data;

        (void)pthread_mutex_lock(&l->o->mutex);
        struct sovd_record *r = by_id(l->o, l->row.id);
        l->r = result ? result : r ? sovd_observations_apply(l->o, r, l->change) : SOVD_E_NOT_FOUND;
        (void)pthread_mutex_unlock(&l->o->mutex);
}

static int write_removal(struct sovd_db_conn *conn, void *data) {
        return trigger_store_remove(conn, ((struct lasting *)data)->row.id);
}

int sovd_lasting_change(struct sovd_observations *o, const char *id, const struct sovd_observation_change *change) {
        struct lasting l = { .o = o,
                             .row = { .id = id, .expires_usec = sovd_state_usec() + change->lifetime_usec },
                             .change = change };

        (void)sovd_db_apply(o->options.db, write_expiry, changed, &l);
        if (l.r == SOVD_E_NOT_FOUND) /* it has expired meanwhile: it must not come back */
                (void)sovd_db_write(o->options.db, write_removal, &l);
        return l.r;
}

static void removed(int result, void *data) {
        struct lasting *l = data;

        (void)pthread_mutex_lock(&l->o->mutex);
        l->r = result;
        l->record = result ? NULL : by_id(l->o, l->row.id);
        if (l->record)
                sovd_sampler_take_out(l->o, l->record);
        (void)pthread_mutex_unlock(&l->o->mutex);
}

int sovd_lasting_remove(struct sovd_observations *o, const char *id) {
        struct lasting l = { .o = o, .row = { .id = id } };

        (void)sovd_db_apply(o->options.db, write_removal, removed, &l);
        sovd_sampler_end(o, l.record);
        return l.r;
}

static int write_clear(struct sovd_db_conn *conn, void *data) {
        const struct sovd_observation_spec *spec = data;

        return trigger_store_clear(conn, spec->entity, spec->owner.id);
}

int sovd_lasting_clear(struct sovd_observations *o, const struct sovd_entity *e, const char *who) {
        struct sovd_observation_spec spec = { .entity = e, .owner = { .id = who } };

        int r = o->options.db ? sovd_db_write(o->options.db, write_clear, &spec) : 0;
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the persistent triggers of a client stay: the state cannot be written now");
        return r;
}

static int write_end(struct sovd_db_conn *conn, void *data) {
        return trigger_store_terminate(conn, data);
}

void sovd_lasting_terminate(struct sovd_observations *o, struct sovd_record *record) {
        if (sovd_db_write(o->options.db, write_end, record->id))
                sovd_log(SOVD_LOG_WARN, "a trigger that fires now may fire once more after a restart");
}

/* --- the start ------------------------------------------------------------------------------------------- */

struct loading {
        struct sovd_observations *o;
        uint64_t now_usec; /* of the state */
        size_t n;
};

/* It has not seen a value yet: the first one is where it starts from. */
static int make_condition(const char *text, struct sovd_condition **ret) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_trigger_condition condition = { 0 };
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct cJSON *json;

        int r = sovd_arena_new(&arena, 1024);
        if (!r)
                r = sovd_json_parse_in(arena, &json, text, strlen(text), NULL, &fault);
        if (!r)
                r = sovd_schema_decode(&sovd_schema_trigger_condition, json, &condition, arena, 0, &error);
        return r ? r : sovd_condition_new(ret, &condition);
}

static int take(const struct trigger_row *row, void *data) {
        struct loading *l = data;
        struct sovd_observation_spec spec = row->spec;
        struct sovd_record *record;

        int r = make_condition(spec.condition_text, &spec.condition);
        if (r > 0)
                return 0; /* of a version that knows more */
        spec.lifetime_usec = row->expires_usec - l->now_usec;
        spec.period_usec = l->o->options.trigger_period_usec;
        if (!r)
                r = sovd_observations_restore(l->o, &spec, row->id, &record);
        if (r) {
                sovd_condition_free(spec.condition);
                return r;
        }
        record->terminated = row->terminated;
        if (row->terminated)
                sovd_stream_end(record->stream);
        record->expires_usec = row->expires_usec;
        record->failing = true; /* nobody is told that it cannot be read before it could be read once */
        l->n++;
        return 0;
}

static int load(struct sovd_db_conn *conn, void *data) {
        struct loading *l = data;

        return trigger_store_load(conn, l->now_usec, l->o->options.max[SOVD_TRIGGER], take, l);
}

int sovd_lasting_load(struct sovd_observations *o) {
        struct loading l = { .o = o, .now_usec = sovd_state_usec() };

        int r = o->options.db ? sovd_db_write(o->options.db, load, &l) : 0;
        if (l.n)
                sovd_log(SOVD_LOG_INFO, "%zu triggers of before the restart are there again", l.n);
        return r;
}

void sovd_observations_resume(struct sovd_observations *o) {
        int error = 0;

        (void)pthread_mutex_lock(&o->mutex);
        for (struct sovd_record *r = o->records; r && !error; r = r->next)
                if (r->persistent && !r->hidden && !r->terminated && !r->source && !r->in_flight)
                        error = sovd_sampler_plan(o, r, "", sovd_now_usec() + r->period_usec);
        (void)pthread_mutex_unlock(&o->mutex);
        if (error)
                sovd_log(SOVD_LOG_ERROR, "triggers of before the restart are not watched: memory is out");
}
