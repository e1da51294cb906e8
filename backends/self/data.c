/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/self/backend.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/json_writer.h"

static struct sovd_data_item item_of(const struct sovd_self_datum *d) {
        return (struct sovd_data_item){
                .id = d->id, .name = d->name, .category = d->category, .unit = d->unit, .access = "readOnly"
        };
}

int self_data_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                   struct sovd_data_list *ret) {
        const struct sovd_self_datum *values = self_of(e->owner)->options.values;
        size_t n = 0;

        while (values[n].id)
                n++;
        struct sovd_data_item *items = sovd_arena_array(call->arena, struct sovd_data_item, n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        ret->items.items = items;
        for (size_t i = 0; i < n; i++) {
                items[ret->items.n] = item_of(&values[i]);
                ret->items.n += sovd_data_filter_matches(filter, &items[ret->items.n]);
        }
        return 0;
}

static const struct sovd_self_datum *find(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        const struct sovd_self_datum *d = self_of(e->owner)->options.values;

        while (d->id && strcmp(d->id, id) != 0)
                d++;
        if (d->id)
                return d;
        sovd_fail(call, SOVD_E_NOT_FOUND, "app '%s' has no data '%s'", e->id, id);
        return NULL;
}

int self_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   struct sovd_data_value *ret) {
        const struct self *b = self_of(e->owner);
        const struct sovd_self_datum *d = find(call, e, id);
        struct sovd_json_writer w;
        if (!d)
                return SOVD_E_NOT_FOUND;

        sovd_json_writer_init(&w, 0, 0);
        d->write(b->options.data, &w);
        ret->id = d->id;
        ret->unit = d->unit;
        return sovd_json_written(call->arena, &w, &ret->data);
}

int self_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id, const struct cJSON *value,
                    const char *signature) {
        (void)value, (void)signature;
        if (!find(call, e, id))
                return SOVD_E_NOT_FOUND;
        return sovd_fail(call, SOVD_E_FORBIDDEN, "data '%s' can only be read", id);
}
