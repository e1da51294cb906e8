/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/entity.h"

const char *const sovd_entity_type_paths[] = { "areas", "components", "apps", "functions", NULL };
const char *const sovd_entity_type_words[] = { "area", "component", "app", "function", NULL };
const char *const sovd_collection_names[] = { "data",       "faults",     "operations", "modes",
                                              "configurations", "data-lists", "locks",  "logs",
                                              "communication-logs", "bulk-data", "scripts", "clear-data",
                                              "status",     "triggers",   "cyclic-subscriptions", NULL };
const char *const sovd_relation_names[] = { "subareas",      "subcomponents", "contains",   "hosts",
                                            "is-located-on", "belongs-to",    "depends-on", NULL };
const char *const sovd_connection_names[] = { "disconnected", "connecting", "connected", NULL };

int sovd_name_find(const char *const *names, const char *name) {
        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return -1;
}
