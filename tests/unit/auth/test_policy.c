/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/policy.h"
#include "sovd-core/base/error.h"
#include "sovd-core/call.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const collections[] = { "entities", "data", "faults", "operations", "modes", "updates", "x-admin",
                                           "audit", "locks", "health", NULL };
static const char *const routes[] = { "data-read", "data-write", "fault-clear", "lock-break", "backup", NULL };
static const struct sovd_policy_names names = { collections, routes };

struct fixture {
        struct sovd_arena *arena;
        struct sovd_policy *policy;
};

static int set_up(void **state) {
        static struct fixture f;

        f = (struct fixture){ 0 };
        *state = &f;
        return sovd_arena_new(&f.arena, 4096);
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        sovd_policy_unref(f->policy);
        sovd_arena_free(f->arena);
        return 0;
}

static const struct sovd_policy *load(void **state, const char *text) {
        struct fixture *f = *state;
        const char *message = NULL;

        f->policy = sovd_policy_unref(f->policy);
        int r = sovd_policy_parse(&f->policy, "p.yaml", text, strlen(text), &names, f->arena, &message);
        if (r)
                print_error("%s\n", message);
        assert_int_equal(r, 0);
        return f->policy;
}

static const char *refusal(void **state, const char *text) {
        struct fixture *f = *state;
        struct sovd_policy *policy = NULL;
        const char *message = NULL;

        assert_true(sovd_policy_parse(&policy, "p.yaml", text, strlen(text), &names, f->arena, &message) > 0);
        assert_null(policy);
        return message;
}

#define ROLES(...)                                                                                  \
        ((struct sovd_principal){ .id = "x",                                                        \
                                  .roles = { .items = (const char *[]){ __VA_ARGS__ },              \
                                             .n = SOVD_N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), \
                                             .set = true } })

/* "GET data components/bms soc" */
static struct sovd_decision decide(const struct sovd_policy *policy, const struct sovd_principal *who, const char *text) {
        static char buf[256];
        const char *words[5] = { NULL };
        static const char *resource[1];
        size_t n = 0;

        (void)snprintf(buf, sizeof(buf), "%s", text);
        for (char *save, *w = strtok_r(buf, " ", &save); w && n < 5; w = strtok_r(NULL, " ", &save))
                words[n++] = w;
        struct sovd_access a = { .method = words[0], .collection = words[1], .route = "data-read" };
        if (words[2]) {
                char *slash = strchr((char *)(uintptr_t)words[2], '/');
                *slash = '\0';
                a.entity_type = words[2];
                a.entity_id = slash + 1;
        }
        resource[0] = words[3];
        a.resource = resource;
        a.n_resource = words[3] ? 1 : 0;
        return sovd_policy_decide(policy, who, &a);
}

static void check(const struct sovd_policy *policy, struct sovd_principal who, const char *text, enum sovd_verdict verdict) {
        const struct sovd_decision d = decide(policy, &who, text);

        if (d.verdict != verdict)
                print_error("%s: %d (%s, %s), not %d\n", text, d.verdict, d.why, d.rule ? d.rule : "-", verdict);
        assert_int_equal(d.verdict, verdict);
}

static void a_pattern_matches_segment_by_segment(void **state) {
        static const struct {
                const char *pattern;
                const char *segments[4];
                size_t n;
                bool with_rest, expected;
        } all[] = {
                { "components/bms", { "components", "bms" }, 2, false, true },
                { "components/bms", { "components", "bms2" }, 2, false, false },
                { "components/*", { "components", "bms" }, 2, false, true },
                { "components/*", { "apps", "bms" }, 2, false, false },
                { "*/bms", { "apps", "bms" }, 2, false, true },
                { "apps/nav-*-x", { "apps", "nav-a-b-x" }, 2, false, true },
                { "apps/nav-*-x", { "apps", "nav-a-b-y" }, 2, false, false },
                { "**", { "apps", "x" }, 2, false, true },
                { "apps/**", { "apps", "x" }, 2, false, true },
                { "apps/**", { "apps" }, 1, false, true },
                { "a/**/z", { "a", "b", "c", "z" }, 4, false, true },
                { "a/**/z", { "a", "b", "c", "y" }, 4, false, false },
                { "reset", { "reset", "executions", "1" }, 3, true, true },
                { "reset", { "reset", "executions", "1" }, 3, false, false },
                { "res", { "reset" }, 1, true, false },
                { "*", { "a/b" }, 1, false, true }, /* a slash of an id is no separator */
                { "a/b", { "a/b" }, 1, false, false },
                { "*", { NULL }, 0, true, false },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(all); i++) {
                if (sovd_policy_matches(all[i].pattern, all[i].segments, all[i].n, all[i].with_rest) != all[i].expected)
                        print_error("row %zu: %s\n", i, all[i].pattern);
                assert_int_equal(sovd_policy_matches(all[i].pattern, all[i].segments, all[i].n, all[i].with_rest),
                                 all[i].expected);
        }
}

static void a_pattern_of_many_stars_takes_no_time(void **state) {
        char pattern[201], text[2001];
        const char *segment = text;

        for (size_t i = 0; i < 200; i++)
                pattern[i] = i % 2 ? '*' : 'a';
        pattern[200] = '\0';
        memset(text, 'a', 2000);
        text[1999] = 'b';
        text[2000] = '\0';
        assert_true(sovd_policy_matches(pattern, &segment, 1, false));
        pattern[199] = 'c';
        assert_false(sovd_policy_matches(pattern, &segment, 1, false));
}

static void the_built_in_roles_may_what_their_names_say(void **state) {
        const struct sovd_policy *p = load(state, "{}");

        check(p, ROLES("viewer"), "GET data components/bms soc", SOVD_ALLOWED);
        check(p, ROLES("viewer"), "PUT data components/bms soc", SOVD_DENIED);
        check(p, ROLES("viewer"), "GET x-admin", SOVD_DENIED);
        check(p, ROLES("tester"), "GET data components/bms soc", SOVD_ALLOWED);
        check(p, ROLES("tester"), "PUT data components/bms soc", SOVD_ALLOWED);
        check(p, ROLES("tester"), "PUT modes components/bms session", SOVD_DENIED);
        check(p, ROLES("developer"), "DELETE faults components/bms", SOVD_ALLOWED);
        check(p, ROLES("developer"), "PUT modes components/bms session", SOVD_ALLOWED);
        check(p, ROLES("developer"), "POST updates", SOVD_DENIED);
        check(p, ROLES("updater"), "POST updates", SOVD_ALLOWED);
        check(p, ROLES("updater"), "PUT data components/bms soc", SOVD_DENIED);
        check(p, ROLES("admin"), "POST updates", SOVD_ALLOWED);
        check(p, ROLES("admin"), "PUT something-new components/bms", SOVD_ALLOWED);
        check(p, ROLES("developer"), "GET something-new components/bms", SOVD_DENIED);
        check(p, ROLES("auditor"), "GET audit", SOVD_ALLOWED);
        check(p, ROLES("auditor"), "GET data components/bms soc", SOVD_HIDDEN);
        check(p, ROLES("nobody-knows-it"), "GET data components/bms soc", SOVD_HIDDEN);
        check(p, ROLES("viewer", "updater"), "POST updates", SOVD_ALLOWED);
}

static void nobody_without_a_role_may_anything(void **state) {
        const struct sovd_policy *p = load(state, "{}");
        const struct sovd_principal none = { .id = "x" }, anonymous = { .id = "x", .anonymous = true, .admin = true };

        check(p, none, "GET health", SOVD_DENIED);
        check(p, anonymous, "GET health", SOVD_DENIED);
        assert_false(sovd_policy_has_anonymous(p));
        assert_false(sovd_policy_shows(p, &none, "components", "bms"));
        assert_true(sovd_policy_narrows(p, &none));
}

static void what_must_be_named_is_not_reached_by_a_wildcard(void **state) {
        struct sovd_access a = { .method = "GET", .collection = "x-admin", .route = "backup", .flags = SOVD_ACCESS_EXPLICIT };
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  star: {allow: [{collections: ['*']}]}\n"
                                                  "  named: {allow: [{collections: [x-admin]}]}\n"
                                                  "  route: {allow: [{routes: [backup]}]}\n"
                                                  "  stopped: {allow: [{collections: [x-admin]}], deny: [{collections: ['*']}]}\n");

        assert_int_equal(sovd_policy_decide(p, &ROLES("star"), &a).verdict, SOVD_DENIED);
        assert_int_equal(sovd_policy_decide(p, &ROLES("named"), &a).verdict, SOVD_ALLOWED);
        assert_int_equal(sovd_policy_decide(p, &ROLES("route"), &a).verdict, SOVD_ALLOWED);
        assert_int_equal(sovd_policy_decide(p, &ROLES("stopped"), &a).verdict, SOVD_DENIED);
        assert_int_equal(sovd_policy_decide(p, &ROLES("admin"), &a).verdict, SOVD_ALLOWED);
}

static void a_rule_that_denies_wins_and_is_named(void **state) {
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  fitter:\n"
                                                  "    inherits: [tester]\n"
                                                  "    deny:\n"
                                                  "      - {collections: [data], methods: [PUT], resources: [odometer]}\n");
        struct sovd_principal fitter = ROLES("fitter"), both = ROLES("admin", "fitter");

        check(p, fitter, "PUT data components/bms soc", SOVD_ALLOWED);
        check(p, fitter, "PUT data components/bms odometer", SOVD_DENIED);
        check(p, both, "PUT data components/bms odometer", SOVD_DENIED);
        check(p, fitter, "GET data components/bms odometer", SOVD_ALLOWED);

        const struct sovd_decision d = decide(p, &fitter, "PUT data components/bms odometer");
        assert_string_equal(d.rule, "role fitter, deny 1");
        assert_non_null(strstr(d.where, "p.yaml:5:"));
}

static void a_denied_resource_is_not_reached_through_its_collection(void **state) {
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  a: {inherits: [tester], deny: [{collections: [faults], resources: [P0*]}]}\n"
                                                  "  b: {allow: [{collections: [faults], resources: [P0*]}]}\n");

        check(p, ROLES("a"), "DELETE faults components/bms", SOVD_DENIED);
        check(p, ROLES("a"), "DELETE faults components/bms U1", SOVD_ALLOWED);
        check(p, ROLES("a"), "GET faults components/bms", SOVD_ALLOWED); /* the list leaves it out */
        check(p, ROLES("b"), "DELETE faults components/bms", SOVD_DENIED);
        check(p, ROLES("b"), "DELETE faults components/bms P01", SOVD_ALLOWED);
        check(p, ROLES("b"), "GET faults components/bms", SOVD_ALLOWED);
}

/* There are servers that take an operation's name in any case; a rule that allows does not rely on that. */
static void a_denied_resource_is_denied_in_any_case(void **state) {
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  a: {inherits: [tester], deny: [{collections: [operations], resources: [Flush-*]}]}\n"
                                                  "  b: {allow: [{collections: [operations], resources: [Flush-*]}]}\n");

        check(p, ROLES("a"), "POST operations components/bms Flush-all", SOVD_DENIED);
        check(p, ROLES("a"), "POST operations components/bms flush-all", SOVD_DENIED);
        check(p, ROLES("a"), "POST operations components/bms FLUSH-ALL", SOVD_DENIED);
        check(p, ROLES("a"), "POST operations components/bms flushall", SOVD_ALLOWED);
        check(p, ROLES("b"), "POST operations components/bms Flush-all", SOVD_ALLOWED);
        check(p, ROLES("b"), "POST operations components/bms flush-all", SOVD_DENIED);
}

static void entities_of_rules_are_all_that_is_seen(void **state) {
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  a: {allow: [{methods: [GET], entities: ['components/b*', apps/nav]}]}\n"
                                                  "  c: {inherits: [viewer], deny: [{entities: [components/safe]}]}\n"
                                                  "  d: {inherits: [viewer], deny: [{entities: [components/safe], collections: [data]}]}\n");
        struct sovd_principal a = ROLES("a"), c = ROLES("c"), d = ROLES("d"), viewer = ROLES("viewer");

        check(p, a, "GET data components/bms soc", SOVD_ALLOWED);
        check(p, a, "GET data components/engine soc", SOVD_HIDDEN);
        check(p, a, "PUT data components/bms soc", SOVD_DENIED);
        assert_true(sovd_policy_narrows(p, &a));
        check(p, c, "GET data components/bms soc", SOVD_ALLOWED);
        check(p, c, "GET data components/safe soc", SOVD_HIDDEN);
        assert_true(sovd_policy_narrows(p, &c));
        check(p, d, "GET data components/safe soc", SOVD_DENIED);
        check(p, d, "GET faults components/safe", SOVD_ALLOWED);
        assert_false(sovd_policy_narrows(p, &viewer));

        /* Of what spans many entities it may see its own; what is about none of them is another matter. */
        struct sovd_access list = { .method = "GET", .collection = "entities", .flags = SOVD_ACCESS_SPANS };
        assert_int_equal(sovd_policy_decide(p, &a, &list).verdict, SOVD_ALLOWED);
        list = (struct sovd_access){ .method = "GET", .collection = "health" };
        assert_int_equal(sovd_policy_decide(p, &a, &list).verdict, SOVD_DENIED);
}

static void scopes_only_narrow(void **state) {
        const struct sovd_policy *p = load(state, "scopes:\n"
                                                  "  read: {allow: [{methods: [GET]}]}\n"
                                                  "  stop: {deny: [{methods: [PUT]}]}\n");
        struct sovd_principal who = ROLES("tester");

        who.scopes = (struct sovd_strings){ .items = (const char *[]){ "read" }, .n = 1, .set = true };
        check(p, who, "GET data components/bms soc", SOVD_ALLOWED);
        check(p, who, "PUT data components/bms soc", SOVD_DENIED);
        check(p, who, "GET updates", SOVD_ALLOWED);
        who.scopes.items = (const char *[]){ "nobody-knows-it" };
        check(p, who, "GET data components/bms soc", SOVD_HIDDEN);
        who.scopes = (struct sovd_strings){ .set = true };
        check(p, who, "GET data components/bms soc", SOVD_HIDDEN);
        who.scopes = (struct sovd_strings){ .items = (const char *[]){ "sovd:tester", "stop" }, .n = 2, .set = true };
        check(p, who, "DELETE faults components/bms", SOVD_ALLOWED);
        check(p, who, "PUT data components/bms soc", SOVD_DENIED);
        who.roles = (struct sovd_strings){ 0 };
        check(p, who, "GET data components/bms soc", SOVD_HIDDEN);
}

static void a_tenant_has_its_own_entities_only(void **state) {
        const struct sovd_policy *p = load(state, "tenants:\n"
                                                  "  a: {entities: ['components/a-*']}\n"
                                                  "  fleet: {entities: ['**'], vehicle: true}\n");
        struct sovd_principal a = ROLES("admin"), fleet = ROLES("admin"), none = ROLES("admin"), other = ROLES("admin");

        a.tenant = "a";
        fleet.tenant = "fleet";
        other.tenant = "nobody-knows-it";
        check(p, a, "PUT data components/a-1 soc", SOVD_ALLOWED);
        check(p, a, "PUT data components/b-1 soc", SOVD_HIDDEN);
        check(p, a, "GET updates", SOVD_DENIED);
        check(p, a, "GET health", SOVD_DENIED);
        check(p, fleet, "GET updates", SOVD_ALLOWED);
        check(p, fleet, "PUT data components/b-1 soc", SOVD_ALLOWED);
        check(p, none, "PUT data components/b-1 soc", SOVD_ALLOWED);
        check(p, other, "PUT data components/a-1 soc", SOVD_HIDDEN);
        check(p, other, "GET health", SOVD_DENIED);
        assert_true(sovd_policy_narrows(p, &a));
        assert_true(sovd_policy_has_tenant(p, "a"));
        assert_false(sovd_policy_has_tenant(p, "b"));
        assert_string_equal(decide(p, &a, "GET data components/b-1 soc").rule, "tenant a");
}

static void a_required_tenant_is_required_of_all_but_admins(void **state) {
        const struct sovd_policy *p = load(state, "tenant_required: true\ntenants: {a: {entities: ['**']}}\n");
        struct sovd_principal without = ROLES("tester"), with = ROLES("tester"), admin = ROLES("admin");

        with.tenant = "a";
        check(p, without, "GET data components/x soc", SOVD_HIDDEN);
        check(p, with, "GET data components/x soc", SOVD_ALLOWED);
        check(p, admin, "GET data components/x soc", SOVD_ALLOWED);
        assert_true(sovd_policy_narrows(p, &without));
        assert_false(sovd_policy_narrows(p, &admin));
}

static void a_role_of_the_file_takes_the_place_of_a_built_in_one(void **state) {
        const struct sovd_policy *p = load(state, "roles:\n"
                                                  "  viewer: {allow: [{collections: [data], methods: [GET]}]}\n"
                                                  "  anonymous: {allow: [{collections: [health]}]}\n");
        const struct sovd_principal anonymous = { .id = "x", .anonymous = true };

        check(p, ROLES("viewer"), "GET faults components/bms", SOVD_DENIED);
        check(p, ROLES("tester"), "GET faults components/bms", SOVD_DENIED); /* it inherits from viewer */
        check(p, ROLES("tester"), "GET data components/bms soc", SOVD_ALLOWED);
        check(p, anonymous, "GET health", SOVD_ALLOWED);
        check(p, anonymous, "GET data components/bms soc", SOVD_HIDDEN);
        check(p, ROLES("viewer"), "GET health", SOVD_DENIED);
        assert_true(sovd_policy_has_anonymous(p));
        assert_false(sovd_policy_has_role(p, "anonymous"));
}

static void what_is_wrong_with_a_file_is_said_with_its_line(void **state) {
        static const struct {
                const char *text, *where, *why;
        } all[] = {
                { "roles:\n  a:\n    allow: [{collections: [dta]}]\n", "p.yaml:3:", "there is no such name as 'dta'" },
                { "roles:\n  a:\n    allow: [{routes: [dta-*]}]\n", "p.yaml:3:", "no such name" },
                { "roles:\n  a:\n    allow: [{methods: [PATCH]}]\n", "p.yaml:3:", "no such name" },
                { "roles:\n  a:\n    allow: [{}]\n", "p.yaml:3:", "a rule says what it is about" },
                { "roles:\n  a:\n    deny: [{resources: []}]\n", "p.yaml:3:", "must have 1 to 64 items" },
                { "roles:\n  a:\n    deny: [{resources: ['a**']}]\n", "p.yaml:3:", "is not an id" },
                { "roles:\n  a:\n    allow: [{entities: [bms]}]\n", "p.yaml:3:", "is not an entity" },
                { "roles:\n  a:\n    allow: [{entities: [component/bms]}]\n", "p.yaml:3:", "is not an entity" },
                { "roles:\n  a:\n    alow: []\n", "p.yaml:3:", "alow" },
                { "roles:\n  a:\n    allow: [{colections: [data]}]\n", "p.yaml:3:", "colections" },
                { "roles:\n  a:\n    inherits: [b]\n", "p.yaml:3:", "no such role" },
                { "roles:\n  a: {inherits: [b]}\n  b: {inherits: [a]}\n", "p.yaml:", "inherit from itself" },
                { "roles:\n  admin: {}\n", "p.yaml:2:", "built in" },
                { "roles: [a]\n", "p.yaml:1:", "object" },
                { "roles:\n  a: 3\n", "p.yaml:2:", "object" },
                { "scopes:\n  a: {inherits: [viewer]}\n", "p.yaml:2:", "do not inherit" },
                { "tenants:\n  a: {}\n", "p.yaml:2:", "entities" },
                { "tenants:\n  a: {entities: [nav]}\n", "p.yaml:2:", "is not an entity" },
                { "tenants:\n  a: {entities: ['**']}\n  a: {entities: []}\n", "p.yaml:3:", "" },
                { "rols: {}\n", "p.yaml:1:", "unknown key" },
                { "roles: {a: {allow: [\n", "p.yaml:", "" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(all); i++) {
                const char *message = refusal(state, all[i].text);
                if (!sovd_has_prefix(message, all[i].where) || !strstr(message, all[i].why))
                        print_error("row %zu: %s\n", i, message);
                assert_true(sovd_has_prefix(message, all[i].where));
                assert_non_null(strstr(message, all[i].why));
        }
}

static void a_file_that_is_not_there_is_no_empty_policy(void **state) {
        struct fixture *f = *state;
        const char *message = NULL;

        assert_true(sovd_policy_new(&f->policy, "/nonexistent/policy.yaml", &names, f->arena, &message) < 0);
        assert_null(f->policy);
        assert_non_null(strstr(message, "/nonexistent/policy.yaml"));
        assert_int_equal(sovd_policy_new(&f->policy, NULL, &names, f->arena, &message), 0);
}

static void a_file_that_others_may_change_is_refused(void **state) {
        char name[] = "/tmp/policy-XXXXXX";
        struct fixture *f = *state;
        const char *message = NULL;
        int fd = mkstemp(name);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "roles: {}\n", 10), 10);
        assert_int_equal(fchmod(fd, 0644), 0);
        assert_int_equal(sovd_policy_new(&f->policy, name, &names, f->arena, &message), 0);
        f->policy = sovd_policy_unref(f->policy);
        for (mode_t mode = 0620; mode; mode = mode == 0620 ? 0646 : 0) {
                assert_int_equal(fchmod(fd, mode), 0);
                assert_true(sovd_policy_new(&f->policy, name, &names, f->arena, &message) > 0);
                assert_null(f->policy);
                assert_non_null(strstr(message, mode == 0620 ? "mode 0620" : "mode 0646"));
        }
        (void)unlink(name);
        (void)close(fd);
}

/* n members "r0: {}" of a section. */
static char *many(struct fixture *f, const char *section, unsigned n) {
        char *text = sovd_arena_printf(f->arena, "%s:\n", section);

        for (unsigned i = 0; text && i < n; i++)
                text = sovd_arena_printf(f->arena, "%s  r%u: {%s}\n", text, i, strcmp(section, "tenants") == 0 ? "entities: []" : "");
        assert_non_null(text);
        return text;
}

static void a_file_has_bounds(void **state) {
        struct fixture *f = *state;
        const struct sovd_principal anybody = { .id = "x" };

        (void)load(state, many(f, "roles", 64));
        check(f->policy, anybody, "GET health", SOVD_DENIED);
        (void)load(state, many(f, "tenants", 256));
        assert_non_null(strstr(refusal(state, many(f, "roles", 65)), "more than 64"));
        assert_non_null(strstr(refusal(state, many(f, "scopes", 65)), "more than 64"));
        assert_non_null(strstr(refusal(state, many(f, "tenants", 257)), "more than 256"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pattern_matches_segment_by_segment),
                cmocka_unit_test(a_pattern_of_many_stars_takes_no_time),
                cmocka_unit_test_setup_teardown(the_built_in_roles_may_what_their_names_say, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nobody_without_a_role_may_anything, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_must_be_named_is_not_reached_by_a_wildcard, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_rule_that_denies_wins_and_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_denied_resource_is_not_reached_through_its_collection, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_denied_resource_is_denied_in_any_case, set_up, tear_down),
                cmocka_unit_test_setup_teardown(entities_of_rules_are_all_that_is_seen, set_up, tear_down),
                cmocka_unit_test_setup_teardown(scopes_only_narrow, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_tenant_has_its_own_entities_only, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_required_tenant_is_required_of_all_but_admins, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_role_of_the_file_takes_the_place_of_a_built_in_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_wrong_with_a_file_is_said_with_its_line, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_no_empty_policy, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_file_that_others_may_change_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_file_has_bounds, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
