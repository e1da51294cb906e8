/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/openapi.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/router.h"
#include <cjson/cJSON.h>
#include <stdio.h>

static struct sovd_arena *arena;
static cJSON *document;
static const cJSON *paths;

static const char *const method_keys[] = { "get", "post", "put", "delete" };

static void read_document(const char *text) {
        const struct sovd_json_limits limits = { .max_nodes = 100000 };
        struct sovd_json_fault fault;

        if (sovd_json_parse(&document, text, strlen(text), &limits, &fault))
                fail_msg("%s at %zu", fault.reason, fault.offset);
        paths = cJSON_GetObjectItem(document, "paths");
        assert_non_null(paths);
}

static int make_document(void **state) {
        _cleanup_(sovd_freep) char *text = sovd_openapi_text(SOVD_API_BASE, false);

        if (!text || sovd_arena_new(&arena, 4096))
                return -1;
        read_document(text);
        return 0;
}

static int clean_up(void **state) {
        cJSON_Delete(document);
        document = NULL;
        arena = sovd_arena_free(arena);
        return 0;
}

/* The path of a route as the document has it; type: SOVD_N_ENTITY_TYPES for routes that all types have. */
static const char *path_of(const struct sovd_route *r, int type) {
        const char *rest = r->path + strlen("/{entity}");

        if (!sovd_has_prefix(r->path, "/{entity}"))
                return r->path;
        return sovd_arena_printf(
                arena, "/%s/{entity-id}%s",
                type < SOVD_N_ENTITY_TYPES ? sovd_entity_type_paths[type] : "{entity-collection}", rest);
}

static const cJSON *operation_at(const char *path, const char *method) {
        return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(paths, path), method);
}

static void is_described(const struct sovd_route *r, int type) {
        const char *path = path_of(r, type);
        const cJSON *operation = operation_at(path, method_keys[r->method]);

        if (!operation)
                fail_msg("%s %s is not in the document", method_keys[r->method], path);
        assert_string_equal(cJSON_GetObjectItem(operation, "x-gw-route")->valuestring, r->id);
        assert_string_equal(cJSON_GetObjectItem(operation, "summary")->valuestring, r->summary);
}

/* Calls f for every operation of the document. */
static void each_operation(void (*f)(const char *path, const char *method, const cJSON *operation)) {
        const cJSON *path, *operation;

        cJSON_ArrayForEach (path, paths)
                cJSON_ArrayForEach (operation, path)
                        if (cJSON_GetObjectItem(operation, "responses"))
                                f(path->string, operation->string, operation);
}

/* --- the whole document --------------------------------------------------------------------------------- */

static void each_route_is_in_the_document(void **state) {
        for (size_t i = 0; i < sovd_route_count(); i++) {
                const struct sovd_route *r = sovd_route_at(i);

                if (!r->entities || r->entities == SOVD_ANY_ENTITY) {
                        is_described(r, SOVD_N_ENTITY_TYPES);
                        continue;
                }
                for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                        if (r->entities & SOVD_ONLY(type))
                                is_described(r, type);
        }
}

static size_t n_operations;

static const struct sovd_route *route_of(const cJSON *operation) {
        const cJSON *id = cJSON_GetObjectItem(operation, "x-gw-route");

        for (size_t i = 0; i < sovd_route_count(); i++)
                if (strcmp(sovd_route_at(i)->id, id->valuestring) == 0)
                        return sovd_route_at(i);
        return NULL;
}

static bool has_path(const struct sovd_route *r, const char *path) {
        for (int type = 0; type <= SOVD_N_ENTITY_TYPES; type++)
                if ((type == SOVD_N_ENTITY_TYPES || (r->entities & SOVD_ONLY(type))) &&
                    strcmp(path_of(r, type), path) == 0)
                        return true;
        return false;
}

static void check_route(const char *path, const char *method, const cJSON *operation) {
        const struct sovd_route *r = route_of(operation);

        n_operations++;
        if (!r || strcmp(method_keys[r->method], method) != 0 || !has_path(r, path))
                fail_msg("%s %s is not in the route table", method, path);
}

static void each_operation_is_a_route(void **state) {
        n_operations = 0;
        each_operation(check_route);

        assert_true(n_operations >= sovd_route_count());
}

static bool is_router_path(const char *path, bool root, int method) {
        struct sovd_target target;
        struct sovd_match match;
        const char *reason;
        char text[300];
        size_t n = 0;

        /* "{entity-collection}" stands for one of four words, other names for any id. */
        n += (size_t)snprintf(text, sizeof(text), "%s", root ? "" : SOVD_API_BASE);
        for (const char *p = path; *p; p++) {
                if (*p != '{') {
                        text[n++] = *p;
                        continue;
                }
                n += (size_t)sprintf(text + n, "%s",
                                     sovd_has_prefix(p, "{entity-collection}") ? "components" : "x");
                p = strchr(p, '}');
        }
        text[n] = '\0';
        assert_int_equal(sovd_target_parse(&target, text, arena, &reason), 0);
        sovd_router_match(&match, &target, method);
        return match.route;
}

static void check_reachable(const char *path, const char *method, const cJSON *operation) {
        const struct sovd_route *r = route_of(operation);

        if (!is_router_path(path, r->flags & SOVD_ROUTE_ROOT, (int)r->method))
                fail_msg("the router does not know %s %s", method, path);
}

static void each_operation_is_reached_by_the_router(void **state) {
        each_operation(check_reachable);
}

static void check_parameters(const char *path, const char *method, const cJSON *operation) {
        const cJSON *parameters = cJSON_GetObjectItem(operation, "parameters"), *p;
        size_t n_in_path = 0, n_declared = 0;

        for (const char *s = path; *s; s++)
                n_in_path += *s == '{';
        cJSON_ArrayForEach (p, parameters) {
                char name[80];

                if (strcmp(cJSON_GetObjectItem(p, "in")->valuestring, "path") != 0)
                        continue;
                (void)snprintf(name, sizeof(name), "{%s}", cJSON_GetObjectItem(p, "name")->valuestring);
                if (!strstr(path, name) || !cJSON_IsTrue(cJSON_GetObjectItem(p, "required")))
                        fail_msg("%s %s: parameter %s", method, path, name);
                n_declared++;
        }
        if (n_in_path != n_declared)
                fail_msg("%s %s: %zu path parameters, %zu described", method, path, n_in_path, n_declared);
}

static void each_parameter_of_a_path_is_described_once(void **state) {
        each_operation(check_parameters);
}

static void check_query(const char *path, const char *method, const cJSON *operation) {
        const struct sovd_route *r = route_of(operation);
        const cJSON *parameters = cJSON_GetObjectItem(operation, "parameters"), *p;
        size_t n_expected = (r->flags & SOVD_INCLUDE_SCHEMA) != 0, n = 0;

        for (const struct sovd_query_param *q = r->query; q && q->name; q++)
                n_expected++;
        cJSON_ArrayForEach (p, parameters)
                n += strcmp(cJSON_GetObjectItem(p, "in")->valuestring, "query") == 0;
        if (n != n_expected)
                fail_msg("%s %s: %zu query parameters, %zu described", method, path, n_expected, n);
}

static void each_query_parameter_is_described(void **state) {
        each_operation(check_query);
}

static void check_responses(const char *path, const char *method, const cJSON *operation) {
        const struct sovd_route *r = route_of(operation);
        const cJSON *responses = cJSON_GetObjectItem(operation, "responses");
        char code[8];

        (void)snprintf(code, sizeof(code), "%u", r->success);
        if (!cJSON_GetObjectItem(responses, code) || !cJSON_GetObjectItem(responses, "default"))
                fail_msg("%s %s lacks an answer", method, path);
        (void)snprintf(code, sizeof(code), "%u", r->success_other);
        if (r->success_other && !cJSON_GetObjectItem(responses, code))
                fail_msg("%s %s lacks %s", method, path, code);
        if ((r->in != NULL || (r->flags & (SOVD_STREAM_BODY | SOVD_RAW_BODY))) != (cJSON_GetObjectItem(operation, "requestBody") != NULL))
                fail_msg("%s %s: body", method, path);
}

static void each_operation_has_its_answers_and_its_body(void **state) {
        each_operation(check_responses);
}

static size_t n_refs;

static bool leads_somewhere(const char *ref, const char *kind) {
        char prefix[64];

        (void)snprintf(prefix, sizeof(prefix), "#/components/%s/", kind);
        return sovd_has_prefix(ref, prefix) &&
               cJSON_GetObjectItemCaseSensitive(
                       cJSON_GetObjectItem(cJSON_GetObjectItem(document, "components"), kind), ref + strlen(prefix));
}

static void check_refs(const cJSON *node) {
        const cJSON *child;

        if (node->string && strcmp(node->string, "$ref") == 0) {
                n_refs++;
                if (!leads_somewhere(node->valuestring, "schemas") && !leads_somewhere(node->valuestring, "responses"))
                        fail_msg("%s leads nowhere", node->valuestring);
        }
        cJSON_ArrayForEach (child, node)
                check_refs(child);
}

static void every_reference_leads_somewhere(void **state) {
        n_refs = 0;
        check_refs(document);

        assert_true(n_refs > sovd_route_count());
}

/* Two tables with one name would make one of them vanish from the document. */
struct known {
        const struct sovd_schema *schemas[200];
        size_t n;
};

static void note_schema(const struct sovd_schema *schema, void *data) {
        struct known *known = data;

        for (size_t i = 0; i < known->n; i++) {
                if (known->schemas[i] == schema)
                        return;
                if (strcmp(known->schemas[i]->name, schema->name) == 0)
                        fail_msg("two schemas are named %s", schema->name);
        }
        assert_true(known->n < SOVD_N_ELEMENTS(known->schemas));
        known->schemas[known->n++] = schema;
}

static void each_name_of_a_schema_is_unique(void **state) {
        struct known known = { .n = 0 };

        for (size_t i = 0; i < sovd_route_count(); i++) {
                const struct sovd_route *r = sovd_route_at(i);
                const struct sovd_schema *const all[] = { r->in, r->out, r->out_other };
                for (size_t k = 0; k < SOVD_N_ELEMENTS(all); k++)
                        if (all[k])
                                sovd_schema_visit(all[k], note_schema, &known);
        }
        assert_true(known.n > 10);
}

static void the_document_says_what_it_is(void **state) {
        const cJSON *servers = cJSON_GetObjectItem(document, "servers");

        assert_string_equal(cJSON_GetObjectItem(document, "openapi")->valuestring, "3.1.0");
        assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(servers, 0), "url")->valuestring,
                            SOVD_API_BASE);
        assert_string_equal(
                cJSON_GetObjectItem(cJSON_GetObjectItem(document, "info"), "version")->valuestring,
                SOVD_VERSION);
}

static void paths_outside_of_the_api_name_their_own_server(void **state) {
        const cJSON *servers =
                cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(paths, "/healthz"), "servers");

        assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(servers, 0), "url")->valuestring, "/");
}

/* The standard's names begin with x-sovd-, and nobody else may make such; ours with x-gw-. */
static void check_names(const cJSON *node) {
        static const char *const standard[] = { "x-sovd-version", "x-sovd-retention-timeout", NULL };
        const cJSON *child;

        if (node->string && sovd_has_prefix(node->string, "x-") && !sovd_has_prefix(node->string, "x-gw-") &&
            sovd_name_find(standard, node->string) < 0)
                fail_msg("'%s' is no name that may be made here", node->string);
        cJSON_ArrayForEach (child, node)
                check_names(child);
}

static void names_of_extensions_are_ours_or_the_standards(void **state) {
        check_names(document);
}

static void the_pretty_document_is_the_same(void **state) {
        _cleanup_(sovd_freep) char *pretty = sovd_openapi_text(SOVD_API_BASE, true),
                                   *plain = sovd_openapi_text(SOVD_API_BASE, false);
        cJSON *a = cJSON_Parse(pretty), *b = cJSON_Parse(plain);

        assert_true(strchr(pretty, '\n') && !strchr(plain, '\n'));
        assert_true(a && cJSON_Compare(a, b, true));
        cJSON_Delete(a);
        cJSON_Delete(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_document, clean_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(each_route_is_in_the_document),
                TEST(each_operation_is_a_route),
                TEST(each_operation_is_reached_by_the_router),
                TEST(each_parameter_of_a_path_is_described_once),
                TEST(each_query_parameter_is_described),
                TEST(each_operation_has_its_answers_and_its_body),
                TEST(every_reference_leads_somewhere),
                TEST(each_name_of_a_schema_is_unique),
                TEST(the_document_says_what_it_is),
                TEST(paths_outside_of_the_api_name_their_own_server),
                TEST(names_of_extensions_are_ours_or_the_standards),
                TEST(the_pretty_document_is_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
