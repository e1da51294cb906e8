/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/router.h"
#include <stdio.h>

static struct sovd_arena *arena;
static struct sovd_match match;

static int make_arena(void **state) {
        return sovd_arena_new(&arena, 4096);
}

static int free_arena(void **state) {
        arena = sovd_arena_free(arena);
        return 0;
}

static void ask(int method, const char *path) {
        static struct sovd_target target;
        const char *reason;

        assert_int_equal(sovd_target_parse(&target, path, arena, &reason), 0);
        sovd_router_match(&match, &target, method);
}

/* The route's path with ids in it: "{x-id}" becomes "an x-id". type: of the entity, if the path is below one. */
static const char *sample(const struct sovd_route *r, int type) {
        const char *p = r->path;
        char *out = sovd_arena_strdup(arena, r->flags & SOVD_ROUTE_ROOT ? "" : SOVD_API_BASE);

        if (sovd_has_prefix(p, "/{entity}")) {
                out = sovd_arena_printf(arena, "%s/%s/ecu", out, sovd_entity_type_paths[type]);
                p += strlen("/{entity}");
        }
        while (*p == '/' && p[1]) {
                int len = (int)strcspn(p + 1, "/");
                if (sovd_has_prefix(p, "/{entity-collection}"))
                        out = sovd_arena_printf(arena, "%s/%s", out, sovd_entity_type_paths[type]);
                else if (p[1] == '{')
                        out = sovd_arena_printf(arena, "%s/an%%20%.*s", out, len - 2, p + 2);
                else
                        out = sovd_arena_printf(arena, "%s/%.*s", out, len, p + 1);
                p += len + 1;
        }
        return out;
}

static bool is_for(const struct sovd_route *r, int type) {
        return !r->entities || (r->entities & SOVD_ONLY(type));
}

static void each_id_of_a_route_is_unique(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++)
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(sovd_route_at(i)->id, sovd_route_at(k)->id);
        assert_null(sovd_route_at(sovd_route_count()));
}

static void each_route_is_complete(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++) {
                const struct sovd_route *r = sovd_route_at(i);

                if (!r->handler || !r->summary || r->path[0] != '/' || r->success < 200 || r->success > 299)
                        fail_msg("%s lacks something", r->id);
                if (sovd_has_prefix(r->path, "/{entity}") != (r->entities != 0))
                        fail_msg("%s: the path and the entity types do not agree", r->id);
                bool bare = r->success == 204 || (r->flags & (SOVD_DOCUMENT | SOVD_STREAM_OUT));
                bool either = r->success == 202 || (r->flags & SOVD_EVENTS); /* a body or none; a schema of events or none */
                if ((r->out == NULL) != bare && !(r->out == NULL && either))
                        fail_msg("%s: the status and the schema do not agree", r->id);
                if ((r->out_other != NULL) && !r->success_other)
                        fail_msg("%s: the second form has no status", r->id);
        }
}

static void each_route_is_found_by_its_own_path(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++)
                for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                        const struct sovd_route *r = sovd_route_at(i);
                        if (!is_for(r, type))
                                continue;
                        ask((int)r->method, sample(r, type));
                        if (match.route != r || match.position != i)
                                fail_msg("%s: %s is found instead of %s", sample(r, type),
                                         match.route ? match.route->id : "nothing", r->id);
                        assert_false(match.is_docs);
                        assert_int_equal(match.n_steps, r->entities != 0);
                }
}

/* Of two routes that take the same path and method, the second could never be reached. */
static void no_path_leads_to_two_routes(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++)
                for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                        const struct sovd_route *r = sovd_route_at(i);
                        unsigned expected = 0;

                        for (size_t k = 0; k < sovd_route_count(); k++) {
                                const struct sovd_route *other = sovd_route_at(k);
                                if (strcmp(other->path, r->path) != 0 || !is_for(other, type))
                                        continue;
                                if (other != r && other->method == r->method && is_for(r, type))
                                        fail_msg("%s and %s are the same", r->id, other->id);
                                expected |= 1u << other->method;
                        }
                        ask(-1, sample(r, type));
                        if (match.allowed != expected)
                                fail_msg("%s: methods %x instead of %x", sample(r, type), match.allowed,
                                         expected);
                        assert_null(match.route);
                }
}

static void a_method_that_a_path_lacks_leaves_those_it_has(void **state) {
        ask(SOVD_POST, "/sovd/v1/components/ecu/data/soc");

        assert_null(match.route);
        assert_int_equal(match.allowed, 1u << SOVD_GET | 1u << SOVD_PUT);
}

static void parameters_are_told_in_their_order(void **state) {
        ask(SOVD_GET, "/sovd/v1/components/ecu/operations/self%2Ftest/executions/4711");

        assert_non_null(match.route);
        assert_string_equal(match.route->id, "execution-read");
        assert_string_equal(match.params[0], "self/test");
        assert_string_equal(match.params[1], "4711");
        assert_null(match.params[2]);
        assert_string_equal(match.steps[0].id, "ecu");
        assert_int_equal(match.steps[0].type, SOVD_COMPONENT);
}

static void the_root_of_the_api_is_found_with_and_without_a_slash(void **state) {
        ask(SOVD_GET, "/sovd/v1");
        assert_string_equal(match.route->id, "root-read");
        ask(SOVD_GET, "/sovd/v1/");
        assert_string_equal(match.route->id, "root-read");
}

static void nested_subcomponents_are_told_step_by_step(void **state) {
        static const char *const ids[] = { "a", "b", "c" };

        ask(SOVD_GET, "/sovd/v1/components/a/subcomponents/b/subcomponents/c/data/soc");

        assert_string_equal(match.route->id, "data-read");
        assert_string_equal(match.params[0], "soc");
        assert_int_equal(match.n_steps, 3);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(match.steps[i].type, SOVD_COMPONENT);
                assert_string_equal(match.steps[i].id, ids[i]);
        }
}

static void nested_subareas_are_told_step_by_step(void **state) {
        ask(SOVD_GET, "/sovd/v1/areas/car/subareas/front");

        assert_string_equal(match.route->id, "entity-read");
        assert_int_equal(match.n_steps, 2);
        assert_int_equal(match.steps[1].type, SOVD_AREA);
        assert_string_equal(match.steps[1].id, "front");
}

static void a_list_of_sub_entities_is_not_a_step(void **state) {
        ask(SOVD_GET, "/sovd/v1/components/a/subcomponents/b/subcomponents");

        assert_string_equal(match.route->id, "subcomponents-list");
        assert_int_equal(match.n_steps, 2);
}

static void steps_of_another_type_lead_nowhere(void **state) {
        static const char *const paths[] = {
                "/sovd/v1/components/a/subareas/b", "/sovd/v1/areas/a/subcomponents/b",
                "/sovd/v1/apps/a/subcomponents/b",  "/sovd/v1/components/a/components/b",
                "/sovd/v1/functions/f/subareas",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++) {
                ask(SOVD_GET, paths[i]);
                assert_int_equal(match.allowed, 0);
        }
}

static void paths_nest_16_steps_deep(void **state) {
        char path[600] = "/sovd/v1/components/a";

        for (int i = 1; i < SOVD_ENTITY_STEPS_MAX; i++)
                strcat(path, "/subcomponents/b");
        ask(SOVD_GET, path);
        assert_non_null(match.route);
        assert_int_equal(match.n_steps, SOVD_ENTITY_STEPS_MAX);

        strcat(path, "/subcomponents/b");
        ask(SOVD_GET, path);
        assert_int_equal(match.allowed, 0);
}

static void docs_behind_each_path_asks_for_its_description(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++)
                for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                        const struct sovd_route *r = sovd_route_at(i);
                        if (!is_for(r, type) || (r->flags & SOVD_ROUTE_ROOT))
                                continue;
                        const char *path = sample(r, type);
                        ask(SOVD_GET, sovd_arena_printf(arena, "%s%sdocs", path,
                                                        path[strlen(path) - 1] == '/' ? "" : "/"));
                        if (!match.is_docs || match.route || !(match.allowed & (1u << r->method)))
                                fail_msg("%s/docs is not found", path);
                        assert_int_equal(match.n_steps, r->entities != 0);
                }
}

static void docs_of_a_path_that_is_not_there_is_not_there(void **state) {
        ask(SOVD_GET, "/sovd/v1/nothing/docs");
        assert_true(match.is_docs);
        assert_int_equal(match.allowed, 0);
        ask(SOVD_GET, "/docs");
        assert_int_equal(match.allowed, 0);
        ask(SOVD_GET, "/sovd/docs");
        assert_int_equal(match.allowed, 0);
        ask(SOVD_GET, "/healthz/docs");
        assert_int_equal(match.allowed, 0);
}

static void paths_that_no_route_has_are_not_found(void **state) {
        static const char *const paths[] = {
                "/",
                "/sovd",
                "/sovd/v2",
                "/sovd/v2/components",
                "/v1/components",
                "/components",
                "/SOVD/v1",
                "/sovd/v1/component",
                "/sovd/v1/Components",
                "/sovd/v1/components/a/nothing",
                "/sovd/v1/components/a/data/b/c",
                "/sovd/v1/components/a/operations/b/c",
                "/sovd/v1/components/a/operations/b/executions/c/d",
                "/sovd/v1/healthz",
                "/sovd/v1/metrics",
                "/health",
                "/metrics/x",
                "/openapi.json/x",
                "/sovd/version-info/x",
                "/version-info",
                "/sovd/v1/components/a/datax",
                "/sovd/v1/components/a/dat",
                "/sovd/v1/{entity-collection}",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++)
                for (int method = -1; method < SOVD_N_METHODS; method++) {
                        ask(method, paths[i]);
                        if (match.route || match.allowed)
                                fail_msg("%s is found", paths[i]);
                }
}

static void ids_may_be_spelled_like_names_of_the_api(void **state) {
        ask(SOVD_GET, "/sovd/v1/components/data/data/data");
        assert_string_equal(match.route->id, "data-read");
        assert_string_equal(match.steps[0].id, "data");
        assert_string_equal(match.params[0], "data");
        ask(SOVD_GET, "/sovd/v1/components/subcomponents");
        assert_string_equal(match.route->id, "entity-read");
}

static void a_pattern_matches_whole_segments_only(void **state) {
        static const char *const segments[] = { "data", "x" };
        const char *params[SOVD_PARAMS_MAX] = { NULL };

        assert_true(sovd_router_matches("/data/{id}", segments, 2, params));
        assert_string_equal(params[0], "x");
        assert_false(sovd_router_matches("/data/{id}", segments, 1, params));
        assert_false(sovd_router_matches("/data", segments, 2, params));
        assert_false(sovd_router_matches("/dat/{id}", segments, 2, params));
        assert_false(sovd_router_matches("/data/y", segments, 2, params));
        assert_true(sovd_router_matches("/", segments, 0, params));
        assert_true(sovd_router_matches("", segments, 0, params));
}

static void a_change_of_an_entity_needs_a_scope_of_locks_and_nothing_else_does(void **state) {
        const unsigned temporary = 1u << SOVD_COLLECTION_LOCKS | 1u << SOVD_COLLECTION_DATA_LISTS |
                                   1u << SOVD_COLLECTION_TRIGGERS | 1u << SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS;

        for (size_t i = 0; i < sovd_route_count(); i++) {
                const struct sovd_route *r = sovd_route_at(i);
                bool free = r->method == SOVD_GET || !sovd_has_prefix(r->path, "/{entity}/") ||
                            (r->flags & SOVD_NO_LOCK) || (temporary & (1u << r->collection));

                assert_int_equal(sovd_route_lock_scope(r), free ? SOVD_NO_COLLECTION : r->collection);
                if (!free)
                        assert_int_not_equal(r->collection, SOVD_NO_COLLECTION);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(each_id_of_a_route_is_unique),
                TEST(each_route_is_complete),
                TEST(each_route_is_found_by_its_own_path),
                TEST(no_path_leads_to_two_routes),
                TEST(a_method_that_a_path_lacks_leaves_those_it_has),
                TEST(parameters_are_told_in_their_order),
                TEST(the_root_of_the_api_is_found_with_and_without_a_slash),
                TEST(nested_subcomponents_are_told_step_by_step),
                TEST(nested_subareas_are_told_step_by_step),
                TEST(a_list_of_sub_entities_is_not_a_step),
                TEST(steps_of_another_type_lead_nowhere),
                TEST(paths_nest_16_steps_deep),
                TEST(docs_behind_each_path_asks_for_its_description),
                TEST(docs_of_a_path_that_is_not_there_is_not_there),
                TEST(paths_that_no_route_has_are_not_found),
                TEST(ids_may_be_spelled_like_names_of_the_api),
                TEST(a_pattern_matches_whole_segments_only),
                TEST(a_change_of_an_entity_needs_a_scope_of_locks_and_nothing_else_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
