/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/docs_members.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/proximity.h"
#include "sovd-rest/resources/resources.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* The lists of the collections have the same form: structs of one kind. */
struct list_call {
        struct sovd_call *call;
        const struct sovd_backend_ops *ops;
        struct sovd_docs_members *members;
};

/* Where an item has what all of them have. */
struct layout {
        size_t size, id, name, tags;
        size_t self; /* where the member points to it; 0 = nowhere */
};
#define LAYOUT(type, id, name) sizeof(struct type), offsetof(struct type, id), offsetof(struct type, name), offsetof(struct type, tags)
#define SELF(word) offsetof(struct sovd_docs_member, word)

static int make_members(struct list_call *l, const struct sovd_list *list, const struct layout *layout) {
        struct sovd_docs_member *to = sovd_arena_array(l->call->arena, struct sovd_docs_member, list->n + 1);
        if (!to)
                return sovd_error_origin(-ENOMEM);

        l->members->items = to;
        l->members->n = list->n;
        for (size_t i = 0; i < list->n; i++) {
                const char *from = (const char *)list->items + i * layout->size;
                to[i] = (struct sovd_docs_member){ .id = NULL };
                memcpy(&to[i].id, from + layout->id, sizeof(to[i].id));
                memcpy(&to[i].name, from + layout->name, sizeof(to[i].name));
                memcpy(&to[i].tags, from + layout->tags, sizeof(to[i].tags));
                if (layout->self)
                        memcpy((char *)&to[i] + layout->self, &from, sizeof(from));
        }
        return 0;
}

static int list_data(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_data_item, id, name), 0 };
        static const struct sovd_data_filter all = { .groups = { .n = 0 } };
        struct sovd_data_list list = { .items = { .n = 0 } };

        int r = l->ops->data_list(l->call, l->call->entity, &all, &list);
        if (!r)
                r = make_members(l, &list.items, &layout);
        const struct sovd_data_item *from = list.items.items;
        for (size_t i = 0; !r && i < list.items.n; i++) {
                l->members->items[i].category = from[i].category;
                l->members->items[i].groups = from[i].groups;
                l->members->items[i].read_only = sovd_streq(from[i].access, "readOnly");
        }
        return r;
}

static int list_faults(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_fault, code, fault_name), SELF(fault) };
        static const struct sovd_fault_filter all = { .n_status = 0 };
        struct sovd_fault_list list = { .items = { .n = 0 } };

        int r = l->ops->faults_list(l->call, l->call->entity, &all, &list);
        return r ? r : make_members(l, &list.items, &layout);
}

static int list_operations(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_operation, id, name), SELF(operation) };
        struct sovd_operation_list list = { .items = { .n = 0 } };

        int r = l->ops->operations_list(l->call, l->call->entity, &list);
        if (!r)
                sovd_near_mark_operations(l->call, &list.items);
        return r ? r : make_members(l, &list.items, &layout);
}

static int list_modes(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_mode, id, name), 0 };
        struct sovd_mode_list list = { .items = { .n = 0 } };

        int r = l->ops->modes_list(l->call, l->call->entity, &list);
        return r ? r : make_members(l, &list.items, &layout);
}

static int list_configurations(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_configuration, id, name), 0 };
        struct sovd_configuration_list list = { .items = { .n = 0 } };

        int r = l->ops->configurations_list(l->call, l->call->entity, &list);
        return r ? r : make_members(l, &list.items, &layout);
}

static int list_scripts(struct list_call *l) {
        static const struct layout layout = { LAYOUT(sovd_script, id, name), SELF(script) };
        struct sovd_script_list list = { .items = { .n = 0 } };

        int r = l->ops->scripts_list(l->call, l->call->entity, &list);
        if (!r)
                sovd_near_mark_scripts(l->call, &list.items);
        return r ? r : make_members(l, &list.items, &layout);
}

/* Of bulk data the categories; the items come and go. */
static int list_bulk_categories(struct list_call *l) {
        struct sovd_bulk_categories list = { .items = { .n = 0 } };

        int r = l->ops->bulk_categories(l->call, l->call->entity, &list);
        if (r)
                return r;
        l->members->items = sovd_arena_array(l->call->arena, struct sovd_docs_member, list.items.n + 1);
        if (!l->members->items)
                return sovd_error_origin(-ENOMEM);
        for (; l->members->n < list.items.n; l->members->n++)
                l->members->items[l->members->n] = (struct sovd_docs_member){ .id = list.items.items[l->members->n] };
        return 0;
}

static const struct lister {
        int (*list)(struct list_call *l);
        const char *word; /* of one member */
        bool has_schema;  /* ops->describe knows it */
        bool is_open;
} listers[SOVD_N_COLLECTIONS] = {
        [SOVD_COLLECTION_DATA] = { list_data, "data", true, false },
        [SOVD_COLLECTION_FAULTS] = { list_faults, "fault", false, true },
        [SOVD_COLLECTION_OPERATIONS] = { list_operations, "operation", true, false },
        [SOVD_COLLECTION_MODES] = { list_modes, "mode", true, false },
        [SOVD_COLLECTION_CONFIGURATIONS] = { list_configurations, "configuration", true, false },
        [SOVD_COLLECTION_SCRIPTS] = { list_scripts, "script", false, false },
        [SOVD_COLLECTION_BULK_DATA] = { list_bulk_categories, "category of bulk data", false, false },
};

bool sovd_docs_has_members(enum sovd_collection collection) {
        return collection < SOVD_N_COLLECTIONS && listers[collection].list;
}

bool sovd_docs_is_open(enum sovd_collection collection) {
        return listers[collection].is_open;
}

/* A failure of the backend becomes the reason; ours is passed on. */
static int excuse(struct sovd_call *call, int r, const char **ret_why) {
        if (r <= 0)
                return r;
        *ret_why = call->failure.body.message ? call->failure.body.message : sovd_error_info(r)->summary;
        call->failure = (struct sovd_failure){ 0 };
        return 0;
}

static void keep_usable(const struct sovd_call *call, struct sovd_docs_members *members, enum sovd_collection collection) {
        size_t n = 0;

        for (size_t i = 0; i < members->n; i++)
                if (sovd_left_out_is_usable(collection, members->items[i].id) &&
                    sovd_gate_may_read(call, call->entity, collection, members->items[i].id))
                        members->items[n++] = members->items[i];
        members->n = n;
}

static void keep_one(struct sovd_docs_members *members, const char *id) {
        size_t n = 0;

        for (size_t i = 0; i < members->n; i++)
                if (strcmp(members->items[i].id, id) == 0)
                        members->items[n++] = members->items[i];
        members->n = n;
}

static int read_schemas(struct list_call *l, enum sovd_collection collection, const char *id) {
        struct sovd_docs_members *m = l->members;
        struct cJSON *json = NULL;

        if (!listers[collection].has_schema || !m->n)
                return 0;
        if (!l->ops->describe) {
                m->unknown = "the backend does not describe its resources";
                return 0;
        }
        int r = excuse(l->call, l->ops->describe(l->call, l->call->entity, collection, id, &json),
                       &m->unknown);
        if (r || m->unknown)
                return r;
        for (size_t i = 0; i < m->n; i++) {
                m->items[i].schema = id ? json : cJSON_GetObjectItemCaseSensitive(json, m->items[i].id);
                if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(m->items[i].schema, "readOnly")))
                        m->items[i].read_only = true;
                if (!m->items[i].schema)
                        m->unknown = "the backend does not describe this resource";
        }
        return 0;
}

int sovd_docs_members_read(struct sovd_call *call, enum sovd_collection collection, const char *id,
                           struct sovd_docs_members *ret) {
        struct list_call l = { call, sovd_ops(call, collection), ret };

        *ret = (struct sovd_docs_members){ .n = 0 };
        int r = excuse(call, listers[collection].list(&l), &ret->incomplete);
        if (r || ret->incomplete)
                return r;
        keep_usable(call, ret, collection);
        if (id)
                keep_one(ret, id);
        if (id && !ret->n && !listers[collection].is_open)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' has no %s '%s'",
                                 sovd_entity_type_words[call->entity->type], call->entity->id,
                                 listers[collection].word, id);
        return read_schemas(&l, collection, id);
}

/* --- schemas -------------------------------------------------------------------------------------------- */

static const cJSON *part_of(const struct sovd_docs_member *m, const char *name) {
        return cJSON_GetObjectItemCaseSensitive(m->schema, name);
}

size_t sovd_docs_known(const struct sovd_docs_member *m, enum sovd_collection collection,
                       struct sovd_openapi_known ret[SOVD_DOCS_KNOWN_MAX]) {
        const struct {
                enum sovd_collection collection;
                struct sovd_openapi_known known;
        } rows[] = {
                { SOVD_COLLECTION_DATA, { &sovd_schema_data_value, "data", m->schema } },
                { SOVD_COLLECTION_DATA, { &sovd_schema_data_write, "data", m->schema } },
                { SOVD_COLLECTION_CONFIGURATIONS, { &sovd_schema_data_value, "data", m->schema } },
                { SOVD_COLLECTION_CONFIGURATIONS, { &sovd_schema_data_write, "data", m->schema } },
                { SOVD_COLLECTION_MODES, { &sovd_schema_mode_detail, "value", m->schema } },
                { SOVD_COLLECTION_MODES, { &sovd_schema_mode_set, "value", m->schema } },
                { SOVD_COLLECTION_MODES, { &sovd_schema_mode_write, "value", m->schema } },
                { SOVD_COLLECTION_MODES,
                  { &sovd_schema_mode_write, "mode_expiration", part_of(m, "x-gw-mode-expiration") } },
                { SOVD_COLLECTION_OPERATIONS,
                  { &sovd_schema_execution_start, "parameters", part_of(m, "parameters") } },
                { SOVD_COLLECTION_OPERATIONS,
                  { &sovd_schema_execution_result, "parameters", part_of(m, "result") } },
                { SOVD_COLLECTION_OPERATIONS,
                  { &sovd_schema_execution, "parameters", part_of(m, "result") } },
        };
        size_t n = 0;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                if (rows[i].collection == collection && rows[i].known.schema && n < SOVD_DOCS_KNOWN_MAX)
                        ret[n++] = rows[i].known;
        return n;
}

/* --- methods -------------------------------------------------------------------------------------------- */

bool sovd_docs_is_possible(const struct sovd_entity *e, const struct sovd_route *r,
                           const struct sovd_docs_member *member) {
        const struct sovd_backend *backend =
                r->collection < SOVD_N_COLLECTIONS ? e->providers[r->collection] : NULL;
        const struct sovd_backend_ops *ops = backend ? backend->ops : NULL;
        const struct {
                const char *route;
                bool is_offered;
        } rows[] = {
                { "data-write", ops && ops->data_write },
                { "configuration-write", ops && ops->configuration_write },
                { "mode-write", ops && ops->mode_write },
                { "fault-clear", ops && ops->fault_clear },
                { "faults-history", ops && ops->faults_history },
                { "faults-clear", ops && ops->faults_clear },
                { "execution-control", ops && ops->execution_control },
                { "execution-stop", ops && ops->execution_stop },
                { "script-upload", ops && ops->script_upload },
                { "script-delete", ops && ops->script_delete },
                { "script-start", ops && ops->script_start },
                { "script-executions-list", ops && ops->script_executions_list },
                { "script-execution-read", ops && ops->script_execution_read },
                { "script-execution-control", ops && ops->script_execution_control },
                { "script-execution-delete", ops && ops->script_execution_delete },
                { "bulk-upload", ops && ops->bulk_write },
                { "bulk-delete", ops && ops->bulk_delete },
                { "bulk-delete-all", ops && ops->bulk_delete_all },
                { "log-config-write", ops && ops->log_config_write },
                { "log-config-reset", ops && ops->log_config_reset },
        };

        if (member && member->read_only && r->method != SOVD_GET)
                return false;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                if (strcmp(rows[i].route, r->id) == 0)
                        return rows[i].is_offered;
        return true;
}
