/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/observed.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/observe.h"

static const enum sovd_collection collections[] = {
        [SOVD_CYCLIC] = SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS, [SOVD_TRIGGER] = SOVD_COLLECTION_TRIGGERS
};
static const char *const words[] = { [SOVD_CYCLIC] = "cyclic subscription", [SOVD_TRIGGER] = "trigger" };

static struct sovd_observations *observations_of(const struct sovd_call *call) {
        return sovd_rest_of(call)->observations;
}

const char *sovd_observation_href(struct sovd_call *call, enum sovd_observation_kind kind, const char *id) {
        return sovd_call_printf(call, "%s/%s/%s", sovd_entity_href(call, call->entity),
                                sovd_collection_names[collections[kind]], id);
}

const char *sovd_observation_events(struct sovd_call *call, enum sovd_observation_kind kind, const char *id) {
        return sovd_call_printf(call, "%s/events", sovd_observation_href(call, kind, id));
}

static int tell(struct sovd_call *call, enum sovd_observation_kind kind, int r) {
        switch (r) {
        case SOVD_E_NOT_FOUND:
                return sovd_fail(call, SOVD_E_NOT_FOUND,
                                 "%s '%s' has no %s '%s' here; it never was, was removed or has expired",
                                 sovd_entity_type_words[call->entity->type], call->entity->id, words[kind],
                                 call->params[0]);
        case SOVD_E_FORBIDDEN:
                return sovd_fail(call, SOVD_E_FORBIDDEN,
                                 "this is for the client that created the %s", words[kind]);
        case SOVD_E_CONFLICT:
                return sovd_fail(call, SOVD_E_CONFLICT, "the %s is terminated and cannot be changed any more",
                                 words[kind]);
        default:
                return r;
        }
}

int sovd_observation_read(struct sovd_call *call, enum sovd_observation_kind kind,
                          struct sovd_observation *ret) {
        return tell(call, kind,
                    sovd_observations_find(observations_of(call), kind, call->entity, call->params[0], ret,
                                           call->arena));
}

static void unref(void *stream) {
        sovd_stream_unref(stream);
}

int sovd_observation_stream(struct sovd_call *call, enum sovd_observation_kind kind) {
        struct sovd_stream *stream;
        struct sovd_observation o;
        int r = sovd_observation_read(call, kind, &o);

        if (!r)
                r = sovd_observe_authorize(call, o.resource, o.owner);
        if (r)
                return r;
        r = sovd_observations_stream(observations_of(call), kind, call->entity, call->params[0],
                                         call->principal.id, &stream);

        if (r)
                return tell(call, kind, r);
        call->out = stream;
        return sovd_arena_defer(call->arena, unref, stream);
}

int sovd_observation_add(struct sovd_call *call, const struct sovd_observation_spec *spec,
                         char id[static SOVD_ID_SIZE]) {
        const char *reason = NULL;
        int r = sovd_observations_add(observations_of(call), spec, id, &reason);

        if (r && spec->persistent && !reason)
                return sovd_fail_storage(call, r);
        if (r != SOVD_E_OVERLOAD)
                return r;
        sovd_fail(call, SOVD_E_OVERLOAD, "%s", reason);
        sovd_fail_retry_after(call, 5);
        return r;
}

/* Of a persistent one. */
static int tell_written(struct sovd_call *call, enum sovd_observation_kind kind, int r) {
        return r < 0 || r == SOVD_E_OVERLOAD ? sovd_fail_storage(call, r) : tell(call, kind, r);
}

int sovd_observation_change(struct sovd_call *call, enum sovd_observation_kind kind,
                            const struct sovd_observation_change *change) {
        return tell_written(call, kind,
                    sovd_observations_change(observations_of(call), kind, call->entity, call->params[0],
                                             call->principal.id, change));
}

int sovd_observation_remove(struct sovd_call *call, enum sovd_observation_kind kind) {
        return tell_written(call, kind,
                    sovd_observations_remove(observations_of(call), kind, call->entity, call->params[0],
                                             call->principal.id));
}

const char *sovd_observation_time(struct sovd_call *call, uint64_t utc_usec) {
        char text[SOVD_TIMESTAMP_SIZE];

        return sovd_call_printf(call, "%s", sovd_clock_format(text, utc_usec));
}

const struct sovd_generic_error *sovd_observation_error(struct sovd_call *call,
                                                        const struct sovd_observation *o) {
        struct sovd_generic_error *body = sovd_arena_new0(call->arena, struct sovd_generic_error);
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct cJSON *json;

        if (!body || !o->last_error ||
            sovd_json_parse_in(call->arena, &json, o->last_error, strlen(o->last_error), NULL, &fault) ||
            sovd_schema_decode(&sovd_schema_generic_error, json, body, call->arena, 0, &error))
                return NULL;
        return body;
}
