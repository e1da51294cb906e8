/* SPDX-License-Identifier: Apache-2.0 */
/* What was found before, and who has seen it: entries of the log say so, and nothing beside it. */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/error.h"
#include <stdio.h>

#define FINDINGS "ev IN ('system.acknowledge','system.tamper','system.verify')" /* as the index has it (state.c) */

struct lines {
        char text[AUDIT_KNOWN_SIZE + 2]; /* "\n", then a line each */
};

/* The oldest make room. */
static void add(struct lines *l, const char *line) {
        const size_t n = strlen(line) + 1;

        if (!*l->text)
                (void)strcpy(l->text, "\n");
        while (strlen(l->text) + n >= sizeof(l->text)) {
                const char *rest = strchr(l->text + 1, '\n');
                if (!rest)
                        return;
                memmove(l->text, rest, strlen(rest) + 1);
        }
        (void)strcat(strcat(l->text, line), "\n");
}

bool audit_has_line(const char *lines, const char *line) {
        char wanted[SOVD_AUDIT_TEXT_MAX + 3];

        (void)snprintf(wanted, sizeof(wanted), "\n%s\n", line);
        return strstr(lines, wanted);
}

/* Is it the one that the signed tree has at its place? */
static bool is_of_log(struct sovd_audit *a, struct sovd_db_conn *conn, const struct sovd_audit_hash *root, uint64_t seq,
                      const char *body) {
        struct sovd_audit_proof proof;
        struct sovd_audit_hash leaf;

        return seq >= a->now.first && seq <= a->now.range.size && !sovd_audit_leaf(body, strlen(body), &leaf) &&
               !sovd_audit_prove_inclusion(audit_subtree, conn, seq - 1, a->now.range.size, &proof) &&
               !sovd_audit_check_inclusion(&proof, &leaf, seq - 1, a->now.range.size, root);
}

struct reading {
        struct lines told, known;
        char *pending;
        struct sovd_audit_entry entry;
        struct sovd_audit_text room;
};

/* Nothing can be seen before it was found. */
static void take(struct reading *x, const char *body) {
        const struct sovd_audit_detail *why;

        if (sovd_audit_entry_read(body, strlen(body), &x->entry, &x->room) || !(why = sovd_audit_entry_detail(&x->entry, "why")) ||
            !why->text)
                return;
        if (strcmp(x->entry.ev, "system.acknowledge") != 0) {
                add(&x->told, why->text);
                if (strcmp(x->entry.ev, "system.tamper") == 0)
                        (void)snprintf(x->pending, SOVD_AUDIT_TEXT_MAX + 1, "%s", why->text);
                return;
        }
        if (audit_has_line(x->told.text, why->text))
                add(&x->known, why->text);
        if (strcmp(x->pending, why->text) == 0)
                *x->pending = '\0';
}

int audit_read_known(struct sovd_audit *a, struct sovd_db_conn *conn, char ret[static AUDIT_KNOWN_SIZE + 2],
                     char ret_pending[static SOVD_AUDIT_TEXT_MAX + 1]) {
        _cleanup_(sovd_freep) struct reading *x = calloc(1, sizeof(*x));
        struct sovd_audit_hash root;
        struct sovd_db_stmt *s;
        bool row = true;

        *ret = *ret_pending = '\0';
        int r = x ? sovd_audit_range_root(&a->now.range, &root) : -ENOMEM;
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT seq, body FROM audit_entry WHERE " FINDINGS " ORDER BY seq");
        if (r)
                return r;
        x->pending = ret_pending;
        while (!(r = sovd_db_step(s, &row)) && row)
                if (sovd_db_text(s, 1) && is_of_log(a, conn, &root, (uint64_t)sovd_db_int(s, 0), sovd_db_text(s, 1)))
                        take(x, sovd_db_text(s, 1));
        memcpy(ret, x->known.text, sizeof(x->known.text));
        return r;
}
