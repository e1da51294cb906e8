/* SPDX-License-Identifier: Apache-2.0 */
/* What an admin switches off while the gateway runs. */
#include "sovd-core/base/clock.h"
#include "sovd-core/feature_switches.h"
#include "sovd-rest/resources/resources.h"

struct feature {
        const char *id, *description;
        struct sovd_bool enabled;
        const char *changed_at, *changed_by, *reason;
};
struct features {
        struct sovd_list items;
};
struct feature_write {
        struct sovd_bool enabled;
        const char *reason;
};

#define F(member) offsetof(struct feature, member)
static const struct sovd_field feature_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description), .flags = SOVD_REQUIRED },
        { .name = "enabled", .type = SOVD_FIELD_BOOL, .offset = F(enabled), .flags = SOVD_REQUIRED, .doc = "true unless it was switched off." },
        { .name = "changed_at", .type = SOVD_FIELD_STRING, .offset = F(changed_at), .format = "date-time",
          .doc = "When it was switched last; absent: never." },
        { .name = "changed_by", .type = SOVD_FIELD_STRING, .offset = F(changed_by), .doc = "Who switched it." },
        { .name = "reason", .type = SOVD_FIELD_STRING, .offset = F(reason), .doc = "What clients are told." },
        { 0 }
};
#undef F
static const struct sovd_schema feature_schema = { .name = "Feature", .size = sizeof(struct feature), .fields = feature_fields };
static const struct sovd_field features_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct features, items), .flags = SOVD_REQUIRED, .of = &feature_schema },
        { 0 }
};
static const struct sovd_schema features_schema = { .name = "Features", .size = sizeof(struct features), .fields = features_fields };
static const struct sovd_field write_fields[] = {
        { .name = "enabled", .type = SOVD_FIELD_BOOL, .offset = offsetof(struct feature_write, enabled), .flags = SOVD_REQUIRED },
        { .name = "reason", .type = SOVD_FIELD_STRING, .offset = offsetof(struct feature_write, reason), .min = 1,
          .max = SOVD_FEATURE_REASON_MAX, .doc = "What clients are told when it is refused." },
        { 0 }
};
static const struct sovd_schema write_schema = { .name = "FeatureWrite", .size = sizeof(struct feature_write), .fields = write_fields };

static int describe(struct sovd_call *call, enum sovd_feature feature, struct feature *ret) {
        struct sovd_feature_state state;
        char when[SOVD_TIMESTAMP_SIZE];
        int r = sovd_features_read(sovd_gateway_features(call->gateway), feature, call->arena, &state);

        if (r)
                return r;
        *ret = (struct feature){ .id = sovd_feature_infos[feature].id,
                                 .description = sovd_feature_infos[feature].doc,
                                 .enabled = SOVD_BOOL(state.on),
                                 .changed_by = state.changed_by,
                                 .reason = state.reason };
        if (state.changed_usec)
                ret->changed_at = sovd_call_printf(call, "%s", sovd_clock_format(when, state.changed_usec));
        return 0;
}

static int list(struct sovd_call *call) {
        struct features *out = sovd_arena_new0(call->arena, struct features);
        struct feature *items = sovd_arena_array(call->arena, struct feature, SOVD_N_FEATURES);
        int r = out && items ? 0 : sovd_error_origin(-ENOMEM);

        for (int i = 0; !r && i < SOVD_N_FEATURES; i++)
                r = describe(call, (enum sovd_feature)i, &items[i]);
        if (r)
                return r;
        out->items = (struct sovd_list){ .items = items, .n = SOVD_N_FEATURES };
        call->out = out;
        return 0;
}

static int find(struct sovd_call *call, enum sovd_feature *ret) {
        int feature = sovd_feature_find(call->params[0]);

        if (feature < 0)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is no feature '%s'", call->params[0]);
        *ret = (enum sovd_feature)feature;
        return 0;
}

static int answer(struct sovd_call *call, enum sovd_feature feature) {
        struct feature *out = sovd_arena_new0(call->arena, struct feature);
        int r = out ? describe(call, feature, out) : sovd_error_origin(-ENOMEM);

        call->out = out;
        return r;
}

static int read_one(struct sovd_call *call) {
        enum sovd_feature feature = SOVD_N_FEATURES;
        int r = find(call, &feature);

        return r ? r : answer(call, feature);
}

/* The reason goes into answers and the log: one line of text. */
static int check_reason(struct sovd_call *call, const char *reason) {
        for (const char *p = reason; p && *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/reason", "member reason must have no control characters");
        return 0;
}

static int write_one(struct sovd_call *call) {
        const struct feature_write *in = call->in;
        enum sovd_feature feature = SOVD_N_FEATURES;
        int r = find(call, &feature);

        if (!r)
                r = check_reason(call, in->reason);
        if (r)
                return r;
        r = sovd_features_set(sovd_gateway_features(call->gateway), feature, in->enabled.value, call->principal.id, in->reason);
        return r ? sovd_fail_storage(call, r) : answer(call, feature);
}

#define FEATURES .collection = SOVD_NO_COLLECTION, .success = 200

const struct sovd_route sovd_routes_features[] = {
        { .id = "features-list", .method = SOVD_GET, .path = "/x-admin/features", .handler = list, .flags = SOVD_ADMIN,
          .out = &features_schema, .summary = "Read what can be switched off, and what is", FEATURES },
        { .id = "feature-read", .method = SOVD_GET, .path = "/x-admin/features/{feature-id}", .handler = read_one, .flags = SOVD_ADMIN,
          .out = &feature_schema, .summary = "Read whether a feature is on", FEATURES },
        { .id = "feature-write", .method = SOVD_PUT, .path = "/x-admin/features/{feature-id}", .handler = write_one,
          .flags = SOVD_ADMIN | SOVD_NEVER_OFF, .in = &write_schema, .out = &feature_schema, .summary = "Switch a feature on or off", FEATURES },
        { 0 }
};
