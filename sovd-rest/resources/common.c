/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/resources/resources.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

const char *sovd_encoded(struct sovd_call *call, const char *segment) {
        const char *encoded = sovd_http_encode_segment(call->arena, segment);

        return encoded ? encoded : "";
}

static bool is_plain(const char *s) {
        return !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")];
}

const char *sovd_entity_href_in(char buf[static SOVD_HREF_SIZE], const struct sovd_call *call,
                                const struct sovd_entity *e) {
        const char *id = is_plain(e->id) ? e->id : sovd_http_encode_segment(call->arena, e->id);

        (void)snprintf(buf, SOVD_HREF_SIZE, "%s/%s/%s", call->base, sovd_entity_type_paths[e->type], id ? id : "");
        return buf;
}

const char *sovd_entity_href(struct sovd_call *call, const struct sovd_entity *e) {
        return sovd_call_printf(call, "%s/%s/%s", call->base, sovd_entity_type_paths[e->type],
                                sovd_encoded(call, e->id));
}

/* What a backend cannot tell now is no reason to refuse the value: the table's schema is said then. */
static int describe(struct sovd_call *call, enum sovd_collection collection, struct cJSON **ret) {
        const struct sovd_backend_ops *ops = sovd_ops(call, collection);

        *ret = NULL;
        if (!ops->describe)
                return 0;
        int r = ops->describe(call, call->entity, collection, call->params[0], ret);
        if (r <= 0)
                return r;
        call->failure = (struct sovd_failure){ 0 };
        *ret = NULL;
        return 0;
}

int sovd_add_schema(struct sovd_call *call, enum sovd_collection collection, const struct sovd_schema *schema,
                    const char *member, const struct cJSON **ret) {
        struct cJSON *known;

        if (*ret || !sovd_streq(sovd_call_query(call, "include-schema"), "true"))
                return 0;
        int r = describe(call, collection, &known);
        if (r || !known)
                return r;

        struct cJSON *whole = sovd_schema_openapi_inline(schema), *copy = cJSON_Duplicate(known, true);
        r = sovd_json_own(call->arena, whole);
        if (r) {
                cJSON_Delete(copy);
                return r;
        }
        struct cJSON *properties = cJSON_GetObjectItemCaseSensitive(whole, "properties");
        bool ok = copy && (member ? cJSON_ReplaceItemInObjectCaseSensitive(properties, member, copy)
                                  : cJSON_AddItemToObject(whole, "x-gw-operation", copy));
        if (!ok) {
                cJSON_Delete(copy);
                return sovd_error_origin(-ENOMEM);
        }
        *ret = whole;
        return 0;
}

int sovd_not_offered(struct sovd_call *call, const char *what) {
        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the backend of %s '%s' does not offer %s",
                         sovd_entity_type_words[call->entity->type], call->entity->id, what);
}

int sovd_written_value(struct sovd_call *call, const struct sovd_data_write *write, const struct cJSON **ret) {
        if (write->data && write->value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "give either data or value, not both");
        if (!write->data && !write->value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/data", "member data is missing");
        *ret = write->data ? write->data : write->value;
        return 0;
}

int sovd_rename_path(struct sovd_call *call, const struct sovd_data_write *write, int r) {
        const char *path = call->failure.path, *word = write->data ? "/data" : "/value";
        const char *rest = NULL;

        if (!r || !path)
                return r;
        if (sovd_has_prefix(path, "/data"))
                rest = path + strlen("/data");
        else if (sovd_has_prefix(path, "/value"))
                rest = path + strlen("/value");
        if (rest && (!*rest || *rest == '/'))
                call->failure.path = sovd_call_printf(call, "%s%s", word, rest);
        return r;
}
