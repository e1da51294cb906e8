/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/gateway.h"
#include "sovd-core/feature_switches.h"
#include "sovd-core/call.h"
#include "sovd-core/data_watches.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/updates.h"
#include <errno.h>
#include <pthread.h>

/* What a backend published last. */
struct member {
        struct sovd_backend *backend; /* reference */
        struct sovd_arena *arena;     /* of the view; NULL = nothing published yet */
        struct sovd_view view;
        bool inherited;               /* the view is that of the backend before; it stays until this one is connected */
};

#define CLEAR_HOOKS_MAX 8

struct clear_hook {
        sovd_clear_hook f;
        void *data;
};

struct sovd_gateway {
        uint64_t started_usec;
        struct sovd_db *db;
        struct sovd_executions *executions;
        struct sovd_fault_sink *fault_sink;
        struct sovd_audit *audit;
        struct sovd_features *features; /* or NULL: there is no database */
        struct sovd_data_lists *data_lists;
        struct sovd_idempotency *idempotency;
        struct sovd_updates *updates;
        struct clear_hook clear_hooks[CLEAR_HOOKS_MAX]; /* set before the first request */
        size_t n_clear_hooks;
        struct sovd_locks *locks;
        struct sovd_data_watches *data_watches; /* atomic; set once, outlives the backends; or NULL */

        pthread_mutex_t build_mutex;  /* members and the building of trees */
        struct member members[SOVD_BACKENDS_MAX];
        size_t n_members;

        pthread_mutex_t tree_mutex;   /* leaf: the pointer only */
        struct sovd_tree *tree;
};

void sovd_gateway_set_audit(struct sovd_gateway *gateway, struct sovd_audit *audit) {
        gateway->audit = audit;
}

struct sovd_audit *sovd_gateway_audit(const struct sovd_gateway *gateway) {
        return gateway->audit;
}

struct sovd_features *sovd_gateway_features(const struct sovd_gateway *gateway) {
        return gateway->features;
}

static void forget_data_lists(void *data, const struct sovd_entity *entity, const struct sovd_principal *principal) {
        (void)sovd_data_lists_clear(data, principal->id, entity);
}

int sovd_gateway_new(struct sovd_gateway **ret, const struct sovd_gateway_options *options) {
        _cleanup_(sovd_gateway_freep) struct sovd_gateway *gateway = calloc(1, sizeof(*gateway));
        if (!gateway)
                return sovd_error_origin(-ENOMEM);

        gateway->started_usec = sovd_now_usec();
        gateway->db = options->db;
        (void)pthread_mutex_init(&gateway->build_mutex, NULL);
        (void)pthread_mutex_init(&gateway->tree_mutex, NULL);
        struct sovd_locks_options locks = options->locks;
        locks.db = options->db;
        int r = sovd_tree_new(&gateway->tree, NULL, 0);
        if (!r)
                r = sovd_executions_new(&gateway->executions, options->db, options->executions_max,
                                        options->executions_retention_usec);
        if (!r)
                sovd_executions_limit_clients(gateway->executions, options->executions_per_client);
        if (!r)
                r = sovd_data_lists_new(&gateway->data_lists, &options->data_lists);
        if (!r)
                r = sovd_gateway_on_clear(gateway, forget_data_lists, gateway->data_lists);
        if (!r)
                r = sovd_idempotency_new(&gateway->idempotency, options->db, &options->idempotency);
        if (!r)
                r = sovd_updates_new(&gateway->updates);
        if (!r)
                r = sovd_locks_new(&gateway->locks, &locks);
        if (!r && options->db)
                r = sovd_features_new(&gateway->features, options->db);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the state of before cannot be taken in: %s", strerror(abs(r)));
        if (r)
                return r;

        *ret = SOVD_TAKE(gateway);
        return 0;
}

struct sovd_gateway *sovd_gateway_free(struct sovd_gateway *gateway) {
        if (!gateway)
                return NULL;

        sovd_gateway_stop(gateway);
        sovd_tree_unref(gateway->tree);
        sovd_executions_free(gateway->executions);
        sovd_data_lists_free(gateway->data_lists);
        sovd_idempotency_free(gateway->idempotency);
        sovd_updates_free(gateway->updates);
        sovd_locks_free(gateway->locks);
        sovd_features_free(gateway->features);
        (void)pthread_mutex_destroy(&gateway->build_mutex);
        (void)pthread_mutex_destroy(&gateway->tree_mutex);
        free(gateway);
        return NULL;
}

void sovd_gateway_stop(struct sovd_gateway *gateway) {
        if (gateway->locks)
                sovd_locks_stop(gateway->locks);
        while (gateway->n_members)
                sovd_gateway_remove(gateway, gateway->members[gateway->n_members - 1].backend);
}

struct sovd_tree *sovd_gateway_tree(struct sovd_gateway *gateway) {
        (void)pthread_mutex_lock(&gateway->tree_mutex);
        struct sovd_tree *tree = sovd_tree_ref(gateway->tree);
        (void)pthread_mutex_unlock(&gateway->tree_mutex);
        return tree;
}

static void swap(struct sovd_gateway *gateway, struct sovd_tree *tree) {
        (void)pthread_mutex_lock(&gateway->tree_mutex);
        struct sovd_tree *old = gateway->tree;
        gateway->tree = tree;
        (void)pthread_mutex_unlock(&gateway->tree_mutex);
        sovd_tree_unref(old);
}

static bool is_known_clash(const struct sovd_clash *clashes, size_t n, const struct sovd_clash *clash) {
        for (size_t i = 0; i < n; i++)
                if (clashes[i].type == clash->type && clashes[i].loser == clash->loser &&
                    strcmp(clashes[i].id, clash->id) == 0)
                        return true;
        return false;
}

/* Each clash is logged when it begins, not at every refresh. */
static void report_clashes(const struct sovd_tree *old, const struct sovd_tree *new) {
        size_t n_old, n_new;
        const struct sovd_clash *before = sovd_tree_clashes(old, &n_old), *now = sovd_tree_clashes(new, &n_new);

        for (size_t i = 0; i < n_new; i++)
                if (!is_known_clash(before, n_old, &now[i]))
                        sovd_log(SOVD_LOG_WARN, "%s '%s' of backend '%s' is left out: backend '%s' has it already",
                                 sovd_entity_type_words[now[i].type], now[i].id, now[i].loser->name,
                                 now[i].owner->name);
}

static size_t list_views(const struct sovd_gateway *gateway, bool remembered, struct sovd_view *ret) {
        size_t n = 0;

        for (size_t i = 0; i < gateway->n_members; i++)
                if (gateway->members[i].arena && gateway->members[i].view.remembered == remembered)
                        ret[n++] = gateway->members[i].view;
        return n;
}

/* With build_mutex held. What is only remembered stands behind what was seen, so that it keeps nothing from it. */
static int rebuild(struct sovd_gateway *gateway) {
        struct sovd_view views[SOVD_BACKENDS_MAX];
        struct sovd_tree *tree;

        size_t n = list_views(gateway, false, views);
        n += list_views(gateway, true, &views[n]);
        int r = sovd_tree_new(&tree, views, n);
        if (r)
                return r;

        report_clashes(gateway->tree, tree); /* only this function replaces the tree */
        swap(gateway, tree);
        return 0;
}

static const char *copy(struct sovd_arena *arena, const char *s, bool *ok) {
        const char *c = sovd_arena_strdup(arena, s);

        if (s && !c)
                *ok = false;
        return c;
}

static void copy_all(struct sovd_arena *arena, struct sovd_strings *strings, bool *ok) {
        const char **items = sovd_arena_array(arena, const char *, strings->n + 1);

        if (!items) {
                *ok = false;
                *strings = (struct sovd_strings){ 0 };
                return;
        }
        for (size_t i = 0; i < strings->n; i++)
                items[i] = copy(arena, strings->items[i], ok);
        strings->items = items;
}

static void copy_spec(struct sovd_arena *arena, struct sovd_entity_spec *spec, bool *ok) {
        spec->id = copy(arena, spec->id, ok);
        spec->name = copy(arena, spec->name, ok);
        spec->translation_id = copy(arena, spec->translation_id, ok);
        spec->category = copy(arena, spec->category, ok);
        spec->description = copy(arena, spec->description, ok);
        spec->variant = copy(arena, spec->variant, ok);
        copy_all(arena, &spec->tags, ok);
        for (int k = 0; k < SOVD_N_RELATIONS; k++)
                copy_all(arena, &spec->relations[k], ok);
}

static int copy_view(struct sovd_arena *arena, const struct sovd_view *view, struct sovd_view *ret) {
        bool ok = true;

        *ret = *view;
        ret->entities = sovd_arena_array(arena, struct sovd_entity_spec, view->n_entities + 1);
        if (!ret->entities)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < view->n_entities; i++) {
                ret->entities[i] = view->entities[i];
                copy_spec(arena, &ret->entities[i], &ok);
        }
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

static struct member *member_of(struct sovd_gateway *gateway, const struct sovd_backend *backend) {
        for (size_t i = 0; i < gateway->n_members; i++)
                if (gateway->members[i].backend == backend)
                        return &gateway->members[i];
        return NULL;
}

/* With build_mutex held. Takes the arena over when it returns 0. */
static int replace_view(struct sovd_gateway *gateway, struct sovd_backend *backend, const struct sovd_view *view,
                        struct sovd_arena *arena) {
        struct member *member = member_of(gateway, backend);
        if (!member)
                return -ENOENT; /* it was removed meanwhile */

        struct member before = *member;
        member->arena = arena;
        member->view = *view;
        member->inherited = false;
        int r = rebuild(gateway);
        if (r)
                *member = before;
        else
                sovd_arena_free(before.arena);
        return r;
}

int sovd_backend_publish(struct sovd_backend *backend, const struct sovd_view *view) {
        struct sovd_gateway *gateway = backend->gateway;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_view copied;

        int r = sovd_arena_new(&arena, 4096);
        if (!r)
                r = copy_view(arena, view, &copied);
        if (r)
                return r;
        copied.backend = backend;

        (void)pthread_mutex_lock(&gateway->build_mutex);
        struct member *member = member_of(gateway, backend);
        if (member && member->inherited && view->connection != SOVD_CONNECTED) {
                member->view.connection = view->connection; /* it knows less than the one before did */
                r = rebuild(gateway);
        } else {
                r = replace_view(gateway, backend, &copied, arena);
                if (!r)
                        (void)SOVD_TAKE(arena);
        }
        (void)pthread_mutex_unlock(&gateway->build_mutex);
        return r;
}

int sovd_gateway_add(struct sovd_gateway *gateway, struct sovd_backend *backend) {
        (void)pthread_mutex_lock(&gateway->build_mutex);
        bool room = gateway->n_members < SOVD_BACKENDS_MAX;
        if (room)
                gateway->members[gateway->n_members++] = (struct member){ .backend = backend };
        (void)pthread_mutex_unlock(&gateway->build_mutex);
        if (!room) {
                sovd_backend_unref(backend);
                return sovd_error_origin(-ENOSPC);
        }

        backend->gateway = gateway;
        int r = backend->ops->start(backend);
        if (r)
                sovd_gateway_remove(gateway, backend);
        return r;
}

void sovd_gateway_remove(struct sovd_gateway *gateway, struct sovd_backend *backend) {
        backend->ops->stop(backend);

        (void)pthread_mutex_lock(&gateway->build_mutex);
        struct member *member = member_of(gateway, backend);
        if (!member) {
                (void)pthread_mutex_unlock(&gateway->build_mutex);
                return;
        }
        struct sovd_arena *arena = member->arena;
        SOVD_REMOVE(gateway->members, gateway->n_members, (size_t)(member - gateway->members));
        if (rebuild(gateway))
                sovd_log(SOVD_LOG_ERROR, "backend '%s' is removed, but its entities stay listed: out of memory",
                         backend->name);
        (void)pthread_mutex_unlock(&gateway->build_mutex);

        sovd_arena_free(arena);
        sovd_backend_unref(backend);
}

/* With build_mutex held. */
static void hand_over(struct sovd_gateway *gateway, struct sovd_backend *old, struct sovd_backend *new) {
        struct member *member = member_of(gateway, old);

        if (!member)
                return;
        member->backend = new;
        member->inherited = member->arena != NULL;
        member->view.backend = new;
        member->view.connection = SOVD_CONNECTING;
        if (rebuild(gateway))
                sovd_log(SOVD_LOG_ERROR, "backend '%s' takes over late: out of memory", new->name);
}

int sovd_gateway_replace(struct sovd_gateway *gateway, struct sovd_backend *old, struct sovd_backend *new) {
        old->ops->stop(old);
        new->gateway = gateway;

        (void)pthread_mutex_lock(&gateway->build_mutex);
        hand_over(gateway, old, new);
        (void)pthread_mutex_unlock(&gateway->build_mutex);
        sovd_backend_unref(old);

        int r = new->ops->start(new);
        if (r)
                sovd_gateway_remove(gateway, new);
        return r;
}

void sovd_gateway_reorder(struct sovd_gateway *gateway, const char *const *order, size_t n) {
        (void)pthread_mutex_lock(&gateway->build_mutex);
        for (size_t i = 0; i < n && i < gateway->n_members; i++)
                for (size_t k = i; k < gateway->n_members; k++)
                        if (strcmp(gateway->members[k].backend->name, order[i]) == 0) {
                                struct member found = gateway->members[k];
                                memmove(&gateway->members[i + 1], &gateway->members[i], (k - i) * sizeof(found));
                                gateway->members[i] = found;
                                break;
                        }
        if (rebuild(gateway))
                sovd_log(SOVD_LOG_ERROR, "the order of backends takes effect later: out of memory");
        (void)pthread_mutex_unlock(&gateway->build_mutex);
}

size_t sovd_gateway_backends(struct sovd_gateway *gateway, struct sovd_backend **ret, size_t max) {
        (void)pthread_mutex_lock(&gateway->build_mutex);
        size_t n = 0;
        for (size_t i = 0; i < gateway->n_members && n < max; i++)
                if (!gateway->members[i].backend->ops->is_gateway)
                        ret[n++] = sovd_backend_ref(gateway->members[i].backend);
        (void)pthread_mutex_unlock(&gateway->build_mutex);
        return n;
}

bool sovd_gateway_is_discovered(struct sovd_gateway *gateway) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(gateway, backends, SOVD_BACKENDS_MAX);
        bool all = true;

        for (size_t i = 0; i < n; i++) {
                struct sovd_backend_status status = { 0 };
                backends[i]->ops->status(backends[i], &status);
                all = all && status.discovered;
                sovd_backend_unref(backends[i]);
        }
        return all;
}

struct sovd_db *sovd_gateway_db(const struct sovd_gateway *gateway) {
        return gateway->db;
}

struct sovd_executions *sovd_gateway_executions(struct sovd_gateway *gateway) {
        return gateway->executions;
}

struct sovd_data_lists *sovd_gateway_data_lists(struct sovd_gateway *gateway) {
        return gateway->data_lists;
}

struct sovd_idempotency *sovd_gateway_idempotency(struct sovd_gateway *gateway) {
        return gateway->idempotency;
}

struct sovd_updates *sovd_gateway_updates(struct sovd_gateway *gateway) {
        return gateway->updates;
}

void sovd_gateway_set_data_watches(struct sovd_gateway *gateway, struct sovd_data_watches *watches) {
        __atomic_store_n(&gateway->data_watches, watches, __ATOMIC_RELEASE);
}

void sovd_backend_value_changed(const struct sovd_backend *backend, enum sovd_entity_type type, const char *entity,
                                const char *id) {
        struct sovd_data_watches *watches = __atomic_load_n(&backend->gateway->data_watches, __ATOMIC_ACQUIRE);

        if (watches)
                sovd_data_watches_changed(watches, type, entity, id);
}

int sovd_gateway_on_clear(struct sovd_gateway *gateway, sovd_clear_hook f, void *data) {
        if (gateway->n_clear_hooks == CLEAR_HOOKS_MAX)
                return sovd_error_origin(-ENOSPC);
        gateway->clear_hooks[gateway->n_clear_hooks++] = (struct clear_hook){ f, data };
        return 0;
}

void sovd_gateway_clear_client_defined(struct sovd_gateway *gateway, const struct sovd_entity *entity,
                                       const struct sovd_principal *principal) {
        for (size_t i = 0; i < gateway->n_clear_hooks; i++)
                gateway->clear_hooks[i].f(gateway->clear_hooks[i].data, entity, principal);
}

struct sovd_locks *sovd_gateway_locks(struct sovd_gateway *gateway) {
        return gateway->locks;
}

uint64_t sovd_gateway_started_usec(const struct sovd_gateway *gateway) {
        return gateway->started_usec;
}

void sovd_gateway_set_fault_sink(struct sovd_gateway *gateway, struct sovd_fault_sink *sink) {
        gateway->fault_sink = sink;
}

struct sovd_fault_sink *sovd_gateway_fault_sink(const struct sovd_gateway *gateway) {
        return gateway->fault_sink;
}
