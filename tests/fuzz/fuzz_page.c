/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is the query of a request for a page
 *
 * What is refused has a reason; a cursor that is accepted is the one that the link to its place has.
 */
#include "sovd-core/base/error.h"
#include "sovd-rest/page.h"
#include "sovd-rest/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_result(const struct sovd_call *call, int r) {
        must(!r || (call->failure.error == r && call->failure.body.message && *call->failure.body.message));
}

/* The cursor of the link, read again. */
static void check_link(struct sovd_call *call, const struct sovd_cursor *cursor) {
        struct sovd_call again = { .arena = call->arena };
        struct sovd_cursor read;

        if (sovd_page_link(call, "/x", cursor))
                return;
        const char *after = strstr(call->link, "after=");
        must(after);
        again.query[0] = (struct sovd_query_item){ .name = "after",
                                                   .value = sovd_arena_strndup(call->arena, after + 6, strcspn(after + 6, ">")) };
        again.n_query = 1;
        must(sovd_page_after(&again, "tce", &read) == 0);
        must(read.kind == cursor->kind && read.number == cursor->number && sovd_streq(read.first, cursor->first) &&
             sovd_streq(read.second, cursor->second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *query = strndup(size ? (const char *)data : "", size);
        struct sovd_call call = { .base = "" };
        struct sovd_cursor cursor;
        const char *reason = NULL;
        uint64_t from = 0, to = 0;
        size_t limit = 0;

        if (!query || sovd_arena_new(&arena, 4096))
                return 0;
        call.arena = arena;
        if (sovd_query_parse(call.query, &call.n_query, query, arena, &reason))
                return 0;
        int r = sovd_page_times(&call, &from, &to);
        check_result(&call, r);
        must(r || !to || from <= to);
        r = sovd_page_limit(&call, 7, &limit);
        check_result(&call, r);
        must(r || (limit >= 1 && limit <= SOVD_PAGE_MAX));
        r = sovd_page_after(&call, "tce", &cursor);
        check_result(&call, r);
        if (!r && cursor.kind)
                check_link(&call, &cursor);
        return 0;
}
