/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/gateway.h"
#include "sovd-core/base/error.h"
#include "tests/unit/core/fake_backend.h"
#include <pthread.h>
#include <stdio.h>

#define COMPONENT(id) fake_entity(SOVD_COMPONENT, id)
#define N_PUBLISHERS  4
#define N_READERS     4
#define N_ROUNDS      200
#define N_ENTITIES    20

static struct sovd_gateway *gateway;
static struct fake_backend fakes[4];
static const char *const names[] = { "a", "b", "c", "d" };

static int make_gateway(void **state) {
        const struct sovd_gateway_options options = { .executions_max = 16, .executions_retention_usec = 60 * SOVD_USEC_PER_SEC };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fakes); i++)
                fake_backend_init(&fakes[i], names[i]);
        return sovd_gateway_new(&gateway, &options);
}

static int free_gateway(void **state) {
        gateway = sovd_gateway_free(gateway);
        return 0;
}

static void add(size_t n) {
        for (size_t i = 0; i < n; i++)
                assert_int_equal(sovd_gateway_add(gateway, &fakes[i].backend), 0);
}

static void publish(struct fake_backend *fake, struct sovd_entity_spec spec) {
        const struct sovd_view view = FAKE_VIEW(fake, spec);

        assert_int_equal(sovd_backend_publish(&fake->backend, &view), 0);
}

static const struct sovd_backend *owner_of(const char *id) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = sovd_gateway_tree(gateway);
        const struct sovd_entity *e = sovd_tree_find(tree, SOVD_COMPONENT, id);

        return e ? e->owner : NULL;
}

static void a_new_gateway_has_an_empty_tree(void **state) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = sovd_gateway_tree(gateway);

        assert_non_null(tree);
        assert_int_equal(sovd_tree_list(tree, SOVD_COMPONENT)->n, 0);
        assert_true(sovd_gateway_is_discovered(gateway));
        assert_non_null(sovd_gateway_executions(gateway));
}

static void adding_a_backend_starts_it_and_removing_stops_and_frees_it(void **state) {
        add(1);
        assert_int_equal(fakes[0].n_started, 1);
        assert_ptr_equal(fakes[0].backend.gateway, gateway);
        assert_int_equal(fakes[0].n_stopped, 0);

        sovd_gateway_remove(gateway, &fakes[0].backend);

        assert_int_equal(fakes[0].n_stopped, 1);
        assert_int_equal(fakes[0].n_freed, 1);
}

static void a_backend_that_does_not_start_is_not_kept(void **state) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];

        fakes[0].start_error = -EADDRINUSE;

        assert_int_equal(sovd_gateway_add(gateway, &fakes[0].backend), -EADDRINUSE);
        assert_int_equal(fakes[0].n_freed, 1);
        assert_int_equal(sovd_gateway_backends(gateway, backends, SOVD_BACKENDS_MAX), 0);
}

static void the_number_of_backends_is_limited(void **state) {
        struct fake_backend many[SOVD_BACKENDS_MAX + 1];

        for (size_t i = 0; i < SOVD_BACKENDS_MAX; i++) {
                fake_backend_init(&many[i], "one of many");
                assert_int_equal(sovd_gateway_add(gateway, &many[i].backend), 0);
        }
        fake_backend_init(&many[SOVD_BACKENDS_MAX], "one too many");

        assert_int_equal(sovd_gateway_add(gateway, &many[SOVD_BACKENDS_MAX].backend), -ENOSPC);
        assert_int_equal(many[SOVD_BACKENDS_MAX].n_freed, 1);
        assert_int_equal(many[SOVD_BACKENDS_MAX].n_started, 0);
        gateway = sovd_gateway_free(gateway);
        for (size_t i = 0; i < SOVD_BACKENDS_MAX; i++)
                assert_int_equal(many[i].n_freed, 1);
}

static void publishing_replaces_the_view_before(void **state) {
        add(1);
        publish(&fakes[0], COMPONENT("old"));
        assert_ptr_equal(owner_of("old"), &fakes[0].backend);

        publish(&fakes[0], COMPONENT("new"));

        assert_null(owner_of("old"));
        assert_ptr_equal(owner_of("new"), &fakes[0].backend);
}

static void views_of_other_backends_stay(void **state) {
        add(2);
        publish(&fakes[0], COMPONENT("x"));
        publish(&fakes[1], COMPONENT("y"));
        publish(&fakes[1], COMPONENT("z"));

        assert_ptr_equal(owner_of("x"), &fakes[0].backend);
        assert_ptr_equal(owner_of("z"), &fakes[1].backend);
}

static void the_view_stays_the_callers(void **state) {
        char id[] = "x", tag[] = "t", target[] = "y";
        struct sovd_entity_spec spec =
                fake_related(SOVD_COMPONENT, id, SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS(target));

        add(2);
        spec.tags = *FAKE_STRINGS(tag);
        publish(&fakes[0], spec);
        *id = *tag = *target = '?';
        publish(&fakes[1], COMPONENT("y")); /* a new tree, from what was kept of the first view */

        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = sovd_gateway_tree(gateway);
        const struct sovd_entity *e = sovd_tree_find(tree, SOVD_COMPONENT, "x");
        assert_non_null(e);
        assert_string_equal(e->tags.items[0], "t");
        assert_int_equal(e->relations[SOVD_RELATION_SUBCOMPONENTS].n, 1);
}

static void a_tree_that_is_held_does_not_change(void **state) {
        add(1);
        publish(&fakes[0], COMPONENT("old"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *held = sovd_gateway_tree(gateway);

        publish(&fakes[0], COMPONENT("new"));
        sovd_gateway_remove(gateway, &fakes[0].backend);

        assert_non_null(sovd_tree_find(held, SOVD_COMPONENT, "old"));
        assert_null(sovd_tree_find(held, SOVD_COMPONENT, "new"));
        assert_int_equal(fakes[0].n_stopped, 1);
        assert_int_equal(fakes[0].n_freed, 0); /* the request that holds the tree may still ask it */
        held = sovd_tree_unref(held);
        assert_int_equal(fakes[0].n_freed, 1);
}

static void removing_a_backend_takes_its_entities_out(void **state) {
        add(2);
        publish(&fakes[0], COMPONENT("x"));
        publish(&fakes[1], COMPONENT("y"));

        sovd_gateway_remove(gateway, &fakes[0].backend);

        assert_null(owner_of("x"));
        assert_ptr_equal(owner_of("y"), &fakes[1].backend);
}

static void the_loser_of_a_clash_takes_over_when_the_owner_goes(void **state) {
        add(2);
        publish(&fakes[0], COMPONENT("x"));
        publish(&fakes[1], COMPONENT("x"));
        assert_ptr_equal(owner_of("x"), &fakes[0].backend);

        sovd_gateway_remove(gateway, &fakes[0].backend);

        assert_ptr_equal(owner_of("x"), &fakes[1].backend);
}

static void the_order_of_adding_decides_not_that_of_publishing(void **state) {
        add(2);
        publish(&fakes[1], COMPONENT("x"));
        assert_ptr_equal(owner_of("x"), &fakes[1].backend);

        publish(&fakes[0], COMPONENT("x"));

        assert_ptr_equal(owner_of("x"), &fakes[0].backend);
}

static void what_is_remembered_is_owned_by_whoever_offers_it_now(void **state) {
        struct sovd_view before = FAKE_VIEW(&fakes[0], COMPONENT("x"), COMPONENT("y"));

        before.connection = SOVD_DISCONNECTED;
        before.remembered = true;
        add(2);
        assert_int_equal(sovd_backend_publish(&fakes[0].backend, &before), 0);
        assert_ptr_equal(owner_of("x"), &fakes[0].backend);

        publish(&fakes[1], COMPONENT("x"));

        assert_ptr_equal(owner_of("x"), &fakes[1].backend);
        assert_ptr_equal(owner_of("y"), &fakes[0].backend);

        publish(&fakes[0], COMPONENT("x"));

        assert_ptr_equal(owner_of("x"), &fakes[0].backend);
}

static void reordering_changes_who_owns_a_clashing_id(void **state) {
        static const char *const order[] = { "c", "a", "b" };
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];

        add(3);
        for (size_t i = 0; i < 3; i++)
                publish(&fakes[i], COMPONENT("x"));

        sovd_gateway_reorder(gateway, order, 3);

        assert_ptr_equal(owner_of("x"), &fakes[2].backend);
        assert_int_equal(sovd_gateway_backends(gateway, backends, SOVD_BACKENDS_MAX), 3);
        for (size_t i = 0; i < 3; i++) {
                assert_string_equal(backends[i]->name, order[i]);
                sovd_backend_unref(backends[i]);
        }
}

static void what_a_replaced_backend_offered_stays_until_the_new_one_is_connected(void **state) {
        struct sovd_view poor = FAKE_VIEW(&fakes[1], COMPONENT("z"));

        add(1);
        publish(&fakes[0], COMPONENT("x"));

        assert_int_equal(sovd_gateway_replace(gateway, &fakes[0].backend, &fakes[1].backend), 0);
        assert_int_equal(fakes[0].n_freed, 1);
        assert_ptr_equal(owner_of("x"), &fakes[1].backend);

        poor.connection = SOVD_DISCONNECTED;
        assert_int_equal(sovd_backend_publish(&fakes[1].backend, &poor), 0);
        assert_ptr_equal(owner_of("x"), &fakes[1].backend);
        assert_null(owner_of("z"));

        publish(&fakes[1], COMPONENT("y"));
        assert_null(owner_of("x"));
        assert_ptr_equal(owner_of("y"), &fakes[1].backend);
}

static void a_backend_that_was_removed_publishes_no_more(void **state) {
        const struct sovd_view view = FAKE_VIEW(&fakes[0], COMPONENT("x"));

        add(1);
        sovd_backend_ref(&fakes[0].backend);
        sovd_gateway_remove(gateway, &fakes[0].backend);

        assert_int_equal(sovd_backend_publish(&fakes[0].backend, &view), -ENOENT);
        assert_null(owner_of("x"));
        sovd_backend_unref(&fakes[0].backend);
}

static void backends_are_given_with_a_reference_each(void **state) {
        struct sovd_backend *backends[2];

        add(3);
        assert_int_equal(sovd_gateway_backends(gateway, backends, 2), 2);
        gateway = sovd_gateway_free(gateway);

        assert_int_equal(fakes[0].n_freed + fakes[1].n_freed, 0);
        assert_int_equal(fakes[2].n_freed, 1);
        sovd_backend_unref(backends[0]);
        sovd_backend_unref(backends[1]);
        assert_int_equal(fakes[0].n_freed + fakes[1].n_freed, 2);
}

static void discovered_means_that_every_backend_is(void **state) {
        add(2);
        assert_false(sovd_gateway_is_discovered(gateway));
        fakes[1].discovered = true;
        assert_false(sovd_gateway_is_discovered(gateway));
        fakes[0].discovered = true;
        assert_true(sovd_gateway_is_discovered(gateway));
}

/* --- threads -------------------------------------------------------------------------------------------- */

/* Each view has N_ENTITIES whose names end with the round: a reader that sees two rounds of one backend in one
 * tree has seen a tree that is half old and half new. */
static void publish_round(struct fake_backend *fake, unsigned round) {
        struct sovd_entity_spec specs[N_ENTITIES];
        char ids[N_ENTITIES][32], name[32];

        (void)snprintf(name, sizeof(name), "%u", round);
        for (int i = 0; i < N_ENTITIES; i++) {
                (void)snprintf(ids[i], sizeof(ids[i]), "%s-%d", fake->backend.name, i);
                specs[i] = COMPONENT(ids[i]);
                specs[i].name = name;
        }
        const struct sovd_view view = { .backend = &fake->backend,
                                        .entities = specs,
                                        .n_entities = N_ENTITIES };
        if (sovd_backend_publish(&fake->backend, &view))
                abort();
}

static void *publish_thread(void *fake) {
        for (unsigned round = 1; round <= N_ROUNDS; round++)
                publish_round(fake, round);
        return NULL;
}

static atomic_uint n_torn, n_read;
static atomic_bool published;

static bool is_whole(const struct sovd_tree *tree, const char *backend) {
        const char *round = NULL;
        char id[32];

        for (int i = 0; i < N_ENTITIES; i++) {
                (void)snprintf(id, sizeof(id), "%s-%d", backend, i);
                const struct sovd_entity *e = sovd_tree_find(tree, SOVD_COMPONENT, id);
                if (!e || (round && strcmp(round, e->name) != 0))
                        return false;
                round = e->name;
        }
        return true;
}

static void *read_thread(void *unused) {
        do {
                struct sovd_tree *tree = sovd_gateway_tree(gateway);
                for (int i = 0; i < N_PUBLISHERS; i++)
                        atomic_fetch_add(&n_torn, !is_whole(tree, names[i]));
                sovd_tree_unref(tree);
                atomic_fetch_add(&n_read, 1);
        } while (!atomic_load(&published));
        return NULL;
}

static void readers_see_whole_views_while_others_publish(void **state) {
        pthread_t publishers[N_PUBLISHERS], readers[N_READERS];

        add(N_PUBLISHERS);
        for (int i = 0; i < N_PUBLISHERS; i++)
                publish_round(&fakes[i], 0);
        n_torn = n_read = 0;
        published = false;
        for (int i = 0; i < N_READERS; i++)
                assert_int_equal(pthread_create(&readers[i], NULL, read_thread, NULL), 0);
        for (int i = 0; i < N_PUBLISHERS; i++)
                assert_int_equal(pthread_create(&publishers[i], NULL, publish_thread, &fakes[i]), 0);
        for (int i = 0; i < N_PUBLISHERS; i++)
                (void)pthread_join(publishers[i], NULL);
        published = true;
        for (int i = 0; i < N_READERS; i++)
                (void)pthread_join(readers[i], NULL);

        assert_int_equal(n_torn, 0);
        assert_true(n_read >= N_READERS);
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = sovd_gateway_tree(gateway);
        for (int i = 0; i < N_PUBLISHERS; i++) {
                char id[32];
                (void)snprintf(id, sizeof(id), "%s-0", names[i]);
                assert_string_equal(sovd_tree_find(tree, SOVD_COMPONENT, id)->name, "200");
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_gateway, free_gateway)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_new_gateway_has_an_empty_tree),
                TEST(adding_a_backend_starts_it_and_removing_stops_and_frees_it),
                TEST(a_backend_that_does_not_start_is_not_kept),
                TEST(the_number_of_backends_is_limited),
                TEST(publishing_replaces_the_view_before),
                TEST(views_of_other_backends_stay),
                TEST(the_view_stays_the_callers),
                TEST(a_tree_that_is_held_does_not_change),
                TEST(removing_a_backend_takes_its_entities_out),
                TEST(the_loser_of_a_clash_takes_over_when_the_owner_goes),
                TEST(the_order_of_adding_decides_not_that_of_publishing),
                TEST(what_is_remembered_is_owned_by_whoever_offers_it_now),
                TEST(reordering_changes_who_owns_a_clashing_id),
                TEST(what_a_replaced_backend_offered_stays_until_the_new_one_is_connected),
                TEST(a_backend_that_was_removed_publishes_no_more),
                TEST(backends_are_given_with_a_reference_each),
                TEST(discovered_means_that_every_backend_is),
                TEST(readers_see_whole_views_while_others_publish),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
