/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/switched.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/route.h"

#define RETRY_SEC 60 /* an admin decides, nobody knows when */

static bool needs(const struct sovd_route *route, bool wants_events, enum sovd_feature feature) {
        switch (feature) {
        case SOVD_FEATURE_MUTATIONS:
                return route->method != SOVD_GET && !(route->flags & (SOVD_NEVER_OFF | SOVD_ACKNOWLEDGES));
        case SOVD_FEATURE_STREAMS:
                return wants_events;
        case SOVD_FEATURE_DATA_EXPORTS:
                return route->flags & SOVD_TAKES_OUT;
        default:
                return false; /* no request is about it */
        }
}

static int refuse(struct sovd_call *call, struct sovd_features *features, enum sovd_feature feature) {
        const struct sovd_feature_info *info = &sovd_feature_infos[feature];
        struct sovd_feature_state state;
        int r = sovd_features_read(features, feature, call->arena, &state);

        if (r)
                return r;
        sovd_features_count_refused(features, feature);
        r = sovd_fail(call, SOVD_E_SWITCHED_OFF, "%s are switched off by an admin (feature %s)%s%s", info->what, info->id,
                      state.reason ? ": " : "", state.reason ? state.reason : "");
        sovd_fail_retry_after(call, RETRY_SEC);
        return r;
}

bool sovd_switched_off(const struct sovd_call *call, const struct sovd_route *route, bool wants_events) {
        const struct sovd_features *features = sovd_gateway_features(call->gateway);

        for (int i = 0; i < SOVD_N_FEATURES; i++)
                if (needs(route, wants_events, (enum sovd_feature)i) && !sovd_features_is_on(features, (enum sovd_feature)i))
                        return true;
        return false;
}

int sovd_switched_check(struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_features *features = sovd_gateway_features(call->gateway);

        for (int i = 0; i < SOVD_N_FEATURES; i++) {
                enum sovd_feature feature = (enum sovd_feature)i;
                if (!sovd_features_is_on(features, feature) && needs(route, call->wants_events, feature))
                        return refuse(call, features, feature);
        }
        return 0;
}

void sovd_switched_write_metrics(struct sovd_features *features, struct sovd_json_writer *w) {
        if (!features)
                return;
        sovd_json_rawf(w, "# HELP sovd_feature_on 0: an admin has switched it off.\n# TYPE sovd_feature_on gauge\n");
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                sovd_json_rawf(w, "sovd_feature_on{feature=\"%s\"} %d\n", sovd_feature_infos[i].id,
                               sovd_features_is_on(features, (enum sovd_feature)i));
        sovd_json_rawf(w, "# HELP sovd_feature_refused_total What was refused because it is off.\n"
                          "# TYPE sovd_feature_refused_total counter\n");
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                sovd_json_rawf(w, "sovd_feature_refused_total{feature=\"%s\"} %llu\n", sovd_feature_infos[i].id,
                               (unsigned long long)sovd_features_n_refused(features, (enum sovd_feature)i));
}
