/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions without a request: for whoever writes a policy, and for the reference. */
#include "sovd-core/call.h"
#include "sovd-rest/access.h"
#include "sovd-rest/docs.h"
#include "sovd-rest/policy_settings.h"
#include "sovd-rest/router.h"
#include <stdio.h>

#define WORDS_MAX 32

/* --- "roles=tester,roles=x,tenant=a,scopes=b" ------------------------------------------------------------- */

struct words {
        const char *roles[WORDS_MAX], *scopes[WORDS_MAX];
};

static bool add_word(struct sovd_strings *list, const char **items, const char *word) {
        if (list->n == WORDS_MAX)
                return false;
        list->items = items;
        list->set = true;
        if (*word)
                items[list->n++] = word;
        return true;
}

static bool take_word(struct sovd_principal *p, struct words *words, const char *key, const char *value) {
        if (strcmp(key, "roles") == 0)
                return add_word(&p->roles, words->roles, value);
        if (strcmp(key, "scopes") == 0)
                return add_word(&p->scopes, words->scopes, value);
        if (strcmp(key, "tenant") == 0)
                return p->tenant = value, true;
        return false;
}

/* A word without a key belongs to the key before it. */
static bool parse_principal(struct sovd_principal *p, struct words *words, char *text) {
        const char *key = NULL;

        *p = (struct sovd_principal){ .id = "explained" };
        if (strcmp(text, SOVD_ROLE_ANONYMOUS) == 0)
                return p->anonymous = true;
        for (char *save, *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
                char *equals = strchr(word, '=');
                if (equals) {
                        *equals = '\0';
                        key = word;
                        word = equals + 1;
                }
                if (!key || !take_word(p, words, key, word))
                        return false;
        }
        return true;
}

/* --- one request ------------------------------------------------------------------------------------------ */

static int complain(const char *why, const char *what) {
        (void)fprintf(stderr, "%s%s%s\n", why, what ? ": " : "", what ? what : "");
        return 2;
}

static int find_route(struct sovd_match *m, const char *method, const char *path, struct sovd_arena *arena,
                      const struct sovd_route **ret) {
        struct sovd_target target;
        const char *reason = "out of memory";
        int code = sovd_name_find(sovd_method_names, strcmp(method, "HEAD") == 0 ? "GET" : method);

        if (code < 0)
                return complain("there is no such method", method);
        const char *whole = sovd_has_prefix(path, SOVD_API_BASE) || path[0] != '/'
                                    ? path
                                    : sovd_arena_printf(arena, SOVD_API_BASE "%s", path);
        if (!whole || *whole != '/' || strchr(whole, '?'))
                return complain("the path begins with / and has no query", path);
        if (sovd_target_parse(&target, whole, arena, &reason))
                return complain(reason, path);
        sovd_router_match(m, &target, code);
        if (!m->allowed) { /* of the root: /metrics */
                if (sovd_target_parse(&target, path, arena, &reason))
                        return complain(reason, path);
                sovd_router_match(m, &target, code);
        }
        *ret = m->is_docs && m->allowed ? &sovd_route_docs : m->route;
        return *ret ? 0 : complain(m->allowed ? "the method is not offered there" : "there is no such path", path);
}

/* As gate.c has it, without a vehicle. */
struct question {
        const struct sovd_policy *policy;
        const struct sovd_auth_settings *settings;
        const struct sovd_route *route;
        struct sovd_principal who;
        struct sovd_match m;
        struct sovd_route_access a;
};

static bool is_public(const struct question *q) {
        return (q->route->flags & SOVD_PUBLIC) || ((q->route->flags & SOVD_PUBLIC_METRICS) && q->settings->public_metrics.value) ||
               ((q->route->flags & SOVD_PUBLIC_DOCS) && q->settings->public_docs.value);
}

/* Without credentials and a role for those who have none nothing is looked up. */
static const char *denial(const struct question *q, enum sovd_verdict verdict) {
        if (q->who.anonymous && (verdict == SOVD_DENIED || !q->policy || !sovd_policy_has_anonymous(q->policy)))
                return "denied (401)";
        return verdict == SOVD_HIDDEN ? "denied (404: the entity does not exist for it)" : "denied (403)";
}

static int print(const struct question *q, const struct sovd_decision *d) {
        const struct sovd_route_access *a = &q->a;

        (void)printf("%s\n  rule:       %s\n  where:      %s\n  why:        %s\n",
                     d->verdict == SOVD_ALLOWED ? "allowed" : denial(q, d->verdict), d->rule ? d->rule : "none",
                     d->where ? d->where : "-", d->why);
        (void)printf("  route:      %s %s\n  collection: %s\n", a->access.method, a->access.route, a->word);
        if (a->access.entity_id)
                (void)printf("  entity:     %s/%s\n", a->access.entity_type, a->access.entity_id);
        for (size_t i = 0; i < a->access.n_resource; i++)
                (void)printf("%s%s%s", i ? "/" : "  resource:   ", a->segments[i], i + 1 == a->access.n_resource ? "\n" : "");
        return d->verdict == SOVD_ALLOWED ? 0 : 1;
}

static bool has_role(const struct sovd_principal *who, const char *role) {
        for (size_t i = 0; i < who->roles.n; i++)
                if (strcmp(who->roles.items[i], role) == 0)
                        return true;
        return false;
}

static struct sovd_decision decide_unenforced(const struct question *q) {
        const bool is_admin = has_role(&q->who, SOVD_ROLE_ADMIN);

        if ((q->route->flags & SOVD_ADMIN) && !is_admin)
                return (struct sovd_decision){ SOVD_DENIED, NULL, NULL, "nothing is enforced (auth.enabled), but this is for admins" };
        if ((q->route->flags & SOVD_AUDITOR) && !is_admin && !has_role(&q->who, "auditor"))
                return (struct sovd_decision){ SOVD_DENIED, NULL, NULL, "nothing is enforced (auth.enabled), but this is for auditors and admins" };
        return (struct sovd_decision){ SOVD_ALLOWED, NULL, NULL, "nothing is enforced (auth.enabled is false)" };
}

/* Whoever may use something may have it described. */
static bool may_use_any(const struct question *q, const struct sovd_entity *e) {
        struct sovd_route_access a;

        sovd_access_of(&a, q->m.any, e, NULL);
        return sovd_policy_decide(q->policy, &q->who, &a.access).verdict == SOVD_ALLOWED;
}

static struct sovd_decision decide(const struct question *q, const struct sovd_entity *e) {
        if (is_public(q))
                return (struct sovd_decision){ SOVD_ALLOWED, NULL, NULL, "it is for everybody" };
        for (size_t i = 0; i + 1 < q->m.n_steps; i++) /* a step through what does not exist leads nowhere */
                if (!sovd_policy_shows(q->policy, &q->who, sovd_entity_type_paths[q->m.steps[i].type], q->m.steps[i].id))
                        return (struct sovd_decision){ SOVD_HIDDEN, NULL, NULL, "an entity on the way may not be seen" };
        if (q->route == &sovd_route_docs && may_use_any(q, e))
                return (struct sovd_decision){ SOVD_ALLOWED, NULL, NULL, "it describes what may be used" };
        return sovd_policy_decide(q->policy, &q->who, &q->a.access);
}

static int explain(struct question *q, char *text, const char *method, const char *path, struct sovd_arena *arena) {
        struct sovd_entity e = { 0 };
        struct words words;

        if (!parse_principal(&q->who, &words, text))
                return complain("--principal is anonymous, or roles=a,b,scopes=c,tenant=d", NULL);
        int r = find_route(&q->m, method, path, arena, &q->route);
        if (r)
                return r;
        if (q->m.n_steps)
                e = (struct sovd_entity){ .type = q->m.steps[q->m.n_steps - 1].type, .id = q->m.steps[q->m.n_steps - 1].id };
        sovd_access_of(&q->a, q->route, q->m.n_steps ? &e : NULL, q->m.params);
        const struct sovd_decision d = q->policy ? decide(q, q->m.n_steps ? &e : NULL) : decide_unenforced(q);
        return print(q, &d);
}

int sovd_policy_explain(const struct sovd_policy *policy, const struct sovd_auth_settings *settings, const char *principal, const char *method,
                        const char *path) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_freep) char *text = principal ? strdup(principal) : NULL;
        struct question q = { .policy = policy, .settings = settings };

        if (!principal || !method || !path)
                return complain("--explain-access needs --principal TEXT and two words: METHOD PATH", NULL);
        if (!text || sovd_arena_new(&arena, 4096))
                return complain("out of memory", NULL);
        return explain(&q, text, method, path, arena);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

static void print_row(const struct sovd_policy *policy, const struct sovd_route *route) {
        const struct sovd_entity any = { .type = SOVD_COMPONENT, .id = "any" };
        struct sovd_route_access a;

        sovd_access_of(&a, route, route->entities ? &any : NULL, NULL);
        (void)printf("| `%s` | %s `%s` | %s |", route->id, sovd_method_names[route->method], route->path, a.word);
        for (const char *const *role = sovd_policy_builtin_roles; *role; role++) {
                const struct sovd_principal who = { .id = "x", .roles = { .items = (const char *[]){ *role }, .n = 1 } };
                bool allowed = sovd_policy_decide(policy, &who, &a.access).verdict == SOVD_ALLOWED;
                (void)printf(" %s |", allowed ? "yes" : "");
        }
        (void)puts("");
}

void sovd_policy_print_matrix(void) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_policy *policy;
        const char *message;

        if (sovd_arena_new(&arena, 4096) || sovd_policy_new(&policy, NULL, sovd_access_names(), arena, &message))
                return;
        (void)puts("# Which built-in role may use which route\n\n"
                   "Printed by `sovd-gatewayd --print-access-docs`. The collection is the word that rules of a policy file name\n"
                   "([authorisation.md](authorisation.md)). Paths are relative to `/sovd/v1` unless they are of the root.\n");
        (void)printf("| route | path | collection |");
        for (const char *const *role = sovd_policy_builtin_roles; *role; role++)
                (void)printf(" %s |", *role);
        (void)printf("\n|---|---|---|");
        for (const char *const *role = sovd_policy_builtin_roles; *role; role++)
                (void)printf("---|");
        (void)puts("");
        for (size_t i = 0; i < sovd_route_count(); i++)
                print_row(policy, sovd_route_at(i));
        sovd_policy_unref(policy);
}
