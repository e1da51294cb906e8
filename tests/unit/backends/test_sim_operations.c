/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

#define SELF_TEST                                                                                            \
        "    operations: [{ id: o, asynchronous: true, duration_secs: 10, result: [{ name: x, value: 2.50 "  \
        "}]"

static const struct sovd_execution_start plain = { 0 };

/* The id of a new execution. */
static const char *start(struct fixture *f, const struct sovd_execution_start *request) {
        struct sovd_execution_started started = { 0 };

        assert_int_equal(f->backend->ops->execution_start(&f->call, &f->ecu, "o", request, &started), 0);
        assert_false(started.synchronous);
        assert_string_equal(started.id, started.execution.id);
        return started.id;
}

static struct sovd_execution look(struct fixture *f, const char *id) {
        struct sovd_execution x = { 0 };

        assert_int_equal(f->backend->ops->execution_read(&f->call, &f->ecu, "o", id, &x), 0);
        return x;
}

static int control(struct fixture *f, const char *id, const char *capability, struct sovd_int timeout) {
        const struct sovd_execution_control wanted = { .capability = capability, .timeout = timeout };
        struct sovd_execution_accepted accepted = { 0 };

        return f->backend->ops->execution_control(&f->call, &f->ecu, "o", id, &wanted, &accepted);
}

static void check_failed(const struct sovd_execution *x, const char *message) {
        assert_int_equal(x->status, SOVD_EXECUTION_FAILED);
        assert_int_equal(x->error.n, 1);
        const struct sovd_data_error *error = x->error.items;
        assert_string_equal(error->path, "/");
        assert_string_equal(error->error->message, message);
        assert_null(x->parameters);
}

static void a_run_makes_progress_and_ends_with_its_result(void **state) {
        struct fixture *f = *state;

        simulate(f, SELF_TEST " }]\n");
        const char *id = start(f, &plain);
        at(5);
        struct sovd_execution x = look(f, id);
        assert_int_equal(x.status, SOVD_EXECUTION_RUNNING);
        assert_int_equal(x.progress.value, 50);
        assert_null(x.parameters);
        at(10);
        x = look(f, id);
        assert_int_equal(x.status, SOVD_EXECUTION_COMPLETED);
        assert_int_equal(x.progress.value, 100);
        assert_string_equal(text_of(f, x.parameters), "{\"x\":2.50}");
}

static void one_run_at_a_time(void **state) {
        struct sovd_execution_started started = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, SELF_TEST " }]\n");

        (void)start(f, &plain);
        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "o", &plain, &started), SOVD_E_CONFLICT);
        at(10);
        (void)start(f, &plain);
}

static void a_timeout_ends_a_run(void **state) {
        const struct sovd_execution_start request = { .timeout = SOVD_INT(4) };
        struct fixture *f = *state;

        simulate(f, SELF_TEST " }]\n");
        const char *id = start(f, &request);
        at(4);
        struct sovd_execution x = look(f, id);
        check_failed(&x, "stopped, because the timeout has passed");
        assert_int_equal(x.progress.value, 40);
}

static void each_nth_start_fails(void **state) {
        struct fixture *f = *state;

        simulate(f, SELF_TEST ", fails_every: 2, error: too cold }]\n");
        for (int i = 1; i <= 4; i++) {
                const char *id = start(f, &plain);
                at(i * 10);
                const struct sovd_execution x = look(f, id);
                if (i % 2)
                        assert_int_equal(x.status, SOVD_EXECUTION_COMPLETED);
                else
                        check_failed(&x, "too cold");
        }
}

static void a_run_is_stopped_and_executed_again(void **state) {
        struct fixture *f = *state;

        simulate(f, SELF_TEST " }]\n");
        const char *id = start(f, &plain);
        at(3);
        assert_int_equal(control(f, id, "stop", (struct sovd_int){ 0 }), 0);
        at(5);
        struct sovd_execution x = look(f, id);
        assert_int_equal(x.status, SOVD_EXECUTION_COMPLETED);
        assert_int_equal(x.capability, SOVD_CAPABILITY_STOP);
        assert_int_equal(x.progress.value, 30);
        assert_null(x.parameters);

        assert_int_equal(control(f, id, "execute", (struct sovd_int){ 0 }), 0);
        assert_int_equal(look(f, id).status, SOVD_EXECUTION_RUNNING);
        assert_int_equal(control(f, id, "execute", SOVD_INT(1)), 0);
        at(6);
        assert_int_equal(look(f, id).status, SOVD_EXECUTION_FAILED);
        assert_int_equal(control(f, id, "freeze", (struct sovd_int){ 0 }), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/capability");
}

static void what_cannot_be_stopped_is_refused_until_it_ended(void **state) {
        const struct sovd_execution_stop request = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, SELF_TEST ", stoppable: false }]\n");

        const char *id = start(f, &plain);
        assert_int_equal(control(f, id, "stop", (struct sovd_int){ 0 }), SOVD_E_CONFLICT);
        assert_int_equal(ops->execution_stop(&f->call, &f->ecu, "o", id, &request), SOVD_E_CONFLICT);
        at(10);
        assert_int_equal(ops->execution_stop(&f->call, &f->ecu, "o", id, &request), 0);
        assert_int_equal(ops->execution_stop(&f->call, &f->ecu, "o", id, &request), SOVD_E_NOT_FOUND);
}

static void the_last_32_are_kept(void **state) {
        struct sovd_execution_ids ids = { 0 };
        struct sovd_execution x = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, SELF_TEST " }]\n");

        const char *first = start(f, &plain), *last = first;
        for (int i = 1; i <= 32; i++) {
                at(i * 10);
                last = start(f, &plain);
        }
        assert_int_equal(ops->executions_list(&f->call, &f->ecu, "o", &ids), 0);
        assert_int_equal(ids.items.n, 32);
        assert_int_equal(ops->execution_read(&f->call, &f->ecu, "o", first, &x), SOVD_E_NOT_FOUND);
        assert_int_equal(look(f, last).status, SOVD_EXECUTION_RUNNING);
}

static void a_synchronous_one_answers_at_once_and_leaves_nothing(void **state) {
        struct sovd_execution_started started = { 0 };
        struct sovd_execution_ids ids = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(
                f, "    operations: [{ id: o, fails_every: 2, result: [{ name: x, value: [1, two] }] }]\n");

        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "o", NULL, &started), 0);
        assert_true(started.synchronous);
        assert_string_equal(text_of(f, started.result.parameters), "{\"x\":[1,\"two\"]}");
        started = (struct sovd_execution_started){ 0 };
        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "o", NULL, &started), 0);
        assert_string_equal(started.result.error->message, "the operation failed");
        assert_int_equal(ops->executions_list(&f->call, &f->ecu, "o", &ids), 0);
        assert_int_equal(ids.items.n, 0);
}

static void what_is_unknown_is_not_found(void **state) {
        struct sovd_execution_started started = { 0 };
        struct sovd_operation_detail detail = { 0 };
        struct sovd_execution_ids ids = { 0 };
        struct sovd_execution x = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, SELF_TEST " }]\n");

        assert_int_equal(ops->operation_read(&f->call, &f->ecu, "p", &detail), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "p", &plain, &started), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->executions_list(&f->call, &f->ecu, "p", &ids), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->execution_read(&f->call, &f->ecu, "o", "0", &x), SOVD_E_NOT_FOUND);
        assert_int_equal(control(f, "7", "stop", (struct sovd_int){ 0 }), SOVD_E_NOT_FOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_run_makes_progress_and_ends_with_its_result),
                SIM_TEST(one_run_at_a_time),
                SIM_TEST(a_timeout_ends_a_run),
                SIM_TEST(each_nth_start_fails),
                SIM_TEST(a_run_is_stopped_and_executed_again),
                SIM_TEST(what_cannot_be_stopped_is_refused_until_it_ended),
                SIM_TEST(the_last_32_are_kept),
                SIM_TEST(a_synchronous_one_answers_at_once_and_leaves_nothing),
                SIM_TEST(what_is_unknown_is_not_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
