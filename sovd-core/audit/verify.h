#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Verifier - is this log what was once written, all of it, and nothing else?
 *
 * Takes the records of a log one after another, as an export has them or a database (export.h, verify_db.h), and stops at
 * the first that is not what it should be. It needs no database, no network and no clock, and little memory however long
 * the log is: 40 bytes per key, and a tree's edge.
 *
 * What is looked at: entries are dense from the first one kept; each is canonical, of this log, not older than the one
 * before it by the machine's clock, and continues the chain; each checkpoint has the root and the chain that the entries
 * lead to, is signed by the key of its epoch, and lies inside that epoch; where an epoch ends, both keys have signed; each
 * key is signed by the one before it, the first by the device key; what was pruned is said by an entry that fits; every
 * head that a witness kept is a beginning of this log. So whoever has today's key cannot sign yesterday anew
 * (journald's verifier missed that for years), and whoever has none can change nothing.
 */
#include "sovd-core/audit/note.h"
#include "sovd-core/audit/tree.h"

enum sovd_audit_verdict { /* also the exit status of sovdctl audit verify */
                          SOVD_AUDIT_SOUND = 0,
                          SOVD_AUDIT_TAMPERED =
                                  1, /* something was changed, removed from the middle, or added */
                          SOVD_AUDIT_TRUNCATED = 2,  /* its end, or its beginning, is missing */
                          SOVD_AUDIT_UNREADABLE = 3, /* it could not be read, or is none */
                          SOVD_AUDIT_UNSIGNED =
                                  4 /* entries after the last checkpoint: sound, but not signed */
};

/* A head that somebody kept elsewhere. */
struct sovd_audit_head {
        const char *name; /* where it is from, for messages */
        uint64_t size;
        struct sovd_audit_hash root;
        char note
                [SOVD_AUDIT_NOTE_SIZE]; /* the checkpoint it is from, whose signature is checked too; "" = only size and root */
};

struct sovd_audit_trust {
        const unsigned char *device_key;           /* SOVD_AUDIT_KEY bytes; NULL = not known */
        const struct sovd_audit_hash *fingerprint; /* of the device key; NULL = not known */
        struct sovd_audit_head *heads;             /* sorted by the verifier; must outlive it */
        size_t n_heads;
        bool partial; /* an export that was asked for from a later entry on: what is before it is not missed */
};

#define SOVD_AUDIT_OPEN_SHOWN 16

/* What the gateway itself found of its log, and who has said that he saw it. */
struct sovd_audit_finding {
        uint64_t seq;      /* the entry that tells of it; 0 = none does, before it was acknowledged */
        uint64_t seen_seq; /* the entry that acknowledges it; 0 = nobody did */
        char why[SOVD_AUDIT_TEXT_MAX + 1], by[SOVD_AUDIT_TEXT_MAX + 1];
};

struct sovd_audit_report {
        enum sovd_audit_verdict verdict;
        uint64_t bad_seq; /* the first entry that is not right; 0 = it is not an entry */
        uint64_t bad_to;  /* one of bad_seq to bad_to; 0 = it is bad_seq */
        char reason[320]; /* "" = sound */

        char log[SOVD_AUDIT_LOG_SIZE];
        char fingerprint[SOVD_AUDIT_HEX]; /* of the device key that the log names */
        bool trusted;                     /* it is the one that was asked for */
        uint64_t first, last;             /* entries that were read; last < first: none */
        char first_time[25], last_time[25];
        uint64_t n_entries, n_checkpoints, n_keys;
        uint64_t signed_size; /* of the last checkpoint that was right; 0 = none */
        struct sovd_audit_hash signed_root;
        char signed_time[25];
        uint64_t pruned_to; /* entries 1 to this were pruned, and an entry says so; 0 = none */
        uint64_t prune_seq; /* that entry */
        uint64_t n_open, open[SOVD_AUDIT_OPEN_SHOWN]; /* intents without an outcome, the first ones */
        uint64_t n_clock_back,
                clock_back;         /* how often the time of day went back, and the first entry after it */
        uint64_t n_tampers, tamper; /* entries by which the gateway itself reports tampering; the first one */
        uint64_t n_findings, n_unfounded; /* unfounded: acknowledged, and no entry before tells of it */
        struct sovd_audit_finding findings[SOVD_AUDIT_OPEN_SHOWN]; /* the first ones */
        size_t n_heads_met,
                n_heads_older; /* of the witnesses: met; older than what is kept, so not to be checked */
};

/* How a log, or a part of it, begins. */
struct sovd_audit_header {
        char log[SOVD_AUDIT_LOG_SIZE];
        uint64_t from, to;                  /* its entries; to = from - 1: none */
        struct sovd_audit_hash first_chain; /* of entry from - 1 */
        struct sovd_audit_range prior;      /* of entries 1 to from - 1 */
        unsigned char device_key[SOVD_AUDIT_KEY];
};

struct sovd_audit_verifier;

/* report is filled as records come, and final after sovd_audit_verifier_end(). -ENOMEM. */
int sovd_audit_verifier_new(struct sovd_audit_verifier **ret, const struct sovd_audit_trust *trust,
                            struct sovd_audit_report *report);
struct sovd_audit_verifier *sovd_audit_verifier_free(struct sovd_audit_verifier *v);
SOVD_DEFINE_CLEANUP(struct sovd_audit_verifier *, sovd_audit_verifier_free)

/* The records, in this order: header, keys, then entries, and each checkpoint after the last entry that it covers. true: go
 * on; false: the report has the verdict. */
bool sovd_audit_verifier_header(struct sovd_audit_verifier *v, const struct sovd_audit_header *header);
bool sovd_audit_verifier_key(struct sovd_audit_verifier *v, const struct sovd_audit_key *key);
/* leaf: as it is stored, or NULL. ret_entry, or NULL: the entry as it was read, until the next call. */
bool sovd_audit_verifier_entry(struct sovd_audit_verifier *v, uint64_t seq, const char *body, size_t len,
                               const struct sovd_audit_hash *chain, const struct sovd_audit_hash *leaf,
                               const struct sovd_audit_entry **ret_entry);
bool sovd_audit_verifier_note(struct sovd_audit_verifier *v, const char *note);
/* Told each subtree that an entry completed, before sovd_audit_verifier_entry() returns (tree.h). */
void sovd_audit_verifier_watch(struct sovd_audit_verifier *v, sovd_audit_complete complete, void *data);
/* Nothing follows. */
bool sovd_audit_verifier_end(struct sovd_audit_verifier *v);

/* The first verdict stays. Returns false. */
bool sovd_audit_verdict(struct sovd_audit_report *report, enum sovd_audit_verdict verdict, uint64_t seq,
                        const char *format, ...) _printf_(4, 5);
