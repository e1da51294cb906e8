/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/scripts.h"
#include "sovd-core/base/clock.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* --- life ----------------------------------------------------------------------------------------------- */

struct script *script_free(struct script *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < SIM_RUNS_MAX; i++)
                script_run_clear(&s->runs[i]);
        sovd_arena_free(s->arena);
        free(s);
        return NULL;
}

struct sim_scripts *sim_scripts_free(struct sim_scripts *scripts) {
        if (!scripts)
                return NULL;
        for (size_t i = 0; scripts->items && i < scripts->n; i++)
                script_free(scripts->items[i]);
        free(scripts->items);
        free(scripts);
        return NULL;
}

int sim_scripts_init(struct sim_unit *unit) {
        const struct sim_script *all = unit->entity->scripts.items;
        const size_t n = unit->entity->scripts.n, max = n + (size_t)unit->entity->script_uploads.value;
        if (!max)
                return 0;

        unit->scripts = calloc(1, sizeof(*unit->scripts));
        if (!unit->scripts)
                return sovd_error_origin(-ENOMEM);
        unit->scripts->items = calloc(max, sizeof(*unit->scripts->items));
        if (!unit->scripts->items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < n; i++) {
                struct script *s = calloc(1, sizeof(*s));
                if (!s)
                        return sovd_error_origin(-ENOMEM);
                s->script = &all[i];
                unit->scripts->items[unit->scripts->n++] = s;
        }
        return 0;
}

/* What is over but for somebody who looks counts as running. */
void sim_scripts_count(struct sim *sim, size_t *ret_uploaded, size_t *ret_running) {
        *ret_uploaded = *ret_running = 0;
        (void)pthread_mutex_lock(&sim->mutex);
        for (size_t i = 0; i < sim->n_units; i++) {
                const struct sim_scripts *scripts = sim->units[i].scripts;
                *ret_uploaded += scripts ? scripts->n_uploaded : 0;
                *ret_running += scripts ? scripts->n_running : 0;
        }
        (void)pthread_mutex_unlock(&sim->mutex);
}

void sim_scripts_on_restart(struct sim_unit *unit, uint64_t now_usec) {
        struct sim_scripts *scripts = unit->scripts;

        for (size_t i = 0; scripts && i < scripts->n; i++)
                for (size_t k = 0; k < SIM_RUNS_MAX; k++) {
                        struct script_run *run = &scripts->items[i]->runs[k];
                        if (run->status == SOVD_SCRIPT_RUNNING)
                                script_run_end(scripts, run, SOVD_SCRIPT_TERMINATED,
                                               "the entity was restarted");
                        if (script_may_run_again(run))
                                script_run_begin(scripts, run, now_usec);
                }
}

/* --- finding -------------------------------------------------------------------------------------------- */

static struct script *find_script(struct sovd_call *call, const struct sim_call *c, const char *id) {
        const struct sim_scripts *scripts = c->unit->scripts;

        for (size_t i = 0; scripts && i < scripts->n; i++)
                if (strcmp(scripts->items[i]->script->named.id, id) == 0)
                        return scripts->items[i];
        (void)sim_no_resource(call, c->unit, "script", id);
        return NULL;
}

static struct script_run *find_run(struct sovd_call *call, const struct sim_call *c, struct script *s,
                                   const char *id) {
        for (size_t i = 0; i < SIM_RUNS_MAX; i++)
                if (*s->runs[i].id && strcmp(s->runs[i].id, id) == 0)
                        return &s->runs[i];
        (void)sim_no_resource(call, c->unit, "execution", id);
        return NULL;
}

static bool is_running(const struct script *s) {
        for (size_t i = 0; i < SIM_RUNS_MAX; i++)
                if (s->runs[i].status == SOVD_SCRIPT_RUNNING)
                        return true;
        return false;
}

/* A free place, or that of the oldest that will not run again. NULL: there is none. */
static struct script_run *find_place(struct script *s) {
        struct script_run *oldest = NULL;

        for (size_t i = 0; i < SIM_RUNS_MAX; i++) {
                struct script_run *run = &s->runs[i];
                if (run->status == SOVD_SCRIPT_RUNNING || script_may_run_again(run))
                        continue;
                if (!oldest || run->number < oldest->number)
                        oldest = run;
        }
        return oldest;
}

/* --- scripts -------------------------------------------------------------------------------------------- */

static struct sovd_script describe(const struct script *s) {
        const struct sim_named *named = &s->script->named;

        return (struct sovd_script){
                .id = named->id,
                .name = named->name,
                .translation_id = named->translation_id,
                .proximity_proof_required = SOVD_BOOL(false),
                .tags = named->tags,
                .description = s->script->description,
        };
}

static int copy_strings(struct sovd_arena *arena, struct sovd_strings *strings) {
        const char **items = sovd_arena_array(arena, const char *, strings->n + 1);

        for (size_t i = 0; items && i < strings->n; i++)
                if (!(items[i] = sovd_arena_strdup(arena, strings->items[i])))
                        return sovd_error_origin(-ENOMEM);
        strings->items = items;
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

/* The text outlives the lock, the script perhaps not: what it says is copied. */
static int copy(struct sovd_call *call, const struct script *s, struct sovd_script *ret) {
        struct sovd_script own = describe(s);
        const char **const texts[] = { &own.id, &own.name, &own.translation_id, &own.description };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                if (*texts[i] && !(*texts[i] = sovd_arena_strdup(call->arena, *texts[i])))
                        return sovd_error_origin(-ENOMEM);
        int r = copy_strings(call->arena, &own.tags);
        if (!r)
                *ret = own;
        return r;
}

int sim_scripts_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_script_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;

        const struct sim_scripts *scripts = c.unit->scripts;
        const size_t n = scripts ? scripts->n : 0;
        struct sovd_script *items = SIM_ITEMS(call, struct sovd_script, n);
        r = items ? 0 : sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < n; i++)
                r = copy(call, scripts->items[i], &items[i]);
        ret->items = (struct sovd_list){ .items = items, .n = r ? 0 : n };
        sim_leave(&c);
        return r;
}

int sim_script_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                    struct sovd_script_detail *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        const struct script *s = find_script(call, &c, id);
        ret->item = sovd_arena_new0(call->arena, struct sovd_script);
        if (!s)
                r = SOVD_E_NOT_FOUND;
        else
                r = ret->item ? copy(call, s, ret->item) : sovd_error_origin(-ENOMEM);
        sim_leave(&c);
        return r;
}

static void drop(struct sim_scripts *scripts, size_t i) {
        script_free(scripts->items[i]);
        scripts->n_uploaded--;
        SOVD_REMOVE(scripts->items, scripts->n, i);
}

static int delete_script(struct sovd_call *call, const struct sim_call *c, const char *id) {
        struct sim_scripts *scripts = c->unit->scripts;
        struct script *s = find_script(call, c, id);
        size_t i = 0;

        if (!s)
                return SOVD_E_NOT_FOUND;
        if (!s->arena)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "script '%s' is part of the simulated vehicle", id);
        if (is_running(s))
                return sovd_fail(call, SOVD_E_CONFLICT, "script '%s' runs: stop it first", id);
        while (scripts->items[i] != s)
                i++;
        drop(scripts, i);
        return 0;
}

void sim_scripts_forget_uploads(struct sim_unit *unit) {
        struct sim_scripts *scripts = unit->scripts;

        for (size_t i = scripts ? scripts->n : 0; i-- > 0;)
                if (scripts->items[i]->arena && !is_running(scripts->items[i]))
                        drop(scripts, i);
}

int sim_script_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        r = delete_script(call, &c, id);
        sim_leave(&c);
        return r;
}

/* --- executions ----------------------------------------------------------------------------------------- */

static int refuse_start(struct sovd_call *call, const struct script *s,
                        const struct sovd_script_start *start) {
        const cJSON *parameters = start->parameters;

        if (parameters && !(cJSON_IsObject(parameters) && !parameters->child))
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/parameters", "script '%s' takes no parameters",
                                    s->script->named.id);
        if (is_running(s) && start->execution_type <= SOVD_SCRIPT_NOW_AND_ON_RESTART)
                return sovd_fail(call, SOVD_E_CONFLICT, "script '%s' runs already", s->script->named.id);
        return 0;
}

static int refuse_more(struct sovd_call *call, const struct script *s) {
        sovd_fail(call, SOVD_E_OVERLOAD,
                  "script '%s' has %d executions that run or wait for a restart, and may have no more",
                  s->script->named.id, SIM_RUNS_MAX);
        sovd_fail_retry_after(call, SIM_RETRY_SECS);
        return SOVD_E_OVERLOAD;
}

static int start_run(struct sovd_call *call, const struct sim_call *c, const char *id,
                     const struct sovd_script_start *start, struct sovd_script_started *ret) {
        struct script *s = find_script(call, c, id);
        char name[SOVD_ID_SIZE];

        int r = s ? refuse_start(call, s, start) : SOVD_E_NOT_FOUND;
        if (!r)
                r = sovd_id_new(name);
        if (r)
                return r;
        struct script_run *run = find_place(s);
        if (!run)
                return refuse_more(call, s);

        script_run_clear(run);
        memcpy(run->id, name, sizeof(name));
        run->number = ++c->unit->scripts->last_number;
        run->when = start->execution_type ? start->execution_type : SOVD_SCRIPT_NOW;
        run->status = SOVD_SCRIPT_PREPARED;
        if (run->when == SOVD_SCRIPT_NOW || run->when == SOVD_SCRIPT_NOW_AND_ON_RESTART)
                script_run_begin(c->unit->scripts, run, c->now_usec);
        ret->status = run->status;
        ret->id = sovd_arena_strdup(call->arena, run->id);
        return ret->id ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_script_start(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                     const struct sovd_script_start *start, struct sovd_script_started *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        r = start_run(call, &c, script, start, ret);
        sim_leave(&c);
        return r;
}

static int list_runs(struct sovd_call *call, const struct script *s, struct sovd_strings *ret) {
        *ret = (struct sovd_strings){ .items = sovd_arena_array(call->arena, const char *, SIM_RUNS_MAX),
                                      .set = true };
        for (size_t i = 0; ret->items && i < SIM_RUNS_MAX; i++)
                if (*s->runs[i].id && !(ret->items[ret->n++] = sovd_arena_strdup(call->arena, s->runs[i].id)))
                        return sovd_error_origin(-ENOMEM);
        return ret->items ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_script_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                               struct sovd_execution_ids *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        const struct script *s = find_script(call, &c, script);
        r = s ? list_runs(call, s, &ret->items) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

static int describe_failure(struct sovd_call *call, const struct script_run *run, struct sovd_list *ret) {
        struct sovd_generic_error *body = sovd_arena_new0(call->arena, struct sovd_generic_error);
        struct sovd_data_error *error = sovd_arena_new0(call->arena, struct sovd_data_error);
        if (!body || !error)
                return sovd_error_origin(-ENOMEM);

        *body = (struct sovd_generic_error){ .error_code = "error-response",
                                             .message = sovd_arena_strdup(call->arena, run->failure) };
        *error = (struct sovd_data_error){
                .path = run->status == SOVD_SCRIPT_FAILED ? sovd_call_printf(call, "/steps/%zu", run->step)
                                                          : "/",
                .error = body,
        };
        *ret = (struct sovd_list){ .items = error, .n = 1 };
        return body->message ? 0 : sovd_error_origin(-ENOMEM);
}

static int describe_run(struct sovd_call *call, const struct script *s, const struct script_run *run,
                        struct sovd_script_execution *ret) {
        char started[SOVD_TIMESTAMP_SIZE];
        int r = 0;

        ret->status = run->status;
        ret->progress = SOVD_INT((int64_t)(run->step * 100 / s->script->steps.n));
        if (run->started_realtime)
                ret->last_started =
                        sovd_arena_strdup(call->arena, sovd_clock_format(started, run->started_realtime));
        if (run->result_len) {
                const char *text = sovd_call_printf(call, "{%.*s}", (int)run->result_len - 1, run->result);
                r = sim_value_node(call->arena, text, &ret->result);
        }
        if (!r && run->failure)
                r = describe_failure(call, run, &ret->error);
        return r;
}

int sim_script_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                              const char *id, struct sovd_script_execution *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        struct script *s = find_script(call, &c, script);
        const struct script_run *run = s ? find_run(call, &c, s, id) : NULL;
        r = run ? describe_run(call, s, run, ret) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

/* Between two steps there is nothing that a gentle stop could wait for: both actions do the same. */
static int stop_run(struct sovd_call *call, const struct sim_call *c, struct script_run *run) {
        if (run->status != SOVD_SCRIPT_RUNNING && run->status != SOVD_SCRIPT_PREPARED)
                return sovd_fail(call, SOVD_E_CONFLICT, "the execution has ended: its status is %s",
                                 sovd_script_status_names[run->status - 1]);
        script_run_end(c->unit->scripts, run, SOVD_SCRIPT_TERMINATED, NULL);
        run->when = SOVD_SCRIPT_NOW; /* a restart does not begin it again */
        return 0;
}

int sim_script_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                 const char *id, enum sovd_script_action action) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        struct script *s = find_script(call, &c, script);
        struct script_run *run = s ? find_run(call, &c, s, id) : NULL;
        r = run ? stop_run(call, &c, run) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

int sim_script_execution_delete(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                const char *id) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_SCRIPTS);
        if (r)
                return r;
        struct script *s = find_script(call, &c, script);
        struct script_run *run = s ? find_run(call, &c, s, id) : NULL;
        if (!run)
                r = SOVD_E_NOT_FOUND;
        else if (run->status == SOVD_SCRIPT_RUNNING)
                r = sovd_fail(call, SOVD_E_CONFLICT, "the execution runs: stop it first");
        else
                script_run_clear(run);
        sim_leave(&c);
        return r;
}
