/* SPDX-License-Identifier: Apache-2.0 */
/* Faults are kept by the sink; an app only hears when they are cleared, so that it reports anew what is still wrong. */
#include "backends/native/backend.h"

static struct native *backend_of(const struct sovd_entity *e) {
        return native_of(e->providers[SOVD_COLLECTION_FAULTS]);
}

int native_faults_list(struct sovd_call *call, const struct sovd_entity *e,
                       const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        struct native *b = backend_of(e);

        return b->sink->ops->list(b->sink, call, e, filter, ret);
}

int native_faults_history(struct sovd_call *call, const struct sovd_entity *e,
                          const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret) {
        struct native *b = backend_of(e);

        return b->sink->ops->history(b->sink, call, e, filter, ret);
}

int native_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                      struct sovd_fault_detail *ret) {
        struct native *b = backend_of(e);

        return b->sink->ops->read(b->sink, call, e, code, ret);
}

/* code NULL: all of them. An app that is away hears of it by nothing: it begins anew when it comes back. */
static void tell_cleared(struct native *b, const struct sovd_entity *e, const char *code) {
        struct native_app *app = native_find_app(b, e->type, e->id);
        struct native_chunk *chunk;
        struct sovd_json_writer w;
        uint64_t session;

        if (!app)
                return;
        (void)pthread_mutex_lock(&b->mutex);
        session = app->session;
        (void)pthread_mutex_unlock(&b->mutex);
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "cleared");
        if (code)
                sovd_json_key_string(&w, "code", code);
        sovd_json_object_end(&w);
        if (!native_chunk_new(&chunk, &w))
                (void)native_send(b, app, session, chunk);
        sovd_json_writer_done(&w);
}

int native_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        struct native *b = backend_of(e);
        int r = b->sink->ops->clear(b->sink, call, e, code);

        if (!r)
                tell_cleared(b, e, code);
        return r;
}

int native_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope) {
        struct native *b = backend_of(e);
        int r = b->sink->ops->clear_all(b->sink, call, e, scope);

        if (!r)
                tell_cleared(b, e, NULL);
        return r;
}

/* An app that has not come yet shows the faults that it had, and who listened to them goes on. */
int native_faults_recall(struct native *b) {
        int r = 0;

        for (size_t i = 0; !r && b->sink && i < b->n_apps; i++) {
                struct native_app *app = &b->apps[i];
                bool known = false;
                r = b->sink->ops->is_known(b->sink, app->key, &known);
                known = known || b->sink->ops->is_defined(b->sink, app->key);
                (void)pthread_mutex_lock(&b->mutex);
                app->has_faults = app->has_faults || known;
                (void)pthread_mutex_unlock(&b->mutex);
        }
        return r;
}

/* When the state cannot be read now, they are shown when their apps come. */
void native_faults_restored(struct sovd_backend *base) {
        struct native *b = native_of(base);

        if (!native_faults_recall(b))
                (void)native_publish_view(b);
}
