/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/ctl/ctl.h"
#include <stdarg.h>
#include <stdio.h>

static const struct sovd_ctl_command commands[] = {
        { .words = "audit verify",
          .summary = "prove that an audit log is what was written",
          .run = sovd_ctl_audit_verify,
          .help = sovd_ctl_audit_verify_help },
        { .words = "audit head",
          .summary = "prove the head of a running gateway's log, and remember it",
          .run = sovd_ctl_audit_head,
          .help = sovd_ctl_audit_head_help },
};

int sovd_ctl_help(const struct sovd_ctl_command *command) {
        (void)printf("usage: sovdctl %s %s", command->words, command->help);
        return 0;
}

int sovd_ctl_usage(const struct sovd_ctl_command *command, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void)fprintf(stderr, "sovdctl %s: ", command->words);
        (void)vfprintf(stderr, format, args);
        (void)fprintf(stderr, "; see 'sovdctl %s --help'\n", command->words);
        va_end(args);
        return SOVD_CTL_USAGE;
}

static int help(void) {
        (void)puts("sovdctl - what an operator does from a shell\n\nusage: sovdctl COMMAND [ARGUMENTS]\n");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(commands); i++)
                (void)printf("  %-16s %s\n", commands[i].words, commands[i].summary);
        (void)puts("\n'sovdctl COMMAND --help' tells more; --version prints the version.");
        return 0;
}

/* How many words of argv the command has; 0: it is another one. */
static int matches(const struct sovd_ctl_command *command, int argc, char **argv) {
        const char *words = command->words;
        int n = 0;

        while (*words) {
                size_t len = strcspn(words, " ");
                if (n == argc || strlen(argv[n]) != len || strncmp(argv[n], words, len) != 0)
                        return 0;
                n++;
                words += len + (words[len] == ' ');
        }
        return n;
}

int main(int argc, char **argv) {
        if (argc < 2 || sovd_streq(argv[1], "--help") || sovd_streq(argv[1], "-h") ||
            sovd_streq(argv[1], "help")) {
                (void)help();
                return argc < 2 ? SOVD_CTL_USAGE : 0;
        }
        if (sovd_streq(argv[1], "--version"))
                return puts("sovdctl " SOVD_VERSION) < 0;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(commands); i++) {
                int n = matches(&commands[i], argc - 1, argv + 1);
                if (n)
                        return commands[i].run(&commands[i], argc - n, argv + n);
        }
        (void)fprintf(stderr, "sovdctl: no command '%s'; see 'sovdctl --help'\n", argv[1]);
        return SOVD_CTL_USAGE;
}
