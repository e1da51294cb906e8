/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include "sovd-core/base/clock.h"
#include <time.h>

static struct native_request *request_free(struct native_request *q) {
        if (!q)
                return NULL;
        sovd_arena_free(q->arena);
        (void)pthread_cond_destroy(&q->done_cond);
        free(q);
        return NULL;
}

static struct native_request *request_new(uint64_t seq, const char *exec) {
        struct native_request *q = calloc(1, sizeof(*q));

        if (!q)
                return NULL;
        (void)sovd_cond_init(&q->done_cond);
        q->seq = seq;
        if (exec)
                memcpy(q->exec, exec, NATIVE_EXEC_SIZE);
        return q;
}

/* With the mutex held: out of the list. */
static void unlink_request(struct native_app *app, struct native_request *q) {
        for (struct native_request **p = &app->requests; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        app->n_requests -= !q->abandoned;
                        return;
                }
}

/* --- io thread ------------------------------------------------------------------------------------------ */

/* What an answer says about the execution that was to start, also when nobody waits any more. */
static void settle_start(struct native_app *app, const struct native_request *q,
                         const struct native_message *answer) {
        struct native_execution *x = *q->exec ? native_execution_find(app, NULL, q->exec) : NULL;

        if (!x)
                return;
        if (answer->type == NATIVE_ERROR)
                native_execution_end(x, SOVD_EXECUTION_FAILED, answer->error.message, NULL);
        else if (answer->reply.status && answer->reply.status != SOVD_EXECUTION_RUNNING)
                native_execution_end(x, answer->reply.status, answer->reply.error, answer->reply.parameters);
}

static void finish(struct native_app *app, struct native_request *q) {
        unlink_request(app, q);
        q->done = true;
        if (q->abandoned)
                request_free(q);
        else
                (void)pthread_cond_signal(&q->done_cond);
}

void native_ask_answer(struct native *b, struct native_app *app, uint64_t seq, struct sovd_arena *arena,
                       const struct native_message *answer) {
        struct native_request *q;

        (void)pthread_mutex_lock(&b->mutex);
        for (q = app->requests; q && q->seq != seq; q = q->next)
                ;
        if (q) {
                settle_start(app, q, answer);
                q->arena = SOVD_TAKE(arena);
                q->answer = answer;
                finish(app, q);
        }
        (void)pthread_mutex_unlock(&b->mutex);
        sovd_arena_free(arena);
}

void native_ask_abandon(struct native_app *app) {
        while (app->requests)
                finish(app, app->requests);
}

static int not_connected(struct sovd_call *call, const struct native_app *app) {
        return sovd_fail(call, SOVD_E_NOT_RESPONDING, "app '%s' is not connected", app->id);
}

/* --- threads of requests -------------------------------------------------------------------------------- */

static void unref_registration(void *registration) {
        native_registration_unref(registration);
}

int native_lookup(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                  struct native_app **ret_app, const struct native_register **ret) {
        struct native *b = native_of(e->providers[collection]);
        struct native_app *app = native_find_app(b, e->type, e->id);
        struct native_registration *registration = NULL;

        (void)pthread_mutex_lock(&b->mutex);
        if (app && app->registration)
                registration = native_registration_ref(app->registration);
        (void)pthread_mutex_unlock(&b->mutex);
        if (app && !registration) /* it has not come since the start of the gateway */
                return not_connected(call, app);
        if (!app)
                return sovd_fail(call, SOVD_E_UNAVAILABLE, "app '%s' is not one of this gateway now", e->id);
        *ret_app = app;
        *ret = &registration->lists;
        return sovd_arena_defer(call->arena, unref_registration, registration);
}

int native_ask_begin(struct native_ask *ask, struct sovd_call *call, const struct sovd_entity *e,
                     const char *type) {
        struct native *b = native_of(e->owner);

        ask->b = b;
        ask->app = native_find_app(b, e->type, e->id);
        if (!ask->app)
                return sovd_fail(call, SOVD_E_UNAVAILABLE, "app '%s' is not one of this gateway now", e->id);
        ask->call = call;
        ask->exec = NULL;
        ask->changes = ask->abandoned = false;
        ask->seq = atomic_fetch_add(&b->last_seq, 1) + 1;
        sovd_json_writer_init(&ask->w, 0, (size_t)b->options.max_frame_bytes.value);
        sovd_json_object_begin(&ask->w);
        sovd_json_key_string(&ask->w, "type", type);
        sovd_json_key_int(&ask->w, "seq", (int64_t)ask->seq);
        return 0;
}

enum sent { SENT, SENT_AWAY, SENT_BUSY, SENT_FULL };

static enum sent enter(struct native_ask *ask, struct native_request *q, struct native_chunk *chunk) {
        struct native *b = ask->b;
        struct native_app *app = ask->app;
        enum sent result = SENT;

        (void)pthread_mutex_lock(&b->mutex);
        if (b->stopping || !app->ready)
                result = SENT_AWAY;
        else if (app->n_requests >= (unsigned)b->options.max_in_flight.value)
                result = SENT_BUSY;
        if (result != SENT)
                free(chunk);
        else if (!native_queue_add(b, app->queue, chunk))
                result = SENT_FULL;
        else {
                q->next = app->requests;
                app->requests = q;
                app->n_requests++;
        }
        (void)pthread_mutex_unlock(&b->mutex);
        native_wake(b);
        return result;
}

static int not_sent(struct native_ask *ask, enum sent result) {
        struct sovd_call *call = ask->call;

        if (result == SENT_AWAY)
                return not_connected(call, ask->app);
        (void)atomic_fetch_add(&ask->b->n_rejected, 1);
        if (result == SENT_BUSY)
                sovd_fail(call, SOVD_E_OVERLOAD, "app '%s' has %lld requests to answer already", ask->app->id,
                          (long long)ask->b->options.max_in_flight.value);
        else
                sovd_fail(call, SOVD_E_OVERLOAD, "app '%s' does not read what it is sent", ask->app->id);
        sovd_fail_retry_after(call, 1);
        return SOVD_E_OVERLOAD;
}

/* With the mutex held, when the time is over. A start may have begun something: its answer is still of interest. */
static void give_up(struct native_app *app, struct native_request *q) {
        if (*q->exec) {
                q->abandoned = true;
                app->n_requests--;
                return;
        }
        unlink_request(app, q);
        request_free(q);
}

/* true: it is done, and the request is the caller's; else it is gone. */
static bool wait_for(struct native *b, struct native_app *app, struct native_request *q,
                     uint64_t deadline_usec) {
        (void)pthread_mutex_lock(&b->mutex);
        while (!q->done && sovd_now_usec() < deadline_usec)
                (void)sovd_cond_wait_until(&q->done_cond, &b->mutex, deadline_usec);
        bool done = q->done;
        if (!done)
                give_up(app, q);
        (void)pthread_mutex_unlock(&b->mutex);
        return done;
}

/* What apps may say, and what the client hears. The rest is passed on as the app's own. */
static int refused(struct native_ask *ask, const struct native_error *error) {
        static const struct {
                const char *code;
                enum sovd_error error;
        } codes[] = {
                { "bad-value", SOVD_E_BAD_VALUE },         { "not-found", SOVD_E_NOT_FOUND },
                { "forbidden", SOVD_E_FORBIDDEN },         { "conflict", SOVD_E_CONFLICT },
                { "not-offered", SOVD_E_NOT_IMPLEMENTED },
        };
        struct sovd_call *call = ask->call;
        const struct sovd_generic_error body = {
                .error_code = "error-response",
                .message = sovd_call_printf(call, "app '%s': %s", ask->app->id, error->message),
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(codes); i++)
                if (strcmp(error->code, codes[i].code) == 0)
                        return codes[i].error == SOVD_E_BAD_VALUE
                                       ? sovd_fail_at(call, SOVD_E_BAD_VALUE, "/data", "%s", body.message)
                                       : sovd_fail(call, codes[i].error, "%s", body.message);
        if (strcmp(error->code, "busy") != 0)
                return sovd_fail_upstream(call, 502, &body, NULL);
        sovd_fail(call, SOVD_E_OVERLOAD, "%s", body.message);
        sovd_fail_retry_after(call, 1);
        return SOVD_E_OVERLOAD;
}

static void free_arena(void *arena) {
        sovd_arena_free(arena);
}

static int unanswered(struct native_ask *ask, const char *how) {
        return sovd_fail(ask->call, SOVD_E_NOT_RESPONDING, "app '%s' %s%s", ask->app->id, how,
                         ask->changes ? "; the request may have been carried out" : "");
}

static int take_answer(struct native_ask *ask, struct native_request *q, bool acted_before, const struct native_reply **ret) {
        const struct native_message *answer = q->answer;

        if (!answer)
                return unanswered(ask, "went away before it answered");
        int r = sovd_arena_defer(ask->call->arena, free_arena, SOVD_TAKE(q->arena));
        if (r)
                return r;
        if (answer->type == NATIVE_ERROR) {
                ask->call->acted = acted_before;
                return refused(ask, &answer->error);
        }
        if (ret)
                *ret = &answer->reply;
        return 0;
}

static int send_and_wait(struct native_ask *ask, struct native_chunk *chunk,
                         const struct native_reply **ret) {
        uint64_t deadline = SOVD_MIN(ask->call->deadline_usec, sovd_now_usec() + ask->b->timeout_usec);
        struct native_request *q = request_new(ask->seq, ask->exec);
        if (!q) {
                free(chunk);
                return sovd_error_origin(-ENOMEM);
        }

        const bool acted_before = ask->call->acted;
        enum sent sent = enter(ask, q, chunk);
        if (sent != SENT) {
                request_free(q);
                return not_sent(ask, sent);
        }
        ask->call->acted = acted_before || ask->changes;
        ask->abandoned = !wait_for(ask->b, ask->app, q, deadline);
        if (ask->abandoned)
                return unanswered(ask, "did not answer in time");
        int r = take_answer(ask, q, acted_before, ret);
        request_free(q);
        return r;
}

int native_ask_end(struct native_ask *ask, const struct native_reply **ret) {
        struct native_chunk *chunk;

        sovd_json_object_end(&ask->w);
        int r = native_chunk_new(&chunk, &ask->w);
        sovd_json_writer_done(&ask->w);
        if (r == -E2BIG)
                return sovd_fail(ask->call, SOVD_E_TOO_LARGE,
                                 "the request is longer than a frame to an app may be");
        if (r)
                return r;

        (void)atomic_fetch_add(&ask->b->n_calls, 1);
        (void)atomic_fetch_add(&ask->b->in_flight, 1);
        r = send_and_wait(ask, chunk, ret);
        (void)atomic_fetch_sub(&ask->b->in_flight, 1);
        (void)atomic_fetch_add(&ask->b->n_failures, r == SOVD_E_NOT_RESPONDING);
        return r;
}
