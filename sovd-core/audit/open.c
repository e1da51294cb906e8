/* SPDX-License-Identifier: Apache-2.0 */
/* What a start finds: no log, a log that ends as its head says, or one that somebody has changed. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include <stdarg.h>
#include <stdio.h>

#define FINDING_SIZE 256

struct opening {
        struct sovd_audit *a;
        struct sovd_db_conn *conn;
        char known[AUDIT_KNOWN_SIZE + 2]; /* what was found before, and acknowledged: a line each */
        char pending[SOVD_AUDIT_TEXT_MAX + 1]; /* what was found before, and not acknowledged */
        char finding[FINDING_SIZE]; /* "" = nothing is wrong */
        char head[SOVD_AUDIT_NOTE_SIZE];
        struct sovd_audit_checkpoint head_is;
        bool has_head, head_unread;
};

/* The first thing that is wrong is the one that is told, and only once. What somebody else wrote may be cut in a character. */
static void _printf_(2, 3) find(struct opening *o, const char *format, ...) {
        char whole[FINDING_SIZE], text[FINDING_SIZE];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(whole, sizeof(whole), format, ap);
        va_end(ap);
        (void)sovd_audit_clip(text, sizeof(text), whole);
        if (!*o->finding && !audit_has_line(o->known, text))
                memcpy(o->finding, text, sizeof(text));
}

/* --- the head beside the database -------------------------------------------------------------------------- */

int audit_write_head(struct sovd_audit *a, const char *note) {
        return a->folder ? sovd_audit_write_file(a->folder, AUDIT_HEAD_FILE, 0600, note, strlen(note)) : 0;
}

static void read_head(struct opening *o) {
        size_t n = 0;
        int r = o->a->folder ? sovd_audit_read_file(o->a->folder, AUDIT_HEAD_FILE, o->head, sizeof(o->head), &n) : -ENOENT;

        if (r == -ENOENT)
                return;
        o->head[r ? 0 : n] = '\0';
        o->has_head = true;
        o->head_unread = r || strlen(o->head) != n || sovd_audit_note_read(o->head, &o->head_is, NULL);
}

static int key_of(struct sovd_db_conn *conn, uint64_t epoch, struct sovd_audit_key *ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        size_t n = 0, n_signature = 0;
        int r = sovd_db_prepare(conn, &s, "SELECT public, from_size, signature FROM audit_key WHERE epoch=?1");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)epoch);
        r = sovd_db_step(s, &row);
        if (r || !row)
                return r ? r : -ENOENT;
        const void *key = sovd_db_blob(s, 0, &n), *signature = sovd_db_blob(s, 2, &n_signature);
        if (!key || !signature || n != sizeof(ret->public_key) || n_signature != sizeof(ret->signature))
                return -EBADMSG;
        *ret = (struct sovd_audit_key){ .epoch = epoch, .from_size = (uint64_t)sovd_db_int(s, 1) };
        memcpy(ret->public_key, key, n);
        memcpy(ret->signature, signature, n_signature);
        return 0;
}

/* 0: the note is signed by the key of its epoch. */
static int check_note(struct opening *o, const char *note, uint64_t epoch) {
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *public = NULL;
        struct sovd_audit_key key;
        int r = key_of(o->conn, epoch, &key);

        if (!r)
                r = sovd_audit_public_new(&public, key.public_key);
        return r ? r : sovd_audit_note_check(note, public);
}

static void check_head(struct opening *o) {
        const struct sovd_audit_checkpoint *head = &o->head_is;
        struct sovd_audit *a = o->a;
        struct sovd_audit_hash root;

        if (!a->folder)
                return;
        if (!o->has_head)
                return find(o, "the file " AUDIT_HEAD_FILE " is gone");
        if (o->head_unread)
                return find(o, "the file " AUDIT_HEAD_FILE " is damaged");
        if (strcmp(head->log, a->log) != 0)
                return find(o, "the head is of another log: %s", head->log);
        if (head->size > a->now.range.size)
                return find(o, "the log was cut off: it has %llu entries, and had %llu", (unsigned long long)a->now.range.size,
                            (unsigned long long)head->size);
        if (head->size + 1 < a->now.first)
                return; /* written before the log was shortened */
        int r = sovd_audit_tree_root(audit_subtree, o->conn, head->size, &root);
        if (r || !sovd_audit_same(&root, &head->root))
                return find(o, "the first %llu entries are not those of the head", (unsigned long long)head->size);
        if (check_note(o, o->head, head->epoch))
                find(o, "the head is not signed by the key of epoch %llu", (unsigned long long)head->epoch);
}

/* --- the end of the log ------------------------------------------------------------------------------------ */

/* Each by itself, from the chain that stands before it: what is wrong with one is not told of all that follow. */
static void check_row(struct opening *o, struct sovd_db_stmt *s, uint64_t seq, struct sovd_audit_hash *chain) {
        struct sovd_audit_hash leaf, own;
        const char *body = sovd_db_text(s, 1);

        if ((uint64_t)sovd_db_int(s, 0) != seq)
                return find(o, "entry %llu is gone", (unsigned long long)seq);
        if (!body || sovd_audit_leaf(body, strlen(body), &leaf) || audit_take_hash(s, 2, &own) || !sovd_audit_same(&leaf, &own) ||
            sovd_audit_chain_next(chain, seq, &leaf, chain) || audit_take_hash(s, 3, &own) || !sovd_audit_same(chain, &own))
                find(o, "entry %llu was changed", (unsigned long long)seq);
        (void)audit_take_hash(s, 3, chain);
}

static int chain_before(struct opening *o, uint64_t seq, struct sovd_audit_hash *ret) {
        struct sovd_db_stmt *s;
        const char *text = NULL;
        bool row = false;
        int r;

        if (seq == o->a->now.first) {
                r = audit_get_meta(o->conn, "chain", &text);
                return r ? r : text && sovd_audit_from_hex(text, ret) ? 0 : -EBADMSG;
        }
        r = sovd_db_prepare(o->conn, &s, "SELECT chain FROM audit_entry WHERE seq=?1");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)seq - 1);
        r = sovd_db_step(s, &row);
        return r ? r : row ? audit_take_hash(s, 0, ret) : -EBADMSG;
}

/* The entries of the last segment as they were written; all of them is the verifier's work. */
static int check_tail(struct opening *o) {
        const struct audit_position *p = &o->a->now;
        uint64_t from = p->range.size / AUDIT_SEGMENT * AUDIT_SEGMENT + 1, seq;
        struct sovd_audit_hash chain;
        struct sovd_db_stmt *s;
        bool row = true;

        if (p->range.size < p->first)
                return 0;
        seq = from = SOVD_MAX(from > p->range.size ? p->range.size : from, p->first);
        int r = chain_before(o, from, &chain);
        if (!r)
                r = sovd_db_prepare(o->conn, &s, "SELECT seq, body, leaf, chain FROM audit_entry WHERE seq>=?1 ORDER BY seq");
        if (r == -EBADMSG) {
                find(o, "the entry before %llu is gone", (unsigned long long)from);
                return 0;
        }
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)from);
        while (!(r = sovd_db_step(s, &row)) && row && !*o->finding)
                check_row(o, s, seq++, &chain);
        return r;
}

static int check_checkpoint(struct opening *o) {
        struct sovd_audit *a = o->a;
        struct sovd_audit_checkpoint c;
        struct sovd_audit_hash root;
        char note[SOVD_AUDIT_NOTE_SIZE] = "";
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(o->conn, &s, "SELECT note FROM audit_checkpoint ORDER BY size DESC, epoch DESC LIMIT 1");
        if (!r)
                r = sovd_db_step(s, &row);
        if (r)
                return r;
        if (row)
                (void)snprintf(note, sizeof(note), "%s", sovd_db_text(s, 0));
        if (!row || sovd_audit_note_read(note, &c, NULL)) {
                find(o, "there is no checkpoint");
                return 0;
        }
        r = sovd_audit_range_root(&a->now.range, &root);
        if (r)
                return r;
        if (c.size != a->now.range.size || strcmp(c.log, a->log) != 0 || !sovd_audit_same(&root, &c.root) ||
            !sovd_audit_same(&c.chain, &a->now.chain))
                find(o, "the last checkpoint is of %llu entries, and not what the %llu entries give", (unsigned long long)c.size,
                     (unsigned long long)a->now.range.size);
        else if (check_note(o, note, c.epoch))
                find(o, "the last checkpoint is not signed by the key of epoch %llu", (unsigned long long)c.epoch);
        return 0;
}

/* --- keys -------------------------------------------------------------------------------------------------- */

static void check_device(struct opening *o) {
        _cleanup_(sovd_audit_public_freep) struct sovd_audit_public *device = NULL;
        struct sovd_audit_key first;
        int r = key_of(o->conn, 0, &first);

        if (!r)
                r = sovd_audit_public_new(&device, sovd_audit_signer_public(sovd_audit_keys_device(o->a->keys)));
        if (r || sovd_audit_key_check(&first, o->a->log, device))
                find(o, "the log was not begun with this device key");
}

static int make_epoch(struct opening *o, uint64_t epoch) {
        const struct sovd_audit_signer *device = sovd_audit_keys_device(o->a->keys);
        struct sovd_audit_signer *key;
        int r = sovd_audit_epoch_make(o->a->keys, epoch, &key);

        return r ? r : audit_begin_epoch(o->a, o->conn, key, epoch, device);
}

/* Without the key nothing can be signed: an epoch that the device key signs goes on, and every verifier will say so. */
static int get_epoch_key(struct opening *o) {
        struct sovd_audit *a = o->a;
        struct sovd_audit_key key;

        int r = key_of(o->conn, a->now.epoch, &key);
        if (!r)
                r = sovd_audit_epoch_load(a->keys, a->now.epoch, key.public_key, &a->epoch_key);
        if (r != -ENOKEY)
                return r;
        find(o, "the key of epoch %llu is gone", (unsigned long long)a->now.epoch);
        return make_epoch(o, a->now.epoch + 1);
}

/* --- a new log --------------------------------------------------------------------------------------------- */

static int name_log(struct sovd_audit *a) {
        char id[SOVD_ID_SIZE];
        int r = sovd_id_new(id);

        if (r)
                return r;
        id[12] = '4'; /* a UUID of version 4 (RFC 9562) */
        id[16] = "89ab"[id[16] & 3];
        (void)snprintf(a->log, sizeof(a->log), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
        return 0;
}

static int begin_log(struct opening *o) {
        struct sovd_audit *a = o->a;
        char device[SOVD_AUDIT_BASE64(SOVD_AUDIT_KEY)], chain[SOVD_AUDIT_HEX];

        if (o->has_head && (o->head_unread || o->head_is.size))
                find(o, "the log that was here is gone: %s had %llu entries", o->head_unread ? "it" : o->head_is.log,
                     (unsigned long long)o->head_is.size);
        int r = name_log(a);
        if (!r)
                r = sovd_audit_chain_begin(a->log, &a->now.chain);
        if (r)
                return r;
        a->now.first = 1;
        sovd_audit_to_base64(device, sovd_audit_signer_public(sovd_audit_keys_device(a->keys)), SOVD_AUDIT_KEY);
        r = audit_set_meta(o->conn, "log", a->log);
        if (!r)
                r = audit_set_meta(o->conn, "first", "1");
        if (!r)
                r = audit_set_meta(o->conn, "chain", sovd_audit_to_hex(chain, &a->now.chain));
        if (!r)
                r = audit_set_meta(o->conn, "range", "");
        if (!r)
                r = audit_set_meta(o->conn, "device", device);
        if (!r)
                r = make_epoch(o, 0);
        if (!r)
                r = audit_sign(a, o->conn, 0, a->next_key);
        /* Before the commit: from then on a log without a head is one whose head was taken away. */
        return r ? r : audit_write_head(a, a->note);
}

/* --- what was interrupted ---------------------------------------------------------------------------------- */

static const char *column(struct sovd_db_stmt *s, int i) {
        return sovd_db_text(s, i);
}

static int append_unknown(struct opening *o, struct sovd_db_stmt *s) {
        struct sovd_audit_entry e = { .ev = "request.outcome",
                                      .outcome = "unknown",
                                      .req = column(s, 1),
                                      .sub = column(s, 2),
                                      .method = column(s, 3),
                                      .path = column(s, 4),
                                      .entity = column(s, 5),
                                      .n_detail = 1,
                                      .detail = { { "intent", NULL, (uint64_t)sovd_db_int(s, 0) } } };

        if (column(s, 6))
                e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "tenant", .text = column(s, 6) };
        return audit_append(o->a, o->conn, &e, NULL);
}

#define OF_INTENT "SELECT seq, json_extract(body,'$.req'), sub, method, json_extract(body,'$.path'), entity, tenant FROM audit_entry "

int audit_append_unknown(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t intent) {
        struct opening o = { .a = a, .conn = conn };
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, OF_INTENT "WHERE seq=?1");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)intent);
        r = sovd_db_step(s, &row);
        return r || !row ? r : append_unknown(&o, s);
}

/* Rows that are appended meanwhile are behind those that are looked for. */
static int close_open(struct opening *o, uint64_t *ret_n) {
        struct sovd_db_stmt *s;
        uint64_t from = 0, to = o->a->now.range.size;
        bool row = true;

        *ret_n = 0;
        int r = audit_get_meta_number(o->conn, "open", &from);
        if (!r)
                r = sovd_db_prepare(o->conn, &s,
                                    OF_INTENT "WHERE seq>=?1 AND seq<=?2 AND ev='request.intent' AND seq NOT IN "
                                    "(SELECT coalesce(json_extract(body,'$.detail.intent'),0) FROM audit_entry WHERE seq>=?1 AND "
                                    "seq<=?2 AND ev='request.outcome') ORDER BY seq");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)from);
        sovd_db_bind_int(s, 2, (int64_t)to);
        while (!(r = sovd_db_step(s, &row)) && row && !(r = append_unknown(o, s)))
                ++*ret_n;
        return r;
}

/* Did the process before end without saying so? */
static int was_interrupted(struct opening *o, uint64_t last, bool *ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(o->conn, &s, "SELECT ev<>'system.stop' FROM audit_entry WHERE seq=?1");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)last);
        r = sovd_db_step(s, &row);
        *ret = row && sovd_db_int(s, 0);
        return r;
}

static int say_start(struct opening *o, uint64_t before, uint64_t n_open) {
        struct sovd_audit_entry e = { .ev = "system.start", .n_detail = 4,
                                      .detail = { { .name = "entries", .number = before },
                                                  { .name = "open_intents", .number = n_open },
                                                  { .name = "version", .text = SOVD_VERSION } } };
        bool interrupted = false;

        int r = was_interrupted(o, before, &interrupted);
        e.detail[3] = (struct sovd_audit_detail){ .name = "unclean", .number = interrupted };
        return r ? r : audit_append(o->a, o->conn, &e, NULL);
}

static int say_finding(struct opening *o) {
        struct sovd_audit_entry e = { .ev = "system.tamper", .n_detail = 1, .detail = { { .name = "why", .text = o->finding } } };

        sovd_log(SOVD_LOG_ERROR, "the audit log was changed by somebody else: %s; changes are refused until an admin has acknowledged it",
                 o->finding);
        int r = audit_set_meta(o->conn, "tamper", o->finding);
        if (!r)
                r = audit_append(o->a, o->conn, &e, NULL);
        return r;
}

/* --- what was found before ---------------------------------------------------------------------------------- */

/* Once there was a row of what is known, beside the log: whoever wrote one wanted something not to be told. */
static int read_known(struct opening *o) {
        const char *text = NULL;
        int r = audit_read_known(o->a, o->conn, o->known, o->pending);

        if (!r)
                r = audit_get_meta(o->conn, "known", &text);
        if (r || !text || !*text)
                return r;
        find(o, "something is noted as known beside the log, and no entry says so: %.160s", text);
        return audit_set_meta(o->conn, "known", "");
}

/* --- opening ----------------------------------------------------------------------------------------------- */

static int take_up(struct opening *o) {
        struct sovd_audit *a = o->a;

        int r = audit_load_position(a, o->conn, &a->now);
        if (r == -EBADMSG || r == -ENODATA) {
                sovd_log(SOVD_LOG_ERROR, "the audit log cannot be read: rows that the others need are gone or have another form");
                return -EUCLEAN;
        }
        if (!r)
                r = check_checkpoint(o);
        if (!r)
                r = read_known(o); /* of a tree that is signed */
        if (!r)
                r = check_tail(o);
        if (r)
                return r;
        check_head(o);
        check_device(o);
        return get_epoch_key(o);
}

/* The row and the entries say it: whoever takes one away has not acknowledged it. */
static int finding_of_before(struct opening *o) {
        const char *text = NULL;
        int r = audit_get_meta(o->conn, "tamper", &text);

        if (!r && text && *text)
                audit_note_finding(o->a, text);
        else if (!r && *o->pending)
                audit_note_finding(o->a, o->pending);
        return r;
}

/* A log that is shorter than what a collector has was cut off, and that is told anyway. */
static int read_sent(struct opening *o) {
        const char *text = NULL;
        int r = audit_get_meta(o->conn, "sent", &text);

        if (!r)
                o->a->sent_before = o->a->sent = text ? strtoull(text, NULL, 10) : UINT64_MAX;
        return r;
}

static int open_log(struct opening *o) {
        struct sovd_audit *a = o->a;
        const char *log = NULL;
        uint64_t n_open = 0;

        read_head(o);
        int r = audit_age_load(a, o->conn);
        if (!r)
                r = read_sent(o);
        if (!r)
                r = audit_get_meta(o->conn, "log", &log);
        if (!r && log)
                (void)snprintf(a->log, sizeof(a->log), "%s", log);
        bool is_new = !log;
        if (!r)
                r = is_new ? begin_log(o) : take_up(o);
        const uint64_t before = a->now.range.size;
        a->size_before = before;
        a->epoch_usec = sovd_now_usec();
        if (!r)
                r = finding_of_before(o);
        if (!r && !is_new)
                r = close_open(o, &n_open);
        if (!r)
                r = say_start(o, before, n_open);
        if (!r && *o->finding)
                r = say_finding(o);
        if (!r && *o->finding)
                audit_note_finding(a, o->finding);
        return r;
}

/* As if it had never been tried. */
static void forget(struct sovd_audit *a) {
        a->now = a->durable = (struct audit_position){ 0 };
        a->epoch_key = sovd_audit_signer_free(a->epoch_key);
        a->next_key = sovd_audit_signer_free(a->next_key);
        a->doubtful = a->dirty = false;
}

int audit_open(struct sovd_db_conn *conn, void *data) {
        struct opening o = { .a = data, .conn = conn };

        forget(data);
        int r = open_log(&o);
        if (r)
                forget(data);
        return r;
}
