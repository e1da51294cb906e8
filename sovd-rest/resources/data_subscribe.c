/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of values as server-sent events. */
#include "sovd-core/data_watches.h"
#include "sovd-core/model/subscriptions.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/settings.h"

static const struct sovd_query_param subscribe_query[] = {
        { "ids", SOVD_QUERY_STRINGS,
          "Values to watch, separated by commas; all readable ones when it is missing." },
        { "interval", SOVD_QUERY_STRING, "How often values are looked at: slow, normal (default) or fast." },
        { "snapshot", SOVD_QUERY_BOOL, "Send the present values first." },
        { 0 }
};

/* A reader that was made for this request; the streamer takes it, or it ends with the request. */
struct source {
        struct sovd_event_source base;     /* first */
        struct sovd_stream_reader *reader; /* NULL = it was taken */
};

static int take_reader(struct sovd_event_source *base, struct sovd_stream_reader **ret,
                       const char *last_event_id, void (*wake)(void *data), void *data) {
        struct source *source = (struct source *)base;
        (void)last_event_id; /* the reader knows */

        sovd_data_watches_set_wake(source->reader, wake, data);
        *ret = SOVD_TAKE(source->reader);
        return 0;
}

static void end_reader(void *data) {
        struct source *source = data;

        sovd_stream_close(source->reader);
}

/* --- which values --------------------------------------------------------------------------------------- */

/* Ids as they are collected; each once. */
struct ids {
        struct sovd_watched_id *items;
        size_t n, max;
};

static int too_many(struct sovd_call *call, size_t max, const char *how) {
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "%s than %zu values (limits.watch_values)%s", how, max,
                         *how == 't' ? "; name those wanted in the query parameter ids" : "");
}

static int add_id(struct sovd_call *call, struct ids *ids, const char *id, const char *how) {
        for (size_t i = 0; i < ids->n; i++)
                if (strcmp(ids->items[i].id, id) == 0)
                        return 0;
        if (ids->n == ids->max)
                return too_many(call, ids->max, how);
        ids->items[ids->n++] = (struct sovd_watched_id){
                .id = id,
                .resource =
                        sovd_call_printf(call, "/%s/%s/data/%s", sovd_entity_type_paths[call->entity->type],
                                         sovd_encoded(call, call->entity->id), sovd_encoded(call, id)),
        };
        return *ids->items[ids->n - 1].resource ? 0 : sovd_error_origin(-ENOMEM);
}

static const struct sovd_data_item *find_item(const struct sovd_data_list *list, const char *id) {
        const struct sovd_data_item *items = list->items.items;

        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(items[i].id, id) == 0)
                        return &items[i];
        return NULL;
}

static bool is_readable(const struct sovd_data_item *item) {
        return !sovd_streq(item->access, "writeOnly");
}

static int add_all(struct sovd_call *call, struct ids *ids, const struct sovd_data_list *list) {
        const struct sovd_data_item *items = list->items.items;
        int r = 0;

        for (size_t i = 0; !r && i < list->items.n; i++)
                if (is_readable(&items[i]))
                        r = add_id(call, ids, items[i].id, "the entity has more");
        if (!r && !ids->n)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' has no values that can be read",
                                 sovd_entity_type_words[call->entity->type], call->entity->id);
        return r;
}

/* One that is asked for. Without a list, because its backend cannot be reached, it is taken as it is: that it cannot be
 * read is then an event, and it heals. */
static int add_named(struct sovd_call *call, struct ids *ids, const struct sovd_data_list *list,
                     const char *id) {
        const struct sovd_data_item *item = list ? find_item(list, id) : NULL;

        if (!*id)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'ids' has an empty id");
        if (!list && !sovd_gate_takes_id(call, id))
                return sovd_fail(call, SOVD_E_NOT_FOUND, "'%.128s' is no id", id);
        if (!list && !sovd_gate_may_read(call, call->entity, SOVD_COLLECTION_DATA, id))
                return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow to read data '%.128s'", id);
        if (list && !item)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'ids': %s '%s' has no data '%s'",
                                 sovd_entity_type_words[call->entity->type], call->entity->id, id);
        if (item && !is_readable(item))
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'ids': '%s' can only be written",
                                 id);
        return add_id(call, ids, id, "query parameter 'ids' names more");
}

/* "a,b", unless that is an id itself. */
static int add_value(struct sovd_call *call, struct ids *ids, const struct sovd_data_list *list,
                     const char *value) {
        int r = 0;

        if (list && find_item(list, value))
                return add_named(call, ids, list, value);
        for (bool more = true; more && !r;) {
                size_t n = strcspn(value, ",");
                const char *id = sovd_arena_strndup(call->arena, value, n);
                r = id ? add_named(call, ids, list, id) : sovd_error_origin(-ENOMEM);
                more = value[n] == ',';
                value += n + more;
        }
        return r;
}

/* Is it so because somebody cannot be reached now? */
static bool is_passing(const struct sovd_call *call, int r) {
        return r == SOVD_E_UNAVAILABLE || r == SOVD_E_NOT_RESPONDING || r == SOVD_E_OVERLOAD ||
               r == SOVD_E_BAD_ANSWER || (r == SOVD_E_UPSTREAM && call->failure.status >= 500);
}

static int find_ids(struct sovd_call *call, struct ids *ids) {
        const struct sovd_data_filter everything = { 0 };
        struct sovd_data_list list = { 0 };
        struct sovd_strings wanted;

        if (!sovd_call_query_all(call, "ids", &wanted))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_ops(call, SOVD_COLLECTION_DATA)->data_list(call, call->entity, &everything, &list);
        bool known = !r;
        if (r && (!wanted.n || !is_passing(call, r)))
                return r;
        call->failure = (struct sovd_failure){ 0 };
        sovd_left_out_filter(call, SOVD_COLLECTION_DATA, &list.items, sizeof(struct sovd_data_item));
        if (!wanted.n)
                return add_all(call, ids, &list);
        r = 0;
        for (size_t i = 0; !r && i < wanted.n; i++)
                r = add_value(call, ids, known ? &list : NULL, wanted.items[i]);
        return r;
}

/* --- the rest of the request ---------------------------------------------------------------------------- */

static int find_interval(struct sovd_call *call, int *ret) {
        const char *word = sovd_call_query(call, "interval");

        *ret = word ? sovd_enum_parse(sovd_interval_names, word) : SOVD_INTERVAL_NORMAL;
        return *ret ? 0
                    : sovd_fail(call, SOVD_E_BAD_REQUEST,
                                "query parameter 'interval' must be slow, normal or fast");
}

static int bad_last(struct sovd_call *call, const char *why) {
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "header Last-Event-ID %s; connect without it", why);
}

static int find_last(struct sovd_call *call, struct sovd_watch_request *q) {
        const char *last = sovd_call_header(call, "Last-Event-ID");
        uint64_t newest;

        if (!last)
                return 0;
        if (!*last || strlen(last) > 18 || last[strspn(last, "0123456789")])
                return bad_last(call, "is not the id of an event: a number of at most 18 digits");
        for (; *last; last++)
                q->last_id = q->last_id * 10 + (uint64_t)(*last - '0');
        int r = sovd_data_watches_last_id(sovd_rest_of(call)->data_watches, &newest);
        if (r)
                return sovd_fail(call, SOVD_E_OVERLOAD,
                                 "no event id can be reserved now: the disk does not take it");
        if (q->last_id > newest)
                return bad_last(call, sovd_call_printf(call, "is larger than the newest id, %llu",
                                                       (unsigned long long)newest));
        q->resumes = true;
        return 0;
}

static int open_reader(struct sovd_call *call, const struct sovd_watch_request *request) {
        struct source *source = sovd_arena_new0(call->arena, struct source);
        const char *reason;
        if (!source)
                return sovd_error_origin(-ENOMEM);

        source->base.open = take_reader;
        int r = sovd_data_watches_open(sovd_rest_of(call)->data_watches, request, &source->reader, &reason);
        if (r == SOVD_E_OVERLOAD) {
                sovd_fail(call, SOVD_E_OVERLOAD, "%s", reason);
                sovd_fail_retry_after(call, 5);
        }
        if (r)
                return r;
        call->out = &source->base;
        return sovd_arena_defer(call->arena, end_reader, source);
}

static int data_subscribe(struct sovd_call *call) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_watch_request request = { .entity = call->entity,
                                              .source = call->entity->providers[SOVD_COLLECTION_DATA]->name,
                                              .base = SOVD_API_BASE,
                                              .snapshot =
                                                      sovd_streq(sovd_call_query(call, "snapshot"), "true") };
        struct ids ids = { .max = rest->watch_values };

        ids.items = sovd_arena_array(call->arena, struct sovd_watched_id, ids.max);
        if (!ids.items)
                return sovd_error_origin(-ENOMEM);
        int r = find_interval(call, &request.interval);
        if (!r)
                r = find_last(call, &request);
        if (!r)
                r = find_ids(call, &ids);
        if (r)
                return r;
        request.period_usec = sovd_settings_period(rest->events, request.interval);
        request.ids = ids.items;
        request.n_ids = ids.n;
        return open_reader(call, &request);
}

const struct sovd_route sovd_routes_data_subscribe[] = { { .id = "data-subscribe",
                                                           .method = SOVD_GET,
                                                           .path = "/{entity}/data/subscribe",
                                                           .handler = data_subscribe,
                                                           .flags = SOVD_EVENTS,
                                                           .entities = SOVD_ANY_ENTITY,
                                                           .collection = SOVD_COLLECTION_DATA,
                                                           .query = subscribe_query,
                                                           .success = 200,
                                                           .summary = "Hear of the changes of values",
                                                           .clause = "of the native server's dialect" },
                                                         { 0 } };
