/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/proximity.h"
#include "sovd-auth/proximity.h"
#include "sovd-core/base/clock.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

#define RETRY_SEC 5

static struct sovd_proximity *proximity_of(const struct sovd_call *call) {
        return sovd_rest_of(call)->proximity;
}

static struct sovd_proximity_of about(const struct sovd_call *call, enum sovd_collection collection,
                                      const char *id) {
        return (struct sovd_proximity_of){ .client = call->principal.id ? call->principal.id : "",
                                           .segments = { sovd_entity_type_paths[call->entity->type],
                                                         call->entity->id, sovd_collection_names[collection],
                                                         id } };
}

static bool is_guarded(const struct sovd_call *call, enum sovd_collection collection, const char *id) {
        const struct sovd_proximity_of of = about(call, collection, id);

        return id && sovd_proximity_demands(proximity_of(call), &of);
}

void sovd_near_mark_operations(const struct sovd_call *call, struct sovd_list *items) {
        struct sovd_operation *all = items->items;

        for (size_t i = 0; i < items->n; i++)
                if (is_guarded(call, SOVD_COLLECTION_OPERATIONS, all[i].id))
                        all[i].proximity_proof_required = SOVD_BOOL(true);
}

void sovd_near_mark_scripts(const struct sovd_call *call, struct sovd_list *items) {
        struct sovd_script *all = items->items;

        for (size_t i = 0; i < items->n; i++)
                if (is_guarded(call, SOVD_COLLECTION_SCRIPTS, all[i].id))
                        all[i].proximity_proof_required = SOVD_BOOL(true);
}

/* --- challenges --------------------------------------------------------------------------------------------- */

static const struct sovd_route *starter_of(enum sovd_collection collection) {
        const char *id = collection == SOVD_COLLECTION_OPERATIONS ? "execution-start" : "script-start";
        const struct sovd_route *route =
                collection == SOVD_COLLECTION_OPERATIONS ? sovd_routes_operations : sovd_routes_scripts;

        while (route->id && strcmp(route->id, id) != 0)
                route++;
        return route->id ? route : NULL;
}

/* Of who has to wait there is none; that the start would be refused is said there. */
static int make_challenge(struct sovd_call *call, enum sovd_collection collection,
                          struct sovd_proximity_challenge **ret) {
        const struct sovd_proximity_of of = about(call, collection, call->params[0]);
        char text[SOVD_ID_SIZE], until[SOVD_TIMESTAMP_SIZE];
        uint64_t usec;
        unsigned wait;

        *ret = NULL;
        int r = sovd_proximity_challenge(proximity_of(call), &of, text, &usec, &wait);
        if (r == SOVD_E_OVERLOAD) {
                (void)sovd_fail(call, r,
                                "too many challenges of proximity are open (auth.proximity_challenges)");
                sovd_fail_retry_after(call, RETRY_SEC);
        }
        if (r)
                return r == SOVD_E_CONFLICT || r == SOVD_E_NOT_FOUND ? 0 : r;
        struct sovd_proximity_challenge *challenge =
                sovd_arena_new0(call->arena, struct sovd_proximity_challenge);
        if (!challenge)
                return sovd_error_origin(-ENOMEM);
        challenge->challenge = sovd_arena_strdup(call->arena, text);
        challenge->valid_until =
                sovd_arena_strdup(call->arena, sovd_clock_format(until, sovd_realtime_usec() + usec));
        *ret = challenge;
        return challenge->challenge && challenge->valid_until ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_near_offer(struct sovd_call *call, enum sovd_collection collection, struct sovd_bool *required,
                    struct sovd_proximity_challenge **challenge) {
        const struct sovd_route *route = starter_of(collection);

        if (!required || !is_guarded(call, collection, call->params[0]))
                return 0;
        const bool both = required->value;
        *required = SOVD_BOOL(true);
        *challenge = NULL;
        if (both || !route || !sovd_gate_may_also(call, route))
                return 0;
        return make_challenge(call, collection, challenge);
}

/* --- answers ------------------------------------------------------------------------------------------------ */

static int backend_demands_operation(struct sovd_call *call, bool *ret) {
        struct sovd_operation_list list = { .items = { .n = 0 } };
        int r = sovd_ops(call, SOVD_COLLECTION_OPERATIONS)->operations_list(call, call->entity, &list);
        const struct sovd_operation *all = list.items.items;

        for (size_t i = 0; !r && i < list.items.n; i++)
                *ret = *ret ||
                       (sovd_streq(all[i].id, call->params[0]) && all[i].proximity_proof_required.value);
        return r;
}

static int backend_demands_script(struct sovd_call *call, bool *ret) {
        struct sovd_script_list list = { .items = { .n = 0 } };
        int r = sovd_ops(call, SOVD_COLLECTION_SCRIPTS)->scripts_list(call, call->entity, &list);
        const struct sovd_script *all = list.items.items;

        for (size_t i = 0; !r && i < list.items.n; i++)
                *ret = *ret ||
                       (sovd_streq(all[i].id, call->params[0]) && all[i].proximity_proof_required.value);
        return r;
}

static int check_backend(struct sovd_call *call, enum sovd_collection collection) {
        bool demands = false;
        int r = collection == SOVD_COLLECTION_OPERATIONS ? backend_demands_operation(call, &demands)
                                                         : backend_demands_script(call, &demands);

        if (r || !demands)
                return r;
        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                         "'%s' needs two proofs of proximity, of a rule of auth.proximity and of the "
                         "backend's own, and a "
                         "request has room for one",
                         call->params[0]);
}

static int refuse(struct sovd_call *call, enum sovd_proximity_verdict verdict, unsigned wait) {
        const char *id = call->params[0];
        int r = SOVD_E_INTERNAL;

        switch (verdict) {
        case SOVD_PROXIMITY_WRONG:
                r = wait ? sovd_fail(call, SOVD_E_FORBIDDEN,
                                     "proximity_response does not answer the challenge; the next attempt is "
                                     "in %u seconds",
                                     wait)
                         : sovd_fail(call, SOVD_E_FORBIDDEN,
                                     "proximity_response does not answer the challenge");
                break;
        case SOVD_PROXIMITY_NOT_OPEN:
                r = sovd_fail(call, SOVD_E_CONFLICT,
                              "no challenge of '%s' is open for this client: read it for a new one", id);
                break;
        case SOVD_PROXIMITY_BUSY:
                wait = 1;
                r = sovd_fail(call, SOVD_E_CONFLICT,
                              "another answer to the challenge of '%s' is looked at now", id);
                break;
        case SOVD_PROXIMITY_WAIT:
                r = sovd_fail(call, SOVD_E_CONFLICT,
                              "'%s' takes no attempt of this client for %u more seconds, after wrong ones",
                              id, wait);
                break;
        case SOVD_PROXIMITY_UNKNOWN:
        case SOVD_PROXIMITY_PROVED:
        case SOVD_PROXIMITY_N_VERDICTS:
                wait = RETRY_SEC;
                r = sovd_fail(call, SOVD_E_UNAVAILABLE,
                              "whether proximity_response is right cannot be found out now");
                break;
        }
        if (wait)
                sovd_fail_retry_after(call, wait);
        return r;
}

static void note(struct sovd_call *call, const char *verdict) {
        ((struct sovd_rest_call *)call)->trail.proximity = verdict;
}

int sovd_near_check(struct sovd_call *call, enum sovd_collection collection, const char **response) {
        const struct sovd_proximity_of of = about(call, collection, call->params[0]);
        const char *given = *response;
        unsigned wait;

        if (!sovd_proximity_demands(proximity_of(call), &of))
                return 0;
        *response = NULL;
        int r = check_backend(call, collection);
        if (r)
                return r;
        if (!given) {
                note(call, "missing");
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/proximity_response",
                                    "'%s' needs a proof of proximity: read it, and answer its challenge",
                                    call->params[0]);
        }
        if (strlen(given) > SOVD_PROXIMITY_RESPONSE_MAX)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/proximity_response",
                                    "member proximity_response is longer than %d bytes",
                                    SOVD_PROXIMITY_RESPONSE_MAX);
        enum sovd_proximity_verdict verdict =
                sovd_proximity_prove(proximity_of(call), &of, given, call->deadline_usec, &wait);
        note(call, sovd_proximity_verdict_names[verdict]);
        return verdict == SOVD_PROXIMITY_PROVED ? 0 : refuse(call, verdict, wait);
}

void sovd_near_withhold(const struct sovd_call *call, enum sovd_collection collection,
                        const char **response) {
        if (is_guarded(call, collection, call->params[0]))
                *response = NULL;
}
