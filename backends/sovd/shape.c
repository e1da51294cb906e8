/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include <errno.h>

cJSON *shape_member(const cJSON *object, const char *name) {
        return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *shape_string(const cJSON *object, const char *name) {
        const cJSON *member = shape_member(object, name);

        return cJSON_IsString(member) ? member->valuestring : NULL;
}

static int add(cJSON *object, const char *name, cJSON *value) {
        if (value && cJSON_AddItemToObject(object, name, value))
                return 0;

        cJSON_Delete(value);
        return sovd_error_origin(-ENOMEM);
}

int shape_rename(cJSON *object, const char *from, const char *to) {
        cJSON *member = shape_member(object, from);

        if (!member || shape_member(object, to))
                return 0;
        return add(object, to, cJSON_DetachItemViaPointer(object, member));
}

int shape_put(cJSON *object, const char *name, cJSON *value) {
        if (value)
                cJSON_DeleteItemFromObjectCaseSensitive(object, name);
        return add(object, name, value);
}

int shape_default(cJSON *object, const char *name, const char *value) {
        const cJSON *member = shape_member(object, name);

        if (member && !cJSON_IsNull(member))
                return 0;
        return shape_put(object, name, cJSON_CreateString(value));
}

int shape_each(cJSON *json, const char *name, int (*f)(cJSON *item)) {
        cJSON *list = shape_member(json, name), *item;
        int r = 0;

        cJSON_ArrayForEach (item, list) {
                if (!r && cJSON_IsObject(item))
                        r = f(item);
        }
        return r;
}

void shape_filter_data(struct sovd_data_list *list, const struct sovd_data_filter *filter) {
        struct sovd_data_item *items = list->items.items;
        size_t n = 0;

        for (size_t i = 0; filter && i < list->items.n; i++)
                if (sovd_data_filter_matches(filter, &items[i]))
                        items[n++] = items[i];
        if (filter)
                list->items.n = n;
}

void shape_filter_faults(struct sovd_fault_list *list, const struct sovd_fault_filter *filter) {
        struct sovd_fault *items = list->items.items;
        size_t n = 0;

        for (size_t i = 0; filter && i < list->items.n; i++)
                if (sovd_fault_filter_matches(filter, &items[i]))
                        items[n++] = items[i];
        if (filter)
                list->items.n = n;
}
