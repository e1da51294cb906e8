/* SPDX-License-Identifier: Apache-2.0 */
/* Running scripts: each step at its time, whenever somebody looks next. */
#include "backends/sim/scripts.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* One step of one run, at the time when it was due. */
struct moment {
        struct sim_call at;
        struct sovd_call call; /* of nobody: for the memory, and what a failure says */
        struct script *script;
        struct script_run *run;
        const struct sim_step *step;
};

/* --- a run ---------------------------------------------------------------------------------------------- */

void script_run_clear(struct script_run *run) {
        free(run->result);
        free(run->failure);
        *run = (struct script_run){ 0 };
}

void script_run_begin(struct sim_scripts *scripts, struct script_run *run, uint64_t now_usec) {
        free(run->result);
        free(run->failure);
        run->result = run->failure = NULL;
        run->result_len = 0;
        run->step = 0;
        run->waits_for = 0;
        run->due_usec = now_usec;
        run->started_realtime = sovd_realtime_usec() - (sovd_now_usec() - now_usec);
        run->status = SOVD_SCRIPT_RUNNING;
        scripts->n_running++;
}

void script_run_end(struct sim_scripts *scripts, struct script_run *run, int status, const char *failure) {
        scripts->n_running -= run->status == SOVD_SCRIPT_RUNNING;
        run->status = status;
        run->waits_for = 0;
        free(run->failure);
        run->failure = failure ? strdup(failure) : NULL;
}

/* --- results -------------------------------------------------------------------------------------------- */

static int append(struct script_run *run, const char *text, size_t len) {
        char *larger = realloc(run->result, run->result_len + len + 2);
        if (!larger)
                return sovd_error_origin(-ENOMEM);

        memcpy(larger + run->result_len, text, len);
        run->result = larger;
        run->result_len += len;
        larger[run->result_len++] = ',';
        larger[run->result_len] = '\0';
        return 0;
}

/* "name": value, without the braces that the writer needs around it. */
static int add_result(struct moment *m, const char *name, const cJSON *value) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key(&w, name);
        sovd_json_tree(&w, value);
        sovd_json_object_end(&w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r && m->run->result_len + len > SIM_RESULT_MAX)
                r = sovd_fail(&m->call, SOVD_E_OVERLOAD, "the results are over the limit of %d bytes",
                              SIM_RESULT_MAX);
        if (!r)
                r = append(m->run, text + 1, len - 2);
        sovd_json_writer_done(&w);
        return r;
}

/* --- steps: 0, or why the script fails ------------------------------------------------------------------ */

static int read_data(struct moment *m, const char *id, const cJSON **ret) {
        const struct sim_data *all = m->at.unit->entity->data.items;

        for (size_t i = 0; i < m->at.unit->entity->data.n; i++)
                if (strcmp(all[i].value.named.id, id) == 0)
                        return sim_data_at(m->at.sim, m->at.unit, i, m->at.now_usec, m->call.arena, ret);
        return sim_no_resource(&m->call, m->at.unit, "data", id);
}

static int step_read(struct moment *m) {
        const cJSON *value;
        int r = read_data(m, m->step->read, &value);

        return r ? r : add_result(m, m->step->as ? m->step->as : m->step->read, value);
}

static const char *text_of(struct moment *m, const cJSON *value) {
        char *text;

        if (sim_value_text(value, &text))
                return "?";
        const char *copy = sovd_call_printf(&m->call, "%.200s", text);
        free(text);
        return copy;
}

static bool is_same(const cJSON *a, const cJSON *b) {
        double x, y;

        if (sovd_json_get_double(a, &x) && sovd_json_get_double(b, &y))
                return !(x < y) && !(x > y);
        return cJSON_Compare(a, b, true);
}

static int step_expect(struct moment *m) {
        const struct sim_step *s = m->step;
        const cJSON *value;
        double number = 0;

        int r = read_data(m, s->expect, &value);
        if (r)
                return r;
        if (s->value)
                return is_same(value, s->value)
                               ? 0
                               : sovd_fail(&m->call, SOVD_E_CONFLICT, "data '%s' is %s, and not %s",
                                           s->expect, text_of(m, value), text_of(m, s->value));
        (void)sovd_json_get_double(value, &number);
        if (s->min.set && number < s->min.value)
                return sovd_fail(&m->call, SOVD_E_CONFLICT, "data '%s' is %s, below %g", s->expect,
                                 text_of(m, value), s->min.value);
        if (s->max.set && number > s->max.value)
                return sovd_fail(&m->call, SOVD_E_CONFLICT, "data '%s' is %s, above %g", s->expect,
                                 text_of(m, value), s->max.value);
        return 0;
}

static const char *result_name(const struct sim_step *s) {
        return s->as ? s->as : s->start;
}

static int step_start(struct moment *m) {
        const struct sovd_execution_start start = { .parameters = m->step->parameters };
        struct sovd_execution_started started = { 0 };

        int r = sim_execution_begin(&m->call, &m->at, m->step->start, &start, &started);
        if (r)
                return r;
        if (!started.synchronous) {
                m->run->waits_for = m->at.sim->last_id;
                return 0;
        }
        if (started.result.error)
                return sovd_fail(&m->call, SOVD_E_CONFLICT, "operation '%s' failed: %s", m->step->start,
                                 started.result.error->message);
        return add_result(m, result_name(m->step), started.result.parameters);
}

/* The operation that was waited for has ended. */
static int step_started(struct moment *m) {
        const char *failure = NULL;
        const cJSON *result = NULL;
        uint64_t ends;

        int r = sim_execution_outcome(&m->call, m->at.unit, m->step->start, m->run->waits_for, &ends,
                                      &failure, &result);
        m->run->waits_for = 0;
        if (r > 0)
                return sovd_fail(&m->call, SOVD_E_CONFLICT, "the run of operation '%s' was removed",
                                 m->step->start);
        if (!r && failure)
                return sovd_fail(&m->call, SOVD_E_CONFLICT, "operation '%s' failed: %s", m->step->start,
                                 failure);
        return r ? r : add_result(m, result_name(m->step), result);
}

static int do_step(struct moment *m) {
        if (m->run->waits_for)
                return step_started(m);
        if (m->step->read)
                return step_read(m);
        if (m->step->write)
                return sim_data_set(&m->call, &m->at, m->step->write, m->step->value);
        if (m->step->start)
                return step_start(m);
        if (m->step->expect)
                return step_expect(m);
        m->run->due_usec += (uint64_t)m->step->wait_ms.value * SOVD_USEC_PER_MSEC;
        return 0;
}

/* --- time ----------------------------------------------------------------------------------------------- */

static const struct sim_step *step_of(const struct script *s, const struct script_run *run) {
        return (const struct sim_step *)s->script->steps.items + run->step;
}

/* When its next step is due. One that was removed by somebody is found out at once. */
static uint64_t due(struct sovd_call *call, const struct sim_unit *unit, const struct script *s,
                    const struct script_run *run) {
        uint64_t ends = run->due_usec;
        const char *failure;

        if (run->waits_for)
                (void)sim_execution_outcome(call, unit, step_of(s, run)->start, run->waits_for, &ends,
                                            &failure, NULL);
        return SOVD_MAX(ends, run->due_usec);
}

/* The run whose next step is due first. */
static bool find_next(struct moment *m, uint64_t *ret_due) {
        const struct sim_scripts *scripts = m->at.unit->scripts;

        *ret_due = UINT64_MAX;
        m->run = NULL;
        for (size_t i = 0; i < scripts->n; i++)
                for (size_t k = 0; k < SIM_RUNS_MAX; k++) {
                        struct script_run *run = &scripts->items[i]->runs[k];
                        if (run->status != SOVD_SCRIPT_RUNNING)
                                continue;
                        const uint64_t at = due(&m->call, m->at.unit, scripts->items[i], run);
                        if (at > m->at.now_usec || at >= *ret_due)
                                continue;
                        *ret_due = at;
                        m->script = scripts->items[i];
                        m->run = run;
                }
        return m->run;
}

static void advance_one(struct moment *m, uint64_t at) {
        struct sim_scripts *scripts = m->at.unit->scripts;

        m->at.now_usec = m->run->due_usec = at;
        m->step = step_of(m->script, m->run);
        m->call.failure = (struct sovd_failure){ 0 };
        int r = do_step(m);
        if (r) {
                script_run_end(scripts, m->run, SOVD_SCRIPT_FAILED,
                               r > 0 && m->call.failure.body.message ? m->call.failure.body.message
                                                                     : "out of memory");
                return;
        }
        if (m->run->waits_for)
                return;
        if (++m->run->step == m->script->script->steps.n && m->run->due_usec == at)
                script_run_end(scripts, m->run, SOVD_SCRIPT_COMPLETED, NULL);
}

void sim_scripts_advance(const struct sim_call *c, struct sovd_call *call) {
        struct moment m = { .at = *c,
                            .call = { .arena = call->arena,
                                      .entity = call->entity,
                                      .request_id = call->request_id,
                                      .deadline_usec = call->deadline_usec,
                                      .principal = { .id = "a script" } } };
        uint64_t at;

        if (!c->unit->scripts || !c->unit->scripts->n_running)
                return;
        while (find_next(&m, &at)) {
                if (m.run->step == m.script->script->steps.n) /* the wait at its end is over */
                        script_run_end(c->unit->scripts, m.run, SOVD_SCRIPT_COMPLETED, NULL);
                else
                        advance_one(&m, at);
                m.at.now_usec = c->now_usec;
        }
}
