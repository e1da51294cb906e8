/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the simulation: parameters, capabilities, modes, parallel runs, retention, proofs of proximity. */
#include "tests/unit/backends/sim_support.h"
#include "backends/sim/backend.h"
#include "sovd-core/base/fingerprint.h"

#define RUN "    operations: [{ id: o, asynchronous: true, duration_secs: 10"
#define ALL ", capabilities: [execute, stop, freeze, reset, status, x-acme-boost]"
#define PARAMETERS                                                                                           \
        ", parameters: [{ id: level, type: integer, value: 3, min: 1, max: 5 }, { id: side, type: string, "  \
        "values: [left, right], required: true }, { id: \"a~b\", type: boolean }], result: [{ name: level, " \
        "of: level }, { name: twice, of: level, factor: 2 }, { name: side, of: side }, { name: given, of: "  \
        "\"a~b\" }, { name: fixed, value: 1.50 }]"

static int start(struct fixture *f, const char *parameters, struct sovd_execution_started *ret) {
        const struct sovd_execution_start request = { .parameters =
                                                              parameters ? json_of(f, parameters) : NULL };

        f->call.failure = (struct sovd_failure){ 0 };
        *ret = (struct sovd_execution_started){ 0 };
        return f->backend->ops->execution_start(&f->call, &f->ecu, "o", &request, ret);
}

static const char *begin(struct fixture *f, const char *parameters) {
        struct sovd_execution_started started;

        assert_int_equal(start(f, parameters, &started), 0);
        return started.id;
}

static struct sovd_execution look(struct fixture *f, const char *id) {
        struct sovd_execution x = { 0 };

        assert_int_equal(f->backend->ops->execution_read(&f->call, &f->ecu, "o", id, &x), 0);
        return x;
}

static int tell(struct fixture *f, const char *id, const char *word, const char *parameters) {
        const struct sovd_execution_control wanted = { .capability = word,
                                                       .parameters =
                                                               parameters ? json_of(f, parameters) : NULL };
        struct sovd_execution_accepted accepted = { 0 };

        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->execution_control(&f->call, &f->ecu, "o", id, &wanted, &accepted);
}

static void check_refused(struct fixture *f, const char *parameters, const char *path, const char *message) {
        struct sovd_execution_started started;

        assert_int_equal(start(f, parameters, &started), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, path);
        assert_string_equal(f->call.failure.body.message, message);
}

static void parameters_are_checked_by_their_declaration(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN PARAMETERS " }]\n");
        check_refused(f, "[]", "/parameters", "parameters must be an object");
        check_refused(f, "{}", "/parameters/side", "operation 'o' needs parameter 'side'");
        check_refused(f, "{\"side\":\"up\"}", "/parameters/side",
                      "parameter 'side' must be one of 'left', 'right'");
        check_refused(f, "{\"side\":\"left\",\"level\":6}", "/parameters/level",
                      "parameter 'level' must be from 1 to 5");
        check_refused(f, "{\"side\":\"left\",\"level\":1.5}", "/parameters/level",
                      "parameter 'level' must be an integer");
        check_refused(f, "{\"side\":\"left\",\"a~b\":1}", "/parameters/a~0b",
                      "parameter 'a~b' must be true or false");
        check_refused(f, "{\"a/b\":1}", "/parameters/a~1b",
                      "operation 'o' has no parameter 'a/b'; it takes 'level', 'side', 'a~b'");
        check_refused(f, "{\"speed\":1}", "/parameters/speed",
                      "operation 'o' has no parameter 'speed'; it takes 'level', 'side', 'a~b'");
}

static void results_follow_the_parameters(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN PARAMETERS " }]\n");
        const char *id = begin(f, "{\"side\":\"left\",\"level\":5}");
        at(10);
        struct sovd_execution x = look(f, id);
        assert_string_equal(text_of(f, x.parameters),
                            "{\"level\":5,\"twice\":10,\"side\":\"left\",\"fixed\":1.50}");

        id = begin(f, "{\"side\":\"right\",\"a~b\":true}");
        at(20);
        x = look(f, id);
        assert_string_equal(text_of(f, x.parameters),
                            "{\"level\":3,\"twice\":6,\"side\":\"right\",\"given\":true,\"fixed\":1.50}");
}

static void an_operation_without_parameters_takes_none(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN " }]\n");
        check_refused(f, "{\"x\":1}", "/parameters/x", "operation 'o' has no parameter 'x'; it takes none");
        (void)begin(f, "{}");
}

static void the_schema_of_an_operation_says_what_it_takes_and_gives(void **state) {
        struct fixture *f = *state;
        const struct cJSON *schema;

        simulate(
                f, RUN
                ", parameters: [{ id: level, name: Level, type: integer, value: 3, min: 1, max: 5 }, { id: "
                "s, "
                "type: string, values: [a], required: true }], result: [{ name: x, of: level, factor: 2 }, { "
                "name: y, value: [1] }] }]\n");
        const struct sim *sim = (const struct sim *)f->backend;
        assert_int_equal(sim_operation_schema(&f->call, sim->units[0].entity->operations.items, &schema), 0);
        assert_string_equal(
                text_of(f, schema),
                "{\"parameters\":{\"type\":\"object\",\"properties\":{\"level\":{\"type\":\"integer\","
                "\"title\":\"Level\",\"minimum\":1,\"maximum\":5,\"default\":3},\"s\":{\"type\":\"string\","
                "\"title\":\"s\",\"enum\":[\"a\"]}},\"required\":[\"s\"],\"additionalProperties\":false},"
                "\"result\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"},\"y\":{"
                "\"type\":\"array\"}}}}");
}

static void a_frozen_run_makes_no_progress_until_it_is_executed(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN ALL " }]\n");
        const char *id = begin(f, NULL);
        at(3);
        assert_int_equal(tell(f, id, "freeze", NULL), 0);
        at(100);
        struct sovd_execution x = look(f, id);
        assert_int_equal(x.status, SOVD_EXECUTION_RUNNING);
        assert_int_equal(x.capability, SOVD_CAPABILITY_FREEZE);
        assert_int_equal(x.progress.value, 30);

        assert_int_equal(tell(f, id, "execute", NULL), 0);
        at(106);
        assert_int_equal(look(f, id).progress.value, 90);
        at(107);
        assert_int_equal(look(f, id).status, SOVD_EXECUTION_COMPLETED);
        assert_int_equal(tell(f, id, "freeze", NULL), SOVD_E_CONFLICT);
}

static void a_frozen_run_can_be_stopped_and_times_out(void **state) {
        const struct sovd_execution_start request = { .timeout = SOVD_INT(20) };
        struct sovd_execution_started started = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, RUN ALL " }]\n");

        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "o", &request, &started), 0);
        at(3);
        assert_int_equal(tell(f, started.id, "freeze", NULL), 0);
        at(20);
        struct sovd_execution x = look(f, started.id);
        assert_int_equal(x.status, SOVD_EXECUTION_FAILED);
        assert_int_equal(x.progress.value, 30);

        const char *id = begin(f, NULL);
        assert_int_equal(tell(f, id, "freeze", NULL), 0);
        assert_int_equal(tell(f, id, "stop", NULL), 0);
        at(21);
        x = look(f, id);
        assert_int_equal(x.status, SOVD_EXECUTION_COMPLETED);
        assert_null(x.parameters);
}

static void a_reset_begins_again_with_the_defaults(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN ALL
                 ", parameters: [{ id: level, value: 3 }], result: [{ name: level, of: level }] }]\n");
        const char *id = begin(f, "{\"level\":9}");
        at(8);
        assert_int_equal(tell(f, id, "reset", NULL), 0);
        struct sovd_execution x = look(f, id);
        assert_int_equal(x.progress.value, 0);
        at(18);
        assert_string_equal(text_of(f, look(f, id).parameters), "{\"level\":3}");
}

static void a_running_one_takes_other_parameters(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN ALL
                 ", parameters: [{ id: level, value: 3 }], result: [{ name: level, of: level }] }]\n");
        const char *id = begin(f, "{\"level\":9}");
        assert_int_equal(tell(f, id, "execute", "{\"level\":7}"), 0);
        assert_int_equal(tell(f, id, "execute", "{\"level\":\"x\"}"), SOVD_E_BAD_VALUE);
        at(10);
        assert_string_equal(text_of(f, look(f, id).parameters), "{\"level\":7}");
        assert_int_equal(tell(f, id, "execute", NULL), 0); /* once more, as it was */
        at(20);
        assert_string_equal(text_of(f, look(f, id).parameters), "{\"level\":7}");
}

static void a_word_of_its_own_is_remembered_and_status_changes_nothing(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN ALL " }]\n");
        const char *id = begin(f, NULL);
        at(5);
        assert_int_equal(tell(f, id, "x-acme-boost", NULL), 0);
        assert_int_equal(tell(f, id, "status", NULL), 0);
        struct sovd_execution x = look(f, id);
        assert_int_equal(x.progress.value, 50);
        assert_string_equal(text_of(f, x.extra), "{\"x-sim-capability\":\"x-acme-boost\"}");
        assert_int_equal(tell(f, id, "x-acme-brake", NULL), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/capability");
        assert_string_equal(f->call.failure.body.message, "operation 'o' offers 'execute', 'stop', 'freeze', "
                                                          "'reset', 'status', 'x-acme-boost'");
        at(10);
        assert_int_equal(tell(f, id, "x-acme-boost", NULL), SOVD_E_CONFLICT);
}

static void an_operation_starts_in_its_mode_only(void **state) {
        const struct sovd_mode_write extended = { .value = json_of(*state, "\"extended\"") };
        struct sovd_execution_started started;
        struct sovd_operation_detail detail = { 0 };
        struct sovd_mode_set set = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(
                f, RUN ", modes: [{ mode: session, value: extended }] }]\n"
                       "    modes: [{ id: session, values: [default, extended], expires_secs: 60 }]\n");

        assert_int_equal(ops->operation_read(&f->call, &f->ecu, "o", &detail), 0);
        assert_string_equal(text_of(f, detail.modes), "{\"session\":\"extended\"}");
        assert_int_equal(start(f, NULL, &started), SOVD_E_CONFLICT);
        assert_string_equal(f->call.failure.body.message,
                            "operation 'o' needs mode 'session' to be 'extended', and it is 'default'");
        assert_int_equal(ops->mode_write(&f->call, &f->ecu, "session", &extended, &set), 0);
        (void)begin(f, NULL);
        at(60); /* the mode has expired */
        assert_int_equal(start(f, NULL, &started), SOVD_E_CONFLICT);
}

static void as_many_runs_as_are_declared(void **state) {
        struct sovd_execution_started started;
        struct fixture *f = *state;

        simulate(f, RUN ", parallel_runs: 2 }]\n");
        const char *one = begin(f, NULL), *two = begin(f, NULL);
        assert_string_not_equal(one, two);
        assert_int_equal(start(f, NULL, &started), SOVD_E_CONFLICT);
        assert_string_equal(f->call.failure.body.message,
                            "operation 'o' runs 2 times already, and may no more");
        assert_int_equal(tell(f, one, "stop", NULL), 0);
        (void)begin(f, NULL);
        assert_int_equal(look(f, two).status, SOVD_EXECUTION_RUNNING);
}

static void an_ended_run_is_kept_for_the_retention(void **state) {
        struct sovd_execution x = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, RUN ", retention_secs: 5 }]\n");

        const char *id = begin(f, NULL);
        at(14.9);
        assert_int_equal(look(f, id).status, SOVD_EXECUTION_COMPLETED);
        at(15);
        assert_int_equal(ops->execution_read(&f->call, &f->ecu, "o", id, &x), SOVD_E_NOT_FOUND);
}

/* --- proximity ------------------------------------------------------------------------------------------ */

#define PROOF RUN ", proximity_proof: true, proximity_key: secret }]\n"

static const char *challenge(struct fixture *f) {
        struct sovd_operation_detail detail = { 0 };

        assert_int_equal(f->backend->ops->operation_read(&f->call, &f->ecu, "o", &detail), 0);
        assert_true(detail.item->proximity_proof_required.value);
        assert_int_equal(strlen(detail.proximity_challenge->challenge), 32);
        return detail.proximity_challenge->challenge;
}

static const char *answer_to(struct fixture *f, const char *text) {
        char hex[SOVD_FINGERPRINT_SIZE];

        assert_int_equal(sovd_fingerprint_keyed(hex, "secret", text, strlen(text)), 0);
        return sovd_arena_strdup(f->arena, hex);
}

static int prove(struct fixture *f, const char *response) {
        const struct sovd_execution_start request = { .proximity_response = response };
        struct sovd_execution_started started = { 0 };

        f->call.failure = (struct sovd_failure){ 0 };
        int r = f->backend->ops->execution_start(&f->call, &f->ecu, "o", &request, &started);
        if (!r)
                assert_int_equal(tell(f, started.id, "stop", NULL), 0);
        return r;
}

static void a_challenge_is_answered_once(void **state) {
        struct fixture *f = *state;

        simulate(f, PROOF);
        assert_int_equal(prove(f, NULL), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/proximity_response");
        assert_int_equal(prove(f, "x"), SOVD_E_CONFLICT);
        const char *answer = answer_to(f, challenge(f));
        assert_int_equal(prove(f, answer), 0);
        assert_int_equal(prove(f, answer), SOVD_E_CONFLICT);
}

static void a_challenge_ends_after_three_tries_or_thirty_seconds(void **state) {
        struct fixture *f = *state;

        simulate(f, PROOF);
        const char *answer = answer_to(f, challenge(f));
        for (int i = 0; i < 3; i++)
                assert_int_equal(prove(f, "wrong"), SOVD_E_FORBIDDEN);
        assert_int_equal(prove(f, answer), SOVD_E_CONFLICT);

        answer = answer_to(f, challenge(f));
        at(29.9);
        assert_int_equal(prove(f, "wrong"), SOVD_E_FORBIDDEN);
        at(30);
        assert_int_equal(prove(f, answer), SOVD_E_CONFLICT);
}

static void a_challenge_is_of_one_client(void **state) {
        struct fixture *f = *state;

        simulate(f, PROOF);
        f->call.principal.id = "one";
        const char *answer = answer_to(f, challenge(f));
        f->call.principal.id = "two";
        assert_int_equal(prove(f, answer), SOVD_E_CONFLICT);
        f->call.principal.id = "one";
        assert_int_equal(prove(f, answer), 0);
}

static void challenges_have_a_limit_and_the_oldest_gives_way(void **state) {
        const char *answers[17];
        struct fixture *f = *state;

        simulate(f, PROOF);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(answers); i++) {
                at(1 + (double)i / 100);
                f->call.principal.id = sovd_arena_printf(f->arena, "client %zu", i);
                answers[i] = answer_to(f, challenge(f));
        }
        assert_int_equal(prove(f, answers[16]), 0);
        f->call.principal.id = "client 1";
        assert_int_equal(prove(f, answers[1]), 0);
        f->call.principal.id = "client 0";
        assert_int_equal(prove(f, answers[0]), SOVD_E_CONFLICT);
}

static void going_on_needs_a_proof_and_stopping_none(void **state) {
        struct fixture *f = *state;

        simulate(f, RUN ALL ", proximity_proof: true, proximity_key: secret }]\n");
        const struct sovd_execution_start request = { .proximity_response = answer_to(f, challenge(f)) };
        struct sovd_execution_started started = { 0 };
        assert_int_equal(f->backend->ops->execution_start(&f->call, &f->ecu, "o", &request, &started), 0);
        assert_int_equal(tell(f, started.id, "freeze", NULL), 0);
        assert_int_equal(tell(f, started.id, "execute", NULL), SOVD_E_BAD_VALUE);
        assert_int_equal(tell(f, started.id, "reset", NULL), SOVD_E_BAD_VALUE);
        assert_int_equal(tell(f, started.id, "stop", NULL), 0);
}

/* --- scenarios ------------------------------------------------------------------------------------------ */

static void check_scenario(struct fixture *f, const char *more, const char *message) {
        const char *why, *text = sovd_arena_printf(f->arena,
                                                   "components:\n  - id: ecu\n    operations: [{ id: o, "
                                                   "asynchronous: true, %s }]\n",
                                                   more);

        assert_int_not_equal(
                sovd_sim_backend_parse(&f->backend, "sim", "t", text, strlen(text), f->arena, &why), 0);
        if (!strstr(why, message))
                fail_msg("%s", why);
}

static void a_declaration_that_cannot_hold_is_refused(void **state) {
        struct fixture *f = *state;

        check_scenario(f, "parameters: [{ id: p, value: x }]", "must be a number");
        check_scenario(f, "parameters: [{ id: p }, { id: p }]", "'p' is there already");
        check_scenario(f, "parameters: [{ id: p, value: 1, required: true }]", "never missing");
        check_scenario(f, "result: [{ name: x }]", "give a value, or of");
        check_scenario(f, "result: [{ name: x, of: p }]", "the operation has no parameter 'p'");
        check_scenario(f, "parameters: [{ id: p, type: string }], result: [{ name: x, of: p, factor: 2 }]",
                       "only a number of a parameter");
        check_scenario(f, "capabilities: [jump]", "or begin with x-");
        check_scenario(f, "modes: [{ mode: m, value: v }]", "'ecu' has no mode 'm'");
        check_scenario(f, "parallel_runs: 33", "parallel_runs");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(parameters_are_checked_by_their_declaration),
                SIM_TEST(results_follow_the_parameters),
                SIM_TEST(an_operation_without_parameters_takes_none),
                SIM_TEST(the_schema_of_an_operation_says_what_it_takes_and_gives),
                SIM_TEST(a_frozen_run_makes_no_progress_until_it_is_executed),
                SIM_TEST(a_frozen_run_can_be_stopped_and_times_out),
                SIM_TEST(a_reset_begins_again_with_the_defaults),
                SIM_TEST(a_running_one_takes_other_parameters),
                SIM_TEST(a_word_of_its_own_is_remembered_and_status_changes_nothing),
                SIM_TEST(an_operation_starts_in_its_mode_only),
                SIM_TEST(as_many_runs_as_are_declared),
                SIM_TEST(an_ended_run_is_kept_for_the_retention),
                SIM_TEST(a_challenge_is_answered_once),
                SIM_TEST(a_challenge_ends_after_three_tries_or_thirty_seconds),
                SIM_TEST(a_challenge_is_of_one_client),
                SIM_TEST(challenges_have_a_limit_and_the_oldest_gives_way),
                SIM_TEST(going_on_needs_a_proof_and_stopping_none),
                SIM_TEST(a_declaration_that_cannot_hold_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
