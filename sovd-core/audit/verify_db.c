/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/verify_db.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/timestamp.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS_MAX    40
#define COPY_TRIES     50
#define VERDICTS_ASKED 2
#define TILES_FROM     8 /* hashes of subtrees of this level and above are always kept */

struct reading {
        struct sovd_db_conn *conn;
        struct sovd_audit_verifier *v;
        struct sovd_audit_report *report;
        struct sovd_audit_header header;
        struct sovd_db_stmt *notes; /* stands on the next checkpoint */
        bool has_note;
        char columns[COLUMNS_MAX][40]; /* of audit_entry */
        size_t n_columns;
        int error; /* of the database; stops everything */
};

#define LLU (unsigned long long)

static bool tampered(struct reading *d, uint64_t seq, const char *what) {
        return sovd_audit_verdict(d->report, SOVD_AUDIT_TAMPERED, seq, "%s (after entry %llu)", what,
                                  LLU d->report->last);
}

/* A page that cannot be read is no tampering that could be named. */
static bool failed(struct reading *d, int r) {
        d->error = r;
        return sovd_audit_verdict(
                d->report, SOVD_AUDIT_UNREADABLE, 0, "%s: %s",
                r == -EBADMSG ? "the database is damaged" : "the database could not be read", strerror(-r));
}

static bool prepare(struct reading *d, struct sovd_db_stmt **ret, const char *sql) {
        int r = sovd_db_prepare(d->conn, ret, sql);

        return !r || failed(d, r);
}

static bool step(struct reading *d, struct sovd_db_stmt *s, bool *ret_row) {
        int r = sovd_db_step(s, ret_row);

        return !r || failed(d, r);
}

/* --- how it begins -------------------------------------------------------------------------------------- */

/* A value of audit_meta, which must be there. */
static bool meta(struct reading *d, const char *name, char *ret, size_t size) {
        struct sovd_db_stmt *s;
        bool row = false;

        *ret = '\0';
        if (!prepare(d, &s, "SELECT value FROM audit_meta WHERE name=?1"))
                return false;
        sovd_db_bind_text(s, 1, name);
        if (!step(d, s, &row))
                return false;
        const char *text = row ? sovd_db_text(s, 0) : NULL;
        if (!text || strlen(text) >= size)
                return tampered(d, 0, "a value that tells how it begins is missing, or too long");
        (void)strcpy(ret, text);
        return true;
}

static bool to_number(const char *text, uint64_t *ret) {
        struct sovd_canon_reader r;

        sovd_canon_read(&r, text, NULL, 0);
        return sovd_canon_get_int(&r, ret) && sovd_canon_is_end(&r);
}

/* The compact range of what was pruned: base64, divided by blanks. */
static bool to_range(char *text, uint64_t size, struct sovd_audit_range *ret) {
        char *rest = NULL, *word = strtok_r(text, " ", &rest);

        *ret = (struct sovd_audit_range){ .size = size, .n = sovd_audit_range_peaks(size) };
        for (unsigned i = 0; i < ret->n; i++, word = strtok_r(NULL, " ", &rest))
                if (!word || !sovd_audit_from_base64(word, ret->peaks[i].bytes, SOVD_AUDIT_HASH))
                        return false;
        return !word;
}

static bool last_entry(struct reading *d, uint64_t *ret) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s, "SELECT max(seq) FROM audit_entry") || !step(d, s, &row))
                return false;
        *ret = row && !sovd_db_is_null(s, 0) ? (uint64_t)sovd_db_int(s, 0) : d->header.from - 1;
        return true;
}

/* A gateway that never kept one has the tables too. */
static bool has_log(struct reading *d) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s,
                     "SELECT (SELECT count(*) FROM audit_meta) + (SELECT count(*) FROM audit_entry)") ||
            !step(d, s, &row))
                return false;
        return (row && sovd_db_int(s, 0)) ||
               sovd_audit_verdict(d->report, SOVD_AUDIT_UNREADABLE, 0, "the database has no audit log in it");
}

static bool take_header(struct reading *d) {
        char first[32], chain[SOVD_AUDIT_HEX + 8], device[64], range[SOVD_AUDIT_LEVELS * 48 + 8], log[64];
        struct sovd_audit_header *h = &d->header;

        if (!meta(d, "log", log, sizeof(log)) || !meta(d, "first", first, sizeof(first)) ||
            !meta(d, "chain", chain, sizeof(chain)) || !meta(d, "device", device, sizeof(device)) ||
            !meta(d, "range", range, sizeof(range)))
                return false;
        if (!sovd_audit_is_log(log) || !to_number(first, &h->from) || !h->from ||
            !sovd_audit_from_hex(chain, &h->first_chain) ||
            !sovd_audit_from_base64(device, h->device_key, SOVD_AUDIT_KEY) ||
            !to_range(range, h->from - 1, &h->prior))
                return tampered(d, 0, "what tells how it begins makes no sense");
        memcpy(h->log, log, sizeof(h->log));
        return last_entry(d, &h->to) && sovd_audit_verifier_header(d->v, h);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static bool take_blob(struct sovd_db_stmt *s, int column, void *ret, size_t n) {
        size_t size;
        const void *bytes = sovd_db_blob(s, column, &size);

        if (!bytes || size != n)
                return false;
        memcpy(ret, bytes, n);
        return true;
}

static bool take_keys(struct reading *d) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s, "SELECT epoch, from_size, public, signature FROM audit_key ORDER BY epoch"))
                return false;
        while (step(d, s, &row) && row) {
                struct sovd_audit_key key = { .epoch = (uint64_t)sovd_db_int(s, 0),
                                              .from_size = (uint64_t)sovd_db_int(s, 1) };
                if (!take_blob(s, 2, key.public_key, SOVD_AUDIT_KEY) ||
                    !take_blob(s, 3, key.signature, SOVD_AUDIT_SIGNATURE))
                        return tampered(d, 0, "a key or its signature has another length");
                if (!sovd_audit_verifier_key(d->v, &key))
                        return false;
        }
        return !d->error;
}

/* --- checkpoints ---------------------------------------------------------------------------------------- */

static bool next_note(struct reading *d) {
        return step(d, d->notes, &d->has_note);
}

/* Those up to this size, which are to stand here. */
static bool take_notes(struct reading *d, uint64_t size) {
        struct sovd_audit_checkpoint c;

        while (d->has_note && (uint64_t)sovd_db_int(d->notes, 0) <= size) {
                const char *note = sovd_db_text(d->notes, 2);
                if (!note || sovd_audit_note_read(note, &c, NULL) ||
                    c.size != (uint64_t)sovd_db_int(d->notes, 0) ||
                    c.epoch != (uint64_t)sovd_db_int(d->notes, 1))
                        return tampered(d, 0, "a checkpoint is not what its row says");
                if (!sovd_audit_verifier_note(d->v, note) || !next_note(d))
                        return false;
        }
        return true;
}

/* --- the tree ------------------------------------------------------------------------------------------- */

static int find_tile(struct reading *d, unsigned level, uint64_t index, struct sovd_audit_hash *ret,
                     bool *ret_row) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(d->conn, &s, "SELECT hash FROM audit_tile WHERE level=?1 AND idx=?2");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, level);
        sovd_db_bind_int(s, 2, (int64_t)index);
        r = sovd_db_step(s, ret_row);
        return r ? r : *ret_row && !take_blob(s, 0, ret->bytes, SOVD_AUDIT_HASH) ? -EBADMSG : 0;
}

/* The lowest level that is kept: TILES_FROM, or one below it if there are hashes of it. */
static bool lowest_tile(struct reading *d, unsigned *ret) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s, "SELECT min(level) FROM audit_tile") || !step(d, s, &row))
                return false;
        uint64_t lowest = row && !sovd_db_is_null(s, 0) ? (uint64_t)sovd_db_int(s, 0) : TILES_FROM;
        *ret = (unsigned)SOVD_MIN(lowest, (uint64_t)TILES_FROM);
        return true;
}

struct tiles {
        struct reading *d;
        unsigned lowest;
};

static int compare_tile(void *data, unsigned level, uint64_t index, const struct sovd_audit_hash *hash) {
        struct tiles *t = data;
        struct sovd_audit_hash kept;
        bool row = false;

        if (level < t->lowest)
                return 0;
        int r = find_tile(t->d, level, index, &kept, &row);
        if (r)
                return r;
        return row && sovd_audit_same(&kept, hash) ? 0 : -EBADMSG;
}

/* Of the entries that were pruned only hashes are left: those that the log begins with, and below them each is made of
 * its two halves. */
static bool compare_pruned_tiles(struct reading *d, unsigned lowest) {
        struct tiles t = { d, lowest };
        uint64_t done = 0;
        unsigned i = 0;

        for (unsigned level = SOVD_AUDIT_LEVELS; level-- > 0;) {
                if (!(d->header.prior.size >> level & 1))
                        continue;
                int r = compare_tile(&t, level, done >> level, &d->header.prior.peaks[i++]);
                if (r)
                        return r == -EBADMSG ? tampered(d, 0,
                                                        "a kept hash of the pruned entries is missing, or "
                                                        "another one")
                                             : failed(d, r);
                done += UINT64_C(1) << level;
        }
        return true;
}

static bool compare_halves(struct reading *d) {
        struct sovd_audit_hash whole, left, right, made;
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s,
                     "SELECT t.hash, a.hash, b.hash FROM audit_tile t, audit_tile a, audit_tile b WHERE "
                     "a.level=t.level-1 AND a.idx=2*t.idx AND b.level=t.level-1 AND b.idx=2*t.idx+1"))
                return false;
        while (step(d, s, &row) && row) {
                if (!take_blob(s, 0, &whole, SOVD_AUDIT_HASH) || !take_blob(s, 1, &left, SOVD_AUDIT_HASH) ||
                    !take_blob(s, 2, &right, SOVD_AUDIT_HASH) || sovd_audit_node(&left, &right, &made) ||
                    !sovd_audit_same(&made, &whole))
                        return tampered(d, 0, "a kept hash of the tree is not that of its halves");
        }
        return !d->error;
}

/* Each complete subtree has its row, and there is no other. */
static bool count_tiles(struct reading *d, unsigned lowest) {
        struct sovd_db_stmt *s;
        uint64_t expected = 0;
        bool row = false;

        for (unsigned level = lowest; level < SOVD_AUDIT_LEVELS; level++)
                expected += d->report->last >> level;
        if (!prepare(d, &s, "SELECT count(*) FROM audit_tile") || !step(d, s, &row))
                return false;
        return !row || (uint64_t)sovd_db_int(s, 0) == expected ||
               tampered(d, 0, "there are more or fewer hashes of the tree than it has");
}

/* --- entries -------------------------------------------------------------------------------------------- */

static bool take_columns(struct reading *d) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s, "SELECT name FROM pragma_table_info('audit_entry') ORDER BY cid"))
                return false;
        while (step(d, s, &row) && row) {
                if (d->n_columns == COLUMNS_MAX)
                        return tampered(d, 0, "the table of entries has too many columns");
                const char *name = sovd_db_text(s, 0);
                if (!name || !*name || strlen(name) >= sizeof(d->columns[0]) ||
                    strspn(name, "abcdefghijklmnopqrstuvwxyz_") != strlen(name))
                        return tampered(d, 0, "the table of entries has a column that is not the gateway's");
                (void)strcpy(d->columns[d->n_columns++], name);
        }
        return !d->error;
}

static int column_of(struct reading *d, const char *name) {
        for (size_t i = 0; i < d->n_columns; i++)
                if (strcmp(d->columns[i], name) == 0)
                        return (int)i;
        return -1;
}

/* A column for filters says what the entry says: a member, or a detail, of its name. */
static bool column_agrees(struct sovd_db_stmt *s, int column, const char *name,
                          const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *detail = sovd_audit_entry_detail(e, name);
        const char *text = sovd_audit_entry_text(e, name);
        uint64_t number, usec;

        if (strcmp(name, "usec") == 0)
                return sovd_timestamp_parse(e->t, &usec) &&
                       (uint64_t)sovd_db_int(s, column) / 1000 == usec / 1000;
        if (!text && sovd_audit_entry_number(e, name, &number))
                return (uint64_t)sovd_db_int(s, column) == number;
        if (!text && detail)
                text = detail->text;
        const char *kept = sovd_db_text(s, column);
        return text ? sovd_streq(kept, text) : !kept;
}

static bool columns_agree(struct reading *d, struct sovd_db_stmt *s, const struct sovd_audit_entry *e) {
        for (size_t i = 0; i < d->n_columns; i++) {
                const char *name = d->columns[i];
                if (strcmp(name, "body") == 0 || strcmp(name, "leaf") == 0 || strcmp(name, "chain") == 0)
                        continue;
                if (!column_agrees(s, (int)i, name, e))
                        return sovd_audit_verdict(d->report, SOVD_AUDIT_TAMPERED, e->seq,
                                                  "the column '%s' of entry %llu is not what the entry says",
                                                  name, LLU e->seq);
        }
        return true;
}

static bool take_entry(struct reading *d, struct sovd_db_stmt *s, const int columns[4]) {
        uint64_t seq = (uint64_t)sovd_db_int(s, columns[0]);
        const char *body = sovd_db_text(s, columns[1]);
        const struct sovd_audit_entry *e;
        struct sovd_audit_hash leaf, chain;
        size_t len = 0;

        (void)sovd_db_blob(s, columns[1], &len);
        if (!body || !take_blob(s, columns[2], &leaf, SOVD_AUDIT_HASH) ||
            !take_blob(s, columns[3], &chain, SOVD_AUDIT_HASH))
                return tampered(d, seq, "an entry has no text, or hashes of another length");
        return sovd_audit_verifier_entry(d->v, seq, body, len, &chain, &leaf, &e) && columns_agree(d, s, e) &&
               take_notes(d, seq);
}

static bool take_entries(struct reading *d) {
        const int columns[4] = { column_of(d, "seq"), column_of(d, "body"), column_of(d, "leaf"),
                                 column_of(d, "chain") };
        struct sovd_db_stmt *s;
        bool row = false;

        if (columns[0] < 0 || columns[1] < 0 || columns[2] < 0 || columns[3] < 0)
                return tampered(d, 0, "the table of entries has not its columns");
        if (!prepare(d, &s, "SELECT * FROM audit_entry ORDER BY seq"))
                return false;
        while (step(d, s, &row) && row)
                if (!take_entry(d, s, columns))
                        return false;
        return !d->error;
}

/* --- all of it ------------------------------------------------------------------------------------------ */

/* Only the log says what was acknowledged: a row that says so beside it was put there so that something is not told. */
static bool is_nothing_known(struct reading *d) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s, "SELECT 1 FROM audit_meta WHERE name='known' AND value<>''") || !step(d, s, &row))
                return false;
        return !row || tampered(d, 0, "something is noted as known beside the log, and no entry says so");
}

static bool take_all(struct reading *d) {
        struct tiles t = { .d = d };

        if (!take_header(d) || !take_keys(d) || !take_columns(d) || !lowest_tile(d, &t.lowest))
                return false;
        if (!prepare(d, &d->notes, "SELECT size, epoch, note FROM audit_checkpoint ORDER BY size, epoch") ||
            !next_note(d))
                return false;
        sovd_audit_verifier_watch(d->v, compare_tile, &t);
        return compare_pruned_tiles(d, t.lowest) && take_notes(d, d->header.from - 1) && take_entries(d) &&
               take_notes(d, UINT64_MAX) && compare_halves(d) && count_tiles(d, t.lowest) && is_nothing_known(d);
}

static bool has_tables(struct reading *d) {
        struct sovd_db_stmt *s;
        bool row = false;

        if (!prepare(d, &s,
                     "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name IN "
                     "('audit_meta','audit_entry','audit_tile','audit_checkpoint','audit_key')") ||
            !step(d, s, &row))
                return false;
        return (row && sovd_db_int(s, 0) == 5) ||
               sovd_audit_verdict(d->report, SOVD_AUDIT_UNREADABLE, 0, "the database has no audit log in it");
}

static int verify_open(struct sovd_db *db, const struct sovd_audit_trust *trust,
                       struct sovd_audit_report *report) {
        _cleanup_(sovd_audit_verifier_freep) struct sovd_audit_verifier *v = NULL;
        _cleanup_(sovd_freep) struct reading *d = calloc(1, sizeof(*d));

        int r = d ? sovd_audit_verifier_new(&v, trust, report) : -ENOMEM;
        if (r)
                return r;
        *d = (struct reading){ .v = v, .report = report };
        r = sovd_db_read_begin(db, &d->conn);
        if (r) {
                (void)failed(d, r);
                return 0;
        }
        if (has_tables(d) && has_log(d))
                (void)take_all(d);
        (void)sovd_audit_verifier_end(v);
        sovd_db_read_end(db, d->conn);
        return 0;
}

/* --- a copy --------------------------------------------------------------------------------------------- */

struct copy {
        char folder[PATH_MAX], file[PATH_MAX + 16], journal[PATH_MAX + 16];
};

static void remove_copy(struct copy *c) {
        char shared[PATH_MAX + 24];

        if (!*c->folder)
                return;
        (void)snprintf(shared, sizeof(shared), "%s-shm", c->file);
        (void)unlink(shared);
        (void)unlink(c->journal);
        (void)unlink(c->file);
        (void)rmdir(c->folder);
}

static int copy_bytes(int from, int to) {
        char buf[65536];
        ssize_t n;

        while ((n = read(from, buf, sizeof(buf))) > 0)
                for (ssize_t done = 0; done < n;) {
                        ssize_t put = write(to, buf + done, (size_t)(n - done));
                        if (put < 0)
                                return -errno;
                        done += put;
                }
        return n < 0 ? -errno : 0;
}

static int copy_file(const char *from, const char *to) {
        int in = open(from, O_RDONLY | O_CLOEXEC), out, r;
        if (in < 0)
                return -errno;

        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        r = out < 0 ? -errno : copy_bytes(in, out);
        if (out >= 0 && close(out) && !r)
                r = -errno;
        (void)close(in);
        return r;
}

static bool is_unchanged(const struct stat *a, const struct stat *b) {
        return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

#define WAL_HEAD 32 /* changes whenever the journal begins anew */

static bool read_head(const char *journal, unsigned char ret[WAL_HEAD]) {
        FILE *f = fopen(journal, "rbe");
        bool ok = f && fread(ret, 1, WAL_HEAD, f) == WAL_HEAD;

        if (f)
                (void)fclose(f);
        return ok;
}

/* What is committed is in the file, or in the journal behind its head. A commit only adds to the journal, and what is
 * half written at its end does not count; so both copies are of one time if meanwhile nothing was moved into the file,
 * and the journal did not begin anew. Else -EBUSY. */
static int copy_both(const char *path, const char *journal, const struct copy *c) {
        unsigned char head[2][WAL_HEAD];
        struct stat file[2] = { 0 };

        for (int i = 0; i < COPY_TRIES; i++) {
                if (stat(path, &file[0]))
                        return -errno;
                bool whole = read_head(journal, head[0]);
                int r = copy_file(path, c->file);
                if (!r)
                        r = copy_file(journal, c->journal);
                if (r)
                        return r;
                whole = whole && read_head(journal, head[1]) && memcmp(head[0], head[1], WAL_HEAD) == 0;
                if (whole && stat(path, &file[1]) == 0 && is_unchanged(&file[0], &file[1]))
                        return 0;
        }
        return -EBUSY;
}

static int make_copy(const char *path, const char *journal, struct copy *c) {
        const char *tmp = getenv("TMPDIR");

        if ((size_t)snprintf(c->folder, sizeof(c->folder), "%s/sovdctl-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
            sizeof(c->folder))
                return -ENAMETOOLONG;
        if (!mkdtemp(c->folder)) {
                *c->folder = '\0';
                return -errno;
        }
        (void)snprintf(c->file, sizeof(c->file), "%s/copy", c->folder);
        (void)snprintf(c->journal, sizeof(c->journal), "%s/copy-wal", c->folder);
        return copy_both(path, journal, c);
}

static int unreadable(struct sovd_audit_report *report, int r, const char *path) {
        *report = (struct sovd_audit_report){ .verdict = SOVD_AUDIT_SOUND };
        (void)sovd_audit_verdict(
                report, SOVD_AUDIT_UNREADABLE, 0, "%s: %s", path,
                r == -EBUSY     ? "a program writes to it all the time: export the log, or stop the program"
                : r == -EBADMSG ? "the database is damaged"
                                : strerror(-r));
        return r;
}

static int verify_copy(const char *path, const char *journal, const struct sovd_audit_trust *trust,
                       struct sovd_audit_report *report) {
        _cleanup_(remove_copy) struct copy copy = { .folder = "" };
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;

        int r = make_copy(path, journal, &copy);
        if (!r)
                r = sovd_db_open_to_read(&db, copy.file, true);
        return r ? unreadable(report, r, path) : verify_open(db, trust, report);
}

static int verify_file(const char *path, const struct sovd_audit_trust *trust,
                       struct sovd_audit_report *report) {
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;

        int r = sovd_db_open_to_read(&db, path, false);
        return r ? unreadable(report, r, path) : verify_open(db, trust, report);
}

int sovd_audit_verify_database(const char *path, const struct sovd_audit_trust *trust,
                               struct sovd_audit_report *report, bool *ret_copied) {
        char journal[PATH_MAX];
        struct stat st;
        int r;

        *ret_copied = false;
        if ((size_t)snprintf(journal, sizeof(journal), "%s-wal", path) >= sizeof(journal))
                return unreadable(report, -ENAMETOOLONG, path);
        if (stat(journal, &st) || !st.st_size)
                return verify_file(path, trust, report);
        *ret_copied = true;
        /* The time of a file tells its changes apart only so finely: what was found once must be found again. */
        for (int i = 0; i < VERDICTS_ASKED; i++) {
                r = verify_copy(path, journal, trust, report);
                if (r || (report->verdict != SOVD_AUDIT_TAMPERED && report->verdict != SOVD_AUDIT_UNREADABLE))
                        break;
        }
        return r;
}
