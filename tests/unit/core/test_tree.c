/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/core/fake_backend.h"
#include <stdio.h>

#define AREA(id, ...)      fake_related(SOVD_AREA, id, __VA_ARGS__)
#define COMPONENT(id, ...) fake_related(SOVD_COMPONENT, id, __VA_ARGS__)
#define APP(id, ...)       fake_related(SOVD_APP, id, __VA_ARGS__)

static struct fake_backend first, second, third;

static int make_backends(void **state) {
        fake_backend_init(&first, "first");
        fake_backend_init(&second, "second");
        fake_backend_init(&third, "third");
        return 0;
}

static struct sovd_tree *tree_of(const struct sovd_view *views, size_t n) {
        struct sovd_tree *tree = NULL;

        assert_int_equal(sovd_tree_new(&tree, views, n), 0);
        return tree;
}

static const struct sovd_entity *found(const struct sovd_tree *tree, enum sovd_entity_type type,
                                       const char *id) {
        const struct sovd_entity *e = sovd_tree_find(tree, type, id);

        if (!e)
                fail_msg("%s '%s' is not in the tree", sovd_entity_type_words[type], id);
        return e;
}

static const char *ids_of(const struct sovd_entities *list) {
        static char text[400];
        size_t len = 0;

        text[0] = '\0';
        for (size_t i = 0; i < list->n; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
                                        list->items[i]->id);
        return text;
}

static void relates(const struct sovd_tree *tree, enum sovd_entity_type type, const char *id,
                    enum sovd_relation relation, const char *ids) {
        assert_string_equal(ids_of(&found(tree, type, id)->relations[relation]), ids);
}

/* --- merging -------------------------------------------------------------------------------------------- */

static void an_empty_tree_has_no_entities(void **state) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(NULL, 0);
        size_t n = 7;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                assert_int_equal(sovd_tree_list(tree, (enum sovd_entity_type)type)->n, 0);
        assert_null(sovd_tree_find(tree, SOVD_COMPONENT, "a"));
        (void)sovd_tree_clashes(tree, &n);
        assert_int_equal(n, 0);
}

static void views_are_put_together_in_their_order(void **state) {
        const struct sovd_view views[] = {
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "b"), fake_entity(SOVD_APP, "x")),
                FAKE_VIEW(&second, fake_entity(SOVD_COMPONENT, "a"), fake_entity(SOVD_AREA, "z")),
        };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);

        assert_string_equal(ids_of(sovd_tree_list(tree, SOVD_COMPONENT)), "b a");
        assert_string_equal(ids_of(sovd_tree_list(tree, SOVD_APP)), "x");
        assert_string_equal(ids_of(sovd_tree_list(tree, SOVD_AREA)), "z");
        assert_ptr_equal(found(tree, SOVD_COMPONENT, "b")->owner, &first.backend);
        assert_ptr_equal(found(tree, SOVD_COMPONENT, "a")->owner, &second.backend);
}

static void an_entity_is_a_copy_of_what_the_view_says(void **state) {
        char id[] = "bms", name[] = "Battery", tag[] = "hv";
        struct sovd_entity_spec spec = fake_entity(SOVD_COMPONENT, id);
        spec.name = name;
        spec.category = "ecu";
        spec.variant = "{\"v\":1}";
        spec.tags = *FAKE_STRINGS(tag);
        spec.collections = 1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_MODES;
        struct sovd_view view = FAKE_VIEW(&first, spec);
        view.connection = SOVD_DISCONNECTED;
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        memset(id, '?', 3);
        memset(name, '?', 7);
        memset(tag, '?', 2);

        const struct sovd_entity *e = found(tree, SOVD_COMPONENT, "bms");
        assert_string_equal(e->name, "Battery");
        assert_string_equal(e->category, "ecu");
        assert_string_equal(e->variant, "{\"v\":1}");
        assert_null(e->description);
        assert_string_equal(e->tags.items[0], "hv");
        assert_int_equal(e->connection, SOVD_DISCONNECTED);
        assert_ptr_equal(e->providers[SOVD_COLLECTION_DATA], &first.backend);
        assert_ptr_equal(e->providers[SOVD_COLLECTION_MODES], &first.backend);
        assert_null(e->providers[SOVD_COLLECTION_FAULTS]);
}

static void the_same_id_of_another_type_is_another_entity(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"), fake_entity(SOVD_APP, "a"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);
        size_t n;

        assert_ptr_not_equal(found(tree, SOVD_COMPONENT, "a"), found(tree, SOVD_APP, "a"));
        assert_null(sovd_tree_find(tree, SOVD_AREA, "a"));
        (void)sovd_tree_clashes(tree, &n);
        assert_int_equal(n, 0);
}

static void the_first_owner_of_an_id_wins(void **state) {
        struct sovd_entity_spec mine = fake_entity(SOVD_COMPONENT, "a"), theirs = mine;
        mine.name = "Mine";
        theirs.name = "Theirs";
        const struct sovd_view views[] = { FAKE_VIEW(&first, mine), FAKE_VIEW(&second, theirs) };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);

        assert_string_equal(found(tree, SOVD_COMPONENT, "a")->name, "Mine");
        assert_int_equal(sovd_tree_list(tree, SOVD_COMPONENT)->n, 1);
}

static void each_clash_is_told_with_owner_and_loser(void **state) {
        const struct sovd_view views[] = {
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"), fake_entity(SOVD_APP, "x")),
                FAKE_VIEW(&second, fake_entity(SOVD_COMPONENT, "a"), fake_entity(SOVD_COMPONENT, "b"),
                          fake_entity(SOVD_APP, "x")),
        };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);
        size_t n;
        const struct sovd_clash *clashes = sovd_tree_clashes(tree, &n);

        assert_int_equal(n, 2);
        assert_int_equal(clashes[0].type, SOVD_COMPONENT);
        assert_string_equal(clashes[0].id, "a");
        assert_int_equal(clashes[1].type, SOVD_APP);
        assert_string_equal(clashes[1].id, "x");
        for (size_t i = 0; i < n; i++) {
                assert_ptr_equal(clashes[i].owner, &first.backend);
                assert_ptr_equal(clashes[i].loser, &second.backend);
        }
}

static void an_area_is_put_together_from_all_who_know_it(void **state) {
        const struct sovd_view views[] = {
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"), AREA("front", SOVD_RELATION_CONTAINS, FAKE_STRINGS("a"))),
                FAKE_VIEW(&second, fake_entity(SOVD_COMPONENT, "b"), AREA("front", SOVD_RELATION_CONTAINS, FAKE_STRINGS("b"))),
        };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);
        size_t n;

        (void)sovd_tree_clashes(tree, &n);
        assert_int_equal(n, 0);
        assert_int_equal(sovd_tree_list(tree, SOVD_AREA)->n, 1);
        relates(tree, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "a b");
        relates(tree, SOVD_COMPONENT, "b", SOVD_RELATION_BELONGS_TO, "front");
}

static void functions_that_offer_the_same_collection_clash(void **state) {
        struct sovd_entity_spec data = fake_entity(SOVD_FUNCTION, "f"), faults = data;
        size_t n;

        data.collections = 1u << SOVD_COLLECTION_DATA;
        faults.collections = 1u << SOVD_COLLECTION_FAULTS;
        const struct sovd_view views[] = { FAKE_VIEW(&first, data), FAKE_VIEW(&second, faults),
                                           FAKE_VIEW(&third, data) };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 3);
        const struct sovd_clash *clashes = sovd_tree_clashes(tree, &n);
        const struct sovd_entity *f = found(tree, SOVD_FUNCTION, "f");

        assert_ptr_equal(f->providers[SOVD_COLLECTION_DATA], &first.backend);
        assert_ptr_equal(f->providers[SOVD_COLLECTION_FAULTS], &second.backend);
        assert_int_equal(n, 1);
        assert_ptr_equal(clashes[0].loser, &third.backend);
}

static void an_id_twice_in_one_view_is_one_entity_and_no_clash(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"), fake_entity(SOVD_COMPONENT, "a"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);
        size_t n;

        (void)sovd_tree_clashes(tree, &n);
        assert_int_equal(n, 0);
        assert_int_equal(sovd_tree_list(tree, SOVD_COMPONENT)->n, 1);
}

/* --- relations ------------------------------------------------------------------------------------------ */

static void the_inverse_of_hosts_and_contains_is_added(void **state) {
        const struct sovd_view view = FAKE_VIEW(
                &first, AREA("front", SOVD_RELATION_CONTAINS, FAKE_STRINGS("components/ecu", "apps/nav")),
                COMPONENT("ecu", SOVD_RELATION_HOSTS, FAKE_STRINGS("nav")), fake_entity(SOVD_APP, "nav"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        relates(tree, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "ecu nav");
        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_BELONGS_TO, "front");
        relates(tree, SOVD_APP, "nav", SOVD_RELATION_BELONGS_TO, "front");
        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_HOSTS, "nav");
        relates(tree, SOVD_APP, "nav", SOVD_RELATION_IS_LOCATED_ON, "ecu");
}

static void the_inverse_of_is_located_on_and_belongs_to_is_added(void **state) {
        struct sovd_entity_spec nav = APP("nav", SOVD_RELATION_IS_LOCATED_ON, FAKE_STRINGS("ecu"));
        nav.relations[SOVD_RELATION_BELONGS_TO] = *FAKE_STRINGS("front");
        const struct sovd_view view =
                FAKE_VIEW(&first, nav, fake_entity(SOVD_COMPONENT, "ecu"), fake_entity(SOVD_AREA, "front"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_HOSTS, "nav");
        relates(tree, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "nav");
}

static void a_relation_that_both_ends_tell_is_listed_once(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("ecu", SOVD_RELATION_HOSTS, FAKE_STRINGS("nav", "nav")),
                          APP("nav", SOVD_RELATION_IS_LOCATED_ON, FAKE_STRINGS("ecu")));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_HOSTS, "nav");
        relates(tree, SOVD_APP, "nav", SOVD_RELATION_IS_LOCATED_ON, "ecu");
}

static void depends_on_has_no_inverse(void **state) {
        const struct sovd_view view = FAKE_VIEW(
                &first,
                APP("nav", SOVD_RELATION_DEPENDS_ON, FAKE_STRINGS("apps/map", "components/gps", "gps")),
                fake_entity(SOVD_APP, "map"), fake_entity(SOVD_COMPONENT, "gps"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        relates(tree, SOVD_APP, "nav", SOVD_RELATION_DEPENDS_ON, "map gps");
        for (int k = 0; k < SOVD_N_RELATIONS; k++)
                relates(tree, SOVD_APP, "map", (enum sovd_relation)k, "");
}

static void relations_lead_from_one_backend_to_another(void **state) {
        const struct sovd_view views[] = {
                FAKE_VIEW(&first, AREA("front", SOVD_RELATION_CONTAINS, FAKE_STRINGS("components/ecu"))),
                FAKE_VIEW(&second, fake_entity(SOVD_COMPONENT, "ecu")),
        };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);

        relates(tree, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "ecu");
        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_BELONGS_TO, "front");
}

static void relations_to_what_is_not_there_are_left_out(void **state) {
        const struct sovd_view view = FAKE_VIEW(
                &first, COMPONENT("ecu", SOVD_RELATION_HOSTS, FAKE_STRINGS("gone", "apps/", "", "nav")),
                fake_entity(SOVD_APP, "nav"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_HOSTS, "nav");
}

static void relations_of_an_entity_that_lost_its_id_do_not_count(void **state) {
        const struct sovd_view views[] = {
                FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "ecu"), fake_entity(SOVD_APP, "nav")),
                FAKE_VIEW(&second, COMPONENT("ecu", SOVD_RELATION_HOSTS, FAKE_STRINGS("nav"))),
        };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(views, 2);

        relates(tree, SOVD_COMPONENT, "ecu", SOVD_RELATION_HOSTS, "");
}

static void many_relations_keep_their_order_at_both_ends(void **state) {
        struct sovd_entity_spec specs[101];
        const char *ids[100];
        char names[100][8];

        for (int i = 0; i < 100; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "a%d", i);
                ids[i] = names[i];
                specs[i] = fake_entity(SOVD_APP, names[i]);
        }
        const struct sovd_strings apps = { .items = ids, .n = 100 };
        specs[100] = COMPONENT("ecu", SOVD_RELATION_HOSTS, &apps);
        const struct sovd_view view = { .backend = &first.backend, .entities = specs, .n_entities = 101 };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        const struct sovd_entities *hosts =
                &found(tree, SOVD_COMPONENT, "ecu")->relations[SOVD_RELATION_HOSTS];
        assert_int_equal(hosts->n, 100);
        for (int i = 0; i < 100; i++) {
                assert_string_equal(hosts->items[i]->id, names[i]);
                relates(tree, SOVD_APP, names[i], SOVD_RELATION_IS_LOCATED_ON, "ecu");
        }
}

/* --- parents -------------------------------------------------------------------------------------------- */

static void a_sub_entity_knows_its_parent(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("a", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("b")),
                          COMPONENT("b", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("c")),
                          fake_entity(SOVD_COMPONENT, "c"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        assert_null(found(tree, SOVD_COMPONENT, "a")->parent);
        assert_ptr_equal(found(tree, SOVD_COMPONENT, "b")->parent, found(tree, SOVD_COMPONENT, "a"));
        assert_ptr_equal(found(tree, SOVD_COMPONENT, "c")->parent, found(tree, SOVD_COMPONENT, "b"));
        relates(tree, SOVD_COMPONENT, "a", SOVD_RELATION_SUBCOMPONENTS, "b");
}

static void a_subarea_knows_its_parent(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, AREA("car", SOVD_RELATION_SUBAREAS, FAKE_STRINGS("front")),
                          fake_entity(SOVD_AREA, "front"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        assert_ptr_equal(found(tree, SOVD_AREA, "front")->parent, found(tree, SOVD_AREA, "car"));
}

static void the_first_parent_stays(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("a", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("c")),
                          COMPONENT("b", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("c")),
                          fake_entity(SOVD_COMPONENT, "c"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        assert_string_equal(found(tree, SOVD_COMPONENT, "c")->parent->id, "a");
        relates(tree, SOVD_COMPONENT, "b", SOVD_RELATION_SUBCOMPONENTS, "");
}

static void a_ring_of_parents_is_cut(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("a", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("b")),
                          COMPONENT("b", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("c")),
                          COMPONENT("c", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("a")));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        assert_null(found(tree, SOVD_COMPONENT, "a")->parent);
        relates(tree, SOVD_COMPONENT, "c", SOVD_RELATION_SUBCOMPONENTS, "");
}

static void an_entity_does_not_relate_to_itself(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("a", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("a")),
                          APP("x", SOVD_RELATION_DEPENDS_ON, FAKE_STRINGS("apps/x")));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        assert_null(found(tree, SOVD_COMPONENT, "a")->parent);
        relates(tree, SOVD_COMPONENT, "a", SOVD_RELATION_SUBCOMPONENTS, "");
        relates(tree, SOVD_APP, "x", SOVD_RELATION_DEPENDS_ON, "");
}

/* --- size and life -------------------------------------------------------------------------------------- */

static void each_of_10000_entities_is_found(void **state) {
        enum { N = 10000 };
        struct sovd_entity_spec *specs = calloc(N, sizeof(*specs));
        char(*ids)[16] = calloc(N, sizeof(*ids));

        assert_non_null(specs);
        assert_non_null(ids);
        for (int i = 0; i < N; i++) {
                (void)snprintf(ids[i], sizeof(ids[i]), "ecu-%d", i);
                specs[i] = fake_entity(i % 2 ? SOVD_COMPONENT : SOVD_APP, ids[i]);
        }
        const struct sovd_view view = { .backend = &first.backend, .entities = specs, .n_entities = N };
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);

        for (int i = 0; i < N; i++) {
                assert_string_equal(found(tree, specs[i].type, ids[i])->id, ids[i]);
                assert_null(sovd_tree_find(tree, i % 2 ? SOVD_APP : SOVD_COMPONENT, ids[i]));
        }
        assert_null(sovd_tree_find(tree, SOVD_COMPONENT, "ecu-10001"));
        assert_int_equal(sovd_tree_list(tree, SOVD_COMPONENT)->n, N / 2);
        free(specs);
        free(ids);
}

static void a_tree_keeps_its_backends_alive(void **state) {
        const struct sovd_view view = FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"));
        struct sovd_tree *tree = tree_of(&view, 1);

        sovd_backend_unref(&first.backend);
        assert_int_equal(first.n_freed, 0);
        sovd_tree_unref(tree);

        assert_int_equal(first.n_freed, 1);
}

static void the_last_reference_ends_a_tree(void **state) {
        const struct sovd_view view = FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"));
        struct sovd_tree *tree = tree_of(&view, 1), *other = sovd_tree_ref(tree);

        sovd_backend_unref(&first.backend);
        sovd_tree_unref(tree);
        assert_int_equal(first.n_freed, 0);
        assert_string_equal(found(other, SOVD_COMPONENT, "a")->owner->name, "first");
        sovd_tree_unref(other);

        assert_int_equal(first.n_freed, 1);
}

/* --- parts ---------------------------------------------------------------------------------------------- */

static bool is_not(const struct sovd_entity *e, void *data) {
        return strcmp(e->id, data) != 0;
}

static struct sovd_tree *without(struct sovd_tree *tree, const char *id) {
        struct sovd_tree *part = NULL;

        assert_int_equal(sovd_tree_part(&part, tree, is_not, (void *)(uintptr_t)id, false), 0);
        return part;
}

static void a_part_has_no_trace_of_what_is_left_out(void **state) {
        const struct sovd_view view = FAKE_VIEW(
                &first, AREA("front", SOVD_RELATION_CONTAINS, FAKE_STRINGS("components/ecu", "apps/nav")),
                COMPONENT("ecu", SOVD_RELATION_HOSTS, FAKE_STRINGS("nav")), fake_entity(SOVD_APP, "nav"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *part = without(tree, "ecu");

        assert_null(sovd_tree_find(part, SOVD_COMPONENT, "ecu"));
        assert_int_equal(sovd_tree_list(part, SOVD_COMPONENT)->n, 0);
        relates(part, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "nav");
        relates(part, SOVD_APP, "nav", SOVD_RELATION_IS_LOCATED_ON, "");
        relates(tree, SOVD_AREA, "front", SOVD_RELATION_CONTAINS, "ecu nav"); /* the whole is as it was */
        assert_ptr_equal(found(part, SOVD_APP, "nav")->owner, found(tree, SOVD_APP, "nav")->owner);
}

static void what_a_part_relates_to_is_of_the_part(void **state) {
        const struct sovd_view view =
                FAKE_VIEW(&first, COMPONENT("a", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("b")),
                          COMPONENT("b", SOVD_RELATION_SUBCOMPONENTS, FAKE_STRINGS("c")), fake_entity(SOVD_COMPONENT, "c"));
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = tree_of(&view, 1);
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *part = without(tree, "a");

        assert_null(found(part, SOVD_COMPONENT, "b")->parent);
        assert_ptr_equal(found(part, SOVD_COMPONENT, "c")->parent, found(part, SOVD_COMPONENT, "b"));
        assert_ptr_equal(found(part, SOVD_COMPONENT, "b")->relations[SOVD_RELATION_SUBCOMPONENTS].items[0],
                         found(part, SOVD_COMPONENT, "c"));
        assert_ptr_equal(sovd_entity_whole(found(part, SOVD_COMPONENT, "b")), found(tree, SOVD_COMPONENT, "b"));
        assert_ptr_equal(sovd_tree_whole(part), tree);
        assert_ptr_equal(sovd_tree_whole(tree), tree);
}

static void a_part_keeps_the_whole_alive(void **state) {
        const struct sovd_view view = FAKE_VIEW(&first, fake_entity(SOVD_COMPONENT, "a"));
        struct sovd_tree *tree = tree_of(&view, 1), *part = without(tree, "b"), *of_part = without(part, "a");

        sovd_backend_unref(&first.backend);
        sovd_tree_unref(tree);
        assert_string_equal(found(part, SOVD_COMPONENT, "a")->id, "a");
        assert_null(sovd_tree_find(of_part, SOVD_COMPONENT, "a"));
        sovd_tree_unref(part);
        assert_int_equal(first.n_freed, 0);
        sovd_tree_unref(of_part);

        assert_int_equal(first.n_freed, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, make_backends)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(an_empty_tree_has_no_entities),
                TEST(views_are_put_together_in_their_order),
                TEST(an_entity_is_a_copy_of_what_the_view_says),
                TEST(the_same_id_of_another_type_is_another_entity),
                TEST(the_first_owner_of_an_id_wins),
                TEST(each_clash_is_told_with_owner_and_loser),
                TEST(an_area_is_put_together_from_all_who_know_it),
                TEST(functions_that_offer_the_same_collection_clash),
                TEST(an_id_twice_in_one_view_is_one_entity_and_no_clash),
                TEST(the_inverse_of_hosts_and_contains_is_added),
                TEST(the_inverse_of_is_located_on_and_belongs_to_is_added),
                TEST(a_relation_that_both_ends_tell_is_listed_once),
                TEST(depends_on_has_no_inverse),
                TEST(relations_lead_from_one_backend_to_another),
                TEST(relations_to_what_is_not_there_are_left_out),
                TEST(relations_of_an_entity_that_lost_its_id_do_not_count),
                TEST(many_relations_keep_their_order_at_both_ends),
                TEST(a_sub_entity_knows_its_parent),
                TEST(a_subarea_knows_its_parent),
                TEST(the_first_parent_stays),
                TEST(a_ring_of_parents_is_cut),
                TEST(an_entity_does_not_relate_to_itself),
                TEST(each_of_10000_entities_is_found),
                TEST(a_tree_keeps_its_backends_alive),
                TEST(the_last_reference_ends_a_tree),
                TEST(a_part_has_no_trace_of_what_is_left_out),
                TEST(what_a_part_relates_to_is_of_the_part),
                TEST(a_part_keeps_the_whole_alive),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
