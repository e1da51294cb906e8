/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/fingerprint.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

#define VERSION_BYTES 6

static const struct sim_configuration *configuration_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_configuration *)unit->entity->configurations.items + i;
}

static struct configuration_state *find(const struct sim_unit *unit, const char *id,
                                        const struct sim_configuration **ret) {
        for (size_t i = 0; i < unit->entity->configurations.n; i++) {
                *ret = configuration_of(unit, i);
                if (strcmp((*ret)->value.named.id, id) == 0)
                        return &unit->configurations[i];
        }
        return NULL;
}

static void replace(struct configuration_state *state, char *text, size_t len) {
        free(state->text);
        state->text = text;
        state->len = len;
}

static int set_default(const struct sim_configuration *c, struct configuration_state *state) {
        char *text = NULL;

        int r = c->content_type ? 0 : sim_value_text(c->value.value, &text);
        if (!r && c->content_type)
                text = strdup(c->value.value->valuestring);
        if (r || !text)
                return r ? r : sovd_error_origin(-ENOMEM);
        replace(state, text, strlen(text));
        return 0;
}

int sim_configurations_init(struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->configurations.n; i++) {
                int r = set_default(configuration_of(unit, i), &unit->configurations[i]);
                if (r)
                        return r;
        }
        return 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

/* The version of a content is the content: its hash, in short. */
static const char *version_of(struct sovd_call *call, const struct configuration_state *state) {
        char hash[SOVD_FINGERPRINT_SIZE];

        return sovd_fingerprint(hash, state->text, state->len)
                       ? NULL
                       : sovd_call_printf(call, "%.*s", 2 * VERSION_BYTES, hash);
}

int sim_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_configuration_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;

        const size_t n = c.unit->entity->configurations.n;
        struct sovd_configuration *items = SIM_ITEMS(call, struct sovd_configuration, n);
        for (size_t i = 0; items && i < n; i++) {
                const struct sim_configuration *configuration = configuration_of(c.unit, i);
                const struct sim_named *named = &configuration->value.named;
                const bool bulk = configuration->content_type;
                items[i] = (struct sovd_configuration){
                        .id = named->id,
                        .name = named->name,
                        .type = bulk ? SOVD_CONFIGURATION_BULK : SOVD_CONFIGURATION_PARAMETER,
                        .version = bulk ? version_of(call, &c.unit->configurations[i]) : NULL,
                        .content_type = configuration->content_type,
                        .translation_id = named->translation_id,
                        .tags = named->tags,
                };
        }
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

static int read_configuration(struct sovd_call *call, const struct sim_call *c, const char *id,
                              struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes) {
        const struct sim_configuration *configuration;
        const struct configuration_state *state = find(c->unit, id, &configuration);

        if (!state)
                return sim_no_resource(call, c->unit, "configuration", id);
        if (!configuration->content_type) {
                ret->id = configuration->value.named.id;
                return sim_value_node(call->arena, state->text, &ret->data);
        }
        *ret_bytes = (struct sovd_configuration_bytes){
                .content_type = configuration->content_type,
                .bytes = sovd_arena_strndup(call->arena, state->text, state->len),
                .len = state->len,
        };
        return ret_bytes->bytes ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;
        r = read_configuration(call, &c, id, ret, ret_bytes);
        sim_leave(&c);
        return r;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static int check_signature(struct sovd_call *call, const struct sim_configuration *c, const char *text,
                           const char *signature) {
        const char *id = c->value.named.id;
        char expected[SOVD_FINGERPRINT_SIZE];

        if (!c->signature_key)
                return signature ? sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                             "configuration '%s' checks no signatures", id)
                                 : 0;
        if (!signature)
                return sovd_fail_at(call, SOVD_E_SIGNATURE, "/signature",
                                    "configuration '%s' needs a signature", id);
        int r = sovd_fingerprint_keyed(expected, c->signature_key, text, strlen(text));
        if (r)
                return r;
        if (!sim_hmac_equals(expected, signature))
                return sovd_fail_at(call, SOVD_E_SIGNATURE, "/signature",
                                    "the signature for configuration '%s' is wrong", id);
        return 0;
}

static int write_value(struct sovd_call *call, const struct sim_call *c, const char *id,
                       const struct cJSON *json, const char *signature) {
        const struct sim_configuration *configuration;
        struct configuration_state *state = find(c->unit, id, &configuration);
        _cleanup_(sovd_freep) char *text = NULL;

        if (!state)
                return sim_no_resource(call, c->unit, "configuration", id);
        if (configuration->content_type)
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "configuration '%s' is written as %s", id,
                                 configuration->content_type);
        int r = sim_refuse(call, &configuration->value, json, "configuration", id);
        if (!r)
                r = sim_check_required(call, c->unit, &configuration->required, "writing configuration", id);
        if (!r)
                r = sim_value_text(json, &text);
        if (!r)
                r = check_signature(call, configuration, text, signature);
        if (r)
                return r;
        const size_t len = strlen(text);
        sim_log_note(c, SOVD_SEVERITY_INFO, "configuration '%s' was written: %s", id, text);
        replace(state, SOVD_TAKE(text), len);
        return 0;
}

int sim_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;
        r = write_value(call, &c, id, value, signature);
        sim_leave(&c);
        return r;
}

static bool is_type(const char *type, const char *wanted) {
        const size_t n = strcspn(type, "; \t");

        return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

static int write_bytes(struct sovd_call *call, const struct sim_call *c, const char *id,
                       const struct sovd_configuration_bytes *bytes) {
        const struct sim_configuration *configuration;
        struct configuration_state *state = find(c->unit, id, &configuration);

        if (!state)
                return sim_no_resource(call, c->unit, "configuration", id);
        const char *wanted = configuration->content_type ? configuration->content_type : "application/json";
        if (!is_type(bytes->content_type, wanted))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "configuration '%s' is written as %s", id, wanted);
        if (bytes->len > (size_t)configuration->max_bytes.value)
                return sovd_fail(call, SOVD_E_TOO_LARGE, "configuration '%s' has at most %lld bytes, not %zu",
                                 id, (long long)configuration->max_bytes.value, bytes->len);
        int r = sim_check_required(call, c->unit, &configuration->required, "writing configuration", id);
        if (r)
                return r;
        char *copy = malloc(bytes->len + 1);
        if (!copy)
                return sovd_error_origin(-ENOMEM);
        if (bytes->len)
                memcpy(copy, bytes->bytes, bytes->len);
        copy[bytes->len] = '\0';
        replace(state, copy, bytes->len);
        return 0;
}

int sim_configuration_write_bytes(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  const struct sovd_configuration_bytes *bytes) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;
        r = write_bytes(call, &c, id, bytes);
        sim_leave(&c);
        return r;
}

/* --- back to the default -------------------------------------------------------------------------------- */

static bool is_meant(const struct sim_configuration *c, const char *id) {
        return !id || strcmp(c->value.named.id, id) == 0;
}

/* All or none: a condition of one of them is a condition of all. */
static int reset(struct sovd_call *call, const struct sim_call *c, const char *id) {
        const size_t n = c->unit->entity->configurations.n;
        const struct sim_configuration *one;
        int r = 0;

        if (id && !find(c->unit, id, &one))
                return sim_no_resource(call, c->unit, "configuration", id);
        for (size_t i = 0; !r && i < n; i++) {
                one = configuration_of(c->unit, i);
                if (is_meant(one, id))
                        r = sim_check_required(call, c->unit, &one->required, "setting back configuration",
                                               one->value.named.id);
        }
        for (size_t i = 0; !r && i < n; i++)
                if (is_meant(configuration_of(c->unit, i), id))
                        r = set_default(configuration_of(c->unit, i), &c->unit->configurations[i]);
        return r;
}

int sim_configuration_reset(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;
        r = reset(call, &c, id);
        sim_leave(&c);
        return r;
}
