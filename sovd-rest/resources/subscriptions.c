/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/subscriptions.h"
#include "sovd-rest/observe.h"
#include "sovd-rest/resources/observed.h"
#include "sovd-rest/settings.h"
#include <cjson/cJSON.h>

static struct sovd_subscription describe(struct sovd_call *call, const struct sovd_observation *o) {
        const char *resource = sovd_call_printf(call, "%s%s", call->base, o->resource);
        const char *events = sovd_observation_events(call, SOVD_CYCLIC, o->id);

        return (struct sovd_subscription){
                .id = sovd_call_printf(call, "%s", o->id),
                .resource = resource,
                .observed_resource = resource,
                .subscription = events,
                .event_source = events,
                .protocol = 1,
                .interval = o->interval,
                .expires = sovd_observation_time(call, o->expires_usec),
                .last_error = sovd_observation_error(call, o),
        };
}

/* What GET answers with: an object, or for some lists an array (defect D09). */
static struct cJSON *payload_schema(const struct sovd_route *route) {
        struct cJSON *schema = sovd_schema_openapi_inline(route->out);

        if (!(route->flags & SOVD_BARE_LIST))
                return schema;
        struct cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
        struct cJSON *list = cJSON_DetachItemViaPointer(properties, properties ? properties->child : NULL);
        cJSON_Delete(schema);
        return list;
}

/* Answers with one; its events are schematised when the request asks for schemas. */
static int answer(struct sovd_call *call, const struct sovd_observation *o) {
        struct sovd_subscription *s = sovd_arena_new0(call->arena, struct sovd_subscription);
        struct sovd_observed observed;
        if (!s)
                return sovd_error_origin(-ENOMEM);

        *s = describe(call, o);
        if (sovd_wants_schema(call) &&
            sovd_observe_resolve(call, sovd_call_printf(call, SOVD_API_BASE "%s", o->resource), &observed) ==
                    0)
                s->event_schema =
                        sovd_observe_event_schema(call, payload_schema(observed.route));
        call->failure = (struct sovd_failure){ 0 };
        call->out = s;
        return 0;
}

static int check_duration(struct sovd_call *call, const struct sovd_int *duration) {
        int64_t max = sovd_rest_of(call)->events->duration_max.value;

        if (!duration->set || duration->value <= max)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/duration",
                            "member duration may be at most %lld s (events.duration_max_secs)",
                            (long long)max);
}

static int subscriptions_list(struct sovd_call *call) {
        struct sovd_subscription_list *list = sovd_arena_new0(call->arena, struct sovd_subscription_list);
        struct sovd_observation *found;
        size_t n;
        if (!list)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_observations_list(sovd_rest_of(call)->observations, SOVD_CYCLIC, call->entity, &found,
                                       &n, call->arena);
        if (r)
                return r;
        struct sovd_subscription *items = sovd_arena_array(call->arena, struct sovd_subscription, n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < n; i++)
                items[i] = describe(call, &found[i]);
        list->items = (struct sovd_list){ .items = items, .n = n };
        call->out = list;
        return 0;
}

/* What cannot be read because it is not there is a mistake; what cannot be read now will be tried again. */
static int check_readable(struct sovd_call *call, const struct sovd_observed *observed) {
        const struct cJSON *body;
        int r = sovd_observe_once(call, observed, &body);

        if (r == SOVD_E_NOT_FOUND || (r == SOVD_E_UPSTREAM && call->failure.status == 404))
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/resource",
                                    "member resource leads nowhere: %s", call->failure.body.message);
        if (r == SOVD_E_BAD_REQUEST || r == SOVD_E_FORBIDDEN || r == SOVD_E_NOT_IMPLEMENTED || r < 0)
                return r;
        call->failure = (struct sovd_failure){ 0 };
        return 0;
}

static int start(struct sovd_call *call, const struct sovd_subscription_new *new,
                 const struct sovd_observed *observed, struct sovd_observation *ret) {
        const struct sovd_observation_spec spec = {
                .kind = SOVD_CYCLIC,
                .entity = call->entity,
                .owner = call->principal,
                .base = call->base,
                .resource = observed->resource,
                .is_private = observed->route->collection == SOVD_COLLECTION_DATA_LISTS,
                .source = observed->source,
                .period_usec = sovd_settings_period(sovd_rest_of(call)->events, new->interval),
                .lifetime_usec = (uint64_t) new->duration.value *SOVD_USEC_PER_SEC,
                .interval = new->interval,
        };
        char id[SOVD_ID_SIZE];
        int r = sovd_observation_add(call, &spec, id);

        if (r)
                return r;
        call->location = sovd_observation_href(call, SOVD_CYCLIC, id);
        r = sovd_observations_find(sovd_rest_of(call)->observations, SOVD_CYCLIC, call->entity, id, ret,
                                   call->arena);
        return r > 0 ? sovd_fail(call, SOVD_E_CONFLICT, "the subscription has expired before it was answered")
                     : r;
}

static int subscription_create(struct sovd_call *call) {
        const struct sovd_subscription_new *new = call->in;
        struct sovd_observed observed;
        struct sovd_observation o;

        int r = check_duration(call, &new->duration);
        if (!r)
                r = sovd_observe_resolve(call, new->resource, &observed);
        if (!r)
                r = check_readable(call, &observed);
        if (!r)
                r = start(call, new, &observed, &o);
        return r ? r : answer(call, &o);
}

static int subscription_read(struct sovd_call *call) {
        struct sovd_observation o;

        if (call->wants_events)
                return sovd_observation_stream(call, SOVD_CYCLIC);
        int r = sovd_observation_read(call, SOVD_CYCLIC, &o);
        return r ? r : answer(call, &o);
}

static int subscription_change(struct sovd_call *call) {
        const struct sovd_subscription_change *in = call->in;
        const struct sovd_observation_change change = {
                .interval = in->interval,
                .period_usec =
                        in->interval ? sovd_settings_period(sovd_rest_of(call)->events, in->interval) : 0,
                .lifetime_usec = in->duration.set ? (uint64_t)in->duration.value * SOVD_USEC_PER_SEC : 0,
        };
        struct sovd_observation o;

        int r = check_duration(call, &in->duration);
        if (!r)
                r = sovd_observation_change(call, SOVD_CYCLIC, &change);
        if (!r)
                r = sovd_observation_read(call, SOVD_CYCLIC, &o);
        return r ? r : answer(call, &o);
}

static int subscription_remove(struct sovd_call *call) {
        return sovd_observation_remove(call, SOVD_CYCLIC);
}

static int events_read(struct sovd_call *call) {
        return sovd_observation_stream(call, SOVD_CYCLIC);
}

#define SUBSCRIPTIONS                                                                                        \
        .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS,                     \
        .clause = "ISO 17978-3 7.10"

const struct sovd_route sovd_routes_subscriptions[] = {
        { .id = "subscriptions-list",
          .method = SOVD_GET,
          .path = "/{entity}/cyclic-subscriptions",
          .handler = subscriptions_list,
          .out = &sovd_schema_subscription_list,
          .success = 200,
          .summary = "List the cyclic subscriptions of an entity",
          SUBSCRIPTIONS },
        { .id = "subscription-create",
          .method = SOVD_POST,
          .path = "/{entity}/cyclic-subscriptions",
          .handler = subscription_create,
          .flags = SOVD_INCLUDE_SCHEMA | SOVD_TEMPORARY,
          .in = &sovd_schema_subscription_new,
          .out = &sovd_schema_subscription,
          .success = 201,
          .summary = "Have a resource read again and again",
          SUBSCRIPTIONS },
        { .id = "subscription-read",
          .method = SOVD_GET,
          .path = "/{entity}/cyclic-subscriptions/{subscription-id}",
          .handler = subscription_read,
          .flags = SOVD_INCLUDE_SCHEMA | SOVD_OR_EVENTS,
          .out = &sovd_schema_subscription,
          .success = 200,
          .summary = "Read a cyclic subscription, or its events with Accept: text/event-stream",
          SUBSCRIPTIONS },
        { .id = "subscription-change",
          .method = SOVD_PUT,
          .path = "/{entity}/cyclic-subscriptions/{subscription-id}",
          .handler = subscription_change,
          .flags = SOVD_TEMPORARY,
          .in = &sovd_schema_subscription_change,
          .out = &sovd_schema_subscription,
          .success = 200,
          .summary = "Change the interval or the duration",
          SUBSCRIPTIONS },
        { .id = "subscription-remove",
          .method = SOVD_DELETE,
          .path = "/{entity}/cyclic-subscriptions/{subscription-id}",
          .handler = subscription_remove,
          .success = 204,
          .summary = "End a cyclic subscription and its events",
          SUBSCRIPTIONS },
        { .id = "subscription-events",
          .method = SOVD_GET,
          .path = "/{entity}/cyclic-subscriptions/{subscription-id}/events",
          .handler = events_read,
          .flags = SOVD_EVENTS,
          .success = 200,
          .summary = "Read the events of a cyclic subscription",
          SUBSCRIPTIONS },
        { 0 }
};
