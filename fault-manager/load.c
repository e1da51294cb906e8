/* SPDX-License-Identifier: Apache-2.0 */
/* What earlier runs left of faults that are defined now. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

struct load {
        struct fm_manager *m;
        const char *entity, *code; /* NULL = all */
        bool owed;                 /* instead of them: what owes an event or its end, whoever defines it */
        uint64_t n_clears;         /* when the reading began */
};

/* The row was written under another definition: until now that one held. */
static int former_rule(const struct fm_row *row, struct fm_rule *ret) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct fm_descriptor *about;

        int r = sovd_arena_new(&arena, 2048);
        const char *text = r ? NULL : sovd_arena_strdup(arena, row->about);
        if (!r)
                r = text ? fm_descriptor_read(arena, text, &about) : sovd_error_origin(-ENOMEM);
        if (!r)
                *ret = fm_descriptor_rule(about);
        return r;
}

/* Nobody defines it but the row itself. */
static int describe_anew(struct fm_fault *f, const struct fm_row *row, struct fm_rule *ret) {
        struct fm_definition *definition;

        int r = fm_definition_read(&definition, row->about);
        if (r)
                return r;
        fm_definition_unref(f->definition);
        f->definition = definition;
        *ret = definition->rule;
        return 0;
}

static void take_row(struct fm_fault *f, const struct fm_row *row) {
        f->state = row->state;
        f->first_usec = row->first_usec;
        f->last_usec = row->last_usec;
        f->first_cycle = row->first_cycle;
        f->last_cycle = row->last_cycle;
        f->owed = row->owed & ~FM_HELD;
        f->n_untold = row->untold;
        fm_keep_frame(&f->first_frame, row->first_frame);
        fm_keep_frame(&f->last_frame, row->last_frame);
        f->loaded = true;
}

/* With the mutex held. Cycles that began since the row was written are counted now. */
static int adopt(struct fm_manager *m, struct fm_fault *f, const struct fm_row *row) {
        bool same = strcmp(row->about, f->definition->json) == 0;
        struct fm_rule rule = f->definition->rule;
        const struct fm_kind *kind = fm_kind_find(m, row->cycle_kind);

        int r = same ? 0 : f->recalled ? describe_anew(f, row, &rule) : former_rule(row, &rule);
        if (r)
                return r;
        same = same || f->recalled;
        take_row(f, row);
        unsigned changed =
                kind && kind->n > row->cycle ? fm_state_cycles(&f->state, &rule, kind->n - row->cycle) : 0;
        fm_state_resume(&f->state, &f->definition->rule, sovd_now_usec());
        if (changed)
                fm_note_change(m, f, changed, NULL);
        else if (!same)
                fm_make_dirty(m, f, FM_DESCRIBED);
        fm_arm(m, f);
        return 0;
}

/* With the mutex held. A fault as the file describes it; it cannot be reported. */
static int recall(struct fm_manager *m, const struct fm_row *row, struct fm_fault **ret) {
        _cleanup_(fm_definition_unrefp) struct fm_definition *definition = NULL;
        struct fm_kind *kind = fm_kind_get(m, row->cycle_kind);

        int r = kind ? fm_definition_read(&definition, row->about)
                     : sovd_error_origin(m->n_kinds == FM_KINDS_MAX ? -ENOSPC : -ENOMEM);
        if (!r)
                r = fm_table_add(&m->table, row->entity, row->code, ret);
        if (r)
                return r;
        (*ret)->definition = SOVD_TAKE(definition);
        (*ret)->kind = kind;
        (*ret)->recalled = true;
        m->n_recalled++;
        return 0;
}

/* -EAGAIN: a clear began meanwhile; it knows better. */
static int take(const struct fm_row *row, void *data) {
        const struct load *load = data;
        struct fm_manager *m = load->m;
        bool unreadable = false;
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        struct fm_fault *f = fm_table_find(&m->table, row->entity, row->code);
        if (m->n_clears != load->n_clears)
                r = -EAGAIN;
        else if (!f && load->owed)
                r = recall(m, row, &f);
        if (!r && f && !f->loaded)
                r = adopt(m, f, row);
        else if (r && r != -EAGAIN && r != -ENOMEM)
                unreadable = true, r = 0; /* the others are, and a start does not fail for one */
        (void)pthread_mutex_unlock(&m->mutex);
        if (unreadable)
                sovd_log(SOVD_LOG_WARN, "what is stored of fault %s of %s cannot be read", row->code, row->entity);
        return r;
}

static void is_loaded(struct fm_fault *f, void *data) {
        const struct load *load = data;

        if (f->defined && (!load->code || strcmp(f->code, load->code) == 0))
                f->loaded = true;
}

static void begin(struct load *load) {
        struct fm_manager *m = load->m;

        (void)pthread_mutex_lock(&m->mutex);
        while (m->n_clearing)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        load->n_clears = m->n_clears;
        m->n_loading++;
        (void)pthread_mutex_unlock(&m->mutex);
}

/* What was not found, when all was read, has nothing stored. */
static int end(struct load *load, int r) {
        struct fm_manager *m = load->m;

        (void)pthread_mutex_lock(&m->mutex);
        m->n_loading--;
        if (!r && m->n_clears != load->n_clears)
                r = -EAGAIN;
        if (!r && load->entity)
                fm_table_each(&m->table, load->entity, is_loaded, load);
        bool sooner = fm_is_sooner(m);
        (void)pthread_mutex_unlock(&m->mutex);
        if (sooner && m->options.sooner)
                m->options.sooner(m->options.data);
        return r;
}

static int load_once(struct load *load) {
        struct fm_manager *m = load->m;
        struct sovd_db_conn *conn;

        begin(load);
        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return end(load, r);
        r = load->owed ? fm_store_owed(conn, take, load) : fm_store_load(conn, load->entity, load->code, take, load);
        sovd_db_read_end(m->options.db, conn);
        return end(load, r);
}

static int load(struct load load) {
        int r;

        do
                r = load_once(&load);
        while (r == -EAGAIN);
        return r;
}

int fm_load(struct fm_manager *m, const char *entity, const char *code) {
        return load((struct load){ .m = m, .entity = entity, .code = code });
}

int fm_recall_owed(struct fm_manager *m) {
        return load((struct load){ .m = m, .owed = true });
}
