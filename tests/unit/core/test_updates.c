/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/updates.h"
#include "sovd-core/call.h"
#include "sovd-core/gateway.h"
#include "tests/unit/core/fake_backend.h"

/* Each fake keeps a package of its own and "shared". */
struct fake {
        struct fake_backend base; /* first */
        const char *own;
        bool gone, busy;
        unsigned n_controls;
};

static struct fake fakes[2];
static struct sovd_backend_ops ops;
static struct sovd_updates *updates;
static struct sovd_call call;

static struct fake *fake_of(struct sovd_backend *backend) {
        return (struct fake *)backend;
}

static int check(struct sovd_backend *backend, const char *id) {
        struct fake *fake = fake_of(backend);

        if (fake->gone)
                return sovd_fail(&call, SOVD_E_UNAVAILABLE, "gone");
        if (strcmp(id, fake->own) == 0 || strcmp(id, "shared") == 0)
                return 0;
        return sovd_fail(&call, SOVD_E_NOT_FOUND, "none");
}

static int list(struct sovd_call *c, struct sovd_backend *backend, const struct sovd_update_filter *filter,
                struct sovd_update_ids *ret) {
        static const char *items[2][2] = { { "a", "shared" }, { "b", "shared" } };

        ret->items = (struct sovd_strings){ .items = items[fake_of(backend) - fakes], .n = 2 };
        return check(backend, "shared");
}

static int status(struct sovd_call *c, struct sovd_backend *backend, const char *id,
                  struct sovd_update_status *ret) {
        ret->status = fake_of(backend)->busy ? SOVD_UPDATE_IN_PROGRESS : SOVD_UPDATE_PENDING;
        return check(backend, id);
}

static int control(struct sovd_call *c, struct sovd_backend *backend, const char *id,
                   enum sovd_update_action action) {
        fake_of(backend)->n_controls++;
        fake_of(backend)->busy = true;
        return 0;
}

static int set_up(void **state) {
        struct sovd_view views[2];

        memset(fakes, 0, sizeof(fakes));
        for (size_t i = 0; i < 2; i++) {
                fake_backend_init(&fakes[i].base, i ? "two" : "one");
                ops = *fakes[i].base.backend.ops;
                ops.updates_list = list;
                ops.update_status = status;
                ops.update_control = control;
                fakes[i].base.backend.ops = &ops;
                fakes[i].own = i ? "b" : "a";
                views[i] = (struct sovd_view){ .backend = &fakes[i].base.backend, .updates = true };
        }
        memset(&call, 0, sizeof(call));
        assert_int_equal(sovd_arena_new(&call.arena, 1024), 0);
        assert_int_equal(sovd_tree_new(&call.tree, views, 2), 0);
        return sovd_updates_new(&updates);
}

static int tear_down(void **state) {
        sovd_updates_free(updates);
        sovd_tree_unref(call.tree);
        sovd_arena_free(call.arena);
        return 0;
}

static int act(const char *id) {
        call.failure = (struct sovd_failure){ 0 };
        return sovd_updates_control(&call, updates, id, SOVD_UPDATE_DO_PREPARE);
}

static void ids_of_all_backends_are_listed_once(void **state) {
        const struct sovd_update_filter filter = { 0 };
        struct sovd_update_ids ids = { 0 };

        assert_int_equal(sovd_updates_list(&call, &filter, &ids), 0);
        assert_int_equal(ids.items.n, 3);
        assert_string_equal(ids.items.items[0], "a");
        assert_string_equal(ids.items.items[1], "shared");
        assert_string_equal(ids.items.items[2], "b");
}

static void a_backend_that_is_gone_takes_only_its_own_along(void **state) {
        const struct sovd_update_filter filter = { 0 };
        struct sovd_update_status now = { 0 };
        struct sovd_update_ids ids = { 0 };

        fakes[0].gone = true;
        assert_int_equal(sovd_updates_list(&call, &filter, &ids), 0);
        assert_int_equal(ids.items.n, 2);
        assert_int_equal(call.failure.error, 0);
        assert_int_equal(sovd_updates_status(&call, "b", &now), 0);
        assert_int_equal(sovd_updates_status(&call, "a", &now), SOVD_E_UNAVAILABLE);

        fakes[1].gone = true;
        assert_int_equal(sovd_updates_list(&call, &filter, &ids), SOVD_E_UNAVAILABLE);
}

static void a_package_belongs_to_the_first_that_knows_it(void **state) {
        assert_int_equal(act("shared"), 0);
        assert_int_equal(fakes[0].n_controls, 1);
        assert_int_equal(fakes[1].n_controls, 0);
        fakes[0].busy = false;
        assert_int_equal(act("b"), 0);
        assert_int_equal(fakes[1].n_controls, 1);
        assert_int_equal(act("none"), SOVD_E_NOT_FOUND);
}

static void another_backend_waits_until_the_update_has_ended(void **state) {
        assert_int_equal(act("a"), 0);
        assert_int_equal(act("b"), SOVD_E_UPDATE_RUNNING);
        assert_int_equal(fakes[1].n_controls, 0);
        fakes[0].busy = false;
        assert_int_equal(act("b"), 0);
        fakes[1].gone = true; /* it cannot be asked: the others go on */
        assert_int_equal(act("a"), 0);
}

static void registration_and_deletion_need_a_backend_that_offers_them(void **state) {
        struct sovd_update_registered registered = { 0 };

        assert_int_equal(sovd_updates_register(&call, "application/json", &registered),
                         SOVD_E_NOT_IMPLEMENTED);
        assert_int_equal(sovd_updates_delete(&call, "b"), SOVD_E_NOT_IMPLEMENTED);
        assert_int_equal(sovd_updates_delete(&call, "none"), SOVD_E_NOT_FOUND);
}

static void versions_are_exact_or_match_a_pattern(void **state) {
        static const struct {
                const char *pattern, *version;
                bool matches;
        } rows[] = {
                { "1.2", "1.2", true },     { "1.2", "1.2.0", false },  { "1.*", "1.2.0", true },
                { "*", "", true },          { "*.0", "1.0.1", false },  { "*.0", "1.0.0", true },
                { "1*3*5", "12345", true }, { "1*3*5", "1245", false }, { "", "", true },
                { "", "1", false },         { "**", "x", true },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                assert_int_equal(sovd_version_matches(rows[i].pattern, rows[i].version), rows[i].matches);
}

static void note_clear(void *data, const struct sovd_entity *e, const struct sovd_principal *principal) {
        assert_string_equal(e->id, "ecu");
        assert_string_equal(principal->id, "me");
        ++*(unsigned *)data;
}

static void everyone_who_keeps_something_of_clients_is_told_to_forget_it(void **state) {
        const struct sovd_gateway_options options = { .executions_max = 16, .executions_retention_usec = 60 * SOVD_USEC_PER_SEC };
        _cleanup_(sovd_gateway_freep) struct sovd_gateway *gateway = NULL;
        const struct sovd_principal me = { .id = "me" };
        const struct sovd_entity e = { .id = "ecu" };
        unsigned n = 0;

        assert_int_equal(sovd_gateway_new(&gateway, &options), 0);
        assert_int_equal(sovd_gateway_on_clear(gateway, note_clear, &n), 0);
        assert_int_equal(sovd_gateway_on_clear(gateway, note_clear, &n), 0);
        sovd_gateway_clear_client_defined(gateway, &e, &me);
        assert_int_equal(n, 2);
        for (int i = 0; i < 5; i++) /* the data lists of the gateway itself are the eighth */
                assert_int_equal(sovd_gateway_on_clear(gateway, note_clear, &n), 0);
        assert_int_equal(sovd_gateway_on_clear(gateway, note_clear, &n), -ENOSPC);
}

int main(void) {
#define UPDATE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                UPDATE_TEST(ids_of_all_backends_are_listed_once),
                UPDATE_TEST(a_backend_that_is_gone_takes_only_its_own_along),
                UPDATE_TEST(a_package_belongs_to_the_first_that_knows_it),
                UPDATE_TEST(another_backend_waits_until_the_update_has_ended),
                UPDATE_TEST(registration_and_deletion_need_a_backend_that_offers_them),
                cmocka_unit_test(versions_are_exact_or_match_a_pattern),
                cmocka_unit_test(everyone_who_keeps_something_of_clients_is_told_to_forget_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
