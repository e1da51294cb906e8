#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Audit log - what clients changed and who was refused, so that it can be proven later
 *
 * Entries (entry.h) are tables of the state: an entry is appended on the database's writer thread, inside the transaction of
 * the change that it speaks of. Before each commit with new entries the head of the log, its chain and its Merkle tree, is
 * signed in the same transaction. What happened is in the log, in this order and no other, or the signature fails.
 *
 * A change is put on record twice: before it begins (intent) and before it is answered (outcome). An intent without an
 * outcome is one that the end of the process interrupted: the next start says so ("unknown"). What the change did to our own
 * state is an entry of its own (effect), durable together with it or not at all.
 *
 * Thread-safe. Results: 0; those of base/db.h; SOVD_E_AUDIT with a reason.
 */
#include "sovd-core/audit/entry.h"

struct sovd_arena;
struct sovd_audit;
struct sovd_audit_intent;
struct sovd_db;
struct sovd_syslog_options;
struct sovd_syslog_status;

struct sovd_audit_options {
        struct sovd_db *db;         /* with sovd_state_migrations; outlives the log */
        const char *folder;         /* of keys and head; NULL = they live as long as the process */
        const char *key_file;       /* of the device key; NULL = keys.h decides */
        uint64_t epoch_usec, epoch_entries; /* a key signs no longer and no more than that */
        uint64_t keep_usec;         /* older entries are removed; 0 = none is */
        uint64_t bytes_max;         /* of all entries */
        uint64_t verify_usec;       /* how often it verifies itself, the first time at once; 0 = never */
        const struct sovd_syslog_options *syslog; /* where entries are sent; NULL = nowhere */
        bool overwrite;             /* when it is full: the oldest go, else changes are refused */
};

/* Opens the log, checks its end, and says system.start. Before others write to the database. Logs why it cannot. */
int sovd_audit_new(struct sovd_audit **ret, const struct sovd_audit_options *options);
/* Says system.stop. Nobody else may use it any more; the database goes on without it. */
struct sovd_audit *sovd_audit_free(struct sovd_audit *audit);
SOVD_DEFINE_CLEANUP(struct sovd_audit *, sovd_audit_free)

/* log, seq, t, mono and boot of entries that are handed over are filled in. What is too long is not written (-E2BIG), so texts
 * of clients are clipped before. */

/* Returns when it is durable. */
int sovd_audit_write(struct sovd_audit *audit, const struct sovd_audit_entry *entry);

/* It will be durable soon; copied. Failures are counted. Streams, reads and refusals take half of the log at most, so that nobody
 * who changes nothing can keep others from changes; beyond it they are counted, and told of together once a minute. */
void sovd_audit_post(struct sovd_audit *audit, const struct sovd_audit_entry *entry);

/* The same for what a client may cause as often as it likes: about 10 a second of each address, then one that counts the rest. */
void sovd_audit_post_refusal(struct sovd_audit *audit, const struct sovd_audit_entry *entry);

/* Puts on record that something is about to be changed. entry must live until the end. SOVD_E_AUDIT with *ret_why (static): the
 * log is full, or was found changed and nobody has acknowledged it (which `anyway` ignores). After 0 there is an end. */
int sovd_audit_begin(struct sovd_audit *audit, const struct sovd_audit_entry *entry, bool anyway, struct sovd_audit_intent **ret,
                     const char **ret_why);
/* What became of it; returns when it is durable. Another result than 0: it is not, and the intent stays open. */
int sovd_audit_end(struct sovd_audit *audit, struct sovd_audit_intent *intent, const struct sovd_audit_entry *entry);

/* The intent's seq, for sovd_db_accompany(): changes of our state become entries request.effect. */
uint64_t sovd_audit_intent_seq(const struct sovd_audit_intent *intent);

/* The name under which a secret may stand in the log; equal secrets have equal names. "" when the library failed. */
#define SOVD_AUDIT_SECRET_SIZE 65
const char *sovd_audit_secret(const struct sovd_audit *audit, const void *data, size_t n, char ret[static SOVD_AUDIT_SECRET_SIZE]);

/* "<size> <root> <signature>" of the last signed head, both in base64. Covers what was told to be durable before. */
#define SOVD_AUDIT_HEAD_SIZE 192
const char *sovd_audit_head(struct sovd_audit *audit, char ret[static SOVD_AUDIT_HEAD_SIZE]);

/* The log was found changed, and somebody who may has seen it. SOVD_E_CONFLICT: it was not. */
int sovd_audit_acknowledge(struct sovd_audit *audit, const struct sovd_audit_entry *who);

/* Someone wants its thread to look at time and space now (tests). */
void sovd_audit_tick(struct sovd_audit *audit);

struct sovd_audit_status {
        char log[SOVD_AUDIT_LOG_SIZE];
        char fingerprint[65];         /* of the device key: SHA-256 of its 32 bytes */
        uint64_t size, first, bytes, bytes_max, epoch;
        uint64_t head_usec;           /* UTC: when the last head was signed; 0 = none since the start */
        uint64_t n_signed, n_lost;    /* heads; entries that could not be written */
        uint64_t n_refused;           /* changes that were not made because they could not be put on record */
        uint64_t n_summarised;        /* refusals and reads that are only counted */
        uint64_t n_open;              /* intents without an outcome */
        int error;                    /* of the last entry; 0 = it was written */
        bool tampered, full;
        bool quiet;                   /* refusals and reads are only counted, as they have taken their share of the room */
        char why[256];                /* what was found, when tampered */
        uint64_t ahead_usec;          /* of the time that is known to have passed, the clock is */
        bool prune_waits;             /* for it: entries that are too old by the clock are kept */
};
void sovd_audit_status(struct sovd_audit *audit, struct sovd_audit_status *ret);

/* Now, as far as it is believed: never later than the clock, and 0 as long as that was never set. What is deleted for its
 * age is deleted by this one. */
uint64_t sovd_audit_trusted_usec(struct sovd_audit *audit);

/* What the last self-check found (self_check.h). false: there is none. */
struct sovd_audit_self_status;
bool sovd_audit_verification(struct sovd_audit *audit, struct sovd_audit_self_status *ret);

/* How sending goes (syslog.h). false: nothing is sent. */
bool sovd_audit_syslog(struct sovd_audit *audit, struct sovd_syslog_status *ret);

/* --- reading ------------------------------------------------------------------------------------------------ */

struct sovd_audit_filter {
        uint64_t from_usec, to_usec;  /* 0 = not given */
        const char *ev, *sub, *entity, *outcome, *method, *tenant; /* NULL = any */
        uint64_t before;              /* only entries with a lower seq; 0 = from the newest on */
        size_t max;
        uint64_t deadline_usec;
};
struct sovd_audit_row {
        uint64_t seq;
        const char *body;
};
/* Newest first; rows in the arena. *ret_more: there are others. -ETIMEDOUT. */
int sovd_audit_list(struct sovd_audit *audit, const struct sovd_audit_filter *filter, struct sovd_arena *arena,
                    struct sovd_audit_row **ret, size_t *ret_n, bool *ret_more);

/* The durable entries behind one, oldest first. */
int sovd_audit_follow(struct sovd_audit *audit, uint64_t after, size_t max, struct sovd_arena *arena, struct sovd_audit_row **ret,
                      size_t *ret_n);

/* The last signed checkpoint (note.h), in the arena. */
int sovd_audit_checkpoint(struct sovd_audit *audit, struct sovd_arena *arena, const char **ret_note, uint64_t *ret_size);

/* Proofs (tree.h); size 0 = of now. SOVD_E_NOT_FOUND: there is no such entry, or it was removed; SOVD_E_BAD_REQUEST: the sizes
 * make no sense. */
struct sovd_audit_proof;
int sovd_audit_inclusion(struct sovd_audit *audit, uint64_t seq, uint64_t *size, struct sovd_audit_hash *ret_leaf,
                         struct sovd_audit_hash *ret_root, struct sovd_audit_proof *ret);
int sovd_audit_consistency(struct sovd_audit *audit, uint64_t from, uint64_t *to, struct sovd_audit_hash *ret_from_root,
                           struct sovd_audit_hash *ret_root, struct sovd_audit_proof *ret);

/* An export, line after line. Nothing of the database is held between the lines. */
struct sovd_audit_export {
        uint64_t from, to, next;  /* entries; next: the one that comes next */
        uint64_t noted;           /* size of the last checkpoint that was written */
        uint64_t n_checkpoints;
        const char *note;         /* the checkpoint at `to` */
        int part;
};
/* All entries from `from` on (0 = the first that is kept); note is in the arena, which outlives the export. */
int sovd_audit_export_begin(struct sovd_audit *audit, uint64_t from, struct sovd_arena *arena, struct sovd_audit_export *ret);
/* The next lines, each handed to `line` with its end of line; *ret_more: there are others. -ENODATA: entries were removed. */
int sovd_audit_export_step(struct sovd_audit *audit, struct sovd_audit_export *x, int (*line)(void *data, const char *text, size_t n),
                           void *data, bool *ret_more);
