/* SPDX-License-Identifier: Apache-2.0 */
/* One thread waits for the disk, so that no other has to. Tickets grow, so the order of waiting costs nothing. */
#include "backends/native/backend.h"
#include <signal.h>

bool native_acks_have_room(struct native *b) {
        (void)pthread_mutex_lock(&b->mutex);
        bool room = b->n_acks + b->n_pending < NATIVE_ACKS_MAX;
        (void)pthread_mutex_unlock(&b->mutex);
        return room;
}

void native_acks_add(struct native *b, const struct native_ack *ack) {
        (void)pthread_mutex_lock(&b->mutex);
        b->acks[(b->first_ack + b->n_acks++) % NATIVE_ACKS_MAX] = *ack;
        (void)pthread_cond_signal(&b->acks_changed);
        (void)pthread_mutex_unlock(&b->mutex);
}

static bool take(struct native *b, struct native_ack *ret) {
        (void)pthread_mutex_lock(&b->mutex);
        while (!b->n_acks && !b->stopping)
                (void)pthread_cond_wait(&b->acks_changed, &b->mutex);
        bool taken = !b->stopping;
        if (taken)
                *ret = b->acks[b->first_ack];
        (void)pthread_mutex_unlock(&b->mutex);
        return taken;
}

/* It keeps its place until it is answered: the room that is promised is for reports that wait. */
static void drop_first(struct native *b) {
        (void)pthread_mutex_lock(&b->mutex);
        b->first_ack = (b->first_ack + 1) % NATIVE_ACKS_MAX;
        b->n_acks--;
        (void)pthread_mutex_unlock(&b->mutex);
}

static void answer(struct native *b, const struct native_ack *ack, int result, const char *code) {
        struct native_chunk *chunk;
        struct sovd_json_writer w;

        if (ack->is_silent)
                return;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", result ? "error" : "reply");
        sovd_json_key_int(&w, "re", ack->seq);
        if (result) {
                sovd_json_key_string(&w, "code", code ? code : "not-durable");
                sovd_json_key_string(&w, "message", code ? "the cycle could not be begun" : "it is taken, but the disk did not take it yet");
        }
        sovd_json_object_end(&w);
        if (!native_chunk_new(&chunk, &w))
                (void)native_send(b, ack->app, ack->session, chunk);
        sovd_json_writer_done(&w);
}

/* Whoever waits behind the cycle can go on. */
static int begin_cycle(struct native *b, const struct native_ack *ack, const char **ret_code) {
        struct native_app *app = ack->app;
        int r = 0;

        if (!ack->is_again || app->failed_cycle == ack->n) {
                r = b->sink->ops->cycle(b->sink, ack->cycle, &app->cycle_ticket);
                if (r)
                        app->failed_cycle = ack->n;
                else if (app->failed_cycle == ack->n)
                        app->failed_cycle = 0;
                if (r)
                        *ret_code = r == SOVD_E_OVERLOAD ? "too-many" : "busy";
        }
        if (!r)
                r = b->sink->ops->wait(b->sink, app->cycle_ticket);
        (void)pthread_mutex_lock(&b->mutex);
        app->n_cycles_open--;
        (void)pthread_mutex_unlock(&b->mutex);
        native_wake(b);
        return r;
}

static void *run(void *data) {
        struct native *b = data;
        struct native_ack ack;

        while (take(b, &ack)) {
                const char *code = NULL;
                int r = ack.cycle ? begin_cycle(b, &ack, &code) : b->sink->ops->wait(b->sink, ack.ticket);
                answer(b, &ack, r, code);
                drop_first(b);
        }
        return NULL;
}

/* Signals are the main thread's. */
int native_acks_start(struct native *b) {
        sigset_t all, before;

        if (!b->sink)
                return 0;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&b->ack_thread, NULL, run, b);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        b->has_acks = !r;
        return r ? sovd_error_origin(-r) : 0;
}

void native_acks_stop(struct native *b) {
        (void)pthread_mutex_lock(&b->mutex);
        b->stopping = true;
        (void)pthread_cond_broadcast(&b->acks_changed);
        (void)pthread_mutex_unlock(&b->mutex);
        if (b->has_acks)
                (void)pthread_join(b->ack_thread, NULL);
        b->has_acks = false;
}
