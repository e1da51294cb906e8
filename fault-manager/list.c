/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/error.h"
#include <errno.h>

struct cycle {
        const char *kind;
        uint64_t n;
};

struct page {
        struct sovd_arena *arena;
        struct cycle cycles[FM_KINDS_MAX]; /* of the same commit as the rows */
        size_t n_cycles;
        bool without_frames;
        struct fm_record *records;
        size_t n, max;
        struct sovd_fault_sight sight;
};
#define PAGE_FULL 1 /* no error */

static int add_cycle(const char *kind, uint64_t n, bool settled, void *data) {
        (void)settled; /* rows that are behind are counted on here */
        struct page *page = data;
        const char *copy = sovd_arena_strdup(page->arena, kind);
        if (!copy)
                return sovd_error_origin(-ENOMEM);

        if (page->n_cycles < FM_KINDS_MAX)
                page->cycles[page->n_cycles++] = (struct cycle){ copy, n };
        return 0;
}

/* Cycles that began since the row was written are counted here: it says how the fault is now. */
static void catch_up(const struct page *page, const struct fm_row *row, struct fm_record *ret) {
        const struct fm_rule rule = fm_descriptor_rule(ret->about);

        ret->cycle = row->cycle;
        for (size_t i = 0; i < page->n_cycles; i++)
                if (strcmp(page->cycles[i].kind, row->cycle_kind) == 0)
                        ret->cycle = SOVD_MAX(ret->cycle, page->cycles[i].n);
        (void)fm_state_cycles(&ret->state, &rule, ret->cycle - row->cycle);
}

static int add_record(const struct fm_row *row, void *data) {
        struct page *page = data;
        struct fm_record *ret = &page->records[page->n];

        if (page->sight.sees && !page->sight.sees(page->sight.data, row->entity, row->code))
                return 0;
        if (page->n == page->max)
                return PAGE_FULL;
        *ret = (struct fm_record){
                .entity = sovd_arena_strdup(page->arena, row->entity),
                .code = sovd_arena_strdup(page->arena, row->code),
                .state = row->state,
                .first_usec = row->first_usec,
                .last_usec = row->last_usec,
                .first_cycle = row->first_cycle,
                .last_cycle = row->last_cycle,
        };
        if (!page->without_frames) {
                ret->first_frame = sovd_arena_strdup(page->arena, row->first_frame);
                ret->last_frame = sovd_arena_strdup(page->arena, row->last_frame);
        }
        if (!ret->entity || !ret->code)
                return sovd_error_origin(-ENOMEM);
        const char *about = sovd_arena_strdup(page->arena, row->about);
        int r = about ? fm_descriptor_read(page->arena, about, &ret->about) : sovd_error_origin(-ENOMEM);
        if (!r)
                catch_up(page, row, ret);
        page->n += !r;
        return r;
}

int fm_manager_list(struct fm_manager *m, const struct fm_query *query, struct sovd_arena *arena,
                    struct fm_record **ret, size_t *ret_n) {
        struct page page = { .arena = arena,
                             .without_frames = query->without_frames,
                             .max = query->max,
                             .sight = query->sight,
                             .records = sovd_arena_array(arena, struct fm_record, query->max) };
        struct sovd_db_conn *conn;
        if (!page.records)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        sovd_db_read_until(conn, query->deadline_usec);
        r = fm_store_cycles(conn, add_cycle, &page);
        if (!r)
                r = fm_store_list(conn, query, add_record, &page);
        sovd_db_read_end(m->options.db, conn);
        if (r == PAGE_FULL)
                r = 0;
        *ret = page.records;
        *ret_n = page.n;
        return r;
}
