/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart leaves open: starts without an answer, and executions that the backend does not know any more. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/log.h"
#include "sovd-core/call.h"
#include "sovd-core/executions_inside.h"
#include "sovd-core/state_clock.h"
#include <errno.h>
#include <stdio.h>

static int write_lost(struct sovd_json_writer *w, const char *message) {
        const struct sovd_error_info *info = sovd_error_info(SOVD_E_INTERNAL);
        struct sovd_generic_error error = { .error_code = info->error_code,
                                            .vendor_code = SOVD_OUTCOME_UNKNOWN,
                                            .message = message };
        struct sovd_data_error item = { .path = "/", .error = &error };
        const struct sovd_execution execution = { .capability = SOVD_CAPABILITY_EXECUTE,
                                                  .status = SOVD_EXECUTION_FAILED,
                                                  .error = { .items = &item, .n = 1 } };

        sovd_json_writer_init(w, 0, 0);
        sovd_schema_encode(&sovd_schema_execution, &execution, w);
        return w->error;
}

int sovd_executions_end_lost(struct sovd_executions *x, const char *id) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        int r = write_lost(&w, "the gateway was restarted while this ran, and the backend does not know it any more: "
                               "the outcome is unknown");
        if (!r)
                r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                r = sovd_executions_end(x, id, text);
        sovd_json_writer_done(&w);
        return r;
}

struct loading {
        struct sovd_executions *x;
        const char *pending; /* the final status of those whose start was not answered */
        uint64_t now_usec;   /* of the state (state_clock.h) */
        int64_t n_pending;
        size_t n_running;
};

static uint64_t ended_at(const struct loading *l, const struct execution_row *row) {
        const uint64_t age = l->now_usec > row->ended_usec ? l->now_usec - row->ended_usec : 0, now = sovd_now_usec();

        return now - age ? now - age : 1; /* 0 is "it runs" */
}

static int take(const struct execution_row *row, void *data) {
        struct loading *l = data;
        struct sovd_executions *x = l->x;
        const int type = sovd_name_find(sovd_entity_type_paths, row->entity_type);
        const int capability = sovd_enum_parse(sovd_capability_names, row->capability);
        _cleanup_(execution_freep) struct execution *r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        (void)snprintf(r->id, sizeof(r->id), "%s", row->id);
        r->type = (enum sovd_entity_type)type;
        r->capability = capability ? capability : SOVD_CAPABILITY_EXECUTE;
        r->backend = strdup(row->backend);
        r->entity = strdup(row->entity);
        r->operation = strdup(row->operation);
        r->backend_id = strdup(row->backend_id);
        r->client = row->client ? strdup(row->client) : NULL;
        r->ended = row->status ? strdup(row->status) : NULL;
        r->is_script = row->script;
        r->adopted = row->adopted;
        r->restored = row->state == EXECUTION_RUNNING;
        r->ended_usec = r->restored ? 0 : ended_at(l, row);
        if (!r->backend || !r->entity || !r->operation || !r->backend_id || (row->status && !r->ended) || (row->client && !r->client))
                return sovd_error_origin(-ENOMEM);
        if (type < 0 || x->n >= x->max)
                return 0;
        l->n_running += r->restored;
        x->records[x->n++] = SOVD_TAKE(r);
        return 0;
}

static int read_rows(struct sovd_db_conn *conn, void *data) {
        struct loading *l = data;
        const uint64_t kept = SOVD_MIN(l->x->retention_usec, l->now_usec);

        int r = execution_store_end_pending(conn, l->pending, l->now_usec, &l->n_pending);
        if (!r)
                r = execution_store_tidy(conn, l->now_usec - kept, l->x->max);
        return r ? r : execution_store_load(conn, l->x->max, take, l);
}

int execution_load(struct sovd_executions *x) {
        struct loading l = { .x = x, .now_usec = sovd_state_usec() };
        struct sovd_json_writer w;
        size_t len;

        int r = write_lost(&w, "the gateway was restarted before the start was answered: it is not known whether it was started");
        if (!r)
                r = sovd_json_writer_finish(&w, &l.pending, &len);
        if (!r)
                r = sovd_db_write(x->db, read_rows, &l);
        sovd_json_writer_done(&w);
        if (l.n_pending)
                sovd_log(SOVD_LOG_WARN, "%lld starts were under way at the restart; nobody knows what became of them",
                         (long long)l.n_pending);
        if (x->n)
                sovd_log(SOVD_LOG_INFO, "%zu executions of before the restart are known, %zu of them ran", x->n, l.n_running);
        return r;
}
