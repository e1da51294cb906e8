/* SPDX-License-Identifier: Apache-2.0 */
/* The writer thread's part: rows are appended, and the head is signed before each commit. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/audit/syslog.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <stdio.h>

#define SENT_USEC       (1 * SOVD_USEC_PER_SEC) /* how often it is written down what a collector has */
#define CLOCK_BACK_USEC (1 * SOVD_USEC_PER_SEC) /* less than that is how clocks are kept right */

/* --- small rows -------------------------------------------------------------------------------------------- */

int audit_set_meta(struct sovd_db_conn *conn, const char *name, const char *value) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO audit_meta(name, value) VALUES(?1, ?2) "
                                          "ON CONFLICT(name) DO UPDATE SET value=excluded.value");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, name);
        sovd_db_bind_text(s, 2, value);
        return sovd_db_run(s);
}

int audit_set_meta_number(struct sovd_db_conn *conn, const char *name, uint64_t value) {
        char text[24];

        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
        return audit_set_meta(conn, name, text);
}

int audit_get_meta(struct sovd_db_conn *conn, const char *name, const char **ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT value FROM audit_meta WHERE name=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, name);
        r = sovd_db_step(s, &row);
        if (!r)
                *ret = row ? sovd_db_text(s, 0) : NULL;
        return r;
}

int audit_get_meta_number(struct sovd_db_conn *conn, const char *name, uint64_t *ret) {
        const char *text = NULL;
        int r = audit_get_meta(conn, name, &text);

        if (!r)
                *ret = text ? strtoull(text, NULL, 10) : 0;
        return r;
}

static int keep_tile(void *data, unsigned level, uint64_t index, const struct sovd_audit_hash *hash) {
        struct sovd_db_conn *conn = data;
        struct sovd_db_stmt *s;

        if (level < AUDIT_TILE_LEVEL)
                return 0;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO audit_tile(level, idx, hash) VALUES(?1, ?2, ?3)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, level);
        sovd_db_bind_int(s, 2, (int64_t)index);
        sovd_db_bind_blob(s, 3, hash->bytes, sizeof(hash->bytes));
        return sovd_db_run(s);
}

/* --- reading the tree -------------------------------------------------------------------------------------- */

int audit_take_hash(struct sovd_db_stmt *s, int column, struct sovd_audit_hash *ret) {
        size_t n;
        const void *bytes = sovd_db_blob(s, column, &n);

        if (!bytes || n != sizeof(ret->bytes))
                return -EBADMSG;
        memcpy(ret->bytes, bytes, n);
        return 0;
}

int audit_subtree(void *data, unsigned level, uint64_t index, struct sovd_audit_hash *ret) {
        struct sovd_db_conn *conn = data;
        struct sovd_db_stmt *s;
        bool row = false;
        int r;

        if (level && level < AUDIT_TILE_LEVEL)
                return -ENOENT;
        r = level ? sovd_db_prepare(conn, &s, "SELECT hash FROM audit_tile WHERE level=?1 AND idx=?2")
                  : sovd_db_prepare(conn, &s, "SELECT leaf FROM audit_entry WHERE ?1=0 AND seq=?2+1");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, level);
        sovd_db_bind_int(s, 2, (int64_t)index);
        r = sovd_db_step(s, &row);
        if (r)
                return r;
        return row ? audit_take_hash(s, 0, ret) : level ? -ENOENT : -ENODATA;
}

/* The complete subtrees that the size has, the largest first. */
int audit_load_range(struct sovd_db_conn *conn, uint64_t size, struct sovd_audit_range *ret) {
        uint64_t done = 0;
        int r = 0;

        *ret = (struct sovd_audit_range){ .size = size };
        for (unsigned level = SOVD_AUDIT_LEVELS; !r && level-- > 0;) {
                uint64_t leaves = UINT64_C(1) << level;
                if (!(size & leaves))
                        continue;
                struct sovd_audit_range small = { 0 };
                if (level >= AUDIT_TILE_LEVEL) {
                        r = audit_subtree(conn, level, done >> level, &ret->peaks[ret->n]);
                } else {
                        for (uint64_t i = done; !r && i < done + leaves; i++) {
                                struct sovd_audit_hash leaf;
                                r = audit_subtree(conn, 0, i, &leaf);
                                if (!r)
                                        r = sovd_audit_range_add(&small, &leaf, NULL, NULL);
                        }
                        ret->peaks[ret->n] = small.peaks[0];
                }
                ret->n++;
                done += leaves;
        }
        return r == -ENOENT ? -ENODATA : r;
}

static int load_last(struct sovd_audit *a, struct sovd_db_conn *conn, struct audit_position *p, uint64_t *ret_size) {
        struct sovd_db_stmt *s;
        const char *text = NULL;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT seq, chain, usec FROM audit_entry ORDER BY seq DESC LIMIT 1");

        if (!r)
                r = sovd_db_step(s, &row);
        if (!r && row) {
                *ret_size = (uint64_t)sovd_db_int(s, 0);
                p->usec = (uint64_t)sovd_db_int(s, 2);
                return audit_take_hash(s, 1, &p->chain);
        }
        *ret_size = p->first - 1;
        if (!r && p->first > 1) {
                r = audit_get_meta(conn, "chain", &text);
                return r ? r : text && sovd_audit_from_hex(text, &p->chain) ? 0 : -EBADMSG;
        }
        return r ? r : sovd_audit_chain_begin(a->log, &p->chain);
}

static int load_epoch(struct sovd_db_conn *conn, struct audit_position *p) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT epoch, from_size FROM audit_key ORDER BY epoch DESC LIMIT 1");

        if (!r)
                r = sovd_db_step(s, &row);
        if (r || !row)
                return r ? r : -EBADMSG;
        p->epoch = (uint64_t)sovd_db_int(s, 0);
        p->epoch_from = (uint64_t)sovd_db_int(s, 1);
        return 0;
}

int audit_load_position(struct sovd_audit *a, struct sovd_db_conn *conn, struct audit_position *ret) {
        struct audit_position p = { 0 };
        struct sovd_db_stmt *s;
        uint64_t size = 0;
        bool row = false;

        int r = audit_get_meta_number(conn, "first", &p.first);
        if (!r && !p.first)
                r = -EBADMSG;
        if (!r)
                r = audit_get_meta_number(conn, "bytes", &p.bytes);
        if (!r)
                r = audit_get_meta_number(conn, "notes", &p.notes);
        if (!r)
                r = load_last(a, conn, &p, &size);
        if (!r)
                r = audit_load_range(conn, size, &p.range);
        if (!r)
                r = load_epoch(conn, &p);
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT max(size) FROM audit_checkpoint");
        if (!r)
                r = sovd_db_step(s, &row);
        if (r)
                return r;
        p.checkpoint = row ? (uint64_t)sovd_db_int(s, 0) : 0;
        p.checkpoint_stays = true; /* one more than needed does no harm */
        *ret = p;
        return 0;
}

bool audit_is_note(const char *ev) {
        static const char *const notes[] = { "auth.fail", "access.refused", "refused.summary", "stream.open", "request.read" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(notes); i++)
                if (strcmp(ev, notes[i]) == 0)
                        return true;
        return false;
}

/* --- appending --------------------------------------------------------------------------------------------- */

/* The failure of a commit may have been one of telling us: what the file holds is what counts. */
static int settle_doubt(struct sovd_audit *a, struct sovd_db_conn *conn) {
        struct audit_position p;

        if (!a->doubtful)
                return 0;
        int r = audit_load_position(a, conn, &p);
        if (r)
                return r;
        if (p.range.size != a->durable.range.size || p.epoch != a->durable.epoch) {
                sovd_log(SOVD_LOG_WARN, "the audit log has %llu entries, not %llu: a commit that failed was made all the same",
                         (unsigned long long)p.range.size, (unsigned long long)a->durable.range.size);
                if (p.epoch == a->durable.epoch + 1 && a->next_key) {
                        sovd_audit_signer_free(a->epoch_key);
                        a->epoch_key = SOVD_TAKE(a->next_key);
                } else if (p.epoch != a->durable.epoch) {
                        return -ENOKEY;
                }
                a->durable = a->now = p;
        }
        sovd_audit_signer_free(SOVD_TAKE(a->next_key));
        a->doubtful = false;
        return 0;
}

static const char *tenant_of(const struct sovd_audit_entry *e) {
        const struct sovd_audit_detail *d = sovd_audit_entry_detail(e, "tenant");

        return d ? d->text : NULL;
}

static int insert(struct sovd_db_conn *conn, const struct sovd_audit_entry *e, uint64_t usec, const char *body,
                  const struct sovd_audit_hash *leaf, const struct sovd_audit_hash *chain) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO audit_entry(seq, usec, body, leaf, chain, ev, sub, entity, outcome, method,"
                                          " tenant) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)e->seq);
        sovd_db_bind_int(s, 2, (int64_t)usec);
        sovd_db_bind_text(s, 3, body);
        sovd_db_bind_blob(s, 4, leaf->bytes, sizeof(leaf->bytes));
        sovd_db_bind_blob(s, 5, chain->bytes, sizeof(chain->bytes));
        sovd_db_bind_text(s, 6, e->ev);
        sovd_db_bind_text(s, 7, e->sub);
        sovd_db_bind_text(s, 8, e->entity);
        sovd_db_bind_text(s, 9, e->outcome);
        sovd_db_bind_text(s, 10, e->method);
        sovd_db_bind_text(s, 11, tenant_of(e));
        return sovd_db_run(s);
}

static int append_now(struct sovd_audit *a, struct sovd_db_conn *conn, const struct sovd_audit_entry *entry, uint64_t usec) {
        struct sovd_audit_entry e = *entry;
        char body[SOVD_AUDIT_BODY_MAX + 1], t[SOVD_TIMESTAMP_SIZE];
        struct sovd_audit_hash leaf, chain;
        struct audit_position p = a->now;
        size_t len;

        e.log = a->log;
        e.seq = p.range.size + 1;
        e.t = sovd_clock_format(t, usec);
        e.mono = sovd_boottime_usec() * 1000;
        e.boot = a->boot;
        int r = sovd_audit_entry_write(&e, body, &len);
        if (!r)
                r = sovd_audit_leaf(body, len, &leaf);
        if (!r)
                r = sovd_audit_chain_next(&p.chain, e.seq, &leaf, &chain);
        if (!r)
                r = insert(conn, &e, usec, body, &leaf, &chain);
        if (!r)
                r = sovd_audit_range_add(&p.range, &leaf, keep_tile, conn);
        if (r)
                return r;
        p.chain = chain;
        p.bytes += len + AUDIT_ROW_BYTES;
        p.notes += audit_is_note(e.ev) ? len + AUDIT_ROW_BYTES : 0;
        p.usec = usec;
        a->now = p;
        a->dirty = true;
        return 0;
}

int audit_append(struct sovd_audit *a, struct sovd_db_conn *conn, const struct sovd_audit_entry *entry, uint64_t *ret_seq) {
        int r = settle_doubt(a, conn);
        const struct audit_position before = a->now;
        uint64_t usec = sovd_realtime_usec();

        if (!r && a->now.usec > usec + CLOCK_BACK_USEC) {
                struct sovd_audit_entry back = { .ev = "system.clock", .n_detail = 1,
                                                 .detail = { { .name = "back_ms", .number = (a->now.usec - usec) / 1000 } } };
                r = append_now(a, conn, &back, usec);
        }
        if (!r)
                r = append_now(a, conn, entry, usec);
        if (!r && a->now.range.size / AUDIT_SEGMENT != before.range.size / AUDIT_SEGMENT)
                r = audit_age_stamp(a, conn, a->now.range.size / AUDIT_SEGMENT * AUDIT_SEGMENT);
        if (!r && strcmp(entry->ev, "system.stop") == 0)
                r = audit_age_keep(a, conn, 0);
        if (r)
                a->now = before; /* its rows are undone */
        else if (ret_seq)
                *ret_seq = a->now.range.size;
        return r;
}

struct who {
        char req[SOVD_AUDIT_TEXT_MAX + 1], sub[SOVD_AUDIT_TEXT_MAX + 1], entity[SOVD_AUDIT_TEXT_MAX + 1],
                tenant[SOVD_AUDIT_TEXT_MAX + 1], method[16];
};

static const char *keep(char *buf, size_t size, const char *text) {
        (void)snprintf(buf, size, "%s", text ? text : "");
        return text ? buf : NULL;
}

/* false: the request is over. */
static bool find_who(struct sovd_audit *a, uint64_t seq, struct who *who, struct sovd_audit_entry *e) {
        const struct sovd_audit_intent *i;
        const char *tenant = NULL;

        (void)pthread_mutex_lock(&a->mutex);
        for (i = a->newest; i && i->seq != seq; i = i->prev)
                ;
        bool found = i && i->who;
        if (found) {
                e->req = keep(who->req, sizeof(who->req), i->who->req);
                e->sub = keep(who->sub, sizeof(who->sub), i->who->sub);
                e->entity = keep(who->entity, sizeof(who->entity), i->who->entity);
                e->method = keep(who->method, sizeof(who->method), i->who->method);
                tenant = keep(who->tenant, sizeof(who->tenant), tenant_of(i->who));
        }
        (void)pthread_mutex_unlock(&a->mutex);
        if (tenant)
                e->detail[e->n_detail++] = (struct sovd_audit_detail){ .name = "tenant", .text = tenant };
        return found;
}

/* Whoever changes our state for an intent is the one who had it. */
int audit_accompany(struct sovd_db_conn *conn, uint64_t number, void *data) {
        struct sovd_audit_entry e = { .ev = "request.effect", .n_detail = 1, .detail = { { "intent", NULL, number } } };
        struct who who;

        return find_who(data, number, &who, &e) ? audit_append(data, conn, &e, NULL) : 0;
}

/* --- signing ----------------------------------------------------------------------------------------------- */

static int drop_last_checkpoint(struct sovd_audit *a, struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;

        if (a->now.checkpoint_stays || a->now.checkpoint == a->now.range.size)
                return 0;
        int r = sovd_db_prepare(conn, &s, "DELETE FROM audit_checkpoint WHERE size=?1 AND epoch=?2");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)a->now.checkpoint);
        sovd_db_bind_int(s, 2, (int64_t)a->now.epoch);
        return sovd_db_run(s);
}

static int keep_checkpoint(struct sovd_db_conn *conn, uint64_t size, uint64_t epoch, const char *note) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT OR REPLACE INTO audit_checkpoint(size, epoch, note) VALUES(?1, ?2, ?3)");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)size);
        sovd_db_bind_int(s, 2, (int64_t)epoch);
        sovd_db_bind_text(s, 3, note);
        return sovd_db_run(s);
}

int audit_sign(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t epoch, const struct sovd_audit_signer *key) {
        struct sovd_audit_checkpoint note = { .size = a->now.range.size, .chain = a->now.chain, .epoch = epoch };
        char time[SOVD_TIMESTAMP_SIZE];

        memcpy(note.log, a->log, sizeof(note.log));
        memcpy(note.boot, a->boot, sizeof(note.boot));
        memcpy(note.time, sovd_clock_format(time, sovd_realtime_usec()), sizeof(note.time));
        int r = sovd_audit_range_root(&a->now.range, &note.root);
        if (!r)
                r = sovd_audit_note_sign(&note, key, a->note, NULL);
        if (!r)
                r = drop_last_checkpoint(a, conn);
        if (!r)
                r = keep_checkpoint(conn, note.size, epoch, a->note);
        if (r)
                return r;
        a->root = note.root;
        /* The first that reaches the end of a segment stays. */
        a->now.checkpoint_stays = (a->now.checkpoint_stays && a->now.checkpoint == note.size) || note.size == a->now.epoch_from ||
                                  note.size / AUDIT_SEGMENT != a->now.checkpoint / AUDIT_SEGMENT;
        a->now.checkpoint = note.size;
        return 0;
}

static int keep_key(struct sovd_db_conn *conn, const struct sovd_audit_key *key) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO audit_key(epoch, public, from_size, signature) VALUES(?1, ?2, ?3, ?4)");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)key->epoch);
        sovd_db_bind_blob(s, 2, key->public_key, sizeof(key->public_key));
        sovd_db_bind_int(s, 3, (int64_t)key->from_size);
        sovd_db_bind_blob(s, 4, key->signature, sizeof(key->signature));
        return sovd_db_run(s);
}

int audit_begin_epoch(struct sovd_audit *a, struct sovd_db_conn *conn, struct sovd_audit_signer *key, uint64_t epoch,
                      const struct sovd_audit_signer *by) {
        struct sovd_audit_key row = { .epoch = epoch, .from_size = a->now.range.size };

        sovd_audit_signer_free(a->next_key);
        a->next_key = key;
        memcpy(row.public_key, sovd_audit_signer_public(key), sizeof(row.public_key));
        int r = sovd_audit_key_sign(&row, a->log, by);
        if (!r)
                r = keep_key(conn, &row);
        if (r)
                return r;
        a->now.epoch = epoch;
        a->now.epoch_from = row.from_size;
        return 0;
}

static bool is_epoch_over(struct sovd_audit *a) {
        uint64_t n = a->now.range.size - a->now.epoch_from;

        return n && (n >= a->options.epoch_entries || sovd_now_usec() - a->epoch_usec >= a->options.epoch_usec);
}

/* The old key signs the new one and the head where it begins, and is gone after the commit. A key that cannot be made (the disk)
 * must not stop the state: the old one goes on, and the next commit tries again. */
static int change_epoch(struct sovd_audit *a, struct sovd_db_conn *conn) {
        const uint64_t epoch = a->now.epoch + 1;
        struct sovd_audit_entry e = { .ev = "system.key", .n_detail = 1, .detail = { { .name = "epoch", .number = epoch } } };
        struct sovd_audit_signer *key;

        if (sovd_audit_epoch_make(a->keys, epoch, &key))
                return 0;
        int r = audit_append(a, conn, &e, NULL);
        if (!r)
                r = audit_sign(a, conn, a->now.epoch, a->epoch_key);
        if (r) {
                sovd_audit_signer_free(key);
                return r;
        }
        a->now.checkpoint_stays = true;
        return audit_begin_epoch(a, conn, key, epoch, a->epoch_key);
}

int audit_keep_sent(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t position, bool now) {
        if (position == a->sent || (!now && sovd_now_usec() - a->sent_usec < SENT_USEC))
                return 0;
        a->sent = position;
        a->sent_usec = sovd_now_usec();
        return audit_set_meta_number(conn, "sent", position);
}

int audit_before_commit(struct sovd_db_conn *conn, void *data) {
        struct sovd_audit *a = data;
        uint64_t oldest;
        int r = 0;

        if (!a->dirty)
                return 0;
        r = settle_doubt(a, conn);
        if (!r && !a->next_key && is_epoch_over(a))
                r = change_epoch(a, conn);
        if (!r)
                r = audit_sign(a, conn, a->now.epoch, a->next_key ? a->next_key : a->epoch_key);
        (void)pthread_mutex_lock(&a->mutex);
        oldest = a->oldest ? a->oldest->seq : a->now.range.size + 1;
        (void)pthread_mutex_unlock(&a->mutex);
        if (!r)
                r = audit_set_meta_number(conn, "open", oldest);
        if (!r)
                r = audit_set_meta_number(conn, "bytes", a->now.bytes);
        if (!r)
                r = audit_set_meta_number(conn, "notes", a->now.notes);
        struct sovd_syslog *syslog = __atomic_load_n(&a->syslog, __ATOMIC_ACQUIRE);
        if (!r && syslog)
                r = audit_keep_sent(a, conn, sovd_syslog_position(syslog), false);
        return r;
}

static void publish(struct sovd_audit *a) {
        const char *signature = strrchr(a->note, ' ');
        char root[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];
        struct sovd_audit_status *s = &a->status;

        sovd_audit_to_base64(root, a->root.bytes, sizeof(a->root.bytes));
        (void)pthread_mutex_lock(&a->mutex);
        (void)snprintf(a->head, sizeof(a->head), "%llu %s %.*s", (unsigned long long)a->now.range.size, root,
                       signature ? (int)strcspn(signature + 1, "\n") : 0, signature ? signature + 1 : "");
        memcpy(a->head_note, a->note, sizeof(a->note));
        s->size = a->now.range.size;
        s->first = a->now.first;
        s->bytes = a->now.bytes;
        s->epoch = a->now.epoch;
        s->head_usec = sovd_realtime_usec();
        s->n_signed++;
        s->error = 0;
        s->full = s->bytes >= s->bytes_max && !a->options.overwrite;
        s->quiet = s->full || a->now.notes >= s->bytes_max / AUDIT_NOTES_SHARE;
        a->told_epoch_from = a->now.epoch_from;
        a->told_epoch_usec = a->epoch_usec;
        struct sovd_syslog *syslog = __atomic_load_n(&a->syslog, __ATOMIC_ACQUIRE);
        if (syslog)
                sovd_syslog_wake(syslog);
        a->has_news = true;
        (void)pthread_cond_signal(&a->wake);
        (void)pthread_mutex_unlock(&a->mutex);
}

void audit_after(int result, void *data) {
        struct sovd_audit *a = data;

        if (!a->dirty)
                return;
        a->dirty = false;
        if (result) {
                a->now = a->durable;
                a->doubtful = true;
                return; /* each who waits is told, and counts it */
        }
        a->durable = a->now;
        if (a->next_key) {
                sovd_audit_signer_free(a->epoch_key);
                a->epoch_key = SOVD_TAKE(a->next_key);
                a->epoch_usec = sovd_now_usec();
                sovd_audit_epoch_keep_only(a->keys, a->now.epoch);
        }
        publish(a);
}
