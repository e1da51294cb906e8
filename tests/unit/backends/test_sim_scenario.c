/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

static int parse(struct fixture *f, const char *text, const char **message) {
        sovd_backend_unref(f->backend);
        f->backend = NULL;
        return sovd_sim_backend_parse(&f->backend, "sim", "s.yaml", text, strlen(text), f->arena, message);
}

static void what_is_wrong_is_told_with_its_position(void **state) {
        static const struct {
                const char *text, *message;
        } rows[] = {
                { "component: []\n", "s.yaml:1:1: component: " },
                { "seed: x\n", "s.yaml:1:1: seed: must be an integer" },
                { "components: [{ name: x }]\n", "s.yaml:1:14: components[0].id: is missing" },
                { "components: [{ id: a/b }]\n", "s.yaml:1:16: components[0].id: 'a/b' cannot be an id" },
                { "components: [{ id: docs }]\n", "s.yaml:1:16: components[0].id: 'docs' is a word" },
                { "areas: [{ id: a }, { id: a }]\n", "s.yaml:1:22: areas[1].id: 'a' is there already" },
                { "areas: [{ id: a, parent: b }, { id: b }]\n", "s.yaml:1:18: areas[0].parent: no area 'b'" },
                { "components: [{ id: a, variant: { hardware: 2 } }]\n",
                  "s.yaml:1:23: components[0].variant: 'hardware' must be a text" },
                { "components: [{ id: a, variant: B2 }]\n", "s.yaml:1:23: components[0].variant: " },
                { "components: [{ id: a, parent: a }]\n",
                  "s.yaml:1:23: components[0].parent: no component 'a'" },
                { "components:\n  - { id: a, areas: [x] }\n",
                  "s.yaml:2:22: components[0].areas[0]: there is no area 'x'" },
                { "apps:\n  - { id: a }\n", "s.yaml:2:5: apps[0].located_on: is missing" },
                { "apps:\n  - { id: a, located_on: x }\n",
                  "s.yaml:2:14: apps[0].located_on: there is no component" },
                { "functions:\n  - { id: a, depends_on: [apps/x] }\n", "there is no 'apps/x'" },
                { "functions:\n  - { id: a, depends_on: [x] }\n", "neither components/ID nor apps/ID" },
                { "components:\n  - { id: a, unreachable_for_secs: 1 }\n", "needs unreachable_after_secs" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *message = "";
                assert_int_equal(parse(*state, rows[i].text, &message), SOVD_E_BAD_REQUEST);
                if (!strstr(message, rows[i].message))
                        fail_msg("'%s' is not in '%s'", rows[i].message, message);
        }
}

static void wrong_resources_are_told_with_the_key(void **state) {
        static const struct {
                const char *keys, *message;
        } rows[] = {
                { "data: [{ id: a, value: x }]", "data[0].value: must be a number" },
                { "data: [{ id: a, type: integer, value: 1.5 }]", "data[0].value: must be an integer" },
                { "data: [{ id: a, type: boolean, value: 1 }]", "data[0].value: must be true or false" },
                { "data: [{ id: a, value: 5, max: 4 }]", "data[0].value: must not be above 4" },
                { "data: [{ id: a, value: 5, min: 6, max: 4 }]", "data[0].min: must not be above max" },
                { "data: [{ id: a, type: string, value: x, min: 1 }]", "data[0].min: only numbers" },
                { "data: [{ id: a, type: string, value: x, values: [y] }]",
                  "data[0].value: must be one of 'y'" },
                { "data: [{ id: a, value: 1, category: odd }]", "data[0].category: " },
                { "data: [{ id: a, type: string, value: x, behaviour: sine }]",
                  "data[0].behaviour: only numbers" },
                { "data: [{ id: a, value: 1, behaviour: sine, writable: true }]", "data[0].writable: " },
                { "data: [{ id: a, value: 1, behaviour: sine, period_secs: 0 }]", "data[0].period_secs: " },
                { "data: [{ id: a, value: 1, behaviour: sine, step: 0 }]", "data[0].step: " },
                { "data: [{ id: a, value: 1, behaviour: sine, amplitude: -1 }]",
                  "data[0].amplitude: must be from 0" },
                { "data: [{ id: a, value: 1, behaviour: follow }]", "data[0].behaviour: follow needs" },
                { "data: [{ id: a, value: 1, behaviour: follow, of: b }]",
                  "data[0].of: 'ecu' has no data 'b'" },
                { "data: [{ id: a, value: 1, behaviour: follow, of: a }]",
                  "data[0].of: 'a' is not a constant" },
                { "data: [{ id: a, value: 1, behaviour: wander }]", "data[0].behaviour: " },
                { "faults: [{ code: a, name: x, period_secs: 5 }]", "faults[0].period_secs: " },
                { "faults: [{ code: a, name: x, heals_after_secs: 5, period_secs: 5 }]",
                  "faults[0].period_secs: must" },
                { "faults: [{ code: a, name: x, freeze_frame: [y] }]", "'ecu' has no data 'y'" },
                { "faults: [{ code: a, name: x, severity: 5 }]", "faults[0].severity: must be from 1 to 4" },
                { "operations: [{ id: a, duration_secs: 5 }]",
                  "operations[0].duration_secs: only an asynchronous" },
                { "operations: [{ id: a, result: [{ name: x, value: 1 }, { name: x, value: 1 }] }]",
                  "operations[0].result[1].name: 'x' is there" },
                { "modes: [{ id: a, values: [] }]", "modes[0].values: " },
                { "modes: [{ id: a, values: [x], default: y }]", "modes[0].default: 'y' is not one" },
                { "configurations: [{ id: a, type: integer, value: 1, max: 0 }]",
                  "configurations[0].value: must not" },
                { "configurations: [{ id: a, value: 1, content_type: text/csv }]",
                  "content_type: only a string" },
                { "configurations: [{ id: a, type: string, value: x, content_type: application/json }]",
                  "content_type: must be a media type" },
                { "configurations: [{ id: a, type: string, value: xy, content_type: a/b, max_bytes: 1 }]",
                  "value: is longer than max_bytes" },
                { "configurations: [{ id: a, type: string, value: xy, content_type: a/b, signature_key: x }]",
                  "signature_key: only" },
                { "configurations: [{ id: a, value: 1, requires: { m: x } }]",
                  "requires: 'ecu' has no mode 'm'" },
                { "modes: [{ id: m, values: [x, y], requires: { m: z } }]",
                  "'z' is not one of the values of mode" },
                { "modes: [{ id: m, values: [x, y], requires: { m: 1 } }]",
                  "has to be a text or a list of texts" },
                { "modes: [{ id: m, values: [x, y], requires: { m: null } }]",
                  "has to be a text or a list of texts" },
                { "modes: [{ id: m, values: [x, y], requires: { m: [] } }]",
                  "has to be a text or a list of texts" },
                { "modes: [{ id: m, values: [x], transitions: [{ from: y, to: [x] }] }]",
                  "transitions[0].from: 'y' is not one" },
                { "modes: [{ id: m, values: [x], transitions: [{ from: x, to: [y] }] }]",
                  "transitions[0].to: 'y' is not one" },
                { "modes: [{ id: m, values: [x], access: seed_key }]",
                  "access: seed_key and challenge need a key" },
                { "modes: [{ id: m, values: [x], key: k }]", "modes[0].key: needs access" },
                { "modes: [{ id: m, values: [x], shortest_secs: 5, expires_secs: 4 }]",
                  "shortest_secs: must not" },
                { "modes: [{ id: m, values: [x], default_secs: 5, expires_secs: 4 }]",
                  "default_secs: must be" },
                { "data: [{ id: a, type: object, value: {} }]", "data[0].members: an object needs them" },
                { "data: [{ id: a, value: 1, members: [{ id: b }] }]", "data[0].members: only objects" },
                { "data: [{ id: a, type: array, value: [], members: [{ id: b }, { id: c }] }]",
                  "an array has one" },
                { "data: [{ id: a, type: object, value: { b: x }, members: [{ id: b }] }]",
                  "data[0].value: /b must be a number" },
                { "data: [{ id: a, type: object, value: { b: 1 }, members: [{ id: b, type: object }] }]",
                  "data[0].members[0].type: " },
                { "data: [{ id: a, type: string, value: x, values: [x], value_translation_ids: [a, b] }]",
                  "must be as many as values" },
                { "groups: [{ id: g, category: odd }]", "groups[0].category: " },
                { "groups: [{ id: g }, { id: g }]", "groups[1].id: 'g' is there already" },
                { "faults: [{ code: a, name: x, clear_requires: { m: x } }]",
                  "clear_requires: 'ecu' has no mode" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *message = "";
                assert_int_equal(
                        parse(f,
                              sovd_arena_printf(f->arena, "components:\n  - id: ecu\n    %s\n", rows[i].keys),
                              &message),
                        SOVD_E_BAD_REQUEST);
                if (!strstr(message, rows[i].message) || strncmp(message, "s.yaml:3:", 9) != 0)
                        fail_msg("'%s' is not in '%s'", rows[i].message, message);
        }
}

static void a_scenario_may_be_empty(void **state) {
        const char *message;

        assert_int_equal(parse(*state, "", &message), 0);
}

static void a_missing_file_is_named(void **state) {
        struct fixture *f = *state;
        const char *message;

        assert_true(sovd_sim_backend_new(&f->backend, "sim", "/nonexistent/x.yaml", f->arena, &message) < 0);
        assert_non_null(strstr(message, "/nonexistent/x.yaml: cannot be read"));
}

static void the_built_in_vehicle_is_a_good_scenario(void **state) {
        struct sovd_backend_status status;
        struct fixture *f = *state;
        const char *message;

        assert_int_equal(sovd_sim_backend_new(&f->backend, "sim", NULL, f->arena, &message), 0);
        f->backend->ops->status(f->backend, &status);
        assert_int_equal(status.connection, SOVD_CONNECTED);
        assert_true(status.discovered && !status.breaker && !status.dialect && !status.last_seen_usec);
        assert_int_equal(status.n_entities, 12);
}

static void an_entity_cannot_be_reached_in_its_window(void **state) {
        struct sovd_backend_status status;
        struct fixture *f = *state;
        struct sovd_data_value value;

        simulate(f, "    unreachable_after_secs: 10\n    unreachable_for_secs: 5\n    data: [{ id: a, value: "
                    "1 }]\n");
        assert_string_equal(value_of(f, "a"), "1");
        at(10);
        assert_int_equal(f->backend->ops->data_read(&f->call, &f->ecu, "a", &value), SOVD_E_UNAVAILABLE);
        assert_int_equal(f->call.failure.retry_after_sec, 1);
        at(15);
        assert_string_equal(value_of(f, "a"), "1");
        f->backend->ops->status(f->backend, &status);
        assert_int_equal(status.n_calls, 3);
        assert_int_equal(status.n_failures, 1);
        assert_int_equal(status.in_flight, 0);
}

static void a_latency_beyond_the_deadline_is_told_as_such(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value;

        simulate(f, "    latency_ms: 60000\n    data: [{ id: a, value: 1 }]\n");
        f->call.deadline_usec = fake_monotonic();
        assert_int_equal(f->backend->ops->data_read(&f->call, &f->ecu, "a", &value), SOVD_E_NOT_RESPONDING);
}

static void a_stop_ends_latencies(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value;

        simulate(f, "    latency_ms: 60000\n    data: [{ id: a, value: 1 }]\n");
        f->backend->ops->stop(f->backend);
        assert_int_equal(f->backend->ops->data_read(&f->call, &f->ecu, "a", &value), SOVD_E_UNAVAILABLE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(what_is_wrong_is_told_with_its_position),
                SIM_TEST(wrong_resources_are_told_with_the_key),
                SIM_TEST(a_scenario_may_be_empty),
                SIM_TEST(a_missing_file_is_named),
                SIM_TEST(the_built_in_vehicle_is_a_good_scenario),
                SIM_TEST(an_entity_cannot_be_reached_in_its_window),
                SIM_TEST(a_latency_beyond_the_deadline_is_told_as_such),
                SIM_TEST(a_stop_ends_latencies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
