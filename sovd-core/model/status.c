/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/status.h"

const char *const sovd_readiness_names[] = { "ready", "notReady", NULL };
const char *const sovd_status_action_names[] = { "start",    "restart",        "force-restart",
                                                 "shutdown", "force-shutdown", NULL };

static const struct sovd_field control_fields[] = {
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_status_control, parameters),
          .doc = "What the entity takes; its own." },
        { 0 }
};
const struct sovd_schema sovd_schema_status_control = {
        .name = "StatusControl", .size = sizeof(struct sovd_status_control), .fields = control_fields,
};
