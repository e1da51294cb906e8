/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway keeps the locks. Where the owner of an entity has locks of its own, a client gets one here only after
 * the gateway has got one there, and whatever becomes of the one becomes of the other. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/resources.h"

static struct sovd_locks *locks_of(const struct sovd_call *call) {
        return sovd_gateway_locks(call->gateway);
}

/* --- scopes ---------------------------------------------------------------------------------------------- */

static int parse_scopes(struct sovd_call *call, const struct sovd_strings *names, unsigned *ret) {
        unsigned scopes = 0;

        for (size_t i = 0; i < names->n; i++) {
                int scope = sovd_name_find(sovd_collection_names, names->items[i]);
                if (scope < 0 || scope == SOVD_COLLECTION_LOCKS)
                        return sovd_fail_at(call, SOVD_E_BAD_REQUEST,
                                            sovd_call_printf(call, "/scopes/%zu", i),
                                            "'%.64s' is no collection that can be locked", names->items[i]);
                scopes |= 1u << scope;
        }
        *ret = scopes ? scopes : SOVD_LOCK_ALL_SCOPES;
        return 0;
}

static bool name_scopes(struct sovd_call *call, unsigned scopes, struct sovd_strings *ret) {
        *ret = (struct sovd_strings){ .items = sovd_arena_array(call->arena, const char *,
                                                                SOVD_N_COLLECTIONS) };
        for (int c = 0; scopes != SOVD_LOCK_ALL_SCOPES && ret->items && c < SOVD_N_COLLECTIONS; c++)
                if (scopes & (1u << c))
                        ret->items[ret->n++] = sovd_collection_names[c];
        return ret->items;
}

/* --- the backend's own locks -------------------------------------------------------------------------------- */

static bool has_own_locks(const struct sovd_entity *e) {
        return (e->offers & (1u << SOVD_COLLECTION_LOCKS)) && e->owner->ops->lock_acquire;
}

/* The backend that holds a lock for this one, or NULL: another one may serve the entity now. */
static const struct sovd_backend *holder(const struct sovd_entity *e, const struct sovd_lock_info *info) {
        return info->backend_id && strcmp(e->owner->name, info->backend) == 0 ? e->owner : NULL;
}

static bool is_lost(const struct sovd_call *call, int r) {
        return r == SOVD_E_LOCK_BROKEN || (r > 0 && sovd_streq(call->failure.body.error_code, "lock-broken"));
}

static bool is_gone(const struct sovd_call *call, int r) {
        return r == SOVD_E_NOT_FOUND || (r > 0 && call->failure.status == 404);
}

/* Gives a lock back that stands behind none here. When that fails it ends there by time. The failure of the call stays
 * as it is. true: nothing is left of it. */
static bool give_back(struct sovd_call *call, const struct sovd_entity *e, const char *backend_id) {
        const struct sovd_failure before = call->failure;
        const bool acted = call->acted;
        int r = e->owner->ops->lock_release ? e->owner->ops->lock_release(call, e, backend_id) : SOVD_E_NOT_IMPLEMENTED;

        if (r && e->owner->ops->lock_release)
                sovd_log(SOVD_LOG_WARN, "backend '%s' keeps a lock that nobody holds here until it expires",
                         e->owner->name);
        call->failure = before;
        call->acted = acted;
        return !r;
}

static void give_back_broken(struct sovd_call *call, const struct sovd_lock_infos *broken) {
        for (size_t i = 0; i < broken->n; i++) {
                const struct sovd_lock_info *info = &broken->items[i];
                const struct sovd_entity *e = sovd_tree_find(call->tree, info->type, info->entity);
                if (e && holder(e, info) && !info->is_shared)
                        (void)give_back(call, e, info->backend_id);
        }
}

/* --- handlers ------------------------------------------------------------------------------------------------ */

static int created(struct sovd_call *call, const char *id) {
        struct sovd_lock_created *body = sovd_arena_new0(call->arena, struct sovd_lock_created);
        if (!body)
                return sovd_error_origin(-ENOMEM);

        body->id = sovd_arena_strdup(call->arena, id);
        call->out = body;
        call->location = sovd_call_printf(call, "%s/locks/%s", sovd_entity_href(call, call->entity), id);
        return body->id ? 0 : sovd_error_origin(-ENOMEM);
}

/* The backend cannot know whose its locks are, so the rules of breaking are kept here. */
static int acquire_there(struct sovd_call *call, const struct sovd_entity *e, const char **ret_id) {
        struct sovd_lock_request request = *(const struct sovd_lock_request *)call->in;

        if (!has_own_locks(e))
                return 0;
        if (request.break_lock.value && !sovd_locks_may_break(locks_of(call), call))
                request.break_lock.value = false;
        int r = sovd_call_did(call, e->owner->ops->lock_acquire(call, e, &request, ret_id));
        if (r != SOVD_E_NOT_IMPLEMENTED)
                return r;
        call->failure = (struct sovd_failure){ 0 }; /* its dialect has none: then it is locked here only */
        return 0;
}

/* What was reserved becomes a lock once the backend has granted its own. */
static int grant(struct sovd_call *call, const char *id) {
        const struct sovd_entity *e = call->entity;
        struct sovd_lock_infos broken = { 0 };
        const char *backend_id = NULL;

        int r = acquire_there(call, e, &backend_id);
        if (r) {
                sovd_lock_cancel(locks_of(call), id);
                return r;
        }
        r = sovd_lock_grant(locks_of(call), call, id, backend_id ? e->owner->name : NULL, backend_id,
                            &broken);
        if (r && backend_id && give_back(call, e, backend_id))
                call->acted = false;
        if (r)
                return r;
        give_back_broken(call, &broken);
        return created(call, id);
}

static int lock_acquire(struct sovd_call *call) {
        const struct sovd_lock_request *request = call->in;
        struct sovd_lock_wish wish = {
                .duration_usec = (uint64_t)request->lock_expiration.value * SOVD_USEC_PER_SEC,
                .break_lock = request->break_lock.value,
        };
        char id[SOVD_ID_SIZE];

        int r = parse_scopes(call, &request->scopes, &wish.scopes);
        if (!r && wish.break_lock)
                r = sovd_gate_may_break(call);
        if (!r)
                r = sovd_lock_reserve(locks_of(call), call, &wish, id);
        return r ? r : grant(call, id);
}

static int locks_list(struct sovd_call *call) {
        struct sovd_lock_list *list = sovd_arena_new0(call->arena, struct sovd_lock_list);
        struct sovd_lock_infos infos;

        int r = sovd_lock_list(locks_of(call), call, &infos);
        if (r)
                return r;
        struct sovd_lock_reference *items =
                sovd_arena_array(call->arena, struct sovd_lock_reference, infos.n + 1);
        if (!list || !items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < infos.n; i++) {
                items[i].id = infos.items[i].id;
                items[i].owned = SOVD_BOOL(infos.items[i].owned);
                if (!name_scopes(call, infos.items[i].scopes, &items[i].scopes))
                        return sovd_error_origin(-ENOMEM);
        }
        list->items = (struct sovd_list){ .items = items, .n = infos.n, .set = true };
        call->out = list;
        return 0;
}

static int lock_read(struct sovd_call *call) {
        struct sovd_lock_detail *detail = sovd_arena_new0(call->arena, struct sovd_lock_detail);
        char *when = sovd_arena_alloc(call->arena, SOVD_TIMESTAMP_SIZE);
        struct sovd_lock_info info;

        int r = sovd_lock_find(locks_of(call), call, call->params[0], &info);
        if (r)
                return r;
        if (!detail || !when || !name_scopes(call, info.scopes, &detail->scopes))
                return sovd_error_origin(-ENOMEM);
        detail->lock_expiration = sovd_clock_format(when, info.ends_usec);
        detail->owned = SOVD_BOOL(info.owned);
        call->out = detail;
        return 0;
}

/* The lock that the backend holds for it is broken or gone: nothing keeps others out there any more. */
static int lose(struct sovd_call *call, const char *id, int r) {
        if (!is_lost(call, r) && !is_gone(call, r))
                return r;
        sovd_lock_lose(locks_of(call), id);
        return is_lost(call, r)
                       ? r
                       : sovd_fail(call, SOVD_E_LOCK_BROKEN, "the backend no longer knows lock '%s'", id);
}

static int lock_extend(struct sovd_call *call) {
        const struct sovd_lock_extension *in = call->in;
        const uint64_t duration = (uint64_t)in->lock_expiration.value * SOVD_USEC_PER_SEC,
                       now = sovd_boottime_usec();
        struct sovd_lock_info info;

        int r = sovd_lock_check_duration(locks_of(call), call, duration);
        if (!r)
                r = sovd_lock_find_own(locks_of(call), call, call->params[0], &info);
        if (r)
                return r;
        const struct sovd_backend *backend = holder(call->entity, &info);
        if (backend && !backend->ops->lock_extend)
                return sovd_not_offered(call, "extending a lock");
        if (backend)
                r = lose(call, info.id,
                         sovd_call_did(call, backend->ops->lock_extend(call, call->entity, info.backend_id,
                                                                       in->lock_expiration.value)));
        if (r)
                return r;
        r = sovd_lock_extend(locks_of(call), call, info.id, now, duration);
        if (r == SOVD_E_NOT_FOUND && backend && !info.is_shared && /* it expired here meanwhile */
            give_back(call, call->entity, info.backend_id))
                call->acted = false;
        return r;
}

/* It stays when the backend cannot be told: the client may try again, or let it expire on both sides. */
static int lock_release(struct sovd_call *call) {
        struct sovd_lock_info info;

        int r = sovd_lock_find_own(locks_of(call), call, call->params[0], &info);
        if (r == SOVD_E_LOCK_BROKEN)
                return sovd_lock_release(locks_of(call), call, call->params[0]);
        if (r)
                return r;
        const struct sovd_backend *backend = holder(call->entity, &info);
        if (backend && backend->ops->lock_release && !info.is_shared)
                r = sovd_call_did(call, backend->ops->lock_release(call, call->entity, info.backend_id));
        if (is_gone(call, r))
                r = 0;
        return r ? lose(call, info.id, r) : sovd_lock_release(locks_of(call), call, info.id);
}

#define LOCKS .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_LOCKS, .clause = "ISO 17978-3 7.17"

const struct sovd_route sovd_routes_locks[] = { { .id = "locks-list",
                                                  .method = SOVD_GET,
                                                  .path = "/{entity}/locks",
                                                  .handler = locks_list,
                                                  .out = &sovd_schema_lock_list,
                                                  .success = 200,
                                                  .summary = "List the locks on an entity",
                                                  LOCKS },
                                                { .id = "lock-acquire",
                                                  .method = SOVD_POST,
                                                  .path = "/{entity}/locks",
                                                  .handler = lock_acquire,
                                                  .in = &sovd_schema_lock_request,
                                                  .out = &sovd_schema_lock_created,
                                                  .success = 201,
                                                  .summary = "Acquire a lock on an entity",
                                                  LOCKS },
                                                { .id = "lock-read",
                                                  .method = SOVD_GET,
                                                  .path = "/{entity}/locks/{lock-id}",
                                                  .handler = lock_read,
                                                  .out = &sovd_schema_lock_detail,
                                                  .success = 200,
                                                  .summary = "Read a lock",
                                                  LOCKS },
                                                { .id = "lock-extend",
                                                  .method = SOVD_PUT,
                                                  .path = "/{entity}/locks/{lock-id}",
                                                  .handler = lock_extend,
                                                  .in = &sovd_schema_lock_extension,
                                                  .success = 204,
                                                  .summary = "Extend a lock; the clock starts anew",
                                                  LOCKS },
                                                { .id = "lock-release",
                                                  .method = SOVD_DELETE,
                                                  .path = "/{entity}/locks/{lock-id}",
                                                  .handler = lock_release,
                                                  .success = 204,
                                                  .summary = "Release a lock",
                                                  LOCKS },
                                                { 0 } };
