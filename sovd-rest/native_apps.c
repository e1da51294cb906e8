/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/native_apps.h"
#include "sovd-core/audit/log.h"
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/events.h"
#include "sovd-core/gateway.h"
#include "sovd-rest/fault_settings.h"
#include "sovd-rest/settings.h"
#include <errno.h>

#define DAY_USEC (86400.0 * (double)SOVD_USEC_PER_SEC)

struct sovd_native_apps {
        struct fm_sink *faults;
};

const char *sovd_native_apps_check(const struct sovd_native_options *options, const struct sovd_config_tree *tree,
                                   struct sovd_arena *arena) {
        const char *pointer = NULL;
        const char *why = options ? sovd_native_options_check(options, arena, &pointer) : NULL;

        if (!why)
                return NULL;
        const char *whole = sovd_arena_printf(arena, "/native%s", pointer ? pointer : "");
        const char *where = whole ? sovd_config_where(tree, whole, arena) : NULL;
        const char *text = sovd_arena_printf(arena, "%s: %s", where ? where : "native", why);

        return text ? text : why;
}

static void publish(const struct fm_event *event, void *data) {
        const struct sovd_fact fact = fm_event_fact(event);

        sovd_events_publish(data, &fact);
}

int sovd_native_apps_start(struct sovd_native_apps **ret, struct sovd_gateway *gateway, struct sovd_events *events,
                           const struct sovd_limits_settings *limits, const struct sovd_fault_settings *faults) {
        char boot_id[SOVD_BOOT_ID_SIZE];
        const struct fm_options options = { .db = sovd_gateway_db(gateway),
                                            .faults_max = (size_t)limits->fault_definitions.value,
                                            .reports_per_sec = (double)limits->fault_reports_per_sec.value,
                                            .events_per_sec = (unsigned)limits->fault_events_per_sec.value,
                                            .boot_id = sovd_boot_id(boot_id),
                                            .published = publish,
                                            .data = events };
        struct sovd_native_apps *apps = calloc(1, sizeof(*apps));
        if (!apps)
                return sovd_error_origin(-ENOMEM);

        *ret = apps;
        int r = fm_sink_new(&apps->faults, &options);
        if (r) {
                sovd_log(SOVD_LOG_ERROR, "the fault manager cannot be started: %s", strerror(abs(r)));
                return r;
        }
        sovd_gateway_set_fault_sink(gateway, fm_sink_base(apps->faults));
        sovd_events_set_faults(events, fm_sink_base(apps->faults));
        r = sovd_fault_settings_apply(faults, apps->faults);
        return r > 0 ? -EINVAL : r; /* it was logged */
}

void sovd_native_apps_reload(struct sovd_native_apps *apps, const struct sovd_fault_settings *faults) {
        (void)sovd_fault_settings_apply(faults, apps->faults);
}

/* A clock that is set wrong must not delete the history. */
static uint64_t trusted_usec(void *audit) {
        return sovd_audit_trusted_usec(audit);
}

int sovd_native_apps_retain(struct sovd_native_apps *apps, struct sovd_gateway *gateway, const struct sovd_history_settings *settings) {
        struct sovd_audit *audit = sovd_gateway_audit(gateway);
        const struct fm_retention_options options = {
                .keep_usec = (uint64_t)(settings->retention_days.value * DAY_USEC),
                .events_max = (uint64_t)settings->events_max.value,
                .faults_max = (uint64_t)settings->faults_max.value,
                .period_usec = sovd_settings_usec(settings->compact),
                .now_usec = audit ? trusted_usec : NULL,
                .now_data = audit,
        };
        int r = fm_sink_retain(apps->faults, &options);

        if (r)
                sovd_log(SOVD_LOG_ERROR, "the history of faults cannot be kept within bounds: %s", strerror(abs(r)));
        return r;
}

int sovd_native_apps_add(struct sovd_gateway *gateway, const struct sovd_native_options *options) {
        struct sovd_backend *backend;

        if (!options)
                return 0;
        int r = sovd_native_backend_new(&backend, options);
        if (!r)
                r = sovd_gateway_add(gateway, backend);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot be started: %s", options->name, strerror(-r));
        return r;
}

/* Nobody reports any more: what waits is written. */
struct sovd_native_apps *sovd_native_apps_free(struct sovd_native_apps *apps) {
        if (!apps)
                return NULL;
        fm_sink_free(apps->faults);
        free(apps);
        return NULL;
}
