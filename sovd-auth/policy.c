/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/policy_inside.h"
#include "sovd-core/call.h"

/* --- patterns ------------------------------------------------------------------------------------------- */

static int lower(char c) {
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool same(char a, char b, bool any_case) {
        return a == b || (any_case && lower(a) == lower(b));
}

/* "*" stands for any characters. n: of the pattern. */
static bool match_segment(const char *p, size_t n, const char *s, bool any_case) {
        const char *end = p + n, *star = NULL, *mark = NULL;

        while (*s) {
                if (p < end && *p == '*') {
                        star = ++p;
                        mark = s;
                } else if (p < end && same(*p, *s, any_case)) {
                        p++, s++;
                } else if (star) {
                        p = star;
                        s = ++mark;
                } else {
                        return false;
                }
        }
        while (p < end && *p == '*')
                p++;
        return p == end;
}

static bool is_any(const char *p, size_t n) {
        return n == 2 && p[0] == '*' && p[1] == '*';
}

static const char *behind(const char *p, size_t n) {
        return p[n] ? p + n + 1 : p + n;
}

/* The same, a level up: "**" is the star there, so it takes no longer than segments times segments. */
static bool match(const char *p, const char *const *segments, size_t n, bool with_rest, bool any_case) {
        const char *star = NULL;
        size_t i = 0, mark = 0;

        for (;;) {
                size_t k = strcspn(p, "/");
                if (*p && is_any(p, k)) {
                        star = p = behind(p, k);
                        mark = i;
                        if (!*p)
                                return true;
                        continue;
                }
                if (!*p && (i == n || with_rest))
                        return true;
                if (*p && i < n && match_segment(p, k, segments[i], any_case)) {
                        p = behind(p, k);
                        i++;
                } else if (star && mark < n) {
                        p = star;
                        i = ++mark;
                } else {
                        return false;
                }
        }
}

bool sovd_policy_matches(const char *pattern, const char *const *segments, size_t n, bool with_rest) {
        return match(pattern, segments, n, with_rest, false);
}

/* --- one rule ------------------------------------------------------------------------------------------- */

static bool has_word(const struct sovd_strings *patterns, const char *word) {
        for (size_t i = 0; i < patterns->n; i++)
                if (match_segment(patterns->items[i], strlen(patterns->items[i]), word, false))
                        return true;
        return false;
}

static bool names_literally(const struct sovd_strings *patterns, const char *word) {
        for (size_t i = 0; word && i < patterns->n; i++)
                if (strcmp(patterns->items[i], word) == 0)
                        return true;
        return false;
}

/* Does a condition hold for a word? Where the word may be any one, it does for a rule that allows. */
static bool selects(const struct sovd_strings *patterns, const char *word, bool allows) {
        return !patterns->n || (word ? has_word(patterns, word) : allows);
}

static bool selects_collection(const struct sovd_strings *patterns, const char *word, bool allows) {
        if (word || !patterns->n || !allows)
                return selects(patterns, word, allows);
        for (const char *const *name = sovd_collection_names; *name; name++)
                if (has_word(patterns, *name))
                        return true;
        return has_word(patterns, "entities");
}

static bool selects_entity(const struct sovd_strings *patterns, const struct sovd_access *a, bool allows) {
        const char *const segments[] = { a->entity_type, a->entity_id };

        if (!patterns->n)
                return true;
        if (!a->entity_id)
                return a->flags & (allows ? SOVD_ACCESS_SPANS : SOVD_ACCESS_ANY_ENTITY);
        for (size_t i = 0; i < patterns->n; i++)
                if (sovd_policy_matches(patterns->items[i], segments, 2, false))
                        return true;
        return false;
}

/* A list shows what of it may be read. Who changes all of a collection changes the single one, too. There are servers that
 * take a name in any case, so what is denied is denied in any. */
static bool selects_resource(const struct sovd_strings *patterns, const struct sovd_access *a, bool allows) {
        if (!patterns->n)
                return true;
        if (a->any_resource || !a->method)
                return allows;
        if (!a->n_resource && strcmp(a->method, "GET") == 0)
                return allows;
        if (!a->n_resource)
                return !allows && strcmp(a->method, "POST") != 0;
        for (size_t i = 0; i < patterns->n; i++)
                if (match(patterns->items[i], a->resource, a->n_resource, true, !allows))
                        return true;
        return false;
}

static bool applies(const struct policy_rule *rule, const struct sovd_access *a, bool allows) {
        if (allows && (a->flags & SOVD_ACCESS_EXPLICIT) && !names_literally(&rule->collections, a->collection) &&
            !names_literally(&rule->routes, a->route))
                return false;
        return selects(&rule->methods, a->method, allows) &&
               selects_collection(&rule->collections, a->collection, allows) &&
               selects(&rule->routes, a->route, allows) && selects_entity(&rule->entities, a, allows) &&
               selects_resource(&rule->resources, a, allows);
}

static const struct policy_rule *find(const struct policy_rule *rules, size_t n, const struct sovd_access *a,
                                      bool allows) {
        for (size_t i = 0; i < n; i++)
                if (applies(&rules[i], a, allows))
                        return &rules[i];
        return NULL;
}

/* --- all rules of a principal --------------------------------------------------------------------------- */

static const struct policy_grant *grant_of(const struct policy_grant *grants, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(grants[i].name, name) == 0)
                        return &grants[i];
        return NULL;
}

static const struct policy_rule *find_in(const struct policy_grant *grant, const struct sovd_access *a, bool allows) {
        const struct policy_rule *rule = NULL;

        for (size_t i = 0; grant && !rule && i < grant->n_all; i++) {
                const struct policy_grant *g = grant->all[i];
                rule = allows ? find(g->allow, g->n_allow, a, true) : find(g->deny, g->n_deny, a, false);
        }
        return rule;
}

static bool is_admin(const struct sovd_principal *principal) {
        bool found = principal->admin;

        for (size_t i = 0; !found && i < principal->roles.n; i++)
                found = strcmp(principal->roles.items[i], SOVD_ROLE_ADMIN) == 0;
        return found && !principal->anonymous;
}

/* Roles that are not known grant nothing. Who has not proved who he is has the one role of all others like him. */
static const struct policy_rule *find_in_roles(const struct sovd_policy *p, const struct sovd_principal *principal,
                                               const struct sovd_access *a, bool allows) {
        const struct policy_rule *rule = NULL;

        if (principal->anonymous)
                return find_in(grant_of(p->roles, p->n_roles, SOVD_ROLE_ANONYMOUS), a, allows);
        if (principal->admin)
                rule = find_in(grant_of(p->roles, p->n_roles, SOVD_ROLE_ADMIN), a, allows);
        for (size_t i = 0; !rule && i < principal->roles.n; i++)
                rule = find_in(grant_of(p->roles, p->n_roles, principal->roles.items[i]), a, allows);
        return rule;
}

static const struct policy_grant *scope_of(const struct sovd_policy *p, const char *name) {
        const struct policy_grant *own = grant_of(p->scopes, p->n_scopes, name);
        const size_t n = strlen(POLICY_SCOPE_PREFIX);

        return own || !sovd_has_prefix(name, POLICY_SCOPE_PREFIX) ? own : grant_of(p->roles, p->n_roles, name + n);
}

static const struct policy_rule *find_in_scopes(const struct sovd_policy *p, const struct sovd_principal *principal,
                                                const struct sovd_access *a, bool allows) {
        const struct policy_rule *rule = NULL;

        for (size_t i = 0; !rule && i < principal->scopes.n; i++)
                rule = find_in(scope_of(p, principal->scopes.items[i]), a, allows);
        return rule;
}

/* --- tenants -------------------------------------------------------------------------------------------- */

static const struct policy_tenant *tenant_of(const struct sovd_policy *p, const char *name) {
        for (size_t i = 0; i < p->n_tenants; i++)
                if (strcmp(p->tenants[i].name, name) == 0)
                        return &p->tenants[i];
        return NULL;
}

static bool owns(const struct policy_tenant *t, const char *type, const char *id) {
        const char *const segments[] = { type, id };

        for (size_t i = 0; i < t->entities.n; i++)
                if (sovd_policy_matches(t->entities.items[i], segments, 2, false))
                        return true;
        return false;
}

static struct sovd_decision refused(const struct policy_tenant *t, const struct sovd_access *a, const char *why) {
        return (struct sovd_decision){ .verdict = a->entity_id ? SOVD_HIDDEN : SOVD_DENIED,
                                       .rule = t ? t->label : NULL,
                                       .where = t ? t->where : NULL,
                                       .why = why };
}

static struct sovd_decision check_tenant(const struct sovd_policy *p, const struct sovd_principal *principal,
                                         const struct sovd_access *a) {
        const struct policy_tenant *t = principal->tenant ? tenant_of(p, principal->tenant) : NULL;

        if (!principal->tenant && p->tenant_required && !is_admin(principal))
                return refused(NULL, a, "the policy requires a tenant (tenant_required)");
        if (!principal->tenant)
                return (struct sovd_decision){ .verdict = SOVD_ALLOWED };
        if (!t)
                return refused(NULL, a, "the policy has no such tenant");
        if (a->entity_id && !owns(t, a->entity_type, a->entity_id))
                return refused(t, a, "the entity is none of the tenant's");
        if (!a->entity_id && !(a->flags & SOVD_ACCESS_SPANS) && !t->vehicle)
                return refused(t, a, "it is about the whole vehicle, which the tenant may not use");
        return (struct sovd_decision){ .verdict = SOVD_ALLOWED };
}

/* --- decisions ------------------------------------------------------------------------------------------ */

static struct sovd_decision because(enum sovd_verdict verdict, const struct policy_rule *rule, const char *why) {
        return (struct sovd_decision){ verdict, rule ? rule->name : NULL, rule ? rule->where : NULL, why };
}

static struct sovd_decision check_rules(const struct sovd_policy *p, const struct sovd_principal *principal,
                                        const struct sovd_access *a) {
        const struct policy_rule *rule = find_in_roles(p, principal, a, false);

        if (!rule && principal->scopes.set)
                rule = find_in_scopes(p, principal, a, false);
        if (rule)
                return because(SOVD_DENIED, rule, "a rule denies it");
        rule = find_in_roles(p, principal, a, true);
        if (!rule)
                return because(SOVD_DENIED, NULL, "no role allows it");
        if (principal->scopes.set && !find_in_scopes(p, principal, a, true))
                return because(SOVD_DENIED, NULL, "a role allows it, but no scope does");
        return because(SOVD_ALLOWED, rule, "a rule allows it");
}

bool sovd_policy_shows(const struct sovd_policy *p, const struct sovd_principal *principal, const char *entity_type,
                       const char *entity_id) {
        const struct sovd_access any = { .entity_type = entity_type, .entity_id = entity_id };

        return check_tenant(p, principal, &any).verdict == SOVD_ALLOWED &&
               check_rules(p, principal, &any).verdict == SOVD_ALLOWED;
}

struct sovd_decision sovd_policy_decide(const struct sovd_policy *p, const struct sovd_principal *principal,
                                        const struct sovd_access *a) {
        if (a->flags & SOVD_ACCESS_PUBLIC)
                return because(SOVD_ALLOWED, NULL, "it is for everybody");

        struct sovd_decision d = check_tenant(p, principal, a);
        if (d.verdict != SOVD_ALLOWED)
                return d;
        d = check_rules(p, principal, a);
        if (d.verdict == SOVD_DENIED && a->entity_id &&
            !sovd_policy_shows(p, principal, a->entity_type, a->entity_id)) {
                d.verdict = SOVD_HIDDEN;
                d.why = d.rule ? d.why : "nothing on the entity is allowed";
        }
        return d;
}

/* --- which entities it is about ------------------------------------------------------------------------- */

static void sum_up_allow(struct policy_grant *grant, const struct policy_rule *rule) {
        grant->allows_all = grant->allows_all || (!rule->entities.n && selects_collection(&rule->collections, NULL, true));
        grant->picks = grant->picks || rule->resources.n;
}

static void sum_up_deny(struct policy_grant *grant, const struct policy_rule *rule) {
        grant->denies_some = grant->denies_some ||
                             (!rule->collections.n && !rule->methods.n && !rule->routes.n && !rule->resources.n);
        grant->picks = grant->picks || rule->resources.n;
}

void policy_grant_sum_up(struct policy_grant *grant) {
        for (size_t i = 0; i < grant->n_all; i++) {
                for (size_t k = 0; k < grant->all[i]->n_allow; k++)
                        sum_up_allow(grant, &grant->all[i]->allow[k]);
                for (size_t k = 0; k < grant->all[i]->n_deny; k++)
                        sum_up_deny(grant, &grant->all[i]->deny[k]);
        }
}

static void look_at(const struct policy_grant *grant, bool *all, bool *none) {
        *all = *all || (grant && grant->allows_all);
        *none = *none || (grant && grant->denies_some);
}

bool sovd_policy_narrows(const struct sovd_policy *p, const struct sovd_principal *principal) {
        bool by_roles = false, by_scopes = !principal->scopes.set, some_denied = false;

        if (principal->tenant || (p->tenant_required && !is_admin(principal)))
                return true;
        if (principal->anonymous)
                look_at(grant_of(p->roles, p->n_roles, SOVD_ROLE_ANONYMOUS), &by_roles, &some_denied);
        if (principal->admin && !principal->anonymous)
                look_at(grant_of(p->roles, p->n_roles, SOVD_ROLE_ADMIN), &by_roles, &some_denied);
        for (size_t i = 0; !principal->anonymous && i < principal->roles.n; i++)
                look_at(grant_of(p->roles, p->n_roles, principal->roles.items[i]), &by_roles, &some_denied);
        for (size_t i = 0; i < principal->scopes.n; i++)
                look_at(scope_of(p, principal->scopes.items[i]), &by_scopes, &some_denied);
        return !by_roles || !by_scopes || some_denied;
}

static bool picks(const struct policy_grant *grant) {
        return grant && grant->picks;
}

bool sovd_policy_picks(const struct sovd_policy *p, const struct sovd_principal *principal) {
        bool any = principal->anonymous && picks(grant_of(p->roles, p->n_roles, SOVD_ROLE_ANONYMOUS));

        for (size_t i = 0; !any && i < principal->roles.n; i++)
                any = picks(grant_of(p->roles, p->n_roles, principal->roles.items[i]));
        for (size_t i = 0; !any && i < principal->scopes.n; i++)
                any = picks(scope_of(p, principal->scopes.items[i]));
        return any;
}

bool sovd_policy_has_anonymous(const struct sovd_policy *p) {
        return grant_of(p->roles, p->n_roles, SOVD_ROLE_ANONYMOUS);
}

bool sovd_policy_has_role(const struct sovd_policy *p, const char *role) {
        return strcmp(role, SOVD_ROLE_ANONYMOUS) != 0 && grant_of(p->roles, p->n_roles, role);
}

bool sovd_policy_has_scope(const struct sovd_policy *p, const char *scope) {
        return scope_of(p, scope);
}

bool sovd_policy_has_tenant(const struct sovd_policy *p, const char *tenant) {
        return tenant_of(p, tenant);
}

bool sovd_policy_same(const struct sovd_policy *a, const struct sovd_policy *b) {
        return a->len == b->len && !a->text == !b->text && (!a->text || memcmp(a->text, b->text, a->len) == 0);
}

struct sovd_policy *sovd_policy_ref(struct sovd_policy *p) {
        (void)__atomic_add_fetch(&p->n_refs, 1, __ATOMIC_RELAXED);
        return p;
}

struct sovd_policy *sovd_policy_unref(struct sovd_policy *p) {
        if (p && !__atomic_sub_fetch(&p->n_refs, 1, __ATOMIC_ACQ_REL))
                sovd_arena_free(p->arena); /* which it is in itself */
        return NULL;
}
