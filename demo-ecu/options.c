/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Options - the command line of demo-ecu
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include "demo-ecu/options.h"

static const char usage[] =
        "Usage: demo-ecu [OPTION]...\n"
        "A SOVD server over HTTP that plays two ECUs, 'bms' and 'climate'.\n"
        "\n"
        "  --port N           listen on this port; 0 picks a free one (default 3001)\n"
        "  --host ADDRESS     listen on this address (default 127.0.0.1)\n"
        "  --dialect NAME     iso or odata (default iso)\n"
        "  --seed N           what the simulation's noise starts from (default 1)\n"
        "  --scenario FILE    let things happen at given times\n"
        "  --inject RULE      misbehave: kind[=argument][:path-substring][#count]; may be repeated\n"
        "  --time-scale X     simulated seconds per second (default 1)\n"
        "  --help             print this\n"
        "  --version          print the version\n";

static int refuse(const char *option, const char *value, const char *rule) {
        fprintf(stderr, "demo-ecu: --%s must be %s, got '%s'\n", option, rule, value);
        return 2;
}

static bool parse_unsigned(const char *text, unsigned long long max, unsigned long long *ret) {
        char *end;

        if (*text < '0' || *text > '9')
                return false;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return !errno && !*end && *ret <= max;
}

static int parse_port(struct options *options, const char *text) {
        unsigned long long port;

        if (!parse_unsigned(text, 65535, &port))
                return refuse("port", text, "a number from 0 to 65535");
        options->port = (unsigned int)port;
        return -1;
}

static int parse_seed(struct options *options, const char *text) {
        unsigned long long seed;

        if (!parse_unsigned(text, UINT64_MAX, &seed))
                return refuse("seed", text, "a number of 64 bits, not negative");
        options->seed = seed;
        return -1;
}

static int parse_time_scale(struct options *options, const char *text) {
        char *end;

        options->time_scale = strtod(text, &end);
        if (end == text || *end || !(options->time_scale >= 0.001 && options->time_scale <= 10000))
                return refuse("time-scale", text, "a number from 0.001 to 10000");
        return -1;
}

static int parse_dialect(struct options *options, const char *text) {
        const struct dialect *const dialects[] = { &dialect_iso, &dialect_odata };

        for (size_t i = 0; i < N_ELEMENTS(dialects); ++i) {
                if (!equal(dialects[i]->name, text))
                        continue;
                options->dialect = dialects[i];
                return -1;
        }
        return refuse("dialect", text, "iso or odata");
}

static int add_inject(struct options *options, const char *text) {
        if (options->n_inject == OPTIONS_INJECT_MAX)
                return refuse("inject", text, "given at most 32 times");
        options->inject[options->n_inject++] = text;
        return -1;
}

static int parse_option(struct options *options, int option, const char *value) {
        switch (option) {
        case 'p':
                return parse_port(options, value);
        case 'a':
                options->host = value;
                return *value && strlen(value) < 256 ? -1 : refuse("host", value, "an address");
        case 'd':
                return parse_dialect(options, value);
        case 's':
                return parse_seed(options, value);
        case 'f':
                options->scenario = value;
                return -1;
        case 'i':
                return add_inject(options, value);
        case 't':
                return parse_time_scale(options, value);
        case 'h':
                fputs(usage, stdout);
                return 0;
        case 'v':
                puts("demo-ecu " SOVD_VERSION);
                return 0;
        default:
                fputs("Try 'demo-ecu --help'.\n", stderr); /* getopt said what is wrong */
                return 2;
        }
}

int options_parse(struct options *options, int argc, char **argv) {
        static const struct option known[] = {
                { "port", required_argument, NULL, 'p' },       { "host", required_argument, NULL, 'a' },
                { "dialect", required_argument, NULL, 'd' },    { "seed", required_argument, NULL, 's' },
                { "scenario", required_argument, NULL, 'f' },   { "inject", required_argument, NULL, 'i' },
                { "time-scale", required_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },          { 0 },
        };
        int option, r = -1;

        *options = (struct options){
                .host = "127.0.0.1",
                .port = 3001,
                .dialect = &dialect_iso,
                .seed = 1,
                .time_scale = 1,
        };
        while (r < 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
                r = parse_option(options, option, optarg);

        if (r < 0 && optind < argc) {
                fprintf(stderr, "demo-ecu: unexpected argument '%s'\n", argv[optind]);
                return 2;
        }
        return r;
}
