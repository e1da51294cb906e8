/* SPDX-License-Identifier: Apache-2.0 */
/* Who started what: how many executions of one client run, or are about to. */
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/executions_inside.h"
#include <errno.h>

void sovd_executions_limit_clients(struct sovd_executions *x, size_t max_per_client) {
        x->max_per_client = max_per_client;
}

/* With the mutex held. */
static size_t count_of(const struct sovd_executions *x, const char *client) {
        size_t n = 0;

        for (size_t i = 0; i < x->n_claims; i++)
                n += strcmp(x->claims[i], client) == 0;
        for (size_t i = 0; i < x->n; i++)
                n += !x->records[i]->ended_usec && sovd_streq(x->records[i]->client, client);
        return n;
}

/* The same. */
static int claim(struct sovd_executions *x, const char *client) {
        char **claims = reallocarray(x->claims, x->n_claims + 1, sizeof(*claims));
        if (!claims)
                return sovd_error_origin(-ENOMEM);

        x->claims = claims;
        x->claims[x->n_claims] = strdup(client);
        if (!x->claims[x->n_claims])
                return sovd_error_origin(-ENOMEM);
        x->n_claims++;
        return 0;
}

int sovd_executions_reserve_for(struct sovd_executions *x, const char *client) {
        int r = SOVD_E_TOO_MANY;

        (void)pthread_mutex_lock(&x->mutex);
        if (!x->max_per_client || count_of(x, client) < x->max_per_client)
                r = execution_make_room(x) ? claim(x, client) : SOVD_E_OVERLOAD;
        x->n_reserved += !r;
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

/* Of those that are equal it does not matter which one goes. */
static char *take_claim(struct sovd_executions *x, const char *client) {
        for (size_t i = 0; i < x->n_claims; i++)
                if (strcmp(x->claims[i], client) == 0) {
                        char *claim = x->claims[i];
                        x->claims[i] = x->claims[--x->n_claims];
                        return claim;
                }
        return NULL;
}

void sovd_executions_settle(struct sovd_executions *x, const char *client, const char *id) {
        (void)pthread_mutex_lock(&x->mutex);
        char *claim = take_claim(x, client);
        struct execution *r = execution_find(x, id);
        if (r && !r->client)
                r->client = SOVD_TAKE(claim);
        (void)pthread_mutex_unlock(&x->mutex);
        free(claim);
}

/* --- scripts ------------------------------------------------------------------------------------------------- */

struct script_start {
        struct sovd_executions *x;
        struct execution *record; /* hidden until this is written */
        struct execution_row row;
};

static int write_script(struct sovd_db_conn *conn, void *data) {
        const struct script_start *s = data;
        int r = execution_store_tidy(conn, 0, s->x->max ? s->x->max - 1 : 0);

        return r ? r : execution_store_put(conn, &s->row);
}

static void script_written(int result, void *data) {
        struct script_start *s = data;

        (void)pthread_mutex_lock(&s->x->mutex);
        s->record->hidden = false;
        (void)pthread_mutex_unlock(&s->x->mutex);
        if (result)
                sovd_log(SOVD_LOG_WARN, "after a restart an execution of a script may not count for its client");
}

/* With the mutex held. */
static int add_script(struct script_start *s, const struct sovd_entity *e, const char *script, const char *backend_id,
                      char **client) {
        struct sovd_executions *x = s->x;

        if (!execution_make_room(x))
                return SOVD_E_OVERLOAD;
        int r = execution_new(&s->record, e, true, script, backend_id, NULL);
        if (r)
                return r;
        s->record->client = SOVD_TAKE(*client);
        s->record->hidden = true;
        s->row = execution_row_of(s->record);
        x->records[x->n++] = s->record;
        return 0;
}

int sovd_executions_add_script(struct sovd_executions *x, const struct sovd_entity *e, const char *script,
                               const char *backend_id, const char *client) {
        struct script_start s = { .x = x };

        (void)pthread_mutex_lock(&x->mutex);
        x->n_reserved--;
        char *claim = take_claim(x, client);
        int r = add_script(&s, e, script, backend_id, &claim);
        (void)pthread_mutex_unlock(&x->mutex);
        free(claim);
        if (!r)
                (void)sovd_db_apply(x->db, write_script, script_written, &s);
        return r;
}

static bool is_of_script(const struct execution *r, const struct sovd_entity *e, const char *script,
                         const char *backend_id) {
        return r->is_script && !r->hidden && r->type == e->type && strcmp(r->backend_id, backend_id) == 0 &&
               strcmp(r->operation, script) == 0 && strcmp(r->entity, e->id) == 0 &&
               strcmp(r->backend, execution_backend_of(e, true)) == 0;
}

void sovd_executions_end_script(struct sovd_executions *x, const struct sovd_entity *e, const char *script,
                                const char *backend_id) {
        char id[SOVD_ID_SIZE] = "";

        (void)pthread_mutex_lock(&x->mutex);
        for (size_t i = 0; i < x->n; i++)
                if (is_of_script(x->records[i], e, script, backend_id))
                        memcpy(id, x->records[i]->id, sizeof(id));
        (void)pthread_mutex_unlock(&x->mutex);
        if (*id && sovd_executions_remove(x, id))
                sovd_log(SOVD_LOG_WARN, "an execution of a script that has ended counts for its client until it can be written");
}
