/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/data_lists.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/model/data_lists.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/resources/resources.h"
#include <cjson/cJSON.h>

static const struct sovd_query_param tags_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only those with one of these tags." },
        { 0 }
};

/* --- helpers -------------------------------------------------------------------------------------------- */

/* All data of the entity, as its backend lists them. */
static int read_all(struct sovd_call *call, struct sovd_data_list *ret) {
        static const struct sovd_data_filter all = { 0 };

        int r = sovd_ops(call, SOVD_COLLECTION_DATA)->data_list(call, call->entity, &all, ret);

        if (!r)
                sovd_left_out_filter(call, SOVD_COLLECTION_DATA, &ret->items, sizeof(struct sovd_data_item));
        return r;
}

static const struct sovd_data_item *find_item(const struct sovd_data_list *list, const char *id) {
        const struct sovd_data_item *items = list->items.items;

        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(items[i].id, id) == 0)
                        return &items[i];
        return NULL;
}

static bool has(const struct sovd_strings *strings, const char *s) {
        for (size_t i = 0; i < strings->n; i++)
                if (strcmp(strings->items[i], s) == 0)
                        return true;
        return false;
}

static struct sovd_data_lists *lists_of(const struct sovd_call *call) {
        return sovd_gateway_data_lists(call->gateway);
}

static int no_list(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_NOT_FOUND,
                         "%s '%s' has no data list '%.128s' of this client: it was deleted, was not used for too long, "
                         "or belongs to another client",
                         sovd_entity_type_words[call->entity->type], call->entity->id, call->params[0]);
}

/* --- groups and categories ------------------------------------------------------------------------------ */

/* What the backend says of its groups; nothing when it says nothing. */
static int read_groups(struct sovd_call *call, struct sovd_data_group_list *ret) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_DATA);
        int r = ops->data_groups ? ops->data_groups(call, call->entity, ret) : 0;

        if (r != SOVD_E_NOT_IMPLEMENTED)
                return r;
        call->failure = (struct sovd_failure){ 0 };
        *ret = (struct sovd_data_group_list){ 0 };
        return 0;
}

static bool has_group(const struct sovd_data_group *groups, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(groups[i].id, id) == 0)
                        return true;
        return false;
}

static size_t count_groups(const struct sovd_data_list *data) {
        const struct sovd_data_item *items = data->items.items;
        size_t n = 0;

        for (size_t i = 0; i < data->items.n; i++)
                n += items[i].groups.n;
        return n;
}

/* Those that the backend describes, then those that only its data name: of the category of the first of them. */
static int collect_groups(struct sovd_call *call, const struct sovd_data_list *data, struct sovd_data_group_list *ret) {
        const struct sovd_data_item *items = data->items.items;
        struct sovd_data_group_list known = { 0 };

        int r = read_groups(call, &known);
        if (r)
                return r;
        struct sovd_data_group *groups =
                sovd_arena_array(call->arena, struct sovd_data_group, known.items.n + count_groups(data) + 1);
        if (!groups)
                return sovd_error_origin(-ENOMEM);
        if (known.items.n)
                memcpy(groups, known.items.items, known.items.n * sizeof(*groups));
        size_t n = known.items.n;
        for (size_t i = 0; i < data->items.n; i++)
                for (size_t k = 0; k < items[i].groups.n; k++)
                        if (!has_group(groups, n, items[i].groups.items[k]))
                                groups[n++] = (struct sovd_data_group){ .id = items[i].groups.items[k],
                                                                        .category = items[i].category };
        ret->items = (struct sovd_list){ .items = groups, .n = n };
        return 0;
}

static int data_groups_list(struct sovd_call *call) {
        struct sovd_data_group_list *list = sovd_arena_new0(call->arena, struct sovd_data_group_list);
        struct sovd_data_list data = { 0 };
        struct sovd_strings tags;
        size_t n = 0;

        if (!list || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);
        int r = read_all(call, &data);
        if (!r)
                r = collect_groups(call, &data, list);
        if (r)
                return r;

        struct sovd_data_group *groups = list->items.items;
        for (size_t i = 0; i < list->items.n; i++)
                if (sovd_strings_match(&tags, &groups[i].tags))
                        groups[n++] = groups[i];
        list->items.n = n;
        call->out = list;
        return 0;
}

static const char *translation_of(const struct sovd_data_group_list *groups, const char *category) {
        const struct sovd_data_group *all = groups->items.items;

        for (size_t i = 0; i < groups->items.n; i++)
                if (strcmp(all[i].category, category) == 0 && all[i].category_translation_id)
                        return all[i].category_translation_id;
        return NULL;
}

static bool has_category(const struct sovd_list *list, const char *category) {
        const struct sovd_data_category *all = list->items;

        for (size_t i = 0; i < list->n; i++)
                if (strcmp(all[i].item, category) == 0)
                        return true;
        return false;
}

static int data_categories_list(struct sovd_call *call) {
        struct sovd_data_category_list *list = sovd_arena_new0(call->arena, struct sovd_data_category_list);
        struct sovd_data_group_list groups = { 0 };
        struct sovd_data_list data = { 0 };

        int r = list ? read_all(call, &data) : sovd_error_origin(-ENOMEM);
        if (!r)
                r = read_groups(call, &groups);
        if (r)
                return r;

        const struct sovd_data_item *items = data.items.items;
        struct sovd_data_category *categories =
                sovd_arena_array(call->arena, struct sovd_data_category, data.items.n + 1);
        if (!categories)
                return sovd_error_origin(-ENOMEM);
        list->items.items = categories;
        for (size_t i = 0; i < data.items.n; i++)
                if (!has_category(&list->items, items[i].category))
                        categories[list->items.n++] = (struct sovd_data_category){
                                .item = items[i].category,
                                .category_translation_id = translation_of(&groups, items[i].category)
                        };
        call->out = list;
        return 0;
}

/* --- making a list -------------------------------------------------------------------------------------- */

static int check_ids(struct sovd_call *call, const struct sovd_strings *ids) {
        const size_t most = sovd_data_lists_ids_max(lists_of(call));

        if (!ids->n)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/ids", "ids must name at least one data");
        if (ids->n > most)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/ids", "ids names %zu data; at most %zu are allowed",
                                    ids->n, most);
        for (size_t i = 0; i < ids->n; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(ids->items[i], ids->items[k]) == 0)
                                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, sovd_call_printf(call, "/ids/%zu", i),
                                                    "'%.128s' is named twice in ids", ids->items[i]);
        return 0;
}

/* All that do not exist are named, for people in the message and for programs in the parameters. */
static int refuse_unknown(struct sovd_call *call, const struct sovd_strings *unknown) {
        cJSON *parameters = cJSON_CreateObject(),
              *ids = cJSON_CreateStringArray((const char *const *)unknown->items, (int)unknown->n);
        const char *text = "";

        for (size_t i = 0; i < unknown->n; i++)
                text = sovd_call_printf(call, "%s%s'%.128s'", text, i ? ", " : "", unknown->items[i]);
        if (!parameters || !ids) {
                cJSON_Delete(parameters);
                cJSON_Delete(ids);
                return sovd_error_origin(-ENOMEM);
        }
        cJSON_AddItemToObject(parameters, "ids", ids);
        int r = sovd_json_own(call->arena, parameters);
        if (r)
                return r;
        (void)sovd_fail(call, SOVD_E_BAD_REQUEST, "%s '%s' has no data %s", sovd_entity_type_words[call->entity->type],
                        call->entity->id, text);
        call->failure.body.parameters = parameters;
        return SOVD_E_BAD_REQUEST;
}

static int check_known(struct sovd_call *call, const struct sovd_strings *ids) {
        struct sovd_strings unknown = { .items = sovd_arena_array(call->arena, const char *, ids->n + 1) };
        struct sovd_data_list data = { 0 };

        int r = unknown.items ? read_all(call, &data) : sovd_error_origin(-ENOMEM);
        if (r)
                return r;
        for (size_t i = 0; i < ids->n; i++)
                if (!find_item(&data, ids->items[i]))
                        unknown.items[unknown.n++] = ids->items[i];
        return unknown.n ? refuse_unknown(call, &unknown) : 0;
}

static int refuse_more(struct sovd_call *call, bool own, uint64_t wait_usec) {
        (void)sovd_fail(call, SOVD_E_OVERLOAD, own ? "this client has as many data lists as it may have"
                                                   : "no further data list can be kept now");
        sovd_fail_retry_after(call, (unsigned)(wait_usec / SOVD_USEC_PER_SEC) + 1);
        return SOVD_E_OVERLOAD;
}

static int data_list_create(struct sovd_call *call) {
        struct sovd_data_list_created *created = sovd_arena_new0(call->arena, struct sovd_data_list_created);
        char *id = sovd_arena_alloc(call->arena, SOVD_ID_SIZE);
        const struct sovd_data_list_request *request = call->in;
        uint64_t wait_usec = 0;
        bool own = false;

        int r = created && id ? check_ids(call, &request->ids) : sovd_error_origin(-ENOMEM);
        if (!r)
                r = check_known(call, &request->ids);
        if (r)
                return r;
        r = sovd_data_lists_add(lists_of(call), call->entity, call->principal.id, &request->ids, id, &own, &wait_usec);
        if (r == SOVD_E_OVERLOAD)
                return refuse_more(call, own, wait_usec);
        if (r)
                return r;
        created->id = id;
        call->location = sovd_call_printf(call, "%s/data-lists/%s", sovd_entity_href(call, call->entity), id);
        call->out = created;
        return 0;
}

/* --- using lists ---------------------------------------------------------------------------------------- */

static bool add_tags(struct sovd_call *call, struct sovd_strings *into, const struct sovd_strings *more) {
        const char **items = sovd_arena_array(call->arena, const char *, into->n + more->n + 1);
        if (!items)
                return false;

        for (size_t i = 0; i < into->n; i++)
                items[i] = into->items[i];
        into->items = items;
        for (size_t i = 0; i < more->n; i++)
                if (!has(into, more->items[i]))
                        items[into->n++] = more->items[i];
        return true;
}

/* What the backend does not list any more is not described. */
static int describe_list(struct sovd_call *call, const struct sovd_data_list_ref *ref, const struct sovd_data_list *data,
                         struct sovd_data_list_entry *ret) {
        struct sovd_data_item *items = sovd_arena_array(call->arena, struct sovd_data_item, ref->ids.n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        *ret = (struct sovd_data_list_entry){ .id = ref->id, .items.items = items };
        for (size_t i = 0; i < ref->ids.n; i++) {
                const struct sovd_data_item *item = find_item(data, ref->ids.items[i]);
                if (!item)
                        continue;
                items[ret->items.n++] = *item;
                if (!add_tags(call, &ret->tags, &item->tags))
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

static int data_lists_list(struct sovd_call *call) {
        struct sovd_data_list_entries *out = sovd_arena_new0(call->arena, struct sovd_data_list_entries);
        struct sovd_data_list data = { 0 };
        struct sovd_strings tags;
        struct sovd_list refs;

        if (!out || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_data_lists_list(lists_of(call), call->entity, call->principal.id, &refs, call->arena);
        if (!r && refs.n)
                r = read_all(call, &data);
        if (r)
                return r;

        const struct sovd_data_list_ref *all = refs.items;
        struct sovd_data_list_entry *entries = sovd_arena_array(call->arena, struct sovd_data_list_entry, refs.n + 1);
        if (!entries)
                return sovd_error_origin(-ENOMEM);
        out->items.items = entries;
        for (size_t i = 0; i < refs.n; i++) {
                r = describe_list(call, &all[i], &data, &entries[out->items.n]);
                if (r)
                        return r;
                out->items.n += sovd_strings_match(&tags, &entries[out->items.n].tags);
        }
        call->out = out;
        return 0;
}

/* The failure of the call becomes the error of one member: its value is not there, and may not be null. */
static int make_error(struct sovd_call *call, const char *id, size_t i, struct sovd_data_value *ret) {
        struct sovd_data_error *error = sovd_arena_new0(call->arena, struct sovd_data_error);
        struct sovd_generic_error *body = sovd_arena_new0(call->arena, struct sovd_generic_error);
        const struct sovd_error_info *info = sovd_error_info(call->failure.error);
        cJSON *nothing = cJSON_CreateObject();

        int r = sovd_json_own(call->arena, nothing);
        if (r || !error || !body)
                return sovd_error_origin(-ENOMEM);
        *body = call->failure.body;
        if (!body->error_code) {
                body->error_code = info->error_code;
                body->vendor_code = info->vendor_code;
        }
        if (!body->message)
                body->message = info->summary;
        *error = (struct sovd_data_error){ .path = sovd_call_printf(call, "/items/%zu/data", i), .error = body };
        *ret = (struct sovd_data_value){ .id = id, .data = nothing, .errors = { .items = error, .n = 1, .set = true } };
        call->failure = (struct sovd_failure){ 0 };
        return 0;
}

/* A pointer starts at the root of the answer, and the value is a part of it here. */
static void move_errors(struct sovd_call *call, size_t i, struct sovd_data_value *value) {
        struct sovd_data_error *errors = value->errors.items;

        for (size_t k = 0; k < value->errors.n; k++)
                errors[k].path = sovd_call_printf(call, "/items/%zu%s", i, errors[k].path ? errors[k].path : "");
}

static int read_member(struct sovd_call *call, const char *id, size_t i, struct sovd_data_value *ret) {
        int r;

        if (sovd_now_usec() >= call->deadline_usec)
                r = sovd_fail(call, SOVD_E_NOT_RESPONDING, "the time of the request was over before '%s' was read", id);
        else if (!sovd_gate_may_read(call, call->entity, SOVD_COLLECTION_DATA, id))
                r = sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow to read it");
        else
                r = sovd_ops(call, SOVD_COLLECTION_DATA)->data_read(call, call->entity, id, ret);
        if (r > 0)
                return make_error(call, id, i, ret);
        if (!r)
                move_errors(call, i, ret);
        return r;
}

static int data_list_read(struct sovd_call *call) {
        struct sovd_data_list_values *out = sovd_arena_new0(call->arena, struct sovd_data_list_values);
        struct sovd_data_list_ref ref;

        if (!out)
                return sovd_error_origin(-ENOMEM);
        int r = sovd_data_lists_find(lists_of(call), call->entity, call->principal.id, call->params[0], &ref,
                                     call->arena);
        if (r)
                return r == SOVD_E_NOT_FOUND ? no_list(call) : r;

        struct sovd_data_value *values = sovd_arena_array(call->arena, struct sovd_data_value, ref.ids.n + 1);
        if (!values)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < ref.ids.n; i++) {
                r = read_member(call, ref.ids.items[i], i, &values[i]);
                if (r)
                        return r;
        }
        out->items = (struct sovd_list){ .items = values, .n = ref.ids.n };
        call->out = out;
        return 0;
}

static int data_list_delete(struct sovd_call *call) {
        if (!sovd_data_lists_remove(lists_of(call), call->entity, call->principal.id, call->params[0]))
                return no_list(call);
        return 0;
}

#define OF(what) .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_##what, .clause = "ISO 17978-3 7.9"

const struct sovd_route sovd_routes_data_lists[] = {
        { .id = "data-categories-list", .method = SOVD_GET, .path = "/{entity}/data-categories",
          .handler = data_categories_list, .out = &sovd_schema_data_category_list, .success = 200,
          .summary = "List the categories that values of an entity have", OF(DATA) },
        { .id = "data-groups-list", .method = SOVD_GET, .path = "/{entity}/data-groups",
          .handler = data_groups_list, .query = tags_query, .out = &sovd_schema_data_group_list, .success = 200,
          .summary = "List the groups that values of an entity are in", OF(DATA) },
        { .id = "data-lists-list", .method = SOVD_GET, .path = "/{entity}/data-lists", .handler = data_lists_list,
          .query = tags_query, .out = &sovd_schema_data_list_entries, .success = 200,
          .summary = "List the client's own data lists", OF(DATA_LISTS) },
        { .id = "data-list-create", .method = SOVD_POST, .path = "/{entity}/data-lists", .handler = data_list_create,
          .flags = SOVD_TEMPORARY, .in = &sovd_schema_data_list_request, .out = &sovd_schema_data_list_created, .success = 201,
          .summary = "Make a list of values that are read together", OF(DATA_LISTS) },
        { .id = "data-list-read", .method = SOVD_GET, .path = "/{entity}/data-lists/{data-list-id}",
          .handler = data_list_read, .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_data_list_values,
          .success = 200, .summary = "Read the values of a data list", OF(DATA_LISTS) },
        { .id = "data-list-delete", .method = SOVD_DELETE, .path = "/{entity}/data-lists/{data-list-id}",
          .handler = data_list_delete, .success = 204, .summary = "Delete a data list", OF(DATA_LISTS) },
        { 0 }
};
