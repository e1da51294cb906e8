/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/pass.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/browser_session.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/principal.h"
#include "sovd-core/state_clock.h"
#include "sovd-rest/access.h"
#include "sovd-rest/authority.h"
#include "sovd-rest/rest.h"
#include <errno.h>
#include <stdio.h>

#define ID_MAX 256
#define BYTES  512 /* enough for a client with few words; there may be thousands */
#define NEVER  UINT64_MAX /* a generation: nobody has looked at it since its request came in */

struct sovd_pass {
        unsigned n_refs; /* atomic */
        struct sovd_arena *arena; /* all of it */
        struct sovd_rest *rest;
        struct sovd_principal principal;
        struct sovd_policy *policy; /* reference */
        const struct sovd_route *route;
        enum sovd_entity_type entity_type;
        const char *entity_id; /* NULL = it is about none */
        const char *params[SOVD_PARAMS_MAX];
        const struct sovd_route *observed; /* what it tells of, too; or NULL */
        const char *observed_params[SOVD_PARAMS_MAX];
        bool leaves_out;     /* what of it is sent goes by the policy, too */
        uint64_t generation; /* of the one that looks at it */
        uint64_t ends_usec;  /* of the state (state_clock.h), of a token that the gateway gave out; 0 = of none */
        bool in_session;     /* it ends with a browser session */
        unsigned char session[SOVD_SESSION_DIGEST];
};

static int copy_params(const struct sovd_pass *pass, const char **to, const char *const *from) {
        for (size_t i = 0; i < SOVD_PARAMS_MAX; i++) {
                to[i] = sovd_arena_strdup(pass->arena, from[i]);
                if (from[i] && !to[i])
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

static uint64_t left_until(uint64_t ends_usec, uint64_t now) {
        return ends_usec > now ? ends_usec - now : 0;
}

static int fill(struct sovd_pass *pass, const struct sovd_call *call) {
        const struct sovd_rest_call *outer = (const struct sovd_rest_call *)call;
        struct sovd_principal principal = call->principal;

        principal.chain = NULL; /* its connection is looked at */
        int r = sovd_principal_copy(&pass->principal, &principal, pass->arena);

        if (principal.expires_usec && sovd_streq(principal.method, sovd_auth_method_names[SOVD_AUTH_SESSION]))
                pass->ends_usec = sovd_state_usec() + left_until(principal.expires_usec, sovd_realtime_usec());
        pass->observed = outer->observed;
        pass->in_session = outer->in_session;
        memcpy(pass->session, outer->session, sizeof(pass->session));
        if (!r)
                r = copy_params(pass, pass->params, call->params);
        if (!r)
                r = copy_params(pass, pass->observed_params, outer->observed_params);
        if (r || !call->entity)
                return r;
        pass->entity_type = call->entity->type;
        pass->entity_id = sovd_arena_strdup(pass->arena, call->entity->id);
        return pass->entity_id ? 0 : sovd_error_origin(-ENOMEM);
}

static bool is_on_data(const struct sovd_route *route) {
        return route->entities && route->collection == SOVD_COLLECTION_DATA;
}

int sovd_pass_new(struct sovd_pass **ret, const struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_rest_call *outer = (const struct sovd_rest_call *)call;
        struct sovd_arena *arena = NULL;

        *ret = NULL;
        if (!outer->rest->authority)
                return 0;
        int r = sovd_arena_new(&arena, BYTES);
        struct sovd_pass *pass = r ? NULL : sovd_arena_new0(arena, struct sovd_pass);
        if (!pass) {
                sovd_arena_free(arena);
                return r ? r : sovd_error_origin(-ENOMEM);
        }
        *pass = (struct sovd_pass){ .n_refs = 1, .arena = arena, .rest = outer->rest, .route = route,
                                    .leaves_out = route->collection == SOVD_COLLECTION_FAULTS || !route->entities ||
                                                  is_on_data(route) || (route->flags & SOVD_TAKES_OUT) || outer->is_anothers_list,
                                    .generation = NEVER };
        r = fill(pass, call);
        if (r) {
                sovd_arena_free(arena);
                return r;
        }
        /* What the request took, though another one may hold by now. */
        pass->policy = outer->policy ? sovd_policy_ref((struct sovd_policy *)(uintptr_t)outer->policy) : NULL;
        *ret = pass;
        return 0;
}

struct sovd_pass *sovd_pass_ref(struct sovd_pass *pass) {
        (void)__atomic_add_fetch(&pass->n_refs, 1, __ATOMIC_RELAXED);
        return pass;
}

struct sovd_pass *sovd_pass_unref(struct sovd_pass *pass) {
        if (!pass || __atomic_sub_fetch(&pass->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        sovd_policy_unref(pass->policy);
        sovd_arena_free(pass->arena); /* which it is in itself */
        return NULL;
}

/* --- does it hold? -------------------------------------------------------------------------------------- */

static bool same_words(const struct sovd_strings *a, const struct sovd_strings *b) {
        if (a->n != b->n || a->set != b->set)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return true;
}

/* May the principal still do the same, so that what is left out for him is the same, too? */
static bool is_unchanged(const struct sovd_pass *pass, const struct sovd_policy *policy, const struct sovd_principal *now) {
        const struct sovd_principal *then = &pass->principal;

        return policy == pass->policy && same_words(&then->roles, &now->roles) && same_words(&then->scopes, &now->scopes) &&
               !then->tenant == !now->tenant && (!then->tenant || strcmp(then->tenant, now->tenant) == 0);
}

static bool is_allowed(struct sovd_pass *pass, const struct sovd_policy *policy) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_principal principal = pass->principal;
        const struct sovd_entity entity = { .type = pass->entity_type, .id = pass->entity_id };
        struct sovd_route_access a;

        if (!sovd_auth_proves(pass->rest->auth, &principal) || sovd_arena_new(&arena, 1024) || sovd_auth_refresh(pass->rest->auth, &principal, arena))
                return false;
        pass->principal.expires_usec = principal.expires_usec;
        if (pass->leaves_out && !is_unchanged(pass, policy, &principal))
                return false;
        const struct sovd_entity *e = entity.id ? &entity : NULL;
        sovd_access_of(&a, pass->route, e, pass->params);
        bool allowed = sovd_policy_decide(policy, &principal, &a.access).verdict == SOVD_ALLOWED;
        if (!allowed || !pass->observed)
                return allowed;
        sovd_access_of(&a, pass->observed, e, pass->observed_params); /* of the same entity (observe.c) */
        return sovd_policy_decide(policy, &principal, &a.access).verdict == SOVD_ALLOWED;
}

bool sovd_pass_stands(struct sovd_pass *pass) {
        const uint64_t generation = sovd_authority_generation(pass->rest->authority) + sovd_auth_changes(pass->rest->auth);

        if (generation == pass->generation)
                return true;
        struct sovd_policy *policy = sovd_authority_policy(pass->rest->authority);
        bool holds = !policy || is_allowed(pass, policy);
        sovd_policy_unref(policy);
        pass->generation = generation;
        return holds;
}

/* A token of the gateway's own goes on when somebody sets the clock of the day, by which its key may have ended. */
static bool has_ended(struct sovd_pass *pass) {
        const uint64_t now = sovd_realtime_usec(), left = left_until(pass->ends_usec, pass->ends_usec ? sovd_state_usec() : 0);

        if (pass->ends_usec && !left)
                return true;
        if (!pass->principal.expires_usec || pass->principal.expires_usec > now)
                return false;
        if (!pass->ends_usec)
                return true;
        pass->principal.expires_usec = now + left;
        pass->generation = NEVER;
        return false;
}

bool sovd_pass_holds(struct sovd_pass *pass) {
        if (has_ended(pass))
                return false;
        if (pass->in_session && !sovd_browser_sessions_hold(pass->rest->browser_sessions, pass->session))
                return false;
        return sovd_pass_stands(pass);
}

/* --- what of the faults --------------------------------------------------------------------------------- */

static bool may_see(const struct sovd_policy *policy, const struct sovd_principal *principal, const char *entity,
                    const char *code) {
        const char *slash = strchr(entity, '/');
        char type[16];

        if (!policy || principal->is_gateway || !*entity) /* of no entity is a restore, which concerns all of them */
                return true;
        if (!slash || (size_t)(slash - entity) >= sizeof(type))
                return false;
        (void)snprintf(type, sizeof(type), "%.*s", (int)(slash - entity), entity);
        const struct sovd_access access = { .method = "GET",
                                            .route = sovd_access_reader_of(SOVD_COLLECTION_FAULTS)->id,
                                            .collection = sovd_collection_names[SOVD_COLLECTION_FAULTS],
                                            .entity_type = type,
                                            .entity_id = slash + 1,
                                            .resource = &code,
                                            .n_resource = *code ? 1 : 0 };
        return sovd_policy_decide(policy, principal, &access).verdict == SOVD_ALLOWED;
}

static bool sees_of_call(void *data, const char *entity, const char *code) {
        const struct sovd_rest_call *outer = data;

        return may_see(outer->policy, &outer->call.principal, entity, code);
}

void sovd_pass_sight(struct sovd_call *call, struct sovd_fault_sight *ret) {
        *ret = (struct sovd_fault_sight){ .sees = ((struct sovd_rest_call *)call)->policy ? sees_of_call : NULL,
                                          .data = call };
}

bool sovd_pass_sees(void *data, const char *entity, const char *code) {
        const struct sovd_pass *pass = data;

        return may_see(pass->policy, &pass->principal, entity, code);
}

void *sovd_pass_hold(void *pass) {
        return sovd_pass_ref(pass);
}

void sovd_pass_release(void *pass) {
        sovd_pass_unref(pass);
}
