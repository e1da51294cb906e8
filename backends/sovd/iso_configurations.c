/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of a server of ISO 17978-3: values as JSON, and bytes of any type. */
#include "backends/sovd/iso.h"
#include "backends/sovd/iso_decode.h"
#include <cjson/cJSON.h>
#include <strings.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

static struct upstream configuration_of(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        return upstream_of(call, e, SOVD_COLLECTION_CONFIGURATIONS, id ? "configuration" : "configurations",
                           id);
}

int iso_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_configuration_list *ret) {
        struct upstream u = configuration_of(call, e, NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "configurations", NULL);
        return r ? r : iso_decode_configuration_list(call, json, ret);
}

/* Without a type it counts as JSON, as everywhere else. */
static bool is_json(const char *type) {
        const size_t n = type ? strcspn(type, "; \t") : 0;

        return !n || (n == 16 && strncasecmp(type, "application/json", n) == 0);
}

/* Which form a configuration has is the server's to say: any is accepted. */
int iso_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes) {
        struct upstream u = configuration_of(call, e, id);
        struct sovd_http_answer answer;
        struct cJSON *json;

        u.accept = "application/json, */*;q=0.5";
        upstream_pass_schema(&u);
        int r = upstream_get_any(&u, &answer, "configurations", id, NULL);
        if (r)
                return r;
        if (!is_json(answer.content_type)) {
                *ret_bytes = (struct sovd_configuration_bytes){ .content_type = answer.content_type,
                                                                .bytes = answer.body,
                                                                .len = answer.body_len };
                return 0;
        }
        r = answer_parse(call, &answer, &json);
        return r ? r : iso_decode_value(call, json, id, ret);
}

int iso_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature) {
        struct upstream u = configuration_of(call, e, id);

        return iso_write_value(&u, "configurations", value, signature);
}

int iso_configuration_write_bytes(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  const struct sovd_configuration_bytes *bytes) {
        struct upstream u = configuration_of(call, e, id);
        _cleanup_writer_ struct sovd_json_writer w;

        u.content_type = bytes->content_type;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_raw(&w, bytes->bytes, bytes->len);
        return upstream_send(&u, "PUT", &w, NULL, "configurations", id, NULL);
}

int iso_configuration_reset(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        struct upstream u = configuration_of(call, e, id);

        return upstream_send(&u, "DELETE", NULL, NULL, "configurations", id, NULL);
}
