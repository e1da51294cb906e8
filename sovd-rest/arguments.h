#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arguments of sovd-gatewayd
 */
#include "sovd-core/base/util.h"

enum sovd_action {
        SOVD_ACTION_RUN,
        SOVD_ACTION_CHECK_CONFIG,
        SOVD_ACTION_EXPLAIN_ACCESS,
        SOVD_ACTION_PRINT_ACCESS_DOCS,
        SOVD_ACTION_PRINT_CONFIG_DOCS,
        SOVD_ACTION_PRINT_OPENAPI,
        SOVD_ACTION_PRINT_SCENARIO_DOCS,
        SOVD_ACTION_PRINT_FAULT_DOCS,
        SOVD_ACTION_MAKE_KEY,
        SOVD_ACTION_VERSION,
        SOVD_ACTION_HELP
};

struct sovd_arguments {
        enum sovd_action action;
        const char *config;   /* NULL = built-in defaults */
        bool demo;            /* add a simulated vehicle */
        const char *scenario; /* its file; NULL = the built-in one */
        const char *principal; /* --explain-access: whose */
        const char *words[2];  /* the same: METHOD PATH */
        const char *key_name; /* whose key to make */
};

/* false: the arguments are wrong, and standard error says why. */
bool sovd_arguments_parse(struct sovd_arguments *ret, int argc, char **argv);
void sovd_arguments_help(void);

/* What is wrong, line by line on standard error. */
void sovd_arguments_complain(const char *text);
