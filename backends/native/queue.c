/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include <unistd.h>

void native_wake(struct native *b) {
        const uint64_t one = 1;

        /* When it cannot be written the counter is full, so the thread wakes up anyway. */
        if (write(b->wake, &one, sizeof(one)) < 0)
                return;
}

int native_chunk_new(struct native_chunk **ret, struct sovd_json_writer *w) {
        const char *text;
        size_t len;

        int r = sovd_json_writer_finish(w, &text, &len);
        if (r)
                return r;
        struct native_chunk *chunk = malloc(sizeof(*chunk) + NATIVE_HEAD + len);
        if (!chunk)
                return sovd_error_origin(-ENOMEM);
        *chunk = (struct native_chunk){ .len = NATIVE_HEAD + len };
        native_frame_head(chunk->bytes, len);
        memcpy(chunk->bytes + NATIVE_HEAD, text, len);
        *ret = chunk;
        return 0;
}

bool native_queue_add(const struct native *b, struct native_queue *q, struct native_chunk *chunk) {
        if (q->overflow || q->n_bytes + chunk->len > (size_t)b->options.max_queue_bytes.value) {
                q->overflow = true;
                free(chunk);
                return false;
        }
        q->n_bytes += chunk->len;
        if (q->last)
                q->last->next = chunk;
        else
                q->first = chunk;
        q->last = chunk;
        return true;
}

bool native_send(struct native *b, struct native_app *app, uint64_t session, struct native_chunk *chunk) {
        bool sent = false;

        (void)pthread_mutex_lock(&b->mutex);
        if (app->queue && app->session == session)
                sent = native_queue_add(b, app->queue, chunk);
        else
                free(chunk);
        (void)pthread_mutex_unlock(&b->mutex);
        native_wake(b);
        return sent;
}

struct native_queue *native_queue_free(struct native_queue *q) {
        if (!q)
                return NULL;
        for (struct native_chunk *c = q->first; c;) {
                struct native_chunk *next = c->next;
                free(c);
                c = next;
        }
        free(q);
        return NULL;
}
