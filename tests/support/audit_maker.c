/* SPDX-License-Identifier: Apache-2.0 */

/*
 * audit-maker [name=number]... - writes a log for tests as an export (audit_log.h); names are those of struct made_log.
 * audit-maker --key: its device key in base64. audit-maker --head SIZE [name=number]...: the checkpoint of that size.
 */
#include "tests/support/audit_log.h"
#include <stdio.h>

static const struct {
        const char *name;
        size_t offset;
} names[] = {
        { "n", offsetof(struct made_log, n) },
        { "first", offsetof(struct made_log, first) },
        { "prune_seq", offsetof(struct made_log, prune_seq) },
        { "per_epoch", offsetof(struct made_log, per_epoch) },
        { "per_note", offsetof(struct made_log, per_note) },
        { "forged", offsetof(struct made_log, forged) },
        { "to", offsetof(struct made_log, to) },
};

static bool set(struct made_log *log, const char *argument) {
        size_t n = strcspn(argument, "=");

        if (argument[n] != '=')
                return false;
        uint64_t value = strtoull(argument + n + 1, NULL, 10);
        if (strncmp(argument, "attack", n) == 0)
                log->attack = (enum made_attack)value;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(names); i++)
                if (strlen(names[i].name) == n && strncmp(names[i].name, argument, n) == 0)
                        *(uint64_t *)((uintptr_t)log + names[i].offset) = value;
        return true;
}

static void print(void *data, const char *line, size_t len) {
        (void)fwrite(line, 1, len, stdout);
}

static void print_key(void) {
        unsigned char key[SOVD_AUDIT_KEY];
        char text[SOVD_AUDIT_BASE64(SOVD_AUDIT_KEY)];

        made_device_key(key);
        sovd_audit_to_base64(text, key, sizeof(key));
        (void)puts(text);
}

int main(int argc, char **argv) {
        struct made_log log = MADE_SMALL;
        bool head = argc > 2 && sovd_streq(argv[1], "--head");
        char note[SOVD_AUDIT_NOTE_SIZE];

        if (argc > 1 && sovd_streq(argv[1], "--key")) {
                print_key();
                return 0;
        }
        for (int i = head ? 3 : 1; i < argc; i++)
                if (!set(&log, argv[i]))
                        return 2;
        if (head) {
                made_head(&log, strtoull(argv[2], NULL, 10), note);
                (void)fputs(note, stdout);
        } else
                made_log_write(&log, print, NULL);
        return fflush(stdout) != 0;
}
