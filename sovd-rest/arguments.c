/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/arguments.h"
#include "sovd-core/base/log.h"
#include <getopt.h>
#include <stdio.h>

static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "demo", optional_argument, NULL, 's' },
        { "check-config", optional_argument, NULL, 'k' },
        { "print-config-docs", no_argument, NULL, 'd' },
        { "print-openapi", no_argument, NULL, 'o' },
        { "print-scenario-docs", no_argument, NULL, 'p' },
        { "print-fault-docs", no_argument, NULL, 'f' },
        { "explain-access", no_argument, NULL, 'e' },
        { "principal", required_argument, NULL, 'w' },
        { "print-access-docs", no_argument, NULL, 'x' },
        { "make-key", required_argument, NULL, 'm' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { 0 }
};

static bool apply(struct sovd_arguments *a, int option) {
        switch (option) {
        case 'c':
                a->config = optarg;
                return true;
        case 'k':
                a->action = SOVD_ACTION_CHECK_CONFIG;
                if (optarg)
                        a->config = optarg;
                return true;
        case 's':
                a->demo = true;
                a->scenario = optarg;
                return true;
        case 'p':
                a->action = SOVD_ACTION_PRINT_SCENARIO_DOCS;
                return true;
        case 'f':
                a->action = SOVD_ACTION_PRINT_FAULT_DOCS;
                return true;
        case 'd':
                a->action = SOVD_ACTION_PRINT_CONFIG_DOCS;
                return true;
        case 'o':
                a->action = SOVD_ACTION_PRINT_OPENAPI;
                return true;
        case 'e':
                a->action = SOVD_ACTION_EXPLAIN_ACCESS;
                return true;
        case 'w':
                a->principal = optarg;
                return true;
        case 'x':
                a->action = SOVD_ACTION_PRINT_ACCESS_DOCS;
                return true;
        case 'm':
                a->action = SOVD_ACTION_MAKE_KEY;
                a->key_name = optarg;
                return true;
        case 'v':
                a->action = SOVD_ACTION_VERSION;
                return true;
        case 'h':
                a->action = SOVD_ACTION_HELP;
                return true;
        default:
                return false; /* getopt has said why */
        }
}

bool sovd_arguments_parse(struct sovd_arguments *ret, int argc, char **argv) {
        int option;

        *ret = (struct sovd_arguments){ 0 };
        while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
                if (!apply(ret, option))
                        return false;

        /* "--check-config FILE" reads naturally, so the file may stand apart. */
        if (ret->action == SOVD_ACTION_CHECK_CONFIG && !ret->config && optind < argc)
                ret->config = argv[optind++];
        for (size_t i = 0; ret->action == SOVD_ACTION_EXPLAIN_ACCESS && i < 2 && optind < argc; i++)
                ret->words[i] = argv[optind++];
        if (optind < argc) {
                (void)fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0], argv[optind]);
                return false;
        }
        return true;
}

void sovd_arguments_complain(const char *text) {
        const char *level = sovd_log_goes_to_journal() ? "<3>" : ""; /* sd-daemon(3); else it would be info there */

        while (*text) {
                size_t n = strcspn(text, "\n");
                if (n)
                        (void)fprintf(stderr, "%s%.*s\n", level, (int)n, text);
                text += n + (text[n] == '\n');
        }
}

void sovd_arguments_help(void) {
        (void)puts("sovd-gatewayd - one REST entry to everything diagnosable in a vehicle (ISO 17978-3)\n"
                   "\n"
                   "  --config FILE        configuration file (YAML); without it: defaults, loopback, no backends\n"
                   "  --demo[=FILE]        add a simulated vehicle: the built-in one, or that of a scenario (YAML)\n"
                   "  --check-config [FILE] check the configuration, say what is wrong with it, and exit\n"
                   "  --explain-access --principal 'roles=tester,tenant=a' METHOD PATH\n"
                   "                       say what the policy of the configuration decides, and why; exit 0 allowed, 1 denied\n"
                   "  --print-access-docs  print which built-in role may use which route as Markdown\n"
                   "  --print-config-docs  print the reference of the configuration as Markdown\n"
                   "  --print-scenario-docs print the reference of scenarios as Markdown\n"
                   "  --print-fault-docs   print the reference of catalogues of faults as Markdown\n"
                   "  --print-openapi      print the OpenAPI document of the API\n"
                   "  --make-key NAME      print a fresh API key for a client, and what the configuration says of it\n"
                   "  --version            print the version\n"
                   "  --help               print this\n"
                   "\n"
                   "Environment variables override scalar keys: SOVD__SERVER__PORT=9090, SOVD_LOGGING__LEVEL=debug.\n"
                   "SIGHUP reads the configuration again; SIGTERM and SIGINT stop.\n"
                   "Exit status: 0 stopped as asked, 1 failure, 2 wrong arguments or configuration.");
}
