/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/reports.h"
#include "sovd-core/base/clock.h"

/* --- judging ------------------------------------------------------------------------------------------------- */

static void acknowledge(struct native_peer *p, struct sovd_int seq, uint64_t ticket) {
        const struct native_ack ack = {
                .app = p->app, .session = p->session, .ticket = ticket, .seq = seq.value
        };

        if (seq.set && ticket)
                native_acks_add(p->b, &ack);
        else
                native_peer_reply(p, seq);
}

static void refuse_report(struct native_peer *p, struct sovd_int seq, int r) {
        if (r == SOVD_E_NOT_FOUND)
                native_peer_error(p, seq, "unknown-fault", "the code is not in the catalogue");
        else if (r == SOVD_E_OVERLOAD)
                native_peer_error(p, seq, "fault-limited",
                                  "more reports of this fault per second than are judged");
        else if (r == -E2BIG)
                native_peer_error(p, seq, "bad-value", "/environment: it is longer than 16384 bytes");
        else
                native_peer_error(p, seq, "busy", "the report cannot be taken now");
}

static void judge_fault(struct native_peer *p, const struct native_pending *pending,
                        struct sovd_arena *arena) {
        const struct native_message *m = pending->message;
        struct sovd_fault_sink *sink = p->b->sink;
        struct native_app *app = p->app;
        const struct sovd_int n = m->fault.n;
        const char *environment = NULL;
        uint64_t ticket = 0;

        if (n.set &&
            n.value <= app->last_n) { /* it came before: the same answer, but it does not count again */
                acknowledge(p, m->seq, app->last_ticket);
                return;
        }
        int r = native_freeze_text(pending, arena, &environment);
        if (!r)
                r = sink->ops->report(sink, app->key, m->fault.code, (enum sovd_report)(m->fault.report - 1),
                                      environment, &ticket);
        if (r) {
                refuse_report(p, m->seq, r);
                return;
        }
        if (n.set)
                app->last_n = n.value;
        if (ticket)
                app->last_ticket = ticket;
        acknowledge(p, m->seq, ticket);
}

/* The thread that waits for the disk begins the cycle: it takes a commit. One that came before is answered like it. */
static void post_cycle(struct native_peer *p, const struct native_message *m) {
        struct native_app *app = p->app;
        const struct native_ack ack = { .app = app,
                                        .session = p->session,
                                        .seq = m->seq.value,
                                        .cycle = m->cycle.kind,
                                        .n = m->cycle.n.set ? m->cycle.n.value : 0,
                                        .is_again = m->cycle.n.set && m->cycle.n.value <= app->last_n,
                                        .is_silent = !m->seq.set };

        if (m->cycle.n.set && !ack.is_again)
                app->last_n = m->cycle.n.value;
        (void)pthread_mutex_lock(&p->b->mutex);
        app->n_cycles_open++;
        (void)pthread_mutex_unlock(&p->b->mutex);
        (void)atomic_fetch_add(&p->b->n_cycles, !ack.is_again);
        native_acks_add(p->b, &ack);
}

/* --- in their order -------------------------------------------------------------------------------------------- */

static bool has_open_cycle(struct native_peer *p) {
        (void)pthread_mutex_lock(&p->b->mutex);
        const bool open = p->app->n_cycles_open > 0;
        (void)pthread_mutex_unlock(&p->b->mutex);
        return open;
}

static void switch_condition(struct native_peer *p, const struct native_message *m) {
        const struct native *b = p->b;
        int r = b->sink ? b->sink->ops->condition(b->sink, m->condition.name, m->condition.on.value)
                        : SOVD_E_NOT_IMPLEMENTED;

        if (r)
                native_peer_error(p, m->seq, r == SOVD_E_NOT_IMPLEMENTED ? "not-offered" : "too-many",
                                  r == SOVD_E_OVERLOAD ? "there are 256 conditions already, the limit"
                                                       : "conditions cannot be kept here");
        else
                native_peer_reply(p, m->seq);
}

/* Does what it can now. true: it is done. */
static bool go_on(struct native_peer *p, struct native_pending *x, struct sovd_arena *arena, uint64_t now) {
        if (x->message->type == NATIVE_FAULT) {
                if (x->n_open && now < x->deadline_usec)
                        return false;
                judge_fault(p, x, arena);
                return true;
        }
        if (x->message->type == NATIVE_CONDITION) {
                switch_condition(p, x->message);
                return true;
        }
        if (!x->posted) {
                x->posted = true;
                post_cycle(p, x->message);
        }
        return !has_open_cycle(p);
}

static void drop_first(struct native *b, struct native_app *app) {
        struct native_pending *x = app->pending;

        app->pending = x->next;
        app->n_pending--;
        b->n_pending--;
        sovd_arena_free(x->arena);
}

/* now UINT64_MAX: nothing is waited for any more. */
uint64_t native_reports_go_on(struct native_peer *p, uint64_t now) {
        struct native_app *app = p->app;

        while (app && app->pending && (go_on(p, app->pending, app->pending->arena, now) || now == UINT64_MAX))
                drop_first(p->b, app);
        return app && app->pending && app->pending->n_open ? app->pending->deadline_usec : UINT64_MAX;
}

/* Takes the arena over when it has to wait. */
static void take(struct native_peer *p, struct native_pending *x, struct sovd_arena **arena) {
        struct native_pending **last = &p->app->pending;

        if (!*last && go_on(p, x, *arena, sovd_now_usec()))
                return;
        while (*last)
                last = &(*last)->next;
        x->arena = SOVD_TAKE(*arena);
        *last = x;
        p->app->n_pending++;
        p->b->n_pending++;
}

static struct native_pending *begin(struct native_peer *p, struct native_message *m,
                                    struct sovd_arena *arena) {
        struct native_pending *x = NULL;

        if (!p->b->sink)
                native_peer_error(p, m->seq, "not-offered", "faults cannot be kept here");
        else if (!native_acks_have_room(p->b) || p->app->n_pending >= NATIVE_PENDING_MAX)
                native_peer_error(p, m->seq, "busy", "too many reports wait");
        else if (!(x = sovd_arena_new0(arena, struct native_pending)))
                native_peer_error(p, m->seq, "busy", "out of memory");
        else
                x->message = m;
        return x;
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

void native_on_fault(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        struct native_pending *x = begin(p, m, *arena);

        if (!x)
                return;
        if (native_freeze(p, x, *arena))
                native_peer_error(p, m->seq, "busy", "out of memory");
        else
                take(p, x, arena);
}

/* The kind as the configuration has it, which lives as long as the backend; or NULL. */
static const char *may_begin(const struct native_app *app, const char *kind) {
        for (size_t i = 0; i < app->cycles.n; i++)
                if (strcmp(app->cycles.items[i], kind) == 0)
                        return app->cycles.items[i];
        return NULL;
}

void native_on_cycle(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        const char *kind = may_begin(p->app, m->cycle.kind);

        if (!kind) {
                (void)atomic_fetch_add(&p->b->n_cycles_refused, 1);
                native_peer_error(p, m->seq, "not-allowed",
                                  "the configuration does not let this app begin such a cycle");
                return;
        }
        m->cycle.kind = kind;
        struct native_pending *x = begin(p, m, *arena);
        if (x)
                take(p, x, arena);
}

static void free_arena(void *arena) {
        sovd_arena_free(arena);
}

/* The value lives in the memory of the answer, which lives as long as the report. */
static void keep_value(struct native_pending *x, struct native_frozen *f, const struct cJSON *value,
                       struct sovd_arena *arena) {
        f->error = value ? NULL : "the app answered without a value";
        f->value = value;
        if (sovd_arena_defer(x->arena, free_arena, arena)) {
                f->value = NULL;
                f->error = "out of memory";
        }
}

bool native_reports_answer(struct native_peer *p, uint64_t seq, const struct native_message *answer,
                           struct sovd_arena **arena) {
        for (struct native_pending *x = p->app->pending; x; x = x->next)
                for (size_t i = 0; i < x->n_values; i++) {
                        struct native_frozen *f = &x->values[i];
                        if (f->seq != seq || !seq)
                                continue;
                        f->seq = 0;
                        x->n_open--;
                        if (answer->type == NATIVE_REPLY)
                                keep_value(x, f, answer->reply.value, SOVD_TAKE(*arena));
                        else
                                f->error = sovd_arena_printf(x->arena, "the app refused: %s",
                                                             answer->error.message);
                        return true;
                }
        return false;
}

/* What was reported before was found under the former condition. */
void native_on_condition(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        struct native_pending *x = p->app->pending ? begin(p, m, *arena) : NULL;

        if (x)
                take(p, x, arena);
        else if (!p->app->pending)
                switch_condition(p, m);
}
