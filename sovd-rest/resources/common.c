/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/http_client.h"
#include "sovd-rest/resources/resources.h"

const char *sovd_encoded(struct sovd_call *call, const char *segment) {
        const char *encoded = sovd_http_encode_segment(call->arena, segment);

        return encoded ? encoded : "";
}

const char *sovd_entity_href(struct sovd_call *call, const struct sovd_entity *e) {
        return sovd_call_printf(call, "%s/%s/%s", call->base, sovd_entity_type_paths[e->type],
                                sovd_encoded(call, e->id));
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
