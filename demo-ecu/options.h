#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Options - the command line of demo-ecu
 */
#include "demo-ecu/router.h"

#define OPTIONS_INJECT_MAX 32

struct options {
        const char *host;
        unsigned int port;
        const struct dialect *dialect;
        uint64_t seed;
        double time_scale;
        const char *scenario; /* NULL: none */
        const char *inject[OPTIONS_INJECT_MAX];
        size_t n_inject;
};

/* Below 0: serve. Otherwise it is the exit status, and everything was said. */
int options_parse(struct options *options, int argc, char **argv);
