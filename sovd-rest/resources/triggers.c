/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/triggers.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/observe.h"
#include "sovd-rest/resources/observed.h"
#include "sovd-rest/settings.h"
#include "sovd-rest/trigger_log.h"
#include <cjson/cJSON.h>

/* --- answers -------------------------------------------------------------------------------------------- */

static int read_condition(struct sovd_call *call, const char *text,
                          const struct sovd_trigger_condition **ret) {
        struct sovd_trigger_condition *condition =
                sovd_arena_new0(call->arena, struct sovd_trigger_condition);
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        cJSON *json;
        if (!condition)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_json_parse_in(call->arena, &json, text, strlen(text), NULL, &fault);
        if (!r)
                r = sovd_schema_decode(&sovd_schema_trigger_condition, json, condition, call->arena, 0,
                                       &error);
        *ret = condition;
        return sovd_error_fold(r);
}

static int describe(struct sovd_call *call, const struct sovd_observation *o, struct sovd_trigger *ret) {
        *ret = (struct sovd_trigger){
                .id = sovd_call_printf(call, "%s", o->id),
                .observed_resource = sovd_call_printf(call, "%s%s", call->base, o->resource),
                .event_source = sovd_observation_events(call, SOVD_TRIGGER, o->id),
                .protocol = 1,
                .expires = sovd_observation_time(call, o->expires_usec),
                .status = o->terminated ? SOVD_TRIGGER_TERMINATED : SOVD_TRIGGER_ACTIVE,
                .multishot = SOVD_BOOL(o->multishot),
                .persistent = SOVD_BOOL(o->persistent),
                .path = o->path,
                .log = o->log,
                .last_error = sovd_observation_error(call, o),
        };
        return read_condition(call, o->condition_text, &ret->condition);
}

/* The payload is the observed value, whose type the backend alone knows. */
static cJSON *payload_schema(struct sovd_call *call, const struct sovd_observation *o) {
        cJSON *payload = cJSON_CreateObject();

        cJSON_AddStringToObject(payload, "description",
                                sovd_call_printf(call, "%s%s%s",
                                                 o->only_data ? "The member data of the observed resource"
                                                              : "The body of the observed resource",
                                                 o->path && *o->path ? ", the element at " : "",
                                                 o->path ? o->path : ""));
        return payload;
}

static int answer(struct sovd_call *call, const struct sovd_observation *o) {
        struct sovd_trigger *t = sovd_arena_new0(call->arena, struct sovd_trigger);
        if (!t)
                return sovd_error_origin(-ENOMEM);

        int r = describe(call, o, t);
        if (!r && sovd_wants_schema(call))
                t->event_schema = sovd_observe_event_schema(call, payload_schema(call, o));
        call->out = t;
        return r;
}

static int triggers_list(struct sovd_call *call) {
        struct sovd_trigger_list *list = sovd_arena_new0(call->arena, struct sovd_trigger_list);
        struct sovd_observation *found;
        size_t n;
        if (!list)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_observations_list(sovd_rest_of(call)->observations, SOVD_TRIGGER, call->entity, &found,
                                       &n, call->arena);
        if (r)
                return r;
        struct sovd_trigger *items = sovd_arena_array(call->arena, struct sovd_trigger, n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < n; i++)
                r = describe(call, &found[i], &items[i]);
        list->items = (struct sovd_list){ .items = items, .n = n };
        call->out = list;
        return r;
}

/* --- creating ------------------------------------------------------------------------------------------- */

/* Settings that nobody would carry out are refused. */
static int check_log(struct sovd_call *call, const struct sovd_trigger_log *log) {
        if (!log)
                return 0;
        if (!sovd_entity_takes_log(call->entity))
                return sovd_fail_at(call, SOVD_E_NOT_IMPLEMENTED, "/log_settings",
                                    "member log_settings is not offered: %s '%s' has no log that takes entries",
                                    sovd_entity_type_words[call->entity->type], call->entity->id);
        for (const char *p = log->marker; p && *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/log_settings/log_marker_text",
                                            "member log_marker_text may have no control characters");
        return sovd_gate_may_log(call, call->entity);
}

/* Its entries would be changes of what it watches, and it would never come to rest. */
static int check_loop(struct sovd_call *call, const struct sovd_trigger_log *log,
                      const struct sovd_observed *observed) {
        if (!log || observed->route->collection != SOVD_COLLECTION_LOGS)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/log_settings",
                            "member log_settings may not be given for the log itself: it would log its own entries");
}

/* Data lists end with the process. */
static int check_lasting(struct sovd_call *call, const struct sovd_trigger_new *new,
                         const struct sovd_observed *observed) {
        if (!new->persistent.value || observed->route->collection != SOVD_COLLECTION_DATA_LISTS)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/persistent",
                            "member persistent may not be true for a data list, which is gone after a restart");
}

static int check_lifetime(struct sovd_call *call, const struct sovd_int *lifetime) {
        int64_t max = sovd_rest_of(call)->events->lifetime_max.value;

        if (!lifetime->set || lifetime->value <= max)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/lifetime",
                            "member lifetime may be at most %lld s (events.lifetime_max_secs)",
                            (long long)max);
}

static int check_members(struct sovd_call *call, const struct sovd_trigger_new *new) {
        if (new->persistent.value && !sovd_db_is_file(sovd_gateway_db(call->gateway)))
                return sovd_fail_at(call, SOVD_E_NOT_IMPLEMENTED, "/persistent",
                                    "member persistent may not be true: this server keeps nothing over a restart "
                                    "(storage.path is not set)");
        if (new->path && !sovd_pointer_is_valid(new->path))
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/path",
                                    "member path is not a JSON pointer (RFC 6901)");
        int r = check_lifetime(call, &new->lifetime);
        return r ? r : check_log(call, new->log);
}

/* The value now, which the condition has to fit and starts from. */
static int read_value(struct sovd_call *call, const struct sovd_trigger_new *new,
                      const struct sovd_observed *observed, const cJSON **ret) {
        const cJSON *body;
        int r = sovd_observe_once(call, observed, &body);

        if (r == SOVD_E_NOT_FOUND || (r == SOVD_E_UPSTREAM && call->failure.status == 404))
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/resource",
                                    "member resource leads nowhere: %s", call->failure.body.message);
        if (r)
                return r;
        if (observed->is_value && cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(body, "errors")) > 0)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "the value is erroneous now, so there is nothing to start from");
        *ret = observed->is_value ? cJSON_GetObjectItemCaseSensitive(body, "data") : body;
        if (*ret && new->path)
                *ret = sovd_pointer_get(*ret, new->path);
        return *ret ? 0
                    : sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/path",
                                   "member path leads to nothing in the present value");
}

static int make_condition(struct sovd_call *call, const struct sovd_trigger_new *new, const cJSON *value,
                          struct sovd_condition **ret) {
        const char *member, *why = sovd_condition_check(new->condition, value, call->arena, &member);
        bool fires;

        if (why)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, member, "member %s %s", member + 1, why);
        int r = sovd_condition_new(ret, new->condition);
        return r ? r : sovd_condition_take(*ret, value, &fires);
}

static const char *condition_text(struct sovd_call *call, const struct sovd_trigger_condition *condition) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_trigger_condition, condition, &w);
        const char *kept =
                sovd_json_writer_finish(&w, &text, &len) ? NULL : sovd_arena_strndup(call->arena, text, len);
        sovd_json_writer_done(&w);
        return kept;
}

static int start(struct sovd_call *call, const struct sovd_trigger_new *new,
                 const struct sovd_observed *observed, struct sovd_condition **condition,
                 struct sovd_observation *ret) {
        const struct sovd_events_settings *events = sovd_rest_of(call)->events;
        int64_t lifetime = new->lifetime.set ? new->lifetime.value : events->lifetime_max.value;
        const struct sovd_observation_spec spec = {
                .kind = SOVD_TRIGGER,
                .entity = call->entity,
                .owner = call->principal,
                .base = call->base,
                .resource = observed->resource,
                .is_private = observed->route->collection == SOVD_COLLECTION_DATA_LISTS,
                .source = observed->source,
                .period_usec = sovd_settings_period(events, 0),
                .lifetime_usec = (uint64_t)lifetime * SOVD_USEC_PER_SEC,
                .condition = *condition,
                .condition_text = condition_text(call, new->condition),
                .path = new->path,
                .log = new->log,
                .only_data = observed->is_value,
                .multishot = new->multishot.set &&new->multishot.value,
                .persistent = new->persistent.value,
        };
        char id[SOVD_ID_SIZE];
        int r = spec.condition_text ? sovd_observation_add(call, &spec, id) : sovd_error_origin(-ENOMEM);

        if (r)
                return r;
        *condition = NULL; /* it is the trigger's now */
        call->location = sovd_observation_href(call, SOVD_TRIGGER, id);
        r = sovd_observations_find(sovd_rest_of(call)->observations, SOVD_TRIGGER, call->entity, id, ret,
                                   call->arena);
        return r > 0 ? sovd_fail(call, SOVD_E_CONFLICT, "the trigger has expired before it was answered") : r;
}

static int trigger_create(struct sovd_call *call) {
        _cleanup_(sovd_condition_freep) struct sovd_condition *condition = NULL;
        const struct sovd_trigger_new *new = call->in;
        struct sovd_observed observed;
        struct sovd_observation o;
        const cJSON *value;

        int r = check_members(call, new);
        if (!r)
                r = sovd_observe_resolve(call, new->resource, &observed);
        if (!r)
                r = check_loop(call, new->log, &observed);
        if (!r)
                r = check_lasting(call, new, &observed);
        if (!r)
                r = read_value(call, new, &observed, &value);
        if (!r)
                r = make_condition(call, new, value, &condition);
        if (!r)
                r = start(call, new, &observed, &condition, &o);
        return r ? r : answer(call, &o);
}

/* --- the others ----------------------------------------------------------------------------------------- */

static int trigger_read(struct sovd_call *call) {
        struct sovd_observation o;

        if (call->wants_events)
                return sovd_observation_stream(call, SOVD_TRIGGER);
        int r = sovd_observation_read(call, SOVD_TRIGGER, &o);
        return r ? r : answer(call, &o);
}

static int trigger_change(struct sovd_call *call) {
        const struct sovd_trigger_change *in = call->in;
        const struct sovd_observation_change change = {
                .lifetime_usec = (uint64_t)in->lifetime.value * SOVD_USEC_PER_SEC,
        };
        struct sovd_trigger_changed *changed = sovd_arena_new0(call->arena, struct sovd_trigger_changed);
        struct sovd_observation o;
        if (!changed)
                return sovd_error_origin(-ENOMEM);

        int r = check_lifetime(call, &in->lifetime);
        if (!r)
                r = sovd_observation_change(call, SOVD_TRIGGER, &change);
        if (!r)
                r = sovd_observation_read(call, SOVD_TRIGGER, &o);
        if (r)
                return r;
        changed->expires = sovd_observation_time(call, o.expires_usec);
        call->out = changed;
        return 0;
}

static int trigger_remove(struct sovd_call *call) {
        return sovd_observation_remove(call, SOVD_TRIGGER);
}

static int events_read(struct sovd_call *call) {
        return sovd_observation_stream(call, SOVD_TRIGGER);
}

#define TRIGGERS                                                                                             \
        .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_TRIGGERS, .clause = "ISO 17978-3 7.11"

const struct sovd_route sovd_routes_triggers[] = {
        { .id = "triggers-list",
          .method = SOVD_GET,
          .path = "/{entity}/triggers",
          .handler = triggers_list,
          .flags = SOVD_INCLUDE_SCHEMA,
          .out = &sovd_schema_trigger_list,
          .success = 200,
          .summary = "List the triggers of an entity",
          TRIGGERS },
        { .id = "trigger-create",
          .method = SOVD_POST,
          .path = "/{entity}/triggers",
          .handler = trigger_create,
          .flags = SOVD_INCLUDE_SCHEMA | SOVD_TEMPORARY,
          .in = &sovd_schema_trigger_new,
          .out = &sovd_schema_trigger,
          .success = 201,
          .summary = "Have a resource watched for a condition",
          TRIGGERS },
        { .id = "trigger-read",
          .method = SOVD_GET,
          .path = "/{entity}/triggers/{trigger-id}",
          .handler = trigger_read,
          .flags = SOVD_INCLUDE_SCHEMA | SOVD_OR_EVENTS,
          .out = &sovd_schema_trigger,
          .success = 200,
          .summary = "Read a trigger, or its events with Accept: text/event-stream",
          TRIGGERS },
        { .id = "trigger-change",
          .method = SOVD_PUT,
          .path = "/{entity}/triggers/{trigger-id}",
          .handler = trigger_change,
          .flags = SOVD_TEMPORARY,
          .in = &sovd_schema_trigger_change,
          .out = &sovd_schema_trigger_changed,
          .success = 200,
          .summary = "Restart the lifetime of a trigger",
          TRIGGERS },
        { .id = "trigger-remove",
          .method = SOVD_DELETE,
          .path = "/{entity}/triggers/{trigger-id}",
          .handler = trigger_remove,
          .success = 204,
          .summary = "End a trigger and its events",
          TRIGGERS },
        { .id = "trigger-events",
          .method = SOVD_GET,
          .path = "/{entity}/triggers/{trigger-id}/events",
          .handler = events_read,
          .flags = SOVD_EVENTS,
          .success = 200,
          .summary = "Read the events of a trigger",
          TRIGGERS },
        { 0 }
};
