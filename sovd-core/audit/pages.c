/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of the log: pages, proofs and exports, on connections for reading. */
#include "sovd-core/audit/export.h"
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"

#define EXPORT_PAGE 200

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

int sovd_audit_follow(struct sovd_audit *a, uint64_t after, size_t max, struct sovd_arena *arena, struct sovd_audit_row **ret,
                      size_t *ret_n) {
        const struct sovd_audit_filter filter = { .max = max };
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool more;

        *ret = sovd_arena_array(arena, struct sovd_audit_row, max + 1);
        int r = *ret ? sovd_db_read_begin(a->db, &conn) : sovd_error_origin(-ENOMEM);
        if (r)
                return r;
        r = sovd_db_prepare(conn, &s, "SELECT seq, body FROM audit_entry WHERE seq>?1 ORDER BY seq LIMIT ?2");
        if (!r) {
                sovd_db_bind_int(s, 1, (int64_t)after);
                sovd_db_bind_int(s, 2, (int64_t)max);
                r = take_rows(s, &filter, arena, *ret, ret_n, &more);
        }
        sovd_db_read_end(a->db, conn);
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
        char buf[SOVD_AUDIT_LINE_MAX + 1];
};

static int send_line(struct lines *l, int r, size_t n) {
        return r ? sovd_error_origin(r) : l->line(l->data, l->buf, n);
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
        struct sovd_audit_header header = { .from = l->x->from, .to = l->x->to };
        size_t n = 0;

        int r = chain_before(a, l->conn, header.from, &header.first_chain);
        if (!r)
                r = audit_load_range(l->conn, header.from - 1, &header.prior);
        if (r)
                return r;
        memcpy(header.log, a->log, sizeof(header.log));
        memcpy(header.device_key, sovd_audit_signer_public(sovd_audit_keys_device(a->keys)), sizeof(header.device_key));
        r = sovd_audit_line_header(&header, l->buf, sizeof(l->buf), &n);
        return send_line(l, r, n);
}

static int write_key(struct lines *l, struct sovd_db_stmt *s) {
        struct sovd_audit_key key = { .epoch = (uint64_t)sovd_db_int(s, 0), .from_size = (uint64_t)sovd_db_int(s, 2) };
        size_t n_key = 0, n_signature = 0, n = 0;
        const void *public = sovd_db_blob(s, 1, &n_key), *signature = sovd_db_blob(s, 3, &n_signature);

        if (!public || !signature || n_key != sizeof(key.public_key) || n_signature != sizeof(key.signature))
                return -EBADMSG;
        memcpy(key.public_key, public, n_key);
        memcpy(key.signature, signature, n_signature);
        int r = sovd_audit_line_key(&key, l->buf, sizeof(l->buf), &n);
        return send_line(l, r, n);
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
        size_t n = 0;

        l->x->n_checkpoints++;
        int r = sovd_audit_line_note(note, l->buf, sizeof(l->buf), &n);
        return send_line(l, r, n);
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
        struct sovd_audit_hash chain;
        uint64_t seq = (uint64_t)sovd_db_int(s, 0);
        size_t n = 0;

        if (seq != l->x->next || !body)
                return -ENODATA;
        int r = audit_take_hash(s, 2, &chain);
        if (r)
                return r;
        l->x->next++;
        r = sovd_audit_line_entry(seq, body, strlen(body), &chain, l->buf, sizeof(l->buf), &n);
        return send_line(l, r, n);
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
        const struct sovd_audit_export *x = l->x;
        size_t n = 0;

        int r = sovd_audit_line_end(x->n_checkpoints, x->to - x->from + 1, x->to, l->buf, sizeof(l->buf), &n);
        return send_line(l, r, n);
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
