#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sovdctl - what an operator does from a shell
 *
 * A table of commands; each is words, a function and its help. Commands need neither the gateway nor its configuration
 * unless they say so. Exit status: what the command says; 64 for arguments that make no sense.
 */
#include "sovd-core/base/util.h"

#define SOVD_CTL_USAGE 64

struct sovd_ctl_command {
        const char *words;   /* "audit verify" */
        const char *summary; /* one line */
        /* argv[0] is the last word; its result is the exit status. */
        int (*run)(const struct sovd_ctl_command *command, int argc, char **argv);
        const char *help; /* what follows "usage: sovdctl WORDS" */
};

int sovd_ctl_audit_verify(const struct sovd_ctl_command *command, int argc, char **argv);
extern const char sovd_ctl_audit_verify_help[];

int sovd_ctl_audit_head(const struct sovd_ctl_command *command, int argc, char **argv);
extern const char sovd_ctl_audit_head_help[];

/* A whole file with a NUL behind it, or NULL and errno. */
char *sovd_ctl_read_text(const char *path);
/* Text that somebody else chose, for a terminal: what steers one is a question mark. Returns buf. */
const char *sovd_ctl_plain(char *buf, size_t size, const char *text);
/* --key: SOVD_AUDIT_KEY bytes. 0, or SOVD_CTL_USAGE. */
int sovd_ctl_take_key(const struct sovd_ctl_command *command, const char *path, unsigned char *ret);

/* Prints the help of a command. Returns 0. */
int sovd_ctl_help(const struct sovd_ctl_command *command);
/* Says on standard error what is wrong with the arguments. Returns SOVD_CTL_USAGE. */
int sovd_ctl_usage(const struct sovd_ctl_command *command, const char *format, ...) _printf_(2, 3);
