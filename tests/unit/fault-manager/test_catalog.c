/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/catalog.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/config_tree.h"
#include <stdio.h>

static int set_up(void **state) {
        return sovd_arena_new((struct sovd_arena **)state, 4096);
}

static int tear_down(void **state) {
        sovd_arena_free(*state);
        return 0;
}

/* Reads and checks; the message of the first problem, or NULL. */
static const char *read_catalog(struct sovd_arena *arena, const char *text, struct fm_catalog *ret) {
        const char *message = NULL, *path, *why;
        struct sovd_config_tree *tree;

        if (sovd_config_parse(&fm_schema_catalog, ret, "catalogue.yaml", text, strlen(text), NULL, arena, &tree, &message))
                return message;
        why = fm_catalog_check(ret, tree->root, arena, &path);
        return why ? sovd_arena_printf(arena, "%s: %s", path, why) : NULL;
}

static void a_fault_with_nothing_but_its_name_has_usable_defaults(void **state) {
        struct fm_catalog catalog;

        assert_null(read_catalog(*state, "faults: [{code: P0001, name: Door open}]", &catalog));
        const struct fm_descriptor *d = catalog.faults.items;
        const struct fm_rule rule = fm_descriptor_rule(d);
        assert_int_equal(catalog.faults.n, 1);
        assert_string_equal(d->code, "P0001");
        assert_int_equal(d->severity.value, 2);
        assert_int_equal(rule.kind, FM_EDGE);
        assert_int_equal(rule.confirm_cycles, 1);
        assert_int_equal(rule.age_cycles, 40);
        assert_int_equal(rule.hold_usec, 0);
}

static void the_rule_is_what_the_file_says(void **state) {
        static const char text[] = "faults:\n"
                                   "- code: P0002\n"
                                   "  name: Pressure\n"
                                   "  confirm_cycles: 2\n"
                                   "  debounce: {kind: counter, failed_at: 10, passed_at: -5, step_up: 2, jump: true}\n"
                                   "- {code: P0003, name: Heat, debounce: {kind: time, failed_secs: 1.5}}\n";
        struct fm_catalog catalog;

        assert_null(read_catalog(*state, text, &catalog));
        const struct fm_descriptor *d = catalog.faults.items;
        struct fm_rule rule = fm_descriptor_rule(&d[0]);
        assert_int_equal(rule.kind, FM_COUNTER);
        assert_int_equal(rule.failed_at, 10);
        assert_int_equal(rule.passed_at, -5);
        assert_int_equal(rule.step_up, 2);
        assert_int_equal(rule.step_down, 1);
        assert_true(rule.jump);
        assert_int_equal(rule.confirm_cycles, 2);
        rule = fm_descriptor_rule(&d[1]);
        assert_int_equal(rule.kind, FM_TIME);
        assert_int_equal(rule.failed_usec, 1500000);
        assert_int_equal(rule.passed_usec, 1000000);
}

static void too_many_kinds_of_cycles_are_named(void **state) {
        char text[4096] = "faults: [";
        struct fm_catalog catalog;

        for (int i = 0; i < FM_KINDS_MAX; i++) {
                const size_t n = strlen(text);
                (void)snprintf(text + n, sizeof(text) - n, "%s{code: c%d, name: x, cycle: k%d}", i ? ", " : "", i, i);
        }
        (void)strcat(text, "]");
        const char *message = read_catalog(*state, text, &catalog);
        assert_non_null(message);
        assert_non_null(strstr(message, "/faults/31/cycle: there are 32 kinds"));
}

static void what_is_wrong_is_named(void **state) {
        static const struct {
                const char *text, *expected;
        } rows[] = {
                { "faults: [{name: x}]", "code" },
                { "faults: [{code: a, name: x, severity: 5}]", "severity" },
                { "faults: [{code: a, name: x, sverity: 1}]", "did you mean 'severity'" },
                { "faults: [{code: a, name: x}, {code: b, name: x}, {code: a, name: y}]", "/faults/2/code: 'a' comes twice" },
                { "faults: [{code: a/b, name: x}]", "/faults/0/code: 'a/b' cannot be" },
                { "faults: [{code: subscribe, name: x}]", "/faults/0/code: 'subscribe' cannot be" },
                { "faults: [{code: a, name: x, debounce: {kind: wild}}]", "kind" },
                { "faults: [{code: a, name: x, debounce: {kind: counter, passed_at: 1}}]", "passed_at" },
                { "faults: [{code: a, name: x, debounce: {kind: time, failed_secs: 0}}]", "failed_secs: a time rule" },
                { "faults: [{code: a, name: x, freeze_frame: [a/b]}]", "/faults/0/freeze_frame: 'a/b'" },
                { "{}", "faults" },
                { "faults: [{code: a, name: x, debounce: {kind: edge, failed_at: 127}}]",
                  "/faults/0/debounce/failed_at: has no effect with the kind 'edge', only with 'counter'" },
                { "faults: [{code: a, name: x}, {code: b, name: x, debounce: {kind: counter, hold_secs: 0}}]",
                  "/faults/1/debounce/hold_secs: has no effect with the kind 'counter', only with 'edge'" },
                { "faults: [{code: a, name: x, debounce: {jump: false, kind: time}}]", "debounce/jump: has no effect" },
                { "faults: [{code: a, name: x, debounce: {kind: edge, passed_secs: 1}}]", "only with 'time'" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                struct fm_catalog catalog;
                const char *message = read_catalog(*state, rows[i].text, &catalog);
                assert_non_null(message);
                if (!strstr(message, rows[i].expected))
                        fail_msg("row %zu says: %s", i, message);
        }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_fault_with_nothing_but_its_name_has_usable_defaults),
                T(the_rule_is_what_the_file_says),
                T(too_many_kinds_of_cycles_are_named),
                T(what_is_wrong_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
