/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"
#include "backends/sim/scripts.h"

#define CAR                                                                                                  \
        "    script_uploads: 2\n"                                                                            \
        "    data: [{ id: target, value: 10, min: 0, max: 90, writable: true }, { id: speed, value: 0, "     \
        "behaviour: follow, of: target, rate: 5, step: 0.5 }, { id: fixed, type: string, value: on }]\n"     \
        "    operations: [{ id: o, asynchronous: true, duration_secs: 4, result: [{ name: x, value: 1 }] "   \
        "}, { "                                                                                              \
        "id: now, result: [{ name: y, value: 2 }] }, { id: bad, asynchronous: true, duration_secs: 1, "      \
        "fails_every: 1, error: broken }, { id: guarded, proximity_proof: true }]\n"                         \
        "    scripts: [{ id: drive, name: Drive, tags: [a], steps: [{ read: speed, as: before }, { write: "  \
        "target, value: 20 }, { wait_ms: 2000 }, { read: speed }, { start: o }, { start: now, as: then }, "  \
        "{ "                                                                                                 \
        "expect: speed, min: 19, max: 21 }, { expect: fixed, value: \"on\" }] }]\n"

static int upload(struct fixture *f, const char *text, const char **ret_id) {
        const struct sovd_script_upload bytes = { .content_type = "application/json; charset=utf-8",
                                                  .content_disposition = "attachment",
                                                  .file_name = "mine.json",
                                                  .text = text,
                                                  .len = strlen(text) };
        struct sovd_script_created created = { 0 };

        f->call.failure = (struct sovd_failure){ 0 };
        int r = f->backend->ops->script_upload(&f->call, &f->ecu, &bytes, &created);
        *ret_id = created.id;
        return r;
}

static const char *put(struct fixture *f, const char *text) {
        const char *id;

        int r = upload(f, text, &id);
        if (r)
                fail_msg("%s", f->call.failure.body.message);
        return id;
}

static int start_as(struct fixture *f, const char *script, enum sovd_script_when when, const char **ret_id) {
        const struct sovd_script_start request = { .execution_type = when };
        struct sovd_script_started started = { 0 };

        f->call.failure = (struct sovd_failure){ 0 };
        int r = f->backend->ops->script_start(&f->call, &f->ecu, script, &request, &started);
        *ret_id = started.id;
        return r;
}

static const char *start(struct fixture *f, const char *script) {
        const char *id;

        assert_int_equal(start_as(f, script, SOVD_SCRIPT_NOW, &id), 0);
        return id;
}

static struct sovd_script_execution look(struct fixture *f, const char *script, const char *id) {
        struct sovd_script_execution x = { 0 };

        assert_int_equal(f->backend->ops->script_execution_read(&f->call, &f->ecu, script, id, &x), 0);
        return x;
}

static int stop(struct fixture *f, const char *script, const char *id) {
        return f->backend->ops->script_execution_control(&f->call, &f->ecu, script, id, SOVD_SCRIPT_STOP);
}

static int delete_run(struct fixture *f, const char *script, const char *id) {
        return f->backend->ops->script_execution_delete(&f->call, &f->ecu, script, id);
}

static void restart(struct fixture *f) {
        struct sim *sim = (struct sim *)f->backend;

        (void)pthread_mutex_lock(&sim->mutex);
        sim_scripts_on_restart(&sim->units[0], sovd_now_usec());
        (void)pthread_mutex_unlock(&sim->mutex);
}

static void a_script_does_its_steps_one_after_the_other(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        at(10);
        const char *id = start(f, "drive");
        struct sovd_script_execution x = look(f, "drive", id);
        assert_int_equal(x.status, SOVD_SCRIPT_RUNNING);
        assert_string_equal(text_of(f, x.result), "{\"before\":10.0}");
        assert_string_equal(value_of(f, "target"), "20");
        at(13);
        assert_int_equal(look(f, "drive", id).progress.value, 50);
        at(16);
        x = look(f, "drive", id);
        assert_int_equal(x.status, SOVD_SCRIPT_COMPLETED);
        assert_int_equal(x.progress.value, 100);
        assert_string_equal(text_of(f, x.result),
                            "{\"before\":10.0,\"speed\":20.0,\"o\":{\"x\":1},\"then\":{\"y\":2}}");
        assert_int_equal(x.error.n, 0);
        assert_non_null(x.last_started);
}

static void steps_happen_at_their_time_though_nobody_looks(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"wait_ms\":2000},{\"write\":\"target\",\"value\":20}]}");
        at(10);
        const char *id = start(f, script);
        at(13); /* the target was changed a second ago: five of ten are done */
        assert_string_equal(value_of(f, "speed"), "15.0");
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_COMPLETED);
}

static void check_failure(struct fixture *f, const char *text, double until, const char *path,
                          const char *message) {
        const char *script = put(f, text), *id = start(f, script);

        at(until);
        struct sovd_script_execution x = look(f, script, id);
        assert_int_equal(x.status, SOVD_SCRIPT_FAILED);
        assert_int_equal(x.error.n, 1);
        const struct sovd_data_error *error = x.error.items;
        assert_string_equal(error->path, path);
        assert_string_equal(error->error->message, message);
        assert_int_equal(f->backend->ops->script_delete(&f->call, &f->ecu, script), 0);
}

static void a_step_that_fails_ends_the_script_and_is_named(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        at(10);
        check_failure(f, "{\"steps\":[{\"read\":\"speed\"},{\"expect\":\"target\",\"value\":11}]}", 10,
                      "/steps/1", "data 'target' is 10, and not 11");
        check_failure(f, "{\"steps\":[{\"expect\":\"target\",\"min\":10.5}]}", 10, "/steps/0",
                      "data 'target' is 10, below 10.5");
        check_failure(f, "{\"steps\":[{\"start\":\"bad\"},{\"write\":\"target\",\"value\":1}]}", 12,
                      "/steps/0", "operation 'bad' failed: broken");
        assert_string_equal(value_of(f, "target"), "10"); /* what stood behind it was not done */
}

static void a_script_waits_for_the_run_that_it_started(void **state) {
        const struct sovd_execution_stop request = { 0 };
        struct sovd_execution_ids ids = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, CAR);

        const char *script = put(f, "{\"steps\":[{\"start\":\"o\"}]}"), *id = start(f, script);
        at(2);
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_RUNNING);
        assert_int_equal(ops->executions_list(&f->call, &f->ecu, "o", &ids), 0);
        assert_int_equal(ops->execution_stop(&f->call, &f->ecu, "o", ids.items.items[0], &request), 0);
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_FAILED);
}

static void a_running_script_is_stopped_and_only_then_deleted(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"wait_ms\":5000},{\"write\":\"target\",\"value\":1}]}"),
                   *other;

        const char *id = start(f, script);
        assert_int_equal(start_as(f, script, SOVD_SCRIPT_NOW, &other), SOVD_E_CONFLICT);
        assert_int_equal(delete_run(f, script, id), SOVD_E_CONFLICT);
        assert_int_equal(ops->script_delete(&f->call, &f->ecu, script), SOVD_E_CONFLICT);
        assert_int_equal(stop(f, script, id), 0);
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_TERMINATED);
        assert_int_equal(stop(f, script, id), SOVD_E_CONFLICT);
        at(6);
        assert_string_equal(value_of(f, "target"), "10");
        assert_int_equal(delete_run(f, script, id), 0);
        assert_int_equal(delete_run(f, script, id), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->script_delete(&f->call, &f->ecu, script), 0);
}

static void a_wait_at_the_end_is_waited_for(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"wait_ms\":1500}]}"), *id = start(f, script);
        at(1.4);
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_RUNNING);
        at(1.5);
        assert_int_equal(look(f, script, id).status, SOVD_SCRIPT_COMPLETED);
}

static void what_waits_for_a_restart_begins_with_it(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"read\":\"speed\"}]}"), *each, *once;
        assert_int_equal(start_as(f, script, SOVD_SCRIPT_ON_RESTART, &each), 0);
        assert_int_equal(start_as(f, script, SOVD_SCRIPT_ONCE_ON_RESTART, &once), 0);
        at(5);
        assert_int_equal(look(f, script, each).status, SOVD_SCRIPT_PREPARED);
        assert_null(look(f, script, each).last_started);
        restart(f);
        const char *first = look(f, script, each).last_started, *only = look(f, script, once).last_started;
        assert_int_equal(look(f, script, each).status, SOVD_SCRIPT_COMPLETED);
        assert_int_equal(look(f, script, once).status, SOVD_SCRIPT_COMPLETED);
        at(9);
        restart(f);
        assert_string_not_equal(look(f, script, each).last_started, first);
        assert_string_equal(look(f, script, once).last_started, only);
}

static void a_restart_ends_what_runs(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"wait_ms\":5000}]}"), *id = start(f, script), *again;
        restart(f);
        struct sovd_script_execution x = look(f, script, id);
        assert_int_equal(x.status, SOVD_SCRIPT_TERMINATED);
        assert_string_equal(((const struct sovd_data_error *)x.error.items)->error->message,
                            "the entity was restarted");
        assert_int_equal(start_as(f, script, SOVD_SCRIPT_NOW_AND_ON_RESTART, &again), 0);
        at(1);
        restart(f);
        assert_int_equal(look(f, script, again).status, SOVD_SCRIPT_RUNNING);
        assert_int_equal(stop(f, script, again), 0);
        restart(f);
        assert_int_equal(look(f, script, again).status, SOVD_SCRIPT_TERMINATED);
}

static void check_refused(struct fixture *f, const char *text, const char *path, const char *message) {
        const char *id;

        assert_int_equal(upload(f, text, &id), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, path);
        if (!strstr(f->call.failure.body.message, message))
                fail_msg("%s", f->call.failure.body.message);
}

static void an_upload_that_is_no_script_is_refused_with_its_place(void **state) {
        struct fixture *f = *state;

        simulate(f, CAR);
        check_refused(f, "steps: []", "", "not acceptable JSON");
        check_refused(f, "{}", "/steps", "");
        check_refused(f, "{\"steps\":[]}", "/steps", "");
        check_refused(f, "{\"steps\":[{\"wait_ms\":1}],\"shell\":\"rm\"}", "/shell", "");
        check_refused(f, "{\"steps\":[{\"wait_ms\":1,\"loop\":2}]}", "/steps/0/loop", "");
        check_refused(f, "{\"steps\":[{\"wait_ms\":600001}]}", "/steps/0/wait_ms", "");
        check_refused(f, "{\"steps\":[{}]}", "/steps/0", "exactly one of");
        check_refused(f, "{\"steps\":[{\"wait_ms\":1},{\"read\":\"speed\",\"wait_ms\":1}]}", "/steps/1",
                      "exactly one of");
        check_refused(f, "{\"steps\":[{\"read\":\"none\"}]}", "/steps/0",
                      "names data 'none', which 'ecu' has not");
        check_refused(f, "{\"steps\":[{\"write\":\"speed\",\"value\":1}]}", "/steps/0", "can only be read");
        check_refused(f, "{\"steps\":[{\"write\":\"target\",\"value\":91}]}", "/steps/0",
                      "must be from 0 to 90");
        check_refused(f, "{\"steps\":[{\"write\":\"target\"}]}", "/steps/0", "needs a value");
        check_refused(f, "{\"steps\":[{\"start\":\"none\"}]}", "/steps/0", "starts operation 'none'");
        check_refused(f, "{\"steps\":[{\"start\":\"guarded\"}]}", "/steps/0", "proof of proximity");
        check_refused(f, "{\"steps\":[{\"expect\":\"target\"}]}", "/steps/0", "either value, or min or max");
        check_refused(f, "{\"steps\":[{\"expect\":\"fixed\",\"min\":1}]}", "/steps/0", "which is no number");
        check_refused(f, "{\"steps\":[{\"read\":\"speed\",\"value\":1}]}", "/steps/0", "has 'value'");
        check_refused(f, "{\"steps\":[{\"read\":\"speed\"},{\"start\":\"o\",\"as\":\"speed\"}]}", "/steps/1",
                      "gives a result 'speed' a second time");
}

static void uploads_have_limits(void **state) {
        struct fixture *f = *state;
        char large[SIM_SCRIPT_TEXT_MAX + 2];
        const char *id, *text = "{\"steps\":[";

        simulate(f, CAR);
        memset(large, ' ', sizeof(large));
        large[sizeof(large) - 1] = '\0';
        assert_int_equal(upload(f, large, &id), SOVD_E_TOO_LARGE);
        for (int i = 0; i < 101; i++)
                text = sovd_arena_printf(f->arena, "%s%s{\"wait_ms\":1}", text, i ? "," : "");
        check_refused(f, sovd_arena_printf(f->arena, "%s]}", text), "/steps", "");
        for (int i = 0; i < 2; i++)
                (void)put(f, "{\"steps\":[{\"wait_ms\":1}]}");
        assert_int_equal(upload(f, "{\"steps\":[{\"wait_ms\":1}]}", &id), SOVD_E_OVERLOAD);
        assert_string_equal(f->call.failure.body.message,
                            "'ecu' keeps 2 scripts of clients, and no more: delete one first");
}

static void executions_have_a_limit(void **state) {
        const char *id, *first = NULL;
        struct fixture *f = *state;
        struct sovd_script_execution x = { 0 };

        simulate(f, CAR);
        const char *script = put(f, "{\"steps\":[{\"read\":\"speed\"}]}");
        for (int i = 0; i <= SIM_RUNS_MAX; i++) {
                id = start(f, script);
                first = first ? first : id;
                (void)look(f, script, id);
        }
        assert_int_equal(f->backend->ops->script_execution_read(&f->call, &f->ecu, script, first, &x),
                         SOVD_E_NOT_FOUND);
        for (int i = 0; i < SIM_RUNS_MAX; i++)
                assert_int_equal(start_as(f, script, SOVD_SCRIPT_ON_RESTART, &id), 0);
        assert_int_equal(start_as(f, script, SOVD_SCRIPT_ON_RESTART, &id), SOVD_E_OVERLOAD);
}

static void the_results_of_a_run_have_a_limit(void **state) {
        const char *text = "{\"steps\":[", *value = "x";
        struct fixture *f = *state;

        for (int i = 0; i < 12; i++)
                value = sovd_arena_printf(f->arena, "%s%s", value, value);
        simulate(f, sovd_arena_printf(f->arena,
                                      "    script_uploads: 1\n    data: [{ id: long, type: string, value: %s "
                                      "}]\n",
                                      value + 1));
        for (int i = 0; i < 20; i++)
                text = sovd_arena_printf(f->arena, "%s%s{\"read\":\"long\",\"as\":\"r%d\"}", text,
                                         i ? "," : "", i);
        check_failure(f, sovd_arena_printf(f->arena, "%s]}", text), 0, "/steps/15",
                      "the results are over the limit of 65536 bytes");
}

static void scripts_are_listed_and_those_of_the_vehicle_stay(void **state) {
        struct sovd_script_list list = { 0 };
        struct sovd_script_detail detail = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, CAR);

        const char *id = put(f, "{\"name\":\"Mine\",\"tags\":[\"t\"],\"steps\":[{\"wait_ms\":1}]}");
        (void)put(f, "{\"steps\":[{\"wait_ms\":1}]}");
        assert_int_equal(ops->scripts_list(&f->call, &f->ecu, &list), 0);
        assert_int_equal(list.items.n, 3);
        const struct sovd_script *all = list.items.items;
        assert_string_equal(all[0].id, "drive");
        assert_string_equal(all[1].name, "Mine");
        assert_string_equal(all[2].name, "mine.json");
        assert_int_equal(ops->script_read(&f->call, &f->ecu, id, &detail), 0);
        assert_string_equal(detail.item->tags.items[0], "t");
        assert_int_equal(ops->script_delete(&f->call, &f->ecu, "drive"), SOVD_E_FORBIDDEN);
        assert_int_equal(ops->script_delete(&f->call, &f->ecu, id), 0);
        assert_int_equal(ops->script_delete(&f->call, &f->ecu, id), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->script_read(&f->call, &f->ecu, id, &detail), SOVD_E_NOT_FOUND);
}

static void a_type_that_is_not_json_is_refused(void **state) {
        const struct sovd_script_upload bytes = {
                .content_type = "text/x-shellscript", .content_disposition = "a", .text = "{}", .len = 2
        };
        struct sovd_script_created created;
        struct fixture *f = *state;

        simulate(f, CAR);
        assert_int_equal(f->backend->ops->script_upload(&f->call, &f->ecu, &bytes, &created),
                         SOVD_E_MEDIA_TYPE);
}

static void an_entity_that_takes_no_uploads_says_so(void **state) {
        const char *id;
        struct fixture *f = *state;

        simulate(f, "    scripts: [{ id: s, steps: [{ wait_ms: 1 }] }]\n");
        assert_int_equal(upload(f, "{\"steps\":[{\"wait_ms\":1}]}", &id), SOVD_E_NOT_IMPLEMENTED);
}

static void a_scenario_with_a_bad_step_is_refused(void **state) {
        const char *why, *text = "components:\n  - id: ecu\n    scripts:\n      - id: s\n        steps: [{ "
                                 "read: x }]\n";
        struct fixture *f = *state;

        assert_int_not_equal(
                sovd_sim_backend_parse(&f->backend, "sim", "t", text, strlen(text), f->arena, &why), 0);
        assert_string_equal(why,
                            "t:5:17: components[0].scripts[0].steps[0]: names data 'x', which 'ecu' has not");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_script_does_its_steps_one_after_the_other),
                SIM_TEST(steps_happen_at_their_time_though_nobody_looks),
                SIM_TEST(a_step_that_fails_ends_the_script_and_is_named),
                SIM_TEST(a_script_waits_for_the_run_that_it_started),
                SIM_TEST(a_running_script_is_stopped_and_only_then_deleted),
                SIM_TEST(a_wait_at_the_end_is_waited_for),
                SIM_TEST(what_waits_for_a_restart_begins_with_it),
                SIM_TEST(a_restart_ends_what_runs),
                SIM_TEST(an_upload_that_is_no_script_is_refused_with_its_place),
                SIM_TEST(uploads_have_limits),
                SIM_TEST(executions_have_a_limit),
                SIM_TEST(the_results_of_a_run_have_a_limit),
                SIM_TEST(scripts_are_listed_and_those_of_the_vehicle_stay),
                SIM_TEST(a_type_that_is_not_json_is_refused),
                SIM_TEST(an_entity_that_takes_no_uploads_says_so),
                SIM_TEST(a_scenario_with_a_bad_step_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
