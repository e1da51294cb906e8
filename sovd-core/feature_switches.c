/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/feature_switches.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <pthread.h>

const struct sovd_feature_info sovd_feature_infos[SOVD_N_FEATURES] = {
        [SOVD_FEATURE_MUTATIONS] = { "mutations", "Requests that change something; off: the gateway is read-only.", "changes" },
        [SOVD_FEATURE_STREAMS] = { "streams", "Event streams; off: those that are open go on, and no other begins.", "new event streams" },
        [SOVD_FEATURE_DATA_EXPORTS] = { "data-exports", "Exports of faults, snapshots of entities and backups of the state.",
                                        "exports, snapshots and backups" },
        [SOVD_FEATURE_NATIVE_APPS] = { "native-apps", "Connections of apps; off: those that are connected stay, and no other is taken.",
                                       "new connections of apps" },
};

struct state {
        bool on;
        uint64_t changed_usec;
        char *by, *reason; /* or NULL */
};

struct sovd_features {
        struct sovd_db *db;
        unsigned off;                        /* atomic: a bit for each */
        uint64_t n_refused[SOVD_N_FEATURES]; /* atomic */
        pthread_mutex_t mutex;               /* leaf: states */
        struct state states[SOVD_N_FEATURES];
};

int sovd_feature_find(const char *id) {
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                if (strcmp(sovd_feature_infos[i].id, id) == 0)
                        return i;
        return -1;
}

bool sovd_features_is_on(const struct sovd_features *f, enum sovd_feature feature) {
        return !f || !(__atomic_load_n(&f->off, __ATOMIC_ACQUIRE) & (1u << feature));
}

void sovd_features_count_refused(struct sovd_features *f, enum sovd_feature feature) {
        (void)__atomic_add_fetch(&f->n_refused[feature], 1, __ATOMIC_RELAXED);
}

uint64_t sovd_features_n_refused(const struct sovd_features *f, enum sovd_feature feature) {
        return __atomic_load_n(&f->n_refused[feature], __ATOMIC_RELAXED);
}

static void drop(struct state *s) {
        free(s->by);
        free(s->reason);
}

/* Makes it hold; takes the texts over. */
static void publish(struct sovd_features *f, enum sovd_feature feature, struct state state) {
        (void)pthread_mutex_lock(&f->mutex);
        struct state before = f->states[feature];
        f->states[feature] = state;
        (void)pthread_mutex_unlock(&f->mutex);
        if (state.on)
                (void)__atomic_and_fetch(&f->off, ~(1u << feature), __ATOMIC_RELEASE);
        else
                (void)__atomic_or_fetch(&f->off, 1u << feature, __ATOMIC_RELEASE);
        drop(&before);
}

int sovd_features_read(struct sovd_features *f, enum sovd_feature feature, struct sovd_arena *arena,
                       struct sovd_feature_state *ret) {
        (void)pthread_mutex_lock(&f->mutex);
        const struct state *s = &f->states[feature];
        *ret = (struct sovd_feature_state){ .on = s->on,
                                            .changed_usec = s->changed_usec,
                                            .changed_by = sovd_arena_strdup(arena, s->by),
                                            .reason = sovd_arena_strdup(arena, s->reason) };
        bool all = (!s->by || ret->changed_by) && (!s->reason || ret->reason);
        (void)pthread_mutex_unlock(&f->mutex);
        return all ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- the table --------------------------------------------------------------------------------------------- */

struct change {
        struct sovd_features *features;
        enum sovd_feature feature;
        struct state state;
};

static int write_row(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT OR REPLACE INTO feature(id, enabled, changed_usec, changed_by, reason)"
                                          " VALUES(?1, ?2, ?3, ?4, ?5)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, sovd_feature_infos[c->feature].id);
        sovd_db_bind_int(s, 2, c->state.on);
        sovd_db_bind_int(s, 3, (int64_t)c->state.changed_usec);
        sovd_db_bind_text(s, 4, c->state.by);
        sovd_db_bind_text(s, 5, c->state.reason);
        return sovd_db_run(s);
}

static void written(int result, void *data) {
        struct change *c = data;

        if (result)
                drop(&c->state);
        else
                publish(c->features, c->feature, c->state);
}

int sovd_features_set(struct sovd_features *f, enum sovd_feature feature, bool on, const char *by, const char *reason) {
        struct change c = { .features = f, .feature = feature,
                            .state = { .on = on, .changed_usec = sovd_realtime_usec(), .by = strdup(by),
                                       .reason = reason ? strdup(reason) : NULL } };

        if (!c.state.by || (reason && !c.state.reason)) {
                drop(&c.state);
                return sovd_error_origin(-ENOMEM);
        }
        int r = sovd_db_apply(f->db, write_row, written, &c);
        if (!r)
                sovd_log(on ? SOVD_LOG_INFO : SOVD_LOG_WARN, "the feature %s is switched %s", sovd_feature_infos[feature].id,
                         on ? "on" : "off");
        return r;
}

/* One that another version knows is left as it is. */
static int take_row(struct sovd_features *f, struct sovd_db_stmt *s) {
        const char *id = sovd_db_text(s, 0), *by = sovd_db_text(s, 3), *reason = sovd_db_text(s, 4);
        int feature = id ? sovd_feature_find(id) : -1;
        struct state state = { .on = sovd_db_int(s, 1) != 0, .changed_usec = (uint64_t)sovd_db_int(s, 2) };

        if (feature < 0)
                return 0;
        state.by = by ? strdup(by) : NULL;
        state.reason = reason ? strdup(reason) : NULL;
        if ((by && !state.by) || (reason && !state.reason)) {
                drop(&state);
                return sovd_error_origin(-ENOMEM);
        }
        publish(f, (enum sovd_feature)feature, state);
        if (!state.on)
                sovd_log(SOVD_LOG_WARN, "the feature %s is off, as an admin left it", id);
        return 0;
}

static int load(struct sovd_features *f) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_read_begin(f->db, &conn);

        if (r)
                return r;
        r = sovd_db_prepare(conn, &s, "SELECT id, enabled, changed_usec, changed_by, reason FROM feature");
        while (!r && !(r = sovd_db_step(s, &row)) && row)
                r = take_row(f, s);
        sovd_db_read_end(f->db, conn);
        return r;
}

int sovd_features_new(struct sovd_features **ret, struct sovd_db *db) {
        struct sovd_features *f = calloc(1, sizeof(*f));
        if (!f)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&f->mutex, NULL);
        f->db = db;
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                f->states[i].on = true;
        int r = load(f);
        if (r)
                sovd_features_free(f);
        else
                *ret = f;
        return r;
}

struct sovd_features *sovd_features_free(struct sovd_features *f) {
        if (!f)
                return NULL;
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                drop(&f->states[i]);
        (void)pthread_mutex_destroy(&f->mutex);
        free(f);
        return NULL;
}
