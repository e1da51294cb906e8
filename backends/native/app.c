/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an app, connected or not, and the view that is made of all of them. */
#include "backends/native/backend.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

struct native_registration *native_registration_ref(struct native_registration *r) {
        (void)__atomic_add_fetch(&r->n_refs, 1, __ATOMIC_RELAXED);
        return r;
}

struct native_registration *native_registration_unref(struct native_registration *r) {
        if (r && !__atomic_sub_fetch(&r->n_refs, 1, __ATOMIC_ACQ_REL)) {
                sovd_arena_free(r->arena);
                free(r);
        }
        return NULL;
}

/* --- connecting ----------------------------------------------------------------------------------------- */

/* Published values are of the time when they were published: a connection begins without any. */
static void forget_values(struct native_app *app) {
        for (size_t i = 0; app->values && i < app->registration->lists.data.n; i++)
                free(app->values[i].text);
        free(app->values);
        app->values = NULL;
        app->n_value_bytes = 0;
}

void native_app_connect(struct native *b, struct native_app *app, struct native_queue *queue,
                        const struct native_hello *hello, pid_t pid) {
        app->queue = queue;
        app->pid = pid;
        app->session++;
        *app->lost = '\0';
        (void)snprintf(app->name, sizeof(app->name), "%s",
                       hello->name            ? hello->name
                       : app->configured_name ? app->configured_name
                                              : app->id);
        (void)snprintf(app->located_on, sizeof(app->located_on), "%s",
                       hello->located_on ? hello->located_on : "");
        (void)atomic_fetch_add(&b->n_connected, 1);
}

void native_app_disconnect(struct native *b, struct native_app *app, const char *why) {
        app->queue = NULL;
        app->ready = false;
        native_ask_abandon(app);
        native_executions_fail(app, why);
        if (app->values)
                for (size_t i = 0; i < app->registration->lists.data.n; i++) {
                        free(app->values[i].text);
                        app->values[i] = (struct native_value){ 0 };
                }
        app->n_value_bytes = 0;
        (void)atomic_fetch_sub(&b->n_connected, 1);
}

int native_app_register(struct native_app *app, struct native_registration *registration) {
        struct native_value *values = calloc(registration->lists.data.n + 1, sizeof(*values));
        int *levels = native_log_levels(app, &registration->lists.logs);
        if (!values || !levels) {
                free(values);
                free(levels);
                return sovd_error_origin(-ENOMEM);
        }
        if (!registration->lists.logs.n)
                native_ring_clear(&app->ring);
        free(app->log_levels);
        app->log_levels = levels;

        forget_values(app);
        native_registration_unref(app->registration);
        app->registration = registration;
        app->values = values;
        app->ready = true;
        app->has_faults = app->has_faults || registration->lists.faults;
        return 0;
}

void native_app_done(struct native_app *app) {
        forget_values(app);
        native_ring_clear(&app->ring);
        free(app->log_levels);
        native_registration_unref(app->registration);
        for (struct native_execution *x = app->executions; x;) {
                struct native_execution *next = x->next;
                native_execution_free(x);
                x = next;
        }
}

/* --- the view ------------------------------------------------------------------------------------------- */

unsigned native_app_offers(const struct native *b, const struct native_app *app) {
        const struct native_register *lists = app->registration ? &app->registration->lists : NULL;
        unsigned bits = 0;

        if (b->sink && app->has_faults)
                bits |= 1u << SOVD_COLLECTION_FAULTS;
        if (!lists)
                return bits | (app->offered & ~(b->sink ? 0u : 1u << SOVD_COLLECTION_FAULTS));
        bits |= (unsigned)(lists->data.n > 0) << SOVD_COLLECTION_DATA;
        bits |= (unsigned)(lists->operations.n > 0) << SOVD_COLLECTION_OPERATIONS;
        bits |= (unsigned)(lists->modes.n > 0) << SOVD_COLLECTION_MODES;
        bits |= (unsigned)(lists->configurations.n > 0) << SOVD_COLLECTION_CONFIGURATIONS;
        bits |= (unsigned)(lists->logs.n > 0) << SOVD_COLLECTION_LOGS;
        return bits;
}

/* With the mutex held. */
static bool describe(const struct native *b, const struct native_app *app, struct sovd_arena *arena,
                     struct sovd_entity_spec *ret) {
        const char *name = *app->name ? app->name : app->configured_name ? app->configured_name : app->id;

        *ret = (struct sovd_entity_spec){
                .type = app->type,
                .id = app->id,
                .name = sovd_arena_strdup(arena, name),
                .disconnected = !app->ready,
                .collections = native_app_offers(b, app),
        };
        if (app->type == SOVD_APP && *app->located_on) {
                const char **on = sovd_arena_array(arena, const char *, 1);
                if (!on)
                        return false;
                *on = sovd_arena_strdup(arena, app->located_on);
                ret->relations[SOVD_RELATION_IS_LOCATED_ON] =
                        (struct sovd_strings){ .items = on, .n = *on != NULL };
        }
        return ret->name;
}

/* An app of the configuration is listed from the start, as not connected. */
int native_publish_view(struct native *b) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        bool ok = true;

        int r = sovd_arena_new(&arena, 4096);
        if (r)
                return r;
        struct sovd_entity_spec *entities = sovd_arena_array(arena, struct sovd_entity_spec, b->n_apps + 1);
        if (!entities)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&b->mutex);
        for (size_t i = 0; i < b->n_apps; i++)
                ok = ok && describe(b, &b->apps[i], arena, &entities[i]);
        (void)pthread_mutex_unlock(&b->mutex);
        if (!ok)
                return sovd_error_origin(-ENOMEM);

        const struct sovd_view view = { .backend = &b->base,
                                        .entities = entities,
                                        .n_entities = b->n_apps,
                                        .connection = SOVD_CONNECTED };
        r = sovd_backend_publish(&b->base, &view);
        if (r && r != -ENOENT) /* it is being removed */
                sovd_log(SOVD_LOG_ERROR, "backend '%s': its apps could not be taken over: %s", b->base.name,
                         strerror(-r));
        (void)pthread_mutex_lock(&b->mutex);
        b->discovered = true;
        (void)pthread_mutex_unlock(&b->mutex);
        return r;
}
