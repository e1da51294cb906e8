/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"

const void *native_find_id(const struct sovd_list *list, size_t size, const char *id) {
        for (size_t i = 0; i < list->n; i++) {
                const char *item = (const char *)list->items + i * size, *own;
                memcpy(&own, item, sizeof(own)); /* each begins with its id */
                if (strcmp(own, id) == 0)
                        return item;
        }
        return NULL;
}

int native_json(struct sovd_call *call, const char *text, const struct cJSON **ret) {
        const struct sovd_json_limits limits = { .max_nodes = 100000 };
        struct sovd_json_fault fault;
        struct cJSON *tree;

        int r = sovd_json_parse_in(call->arena, &tree, text, strlen(text), &limits, &fault);
        if (r)
                return sovd_error_fold(r);
        *ret = tree;
        return 0;
}

int native_no_resource(struct sovd_call *call, const struct native_app *app, const char *what,
                       const char *id) {
        return sovd_fail(call, SOVD_E_NOT_FOUND, "app '%s' has no %s '%s'", app->id, what, id);
}

static struct sovd_data_item item_of(const struct native_data *d) {
        return (struct sovd_data_item){
                .id = d->id,
                .name = d->name,
                .category = d->category ? d->category : "currentData",
                .groups = d->groups,
                .tags = d->tags,
                .description = d->description,
                .unit = d->unit,
                .data_type = d->data_type,
                .access = d->writable.value ? "readWrite" : "readOnly",
        };
}

int native_data_list(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_data_filter *filter, struct sovd_data_list *ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_DATA, &app, &lists);
        if (r)
                return r;
        const struct native_data *data = lists->data.items;
        struct sovd_data_item *items =
                sovd_arena_array(call->arena, struct sovd_data_item, lists->data.n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        ret->items.items = items;
        for (size_t i = 0; i < lists->data.n; i++) {
                items[ret->items.n] = item_of(&data[i]);
                ret->items.n += sovd_data_filter_matches(filter, &items[ret->items.n]);
        }
        return 0;
}

/* What an app publishes; it stays so while the app is away, since its coming and going is told as well. */
bool native_data_is_pushed(const struct sovd_entity *e, const char *id) {
        struct native *b = native_of(e->owner);
        const struct native_app *app = native_find_app(b, e->type, e->id);
        const struct native_data *d = NULL;

        (void)pthread_mutex_lock(&b->mutex);
        if (app && app->registration)
                d = NATIVE_FIND(app->registration->lists.data, native_data, id);
        bool pushed = d && d->published.value;
        (void)pthread_mutex_unlock(&b->mutex);
        return pushed;
}

/* --- reading -------------------------------------------------------------------------------------------- */

/* Copies what was published last. false: nothing was. */
static bool copy_published(struct sovd_call *call, struct native *b, struct native_app *app, const char *id,
                           bool *ret_connected, const char **ret_text, uint64_t *ret_usec) {
        const struct native_value *value = NULL;

        (void)pthread_mutex_lock(&b->mutex);
        *ret_connected = app->ready;
        if (app->ready) {
                const struct sovd_list *list = &app->registration->lists.data;
                const struct native_data *d = NATIVE_FIND(*list, native_data, id);
                value = d ? &app->values[d - (const struct native_data *)list->items] : NULL;
        }
        *ret_text = value && value->text ? sovd_arena_strdup(call->arena, value->text) : NULL;
        *ret_usec = value ? value->usec : 0;
        (void)pthread_mutex_unlock(&b->mutex);
        return *ret_text;
}

static int read_published(struct sovd_call *call, struct native *b, struct native_app *app, const char *id,
                          struct sovd_data_value *ret) {
        char when[SOVD_TIMESTAMP_SIZE];
        bool connected;
        const char *text;
        uint64_t usec;

        if (!copy_published(call, b, app, id, &connected, &text, &usec))
                return sovd_fail(call, SOVD_E_NOT_RESPONDING,
                                 connected ? "app '%s' has not published '%s' yet"
                                           : "app '%s', which publishes '%s', is not connected",
                                 app->id, id);
        int r = native_json(call, text, &ret->data);
        if (!r)
                r = native_json(
                        call,
                        sovd_call_printf(call, "{\"x-gw-published\":\"%s\"}", sovd_clock_format(when, usec)),
                        &ret->extra);
        return r;
}

static int no_value(struct sovd_call *call, const struct native_app *app, const char *id) {
        return sovd_fail(call, SOVD_E_BAD_ANSWER, "app '%s' answered for '%s' without a value", app->id, id);
}

/* Asks the app for a value, by the type of the question. */
static int ask_value(struct sovd_call *call, const struct sovd_entity *e, const char *type, const char *id,
                     const struct cJSON **ret) {
        const struct native_reply *reply = NULL;
        struct native_ask ask;

        int r = native_ask_begin(&ask, call, e, type);
        if (r)
                return r;
        sovd_json_key_string(&ask.w, "id", id);
        r = native_ask_end(&ask, &reply);
        if (!r && !reply->value)
                r = no_value(call, ask.app, id);
        if (!r)
                *ret = reply->value;
        return r;
}

static int ask_write(struct sovd_call *call, const struct sovd_entity *e, const char *type, const char *id,
                     const struct cJSON *value) {
        struct native_ask ask;

        int r = native_ask_begin(&ask, call, e, type);
        if (r)
                return r;
        ask.changes = true;
        sovd_json_key_string(&ask.w, "id", id);
        sovd_json_key(&ask.w, "value");
        sovd_json_tree(&ask.w, value);
        return native_ask_end(&ask, NULL);
}

int native_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_data_value *ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_DATA, &app, &lists);
        if (r)
                return r;
        const struct native_data *d = NATIVE_FIND(lists->data, native_data, id);
        if (!d)
                return native_no_resource(call, app, "data", id);
        ret->id = d->id;
        ret->unit = d->unit;
        return d->published.value ? read_published(call, native_of(e->owner), app, id, ret)
                                  : ask_value(call, e, "read", id, &ret->data);
}

int native_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct cJSON *value, const char *signature) {
        const struct native_register *lists;
        struct native_app *app;
        (void)signature;

        int r = native_lookup(call, e, SOVD_COLLECTION_DATA, &app, &lists);
        if (r)
                return r;
        const struct native_data *d = NATIVE_FIND(lists->data, native_data, id);
        if (!d)
                return native_no_resource(call, app, "data", id);
        if (!d->writable.value)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "data '%s' can only be read", id);
        return ask_write(call, e, "write", id, value);
}

/* --- configurations: values with other questions ---------------------------------------------------------- */

int native_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                               struct sovd_configuration_list *ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_CONFIGURATIONS, &app, &lists);
        if (r)
                return r;
        const struct native_configuration *own = lists->configurations.items;
        const size_t n = lists->configurations.n;
        struct sovd_configuration *items = sovd_arena_array(call->arena, struct sovd_configuration, n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < n; i++)
                items[i] = (struct sovd_configuration){ .id = own[i].id,
                                                        .name = own[i].name,
                                                        .tags = own[i].tags,
                                                        .type = SOVD_CONFIGURATION_PARAMETER };
        ret->items = (struct sovd_list){ .items = items, .n = n };
        return 0;
}

static int find_configuration(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_CONFIGURATIONS, &app, &lists);
        if (!r && !NATIVE_FIND(lists->configurations, native_configuration, id))
                r = native_no_resource(call, app, "configuration", id);
        return r;
}

int native_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                              struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes) {
        (void)ret_bytes;
        int r = find_configuration(call, e, id);

        ret->id = id;
        return r ? r : ask_value(call, e, "config_read", id, &ret->data);
}

int native_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                               const struct cJSON *value, const char *signature) {
        (void)signature;
        int r = find_configuration(call, e, id);

        return r ? r : ask_write(call, e, "config_write", id, value);
}
