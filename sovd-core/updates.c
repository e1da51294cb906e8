/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/updates.h"
#include "sovd-core/base/id.h"
#include "sovd-core/call.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

struct sovd_updates {
        pthread_mutex_t mutex; /* leaf; the names below */
        char backend[160];     /* "" = nothing was started yet */
        char id[160];
};

int sovd_updates_new(struct sovd_updates **ret) {
        struct sovd_updates *updates = calloc(1, sizeof(*updates));
        if (!updates)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&updates->mutex, NULL);
        *ret = updates;
        return 0;
}

struct sovd_updates *sovd_updates_free(struct sovd_updates *updates) {
        if (!updates)
                return NULL;

        (void)pthread_mutex_destroy(&updates->mutex);
        free(updates);
        return NULL;
}

/* --- the owner of an id --------------------------------------------------------------------------------- */

static bool is_not_found(const struct sovd_call *call, int r) {
        return r == SOVD_E_NOT_FOUND || (r == SOVD_E_UPSTREAM && call->failure.status == 404);
}

/* What is done with a package at a backend that may be its owner. */
typedef int (*attempt)(struct sovd_call *call, struct sovd_backend *backend, const char *id, void *data);

/* Asks one backend after the other until one knows the id. A backend that cannot be asked is passed over; its failure
 * is the answer when no other one knows the id. */
static int try_each(struct sovd_call *call, const char *id, attempt f, void *data) {
        struct sovd_failure failure = { 0 };
        int failed = 0;
        size_t n;

        struct sovd_backend *const *backends = sovd_tree_updaters(call->tree, &n);
        for (size_t i = 0; i < n; i++) {
                int r = f(call, backends[i], id, data);
                bool passed_over = r == SOVD_E_UNAVAILABLE || r == SOVD_E_NOT_RESPONDING;
                if (!passed_over && !is_not_found(call, r))
                        return r;
                if (passed_over && !failed) {
                        failed = r;
                        failure = call->failure;
                }
                call->failure = (struct sovd_failure){ 0 };
        }
        if (!failed)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is no update package '%.128s'", id);
        call->failure = failure;
        return failed;
}

/* --- the list ------------------------------------------------------------------------------------------- */

static bool has(const struct sovd_strings *list, const char *id) {
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i], id) == 0)
                        return true;
        return false;
}

static int append(struct sovd_call *call, struct sovd_strings *to, const struct sovd_strings *more) {
        const char **items = sovd_arena_array(call->arena, const char *, to->n + more->n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < to->n; i++)
                items[i] = to->items[i];
        to->items = items;
        for (size_t i = 0; i < more->n; i++)
                if (sovd_id_is_valid(more->items[i]) && !has(to, more->items[i]))
                        items[to->n++] = more->items[i];
        return 0;
}

int sovd_updates_list(struct sovd_call *call, const struct sovd_update_filter *filter, struct sovd_update_ids *ret) {
        bool answered = false;
        int r = 0;
        size_t n;

        struct sovd_backend *const *backends = sovd_tree_updaters(call->tree, &n);
        for (size_t i = 0; i < n; i++) {
                struct sovd_update_ids ids = { 0 };
                int failed = backends[i]->ops->updates_list(call, backends[i], filter, &ids);
                if (!failed)
                        failed = append(call, &ret->items, &ids.items);
                if (failed < 0)
                        return failed;
                answered = answered || !failed;
                r = failed ? failed : r;
        }
        if (!answered)
                return r;
        call->failure = (struct sovd_failure){ 0 };
        return 0;
}

/* --- one package ---------------------------------------------------------------------------------------- */

static int try_read(struct sovd_call *call, struct sovd_backend *backend, const char *id, void *data) {
        return backend->ops->update_read(call, backend, id, data);
}

int sovd_updates_read(struct sovd_call *call, const char *id, struct sovd_update_detail *ret) {
        return try_each(call, id, try_read, ret);
}

static int try_status(struct sovd_call *call, struct sovd_backend *backend, const char *id, void *data) {
        return backend->ops->update_status(call, backend, id, data);
}

int sovd_updates_status(struct sovd_call *call, const char *id, struct sovd_update_status *ret) {
        return try_each(call, id, try_status, ret);
}

static int try_delete(struct sovd_call *call, struct sovd_backend *backend, const char *id, void *data) {
        struct sovd_update_status status = { 0 };

        if (backend->ops->update_delete)
                return sovd_call_did(call, backend->ops->update_delete(call, backend, id));
        int r = backend->ops->update_status(call, backend, id, &status);
        return r ? r : sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the backend does not offer to delete update packages");
}

int sovd_updates_delete(struct sovd_call *call, const char *id) {
        return try_each(call, id, try_delete, NULL);
}

/* --- one at a time -------------------------------------------------------------------------------------- */

static void remember(struct sovd_updates *updates, const struct sovd_backend *backend, const char *id) {
        (void)pthread_mutex_lock(&updates->mutex);
        (void)snprintf(updates->backend, sizeof(updates->backend), "%s", backend->name);
        (void)snprintf(updates->id, sizeof(updates->id), "%s", id);
        (void)pthread_mutex_unlock(&updates->mutex);
}

/* The backend that was told to start last, when it is another one than `backend` and still there. */
static struct sovd_backend *other(const struct sovd_call *call, struct sovd_updates *updates,
                                  const struct sovd_backend *backend, char *ret_id, size_t size) {
        char name[sizeof(updates->backend)];
        size_t n;

        (void)pthread_mutex_lock(&updates->mutex);
        memcpy(name, updates->backend, sizeof(name));
        (void)snprintf(ret_id, size, "%s", updates->id);
        (void)pthread_mutex_unlock(&updates->mutex);

        struct sovd_backend *const *backends = sovd_tree_updaters(call->tree, &n);
        for (size_t i = 0; i < n; i++)
                if (backends[i] != backend && strcmp(backends[i]->name, name) == 0)
                        return backends[i];
        return NULL;
}

/* A backend that cannot be asked does not hold up the others. */
static int check_other(struct sovd_call *call, struct sovd_updates *updates, const struct sovd_backend *backend) {
        struct sovd_update_status status = { 0 };
        char id[sizeof(updates->id)];

        struct sovd_backend *busy = other(call, updates, backend, id, sizeof(id));
        if (!busy)
                return 0;
        if (busy->ops->update_status(call, busy, id, &status)) {
                call->failure = (struct sovd_failure){ 0 };
                return 0;
        }
        if (status.status != SOVD_UPDATE_IN_PROGRESS)
                return 0;
        return sovd_fail_update(call, SOVD_E_UPDATE_RUNNING, id, "in progress: wait until it has ended");
}

struct control {
        struct sovd_updates *updates;
        enum sovd_update_action action;
};

static int try_control(struct sovd_call *call, struct sovd_backend *backend, const char *id, void *data) {
        const struct control *control = data;
        struct sovd_update_status status = { 0 };

        int r = backend->ops->update_status(call, backend, id, &status);
        if (!r)
                r = check_other(call, control->updates, backend);
        if (!r)
                r = sovd_call_did(call, backend->ops->update_control(call, backend, id, control->action));
        if (!r)
                remember(control->updates, backend, id);
        return r;
}

int sovd_updates_control(struct sovd_call *call, struct sovd_updates *updates, const char *id,
                         enum sovd_update_action action) {
        struct control control = { updates, action };

        return try_each(call, id, try_control, &control);
}

/* --- registration --------------------------------------------------------------------------------------- */

int sovd_updates_register(struct sovd_call *call, const char *content_type, struct sovd_update_registered *ret) {
        size_t n;

        struct sovd_backend *const *backends = sovd_tree_updaters(call->tree, &n);
        for (size_t i = 0; i < n; i++) {
                if (!backends[i]->ops->update_register)
                        continue;
                int r = sovd_call_did(call, backends[i]->ops->update_register(call, backends[i], content_type, call->raw,
                                                                              call->raw_len, ret));
                if (!r && (!sovd_id_is_valid(ret->id) || sovd_id_is_reserved(ret->id)))
                        return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                         "the backend registered the package under an id that cannot be used");
                return r;
        }
        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "no backend takes registrations of update packages");
}
