/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/events.h"
#include "sovd-core/fault_sink.h"
#include "sovd-rest/resources/fault_filter.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/pass.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/target.h"
#include <errno.h>

#define FILTERS                                                                                              \
        { "severity", SOVD_QUERY_INT, "Only faults with a severity below this number." },                    \
                { "status", SOVD_QUERY_MAP,                                                                  \
                  "Only changes to a status that has this value, as status[key]=value; several are "         \
                  "OR-ed." },                                                                                \
                { "scope", SOVD_QUERY_STRING, "The fault memory." },                                         \
                { "code", SOVD_QUERY_STRINGS, "Only these faults." }, {                                      \
                "snapshot", SOVD_QUERY_BOOL, "First the faults that are there now."                          \
        }
static const struct sovd_query_param entity_query[] = { FILTERS, { 0 } };
static const struct sovd_query_param vehicle_query[] = {
        FILTERS,
        { "entity", SOVD_QUERY_STRINGS, "Only faults of these entities, such as apps/navigation." },
        { 0 }
};

/* --- filter --------------------------------------------------------------------------------------------- */

static bool is_wanted(struct sovd_call *call, struct sovd_fault_sink *sink, uint8_t status) {
        for (size_t i = 0; i < call->n_query; i++)
                if (call->query[i].key && strcmp(call->query[i].name, "status") == 0 &&
                    sink->ops->status_matches(sink, status, call->query[i].key, call->query[i].value))
                        return true;
        return false;
}

/* There are 256 different ones: asked once here, and not for every event. */
static void set_statuses(struct sovd_call *call, struct sovd_event_filter *filter) {
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);

        for (size_t i = 0; i < call->n_query; i++)
                filter->by_status = filter->by_status ||
                                    (call->query[i].key && strcmp(call->query[i].name, "status") == 0);
        for (unsigned s = 0; s < 256 && filter->by_status && sink; s++)
                if (is_wanted(call, sink, (uint8_t)s))
                        filter->statuses[s / 8] |= (uint8_t)(1u << (s % 8));
}

static int make_filter(struct sovd_call *call, struct sovd_event_filter *filter) {
        struct sovd_int severity = { 0 };
        struct sovd_strings codes;

        if (!sovd_call_query_all(call, "code", &codes))
                return sovd_error_origin(-ENOMEM);
        filter->codes = codes.items;
        filter->n_codes = codes.n;
        filter->scope = sovd_call_query(call, "scope");
        set_statuses(call, filter);
        int r = sovd_fault_severity_take(call, &severity);
        filter->severity_below = severity.value; /* 0 without it */
        return r;
}

static int no_such_entity(struct sovd_call *call, const char *name) {
        return sovd_fail(call, SOVD_E_NO_ENTITY, "there is no '%s', which query parameter 'entity' names",
                         name);
}

/* "apps/navigation", encoded as it is in events. */
static int find_entity(struct sovd_call *call, const char *name, const char **ret) {
        struct sovd_target target;
        const char *reason;

        int r = sovd_target_parse(&target, sovd_call_printf(call, "/%s", name), call->arena, &reason);
        if (r < 0)
                return r;
        int type = !r && target.n == 2 ? sovd_name_find(sovd_entity_type_paths, target.segments[0]) : -1;
        const struct sovd_entity *e =
                type < 0 ? NULL : sovd_tree_find(call->tree, (enum sovd_entity_type)type, target.segments[1]);
        if (!e)
                return no_such_entity(call, name);
        if (!e->providers[SOVD_COLLECTION_FAULTS])
                return sovd_fail(call, SOVD_E_NOT_FOUND,
                                 "'%s', which query parameter 'entity' names, offers no faults", name);
        *ret = sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[e->type], e->id);
        return 0;
}

static int set_entities(struct sovd_call *call, struct sovd_event_filter *filter) {
        struct sovd_strings names;
        if (!sovd_call_query_all(call, "entity", &names))
                return sovd_error_origin(-ENOMEM);

        const char **keys = sovd_arena_array(call->arena, const char *, names.n + 1);
        if (!keys)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < names.n; i++) {
                int r = find_entity(call, names.items[i], &keys[i]);
                if (r)
                        return r;
        }
        filter->entities = keys;
        filter->n_entities = names.n;
        return 0;
}

static int set_this_entity(struct sovd_call *call, struct sovd_event_filter *filter) {
        const char **key = sovd_arena_array(call->arena, const char *, 1);
        if (!key)
                return sovd_error_origin(-ENOMEM);

        *key = sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[call->entity->type], call->entity->id);
        filter->entities = key;
        filter->n_entities = 1;
        return **key ? 0 : sovd_error_origin(-ENOMEM);
}

static const struct sovd_route *this_route(const struct sovd_call *call) {
        return &sovd_routes_fault_streams[call->entity ? 0 : 1];
}

/* The reader outlives the request, so what it sees goes by a pass that it holds. */
static int set_sight(struct sovd_call *call, struct sovd_event_filter *filter) {
        struct sovd_pass *pass;

        if (!sovd_gate_is_narrowed(call))
                return 0;
        int r = sovd_pass_new(&pass, call, this_route(call));
        if (r || !pass)
                return r;
        filter->sight = (struct sovd_fault_sight){ sovd_pass_sees, pass };
        filter->hold = sovd_pass_hold;
        filter->release = sovd_pass_release;
        return sovd_arena_defer(call->arena, sovd_pass_release, pass);
}

/* --- place ---------------------------------------------------------------------------------------------- */

static bool parse_id(const char *s, uint64_t *ret) {
        uint64_t v = 0;

        if (!*s || strlen(s) > 18 || s[strspn(s, "0123456789")])
                return false;
        while (*s)
                v = v * 10 + (uint64_t)(*s++ - '0');
        *ret = v;
        return true;
}

/* An id that cannot be is refused, so that nobody believes to have missed nothing. */
static int set_place(struct sovd_call *call, struct sovd_events_source *source) {
        const char *last = sovd_call_header(call, "Last-Event-ID");
        uint64_t newest = sovd_events_newest(source->events);

        if (!last)
                return 0;
        if (!parse_id(last, &source->last_id) || source->last_id > newest)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "header Last-Event-ID is no id of an event: those are whole numbers from 0 "
                                 "to %llu now; "
                                 "connect without it",
                                 (unsigned long long)newest);
        source->is_resumed = true;
        return 0;
}

static int subscribe(struct sovd_call *call,
                     int (*set_scope)(struct sovd_call *call, struct sovd_event_filter *filter)) {
        struct sovd_events_source *source = sovd_arena_new0(call->arena, struct sovd_events_source);
        if (!source)
                return sovd_error_origin(-ENOMEM);

        sovd_events_source_init(source, sovd_rest_of(call)->fault_events);
        source->with_snapshot = sovd_streq(sovd_call_query(call, "snapshot"), "true");
        int r = set_sight(call, &source->filter);
        if (!r)
                r = set_scope(call, &source->filter);
        if (!r)
                r = make_filter(call, &source->filter);
        if (!r)
                r = set_place(call, source);
        call->out = source;
        return r;
}

static int faults_subscribe(struct sovd_call *call) {
        return subscribe(call, set_this_entity);
}

static int vehicle_faults_subscribe(struct sovd_call *call) {
        return subscribe(call, set_entities);
}

const struct sovd_route sovd_routes_fault_streams[] = {
        { .id = "faults-subscribe",
          .method = SOVD_GET,
          .path = "/{entity}/faults/subscribe",
          .handler = faults_subscribe,
          .flags = SOVD_EVENTS,
          .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_FAULTS,
          .query = entity_query,
          .query_family = sovd_fault_query_names,
          .out = &sovd_schema_fault_event,
          .success = 200,
          .summary = "Read what happens to the faults of an entity, as it happens" },
        { .id = "vehicle-faults-subscribe",
          .method = SOVD_GET,
          .path = "/faults/subscribe",
          .handler = vehicle_faults_subscribe,
          .flags = SOVD_EVENTS,
          .query = vehicle_query,
          .query_family = sovd_fault_query_names,
          .out = &sovd_schema_fault_event,
          .success = 200,
          .summary = "Read what happens to all faults of the vehicle, as it happens" },
        { 0 }
};
