#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A log for tests: any number of entries, always the same ones, with keys of known seeds, as an export
 *
 * An attacker can be played too: one who changed an entry and knows the newest key, or none.
 */
#include "sovd-core/audit/export.h"

enum made_attack {
        MADE_HONEST,
        MADE_WITHOUT_KEY,         /* the changed entry, chain made anew, the old checkpoints */
        MADE_WITH_OWN_KEY,        /* the same, checkpoints signed with a key of the attacker's */
        MADE_NEWEST_KEY_LABELLED, /* every checkpoint signed with the newest key, each labelled with its own epoch */
        MADE_NEWEST_KEY,          /* every checkpoint signed and labelled with the newest key */
        MADE_NEWEST_KEY_ALONE, /* only checkpoints of the newest epoch, the earlier ones left out */
        MADE_NEWEST_KEY_MOVED, /* the same, and the newest key's row says that it began with the log */
        MADE_KEY_BACKDATED, /* the newest key signed a successor that says it began in the first epoch, and signs from there on */
        MADE_KEYS_ANEW /* all keys made anew, the first signed by a device key of the attacker's, under the old one's name */
};

struct made_log {
        uint64_t n;         /* entries */
        uint64_t first;     /* the first one kept; the earlier ones were pruned (1 = none) */
        uint64_t prune_seq; /* the entry that says so; 0 = none says so */
        uint64_t per_epoch, per_note;
        uint64_t forged; /* this entry is another one than it was; 0 = none */
        enum made_attack attack;
        uint64_t to;        /* the export ends here; 0 = at n */
        bool unsigned_tail; /* no checkpoint at the end */
};

/* 200 entries, 3 epochs, 20 checkpoints and those at the ends of epochs. */
#define MADE_SMALL                                                                                           \
        { .n = 200, .first = 1, .per_epoch = 70, .per_note = 10 }
#define MADE_LOG_NAME "0b5c6f0e-6f0e-4d5c-9a57-0123456789ab"

/* Told each line with its newline. */
typedef void (*made_line)(void *data, const char *line, size_t len);

/* Any failure ends the program: this is a tool of tests. */
void made_log_write(const struct made_log *log, made_line line, void *data);
void made_device_key(unsigned char ret[static SOVD_AUDIT_KEY]);
/* The checkpoint of this size that the honest log has, whatever its policy. */
void made_head(const struct made_log *log, uint64_t size, char ret[static SOVD_AUDIT_NOTE_SIZE]);
