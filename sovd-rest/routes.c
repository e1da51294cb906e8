/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/resources.h"

const struct sovd_route *const sovd_routes[] = {
        /* What is asked most comes first: the router searches in this order. */
        sovd_routes_data,
        sovd_routes_discovery,
        sovd_routes_faults,
        sovd_routes_operations,
        sovd_routes_scripts,
        sovd_routes_modes,
        sovd_routes_configurations,
        sovd_routes_data_lists,
        sovd_routes_logs,
        sovd_routes_clear_data,
        sovd_routes_status,
        sovd_routes_updates,
        sovd_routes_server,
        NULL,
};
