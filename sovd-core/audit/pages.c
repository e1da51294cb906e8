/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of the log: pages, proofs and exports, on connections for reading. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include <stdio.h>

#define EXPORT_PAGE 200
#define LINE_SIZE   (2 * SOVD_AUDIT_BODY_MAX + 512) /* each quote of a body takes two */

/* --- pages ------------------------------------------------------------------------------------------------ */

static int prepare_list(struct sovd_db_conn *conn, const struct sovd_audit_filter *f, struct sovd_db_stmt **ret) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s,
                                "SELECT seq, body FROM audit_entry WHERE seq<?1 AND usec>=?2 AND usec<=?3 AND "
                                "(?4 IS NULL OR ev=?4 OR substr(ev,1,length(?4)+1)=?4||'.') AND (?5 IS NULL OR sub=?5) AND "
                                "(?6 IS NULL OR entity=?6) AND (?7 IS NULL OR outcome=?7) AND (?8 IS NULL OR method=?8) AND "
                                "(?9 IS NULL OR tenant=?9) ORDER BY seq DESC LIMIT ?10");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, f->before ? (int64_t)f->before : INT64_MAX);
        sovd_db_bind_int(s, 2, (int64_t)f->from_usec);
        sovd_db_bind_int(s, 3, f->to_usec ? (int64_t)f->to_usec : INT64_MAX);
        sovd_db_bind_text(s, 4, f->ev);
        sovd_db_bind_text(s, 5, f->sub);
        sovd_db_bind_text(s, 6, f->entity);
        sovd_db_bind_text(s, 7, f->outcome);
        sovd_db_bind_text(s, 8, f->method);
        sovd_db_bind_text(s, 9, f->tenant);
        sovd_db_bind_int(s, 10, (int64_t)f->max + 1);
        *ret = s;
        return 0;
}

static int take_rows(struct sovd_db_stmt *s, const struct sovd_audit_filter *f, struct sovd_arena *arena,
                     struct sovd_audit_row *rows, size_t *ret_n, bool *ret_more) {
        size_t n = 0;
        bool row = false;
        int r;

        while (!(r = sovd_db_step(s, &row)) && row && n < f->max) {
                rows[n] = (struct sovd_audit_row){ (uint64_t)sovd_db_int(s, 0), sovd_arena_strdup(arena, sovd_db_text(s, 1)) };
                if (!rows[n++].body)
                        return sovd_error_origin(-ENOMEM);
        }
        *ret_more = row;
        *ret_n = n;
        return r;
}

int sovd_audit_list(struct sovd_audit *a, const struct sovd_audit_filter *filter, struct sovd_arena *arena,
                    struct sovd_audit_row **ret, size_t *ret_n, bool *ret_more) {
        struct sovd_audit_row *rows = sovd_arena_array(arena, struct sovd_audit_row, filter->max + 1);
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        if (!rows)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_db_read_begin(a->db, &conn);
        if (r)
                return r;
        sovd_db_read_until(conn, filter->deadline_usec);
        r = prepare_list(conn, filter, &s);
        if (!r)
                r = take_rows(s, filter, arena, rows, ret_n, ret_more);
        sovd_db_read_end(a->db, conn);
        *ret = rows;
        return r;
}

/* --- the head and proofs ----------------------------------------------------------------------------------- */

static int last_note(struct sovd_db_conn *conn, struct sovd_arena *arena, const char **ret, uint64_t *ret_size) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT note, size FROM audit_checkpoint ORDER BY size DESC, epoch DESC LIMIT 1");

        if (!r)
                r = sovd_db_step(s, &row);
        if (r || !row)
                return r ? r : sovd_error_origin(-ENODATA);
        *ret = sovd_arena_strdup(arena, sovd_db_text(s, 0));
        *ret_size = (uint64_t)sovd_db_int(s, 1);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_audit_checkpoint(struct sovd_audit *a, struct sovd_arena *arena, const char **ret_note, uint64_t *ret_size) {
        struct sovd_db_conn *conn;
        int r = sovd_db_read_begin(a->db, &conn);

        if (r)
                return r;
        r = last_note(conn, arena, ret_note, ret_size);
        sovd_db_read_end(a->db, conn);
        return r;
}

struct bounds {
        uint64_t first, size;
};

static int read_bounds(struct sovd_db_conn *conn, struct bounds *ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = audit_get_meta_number(conn, "first", &ret->first);

        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT coalesce(max(seq), 0) FROM audit_entry");
        if (!r)
                r = sovd_db_step(s, &row);
        if (!r)
                ret->size = row ? (uint64_t)sovd_db_int(s, 0) : 0;
        return r;
}

/* Subtrees of what was removed are kept only where they are large enough. */
static int told(int r) {
        return r == -ENODATA || r == -ENOENT ? SOVD_E_NOT_FOUND : r == -EINVAL ? SOVD_E_BAD_REQUEST : r;
}

int sovd_audit_inclusion(struct sovd_audit *a, uint64_t seq, uint64_t *size, struct sovd_audit_hash *ret_leaf,
                         struct sovd_audit_hash *ret_root, struct sovd_audit_proof *ret) {
        struct sovd_db_conn *conn;
        struct bounds b;
        int r = sovd_db_read_begin(a->db, &conn);

        if (r)
                return r;
        r = read_bounds(conn, &b);
        if (!r && !*size)
                *size = b.size;
        if (!r && (seq < b.first || seq > b.size))
                r = SOVD_E_NOT_FOUND;
        if (!r && (*size > b.size || seq > *size))
                r = SOVD_E_BAD_REQUEST;
        if (!r)
                r = told(audit_subtree(conn, 0, seq - 1, ret_leaf));
        if (!r)
                r = told(sovd_audit_tree_root(audit_subtree, conn, *size, ret_root));
        if (!r)
                r = told(sovd_audit_prove_inclusion(audit_subtree, conn, seq - 1, *size, ret));
        sovd_db_read_end(a->db, conn);
        return r;
}

int sovd_audit_consistency(struct sovd_audit *a, uint64_t from, uint64_t *to, struct sovd_audit_hash *ret_from_root,
                           struct sovd_audit_hash *ret_root, struct sovd_audit_proof *ret) {
        struct sovd_db_conn *conn;
        struct bounds b;
        int r = sovd_db_read_begin(a->db, &conn);

        if (r)
                return r;
        r = read_bounds(conn, &b);
        if (!r && !*to)
                *to = b.size;
        if (!r && (!from || from > *to || *to > b.size))
                r = SOVD_E_BAD_REQUEST;
        if (!r)
                r = told(sovd_audit_tree_root(audit_subtree, conn, from, ret_from_root));
        if (!r)
                r = told(sovd_audit_tree_root(audit_subtree, conn, *to, ret_root));
        if (!r)
                r = told(sovd_audit_prove_consistency(audit_subtree, conn, from, *to, ret));
        sovd_db_read_end(a->db, conn);
        return r;
}

/* --- exports ----------------------------------------------------------------------------------------------- */

enum { HEADER, ENTRIES, END };

struct lines {
        struct sovd_audit_export *x;
        struct sovd_db_conn *conn;
        int (*line)(void *data, const char *text, size_t n);
        void *data;
        struct sovd_canon_writer w;
        char buf[LINE_SIZE];
};

static void begin_line(struct lines *l) {
        sovd_canon_begin(&l->w, l->buf, sizeof(l->buf) - 1);
        sovd_canon_open(&l->w, '{');
}

static int end_line(struct lines *l) {
        size_t n;

        sovd_canon_close(&l->w, '}');
        int r = sovd_canon_end(&l->w, &n);
        if (r)
                return sovd_error_origin(r);
        l->buf[n] = '\n';
        return l->line(l->data, l->buf, n + 1);
}

static void write_base64(struct lines *l, const char *name, const void *bytes, size_t n) {
        char text[SOVD_AUDIT_BASE64(SOVD_AUDIT_SIGNATURE)];

        sovd_audit_to_base64(text, bytes, SOVD_MIN(n, (size_t)SOVD_AUDIT_SIGNATURE));
        sovd_canon_member(&l->w, name, text);
}

static int chain_before(struct sovd_audit *a, struct sovd_db_conn *conn, uint64_t seq, struct sovd_audit_hash *ret) {
        struct sovd_db_stmt *s;
        const char *text = NULL;
        uint64_t first;
        bool row = false;
        int r = audit_get_meta_number(conn, "first", &first);

        if (!r && seq == first) {
                r = audit_get_meta(conn, "chain", &text);
                return r ? r : text && sovd_audit_from_hex(text, ret) ? 0 : -EBADMSG;
        }
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT chain FROM audit_entry WHERE seq=?1");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)seq - 1);
        r = sovd_db_step(s, &row);
        return r ? r : row ? audit_take_hash(s, 0, ret) : -ENODATA;
}

static int write_header(struct sovd_audit *a, struct lines *l) {
        char chain[SOVD_AUDIT_HEX], hash[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];
        struct sovd_audit_hash before;
        struct sovd_audit_range range;

        int r = chain_before(a, l->conn, l->x->from, &before);
        if (!r)
                r = audit_load_range(l->conn, l->x->from - 1, &range);
        if (r)
                return r;
        begin_line(l);
        write_base64(l, "device_key", sovd_audit_signer_public(sovd_audit_keys_device(a->keys)), SOVD_AUDIT_KEY);
        sovd_canon_member(&l->w, "first_chain", sovd_audit_to_hex(chain, &before));
        sovd_canon_member(&l->w, "format", "sovd-audit-export-1");
        sovd_canon_number(&l->w, "from", l->x->from);
        sovd_canon_member(&l->w, "log", a->log);
        sovd_canon_name(&l->w, "prior");
        sovd_canon_open(&l->w, '[');
        for (unsigned i = 0; i < range.n; i++) {
                sovd_audit_to_base64(hash, range.peaks[i].bytes, SOVD_AUDIT_HASH);
                sovd_canon_string(&l->w, hash, strlen(hash));
        }
        sovd_canon_close(&l->w, ']');
        sovd_canon_number(&l->w, "to", l->x->to);
        sovd_canon_member(&l->w, "type", "header");
        return end_line(l);
}

static int write_key(struct lines *l, struct sovd_db_stmt *s) {
        size_t n = 0, n_signature = 0;
        const void *key = sovd_db_blob(s, 1, &n), *signature = sovd_db_blob(s, 3, &n_signature);

        if (!key || !signature)
                return -EBADMSG;
        begin_line(l);
        sovd_canon_number(&l->w, "epoch", (uint64_t)sovd_db_int(s, 0));
        sovd_canon_number(&l->w, "from_size", (uint64_t)sovd_db_int(s, 2));
        write_base64(l, "public", key, n);
        write_base64(l, "signature", signature, n_signature);
        sovd_canon_member(&l->w, "type", "key");
        return end_line(l);
}

static int write_keys(struct lines *l) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(l->conn, &s, "SELECT epoch, public, from_size, signature FROM audit_key WHERE from_size<=?1 ORDER BY epoch");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)l->x->to);
        while (!(r = sovd_db_step(s, &row)) && row && !(r = write_key(l, s)))
                ;
        return r;
}

static int write_note(struct lines *l, const char *note) {
        begin_line(l);
        sovd_canon_member(&l->w, "note", note);
        sovd_canon_member(&l->w, "type", "checkpoint");
        l->x->n_checkpoints++;
        return end_line(l);
}

/* Those of one size; the one at the end of the export is known, and may be gone from the table. */
static int write_notes(struct lines *l, uint64_t size) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(l->conn, &s, "SELECT note FROM audit_checkpoint WHERE size=?1 ORDER BY epoch");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)size);
        while (!(r = sovd_db_step(s, &row)) && row) {
                const char *note = sovd_db_text(s, 0);
                if (note && (size < l->x->to || strcmp(note, l->x->note) != 0))
                        r = write_note(l, note);
                if (r)
                        return r;
        }
        return !r && size == l->x->to ? write_note(l, l->x->note) : r;
}

static int next_note(struct sovd_db_conn *conn, uint64_t from, uint64_t to, uint64_t *ret) {
        struct sovd_db_stmt *s;
        bool row = false;
        int r = sovd_db_prepare(conn, &s, "SELECT coalesce(min(size), ?2) FROM audit_checkpoint WHERE size>=?1 AND size<=?2");

        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)from);
        sovd_db_bind_int(s, 2, (int64_t)to);
        r = sovd_db_step(s, &row);
        if (!r)
                *ret = row ? (uint64_t)sovd_db_int(s, 0) : to;
        return r;
}

static int write_entry(struct lines *l, struct sovd_db_stmt *s) {
        const char *body = sovd_db_text(s, 1);
        struct sovd_audit_hash hash;
        char chain[SOVD_AUDIT_HEX];

        if ((uint64_t)sovd_db_int(s, 0) != l->x->next || !body)
                return -ENODATA;
        int r = audit_take_hash(s, 2, &hash);
        if (r)
                return r;
        begin_line(l);
        sovd_canon_member(&l->w, "body", body);
        sovd_canon_member(&l->w, "chain", sovd_audit_to_hex(chain, &hash));
        sovd_canon_number(&l->w, "seq", l->x->next);
        sovd_canon_member(&l->w, "type", "entry");
        l->x->next++;
        return end_line(l);
}

static int write_entries(struct lines *l) {
        struct sovd_audit_export *x = l->x;
        struct sovd_db_stmt *s;
        uint64_t noted, page = SOVD_MIN(x->next + EXPORT_PAGE - 1, x->to);
        bool row = false;

        int r = next_note(l->conn, x->next, x->to, &noted);
        if (!r)
                r = sovd_db_prepare(l->conn, &s, "SELECT seq, body, chain FROM audit_entry WHERE seq>=?1 AND seq<=?2 ORDER BY seq");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)x->next);
        sovd_db_bind_int(s, 2, (int64_t)page);
        while (!r && x->next <= page && !(r = sovd_db_step(s, &row))) {
                r = row ? write_entry(l, s) : -ENODATA;
                if (!r && x->next - 1 == noted) {
                        r = write_notes(l, noted);
                        if (!r)
                                r = next_note(l->conn, x->next, x->to, &noted);
                }
        }
        return r;
}

static int write_end(struct lines *l) {
        begin_line(l);
        sovd_canon_number(&l->w, "checkpoints", l->x->n_checkpoints);
        sovd_canon_number(&l->w, "entries", l->x->to - l->x->from + 1);
        sovd_canon_number(&l->w, "size", l->x->to);
        sovd_canon_member(&l->w, "type", "end");
        return end_line(l);
}

int sovd_audit_export_begin(struct sovd_audit *a, uint64_t from, struct sovd_arena *arena, struct sovd_audit_export *ret) {
        struct sovd_audit_export x = { .part = HEADER };
        struct sovd_db_conn *conn;
        struct bounds b;
        int r = sovd_db_read_begin(a->db, &conn);

        if (r)
                return r;
        r = read_bounds(conn, &b);
        if (!r)
                r = last_note(conn, arena, &x.note, &x.to);
        sovd_db_read_end(a->db, conn);
        if (r)
                return r;
        x.from = x.next = from ? from : b.first;
        if (x.from < b.first)
                return SOVD_E_NOT_FOUND;
        if (x.from > x.to)
                return SOVD_E_BAD_REQUEST;
        *ret = x;
        return 0;
}

static int write_part(struct sovd_audit *a, struct lines *l) {
        struct sovd_audit_export *x = l->x;
        int r;

        switch (x->part) {
        case HEADER:
                r = write_header(a, l);
                if (!r)
                        r = write_keys(l);
                if (!r && x->from > 1)
                        r = write_notes(l, x->from - 1);
                x->part = ENTRIES;
                return r;
        case ENTRIES:
                r = write_entries(l);
                x->part = x->next > x->to ? END : ENTRIES;
                return r;
        default:
                x->part = END + 1;
                return write_end(l);
        }
}

int sovd_audit_export_step(struct sovd_audit *a, struct sovd_audit_export *x, int (*line)(void *data, const char *text, size_t n),
                           void *data, bool *ret_more) {
        struct lines l = { .x = x, .line = line, .data = data };

        int r = sovd_db_read_begin(a->db, &l.conn);
        if (r)
                return r;
        r = write_part(a, &l);
        sovd_db_read_end(a->db, l.conn);
        *ret_more = x->part <= END;
        return r;
}
