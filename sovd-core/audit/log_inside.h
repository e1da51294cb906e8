#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Audit log - its inside
 *
 * log.c is what others call, and the thread that looks at time and space. store.c appends and signs, on the writer thread.
 * open.c looks at what a start finds, known.c at what of it was found before, prune.c removes what is old, age.c says how old that is,
 * pages.c reads.
 */
#include "sovd-core/audit/keys.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/note.h"
#include "sovd-core/audit/tree.h"
#include "sovd-core/base/db.h"
#include <pthread.h>

#define AUDIT_SEGMENT      1024 /* entries that are removed together; checkpoints are kept as often */
#define AUDIT_TILE_LEVEL   8    /* subtrees of this level and above are kept */
#define AUDIT_ROW_BYTES    260  /* of a row beside its body, its share of the other tables included */
#define AUDIT_SOURCES      256
#define AUDIT_NOTES_SHARE  2    /* notes take at most one in so many of the log's bytes: the rest is for changes */
#define AUDIT_KNOWN_SIZE   2048 /* of findings that were acknowledged, a line each */
#define AUDIT_HEAD_FILE    "audit.head"

/* Where the log ends. */
struct audit_position {
        struct sovd_audit_range range;
        struct sovd_audit_hash chain;
        uint64_t first, bytes;
        uint64_t notes;               /* of the bytes: what clients may cause without a change (audit_is_note()) */
        uint64_t epoch, epoch_from;
        uint64_t checkpoint;      /* size of the last one */
        bool checkpoint_stays;    /* its row is not dropped */
        uint64_t usec;            /* of the last entry */
};

struct sovd_audit_intent {
        uint64_t seq;
        const struct sovd_audit_entry *who; /* NULL: the request is over, the outcome was not written */
        bool linked;
        struct sovd_audit_intent *next, *prev;
};

/* The writer thread's (age.c). */
struct audit_age {
        uint64_t usec, kept_usec; /* the time that is believed, and as it was written last; 0 = the clock was never set */
        uint64_t boot_usec;       /* when that was */
};

struct audit_source {
        char ip[64];
        uint64_t second, n_told, n_more; /* n_more: only counted */
        bool several;
};

struct sovd_audit {
        struct sovd_audit_options options;
        char *folder, *key_file;
        struct sovd_db *db;
        struct sovd_db_hooks hooks;
        struct sovd_audit_keys *keys;
        char log[SOVD_AUDIT_LOG_SIZE], boot[SOVD_AUDIT_BOOT_SIZE];

        /* the writer thread's; of the caller's before and after it works */
        struct audit_position now, durable;
        struct sovd_audit_signer *epoch_key, *next_key; /* next: of an epoch that begins with this commit */
        uint64_t epoch_usec;                      /* monotonic: when it began */
        uint64_t sent, sent_usec;                 /* what the collector has, as it was written last, and when */
        struct audit_age age;
        bool dirty, doubtful;                     /* doubtful: what the last commit did is to be read again */
        char note[SOVD_AUDIT_NOTE_SIZE];          /* of this commit */
        struct sovd_audit_hash root;

        pthread_mutex_t mutex; /* everything below */
        pthread_cond_t wake;
        struct sovd_audit_intent *oldest, *newest;
        struct sovd_audit_status status;
        char head[SOVD_AUDIT_HEAD_SIZE], head_note[SOVD_AUDIT_NOTE_SIZE];
        uint64_t told_epoch_from, told_epoch_usec; /* of the writer's, for the thread */
        struct audit_source sources[AUDIT_SOURCES];
        uint64_t sources_second, sources_told;
        uint64_t n_refusals_left, n_reads_left; /* beyond the share: only counted, and told of together */
        bool stopping, has_news;
        bool unopened; /* atomic */
        uint64_t aged_usec, ahead_usec; /* atomic: the time that is believed; by how much the clock is ahead of it */
        bool prune_waits;               /* atomic */
        bool has_thread, broken; /* broken: set while nobody else knows the log */
        pthread_t thread;

        uint64_t size_before;         /* what this start found */
        uint64_t sent_before;         /* what the collector had then; UINT64_MAX = there never was one */
        struct sovd_syslog *syslog;   /* or NULL; atomic: set when the log is open, gone after it */
        struct sovd_audit_self *self; /* or NULL: it does not verify itself */

        /* its thread's */
        uint64_t head_size, journal_size, journal_usec, journal_epoch, prune_usec, left_usec;
};

/* Clients may cause it as often as they like, and change nothing: refusals, streams and reads. In SQL, AUDIT_NOTES. */
bool audit_is_note(const char *ev);
#define AUDIT_NOTES "('auth.fail','access.refused','refused.summary','stream.open','request.read')"

/* Posts an entry without asking whether there is room for it. */
void audit_post(struct sovd_audit *a, const struct sovd_audit_entry *entry);
/* Tells of those that were only counted (refusals.c); all: of those of this second and minute too. */
void audit_tell_notes(struct sovd_audit *a, bool all);

/* --- store.c ---------------------------------------------------------------------------------------------- */

/* Appends an entry to the rows; the position moves. */
int audit_append(struct sovd_audit *a, struct sovd_db_conn *conn, const struct sovd_audit_entry *entry, uint64_t *ret_seq);
int audit_accompany(struct sovd_db_conn *conn, uint64_t number, void *data);
int audit_before_commit(struct sovd_db_conn *conn, void *data);
void audit_after(int result, void *data);

/* Begins an epoch: its key, which it takes over, is signed by `by`, in this transaction. */
int audit_begin_epoch(struct sovd_audit *a, struct sovd_db_conn *conn, struct sovd_audit_signer *key, uint64_t epoch,
                      const struct sovd_audit_signer *by);
/* Signs the present head with a key of the epoch, and keeps it. */
int audit_sign(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t epoch, const struct sovd_audit_signer *key);

int audit_set_meta(struct sovd_db_conn *conn, const char *name, const char *value);
int audit_set_meta_number(struct sovd_db_conn *conn, const char *name, uint64_t value);
/* *ret: NULL = there is none; of the statement, until the next one. */
int audit_get_meta(struct sovd_db_conn *conn, const char *name, const char **ret);
int audit_get_meta_number(struct sovd_db_conn *conn, const char *name, uint64_t *ret);

/* Subtrees of the rows of a connection, for tree.h. */
int audit_subtree(void *conn, unsigned level, uint64_t index, struct sovd_audit_hash *ret);

int audit_take_hash(struct sovd_db_stmt *s, int column, struct sovd_audit_hash *ret);

/* The compact range of the first entries. -ENODATA: some are not kept. */
int audit_load_range(struct sovd_db_conn *conn, uint64_t size, struct sovd_audit_range *ret);

/* Position from the rows: the tree of all leaves, the chain of the last. */
int audit_load_position(struct sovd_audit *a, struct sovd_db_conn *conn, struct audit_position *ret);

/* What was found, as the status and the meta row say it. */
void audit_note_finding(struct sovd_audit *a, const char *why);

/* --- open.c ----------------------------------------------------------------------------------------------- */

/* On the writer thread, as the first work: a new log, or the one that is there, with what is wrong with it. */
int audit_open(struct sovd_db_conn *conn, void *data);
/* Says of an intent that nobody knows what became of it. */
int audit_append_unknown(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t intent);
/* The head beside the database, before the first commit of a new log. */
int audit_write_head(struct sovd_audit *a, const char *note);

/* --- known.c ---------------------------------------------------------------------------------------------- */

/* What the log says was found and was acknowledged, a line each behind a "\n" ("" = nothing), and what of it nobody has acknowledged.
 * Only entries count that are in the tree as it is now. On the writer thread. */
int audit_read_known(struct sovd_audit *a, struct sovd_db_conn *conn, char ret[static AUDIT_KNOWN_SIZE + 2],
                     char ret_pending[static SOVD_AUDIT_TEXT_MAX + 1]);
bool audit_has_line(const char *lines, const char *line);

/* --- age.c ------------------------------------------------------------------------------------------------ */

/* The time that is believed, as it is now; 0 = none is. */
uint64_t audit_age_now(struct sovd_audit *a);
int audit_age_load(struct sovd_audit *a, struct sovd_db_conn *conn);
/* Writes it down when it has moved so far. */
int audit_age_keep(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t least_usec);
/* The end of a segment: when it was written, how long ago that is, and that nobody will ask any more. */
int audit_age_stamp(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t seq);
int audit_age_of(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t seq, uint64_t *ret_usec);
int audit_age_forget(struct sovd_db_conn *conn, uint64_t seq);

/* What the collector has goes along with another commit, once a second at most; at the end (now) it is one of its own. */
int audit_keep_sent(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t position, bool now);

/* --- prune.c ---------------------------------------------------------------------------------------------- */

/* Removes whole segments while there are some to remove. */
void audit_prune(struct sovd_audit *a);
