/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/policy_inside.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/digest.h"
#include "sovd-core/base/error.h"
#include "sovd-core/model/entity.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <sys/stat.h>

#define GRANTS_MAX   64 /* roles, or scopes, of a file */
#define RULES_MAX    64 /* of one of them, of a kind */
#define PATTERNS_MAX 64
#define TENANTS_MAX  256
#define OWNED_MAX    1000
#define PATTERN_SIZE 256
#define NAME_SIZE    64

/* --- what stands in the file ---------------------------------------------------------------------------- */

struct rule {
        struct sovd_strings methods, collections, entities, resources, routes;
};
struct grant {
        struct sovd_strings inherits;
        struct sovd_list allow, deny;
};
struct tenant {
        struct sovd_strings entities;
        struct sovd_bool vehicle;
};
struct file {
        const cJSON *roles, *scopes, *tenants;
        struct sovd_bool tenant_required;
};

#define PATTERNS(word, text)                                                                                   \
        { .name = #word, .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct rule, word), .min = 1,            \
          .max = PATTERNS_MAX, .doc = text }
static const struct sovd_field rule_fields[] = {
        PATTERNS(methods, "GET, POST, PUT, DELETE; without it, all."),
        PATTERNS(collections, "Words like data, faults or updates, with *; without it, all but x-admin and audit."),
        PATTERNS(entities, "Entities like components/bms, components/* or **; without it, all, and what is about none."),
        PATTERNS(resources, "Ids in the collection and what is below them, with * and **; without it, all."),
        PATTERNS(routes, "Operation ids of the OpenAPI document, with *; without it, all."),
        { 0 }
};
#undef PATTERNS
static const struct sovd_schema rule_schema = { .name = "rule", .size = sizeof(struct rule), .fields = rule_fields };
static const struct sovd_field grant_fields[] = {
        { .name = "inherits", .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct grant, inherits), .min = 0, .max = 16,
          .doc = "Roles whose rules this one has, too." },
        { .name = "allow", .type = SOVD_FIELD_LIST, .offset = offsetof(struct grant, allow), .of = &rule_schema,
          .min = 0, .max = RULES_MAX, .doc = "What one of these rules matches is allowed." },
        { .name = "deny", .type = SOVD_FIELD_LIST, .offset = offsetof(struct grant, deny), .of = &rule_schema,
          .min = 0, .max = RULES_MAX, .doc = "What one of these rules matches is denied, whatever allows it." },
        { 0 }
};
static const struct sovd_schema grant_schema = { .name = "role", .size = sizeof(struct grant),
                                                 .fields = grant_fields };
static const struct sovd_field tenant_fields[] = {
        { .name = "entities", .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct tenant, entities),
          .flags = SOVD_REQUIRED, .min = 0, .max = OWNED_MAX, .doc = "Its entities, as in rules." },
        { .name = "vehicle", .type = SOVD_FIELD_BOOL, .offset = offsetof(struct tenant, vehicle), .def = "false",
          .doc = "Whether it may use what is about the whole vehicle: updates, health, metrics, the audit, x-admin." },
        { 0 }
};
static const struct sovd_schema tenant_schema = { .name = "tenant", .size = sizeof(struct tenant),
                                                  .fields = tenant_fields };
#define F(member) offsetof(struct file, member)
static const struct sovd_field file_fields[] = {
        { .name = "roles", .type = SOVD_FIELD_JSON, .flags = SOVD_ANY_OBJECT, .offset = F(roles) },
        { .name = "scopes", .type = SOVD_FIELD_JSON, .flags = SOVD_ANY_OBJECT, .offset = F(scopes) },
        { .name = "tenants", .type = SOVD_FIELD_JSON, .flags = SOVD_ANY_OBJECT, .offset = F(tenants) },
        { .name = "tenant_required", .type = SOVD_FIELD_BOOL, .offset = F(tenant_required), .def = "false" },
        { 0 }
};
#undef F
static const struct sovd_schema file_schema = { .name = "policy", .size = sizeof(struct file),
                                                .fields = file_fields };

/* --- what is wrong with it ------------------------------------------------------------------------------ */

struct reader {
        struct sovd_policy *policy;
        const struct sovd_policy_names *names;
        struct sovd_config_tree *tree;
        const char *message; /* in the arena of the policy */
};

static int complain(struct reader *rd, const char *pointer, const char *why) {
        if (!rd->message)
                rd->message = sovd_config_complain(rd->tree, rd->policy->arena, pointer, why ? why : "out of memory");
        return SOVD_E_BAD_REQUEST;
}

#define TEXT(...) sovd_arena_printf(rd->policy->arena, __VA_ARGS__)

/* A name in a file may have characters that mean something in a pointer. */
static const char *pointer_to(struct reader *rd, const char *section, const char *name) {
        const size_t size = strlen(section) + 2 * strlen(name) + 3;
        char *text = sovd_arena_alloc(rd->policy->arena, size), *out;
        if (!text)
                return NULL;

        out = stpcpy(stpcpy(stpcpy(text, "/"), section), "/");
        for (; *name; name++) {
                if (*name == '~' || *name == '/')
                        *out++ = '~';
                *out++ = *name == '~' ? '0' : *name == '/' ? '1' : *name;
        }
        *out = '\0';
        return text;
}

static bool is_name(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:@/");

        return n && n <= NAME_SIZE && !s[n];
}

/* "**" is a segment of its own, and no segment is empty. */
bool sovd_policy_is_pattern(const char *s) {
        if (!*s || strlen(s) > PATTERN_SIZE)
                return false;
        for (;;) {
                size_t n = strcspn(s, "/");
                const char *stars = n ? strstr(s, "**") : NULL;
                if (!n || (stars && stars < s + n && n != 2))
                        return false;
                if (!s[n])
                        return true;
                s += n + 1;
        }
}

/* "**", or a type and an id. */
static bool is_entity_pattern(const char *s) {
        size_t n = strcspn(s, "/");
        char type[16];

        if (!sovd_policy_is_pattern(s))
                return false;
        if (n == 2 && strncmp(s, "**", 2) == 0)
                return true;
        if (!s[n] || n >= sizeof(type))
                return false;
        memcpy(type, s, n);
        type[n] = '\0';
        return (strcmp(type, "*") == 0 || sovd_name_find(sovd_entity_type_paths, type) >= 0) &&
               (!strchr(s + n + 1, '/') || strstr(s, "**"));
}

static bool is_known(const char *pattern, const char *const *names) {
        for (; *names; names++)
                if (sovd_policy_matches(pattern, names, 1, false))
                        return true;
        return false;
}

static int check_patterns(struct reader *rd, const char *at, const char *member, const struct sovd_strings *patterns,
                          bool (*is_right)(const char *s), const char *const *names, const char *what) {
        for (size_t i = 0; i < patterns->n; i++) {
                const char *s = patterns->items[i], *pointer = TEXT("%s/%s/%zu", at, member, i);
                if (!is_right(s))
                        return complain(rd, pointer, TEXT("'%.64s' is not %s", s, what));
                if (names && !is_known(s, names))
                        return complain(rd, pointer, TEXT("there is no such name as '%.64s'", s));
        }
        return 0;
}

static bool is_word_pattern(const char *s) {
        return sovd_policy_is_pattern(s) && !strchr(s, '/') && !strstr(s, "**");
}

static int check_rule(struct reader *rd, const char *at, const struct rule *rule) {
        static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", NULL };

        if (!rule->methods.set && !rule->collections.set && !rule->entities.set && !rule->resources.set &&
            !rule->routes.set)
                return complain(rd, at, "a rule says what it is about: methods, collections, entities, resources or routes");
        int r = check_patterns(rd, at, "methods", &rule->methods, is_word_pattern, methods, "a method");
        if (!r)
                r = check_patterns(rd, at, "collections", &rule->collections, is_word_pattern, rd->names->collections,
                                   "a word, perhaps with *");
        if (!r)
                r = check_patterns(rd, at, "routes", &rule->routes, is_word_pattern, rd->names->routes,
                                   "an operation id, perhaps with *");
        if (!r)
                r = check_patterns(rd, at, "entities", &rule->entities, is_entity_pattern, NULL,
                                   "an entity like components/bms, components/* or **");
        return r ? r
                 : check_patterns(rd, at, "resources", &rule->resources, sovd_policy_is_pattern, NULL,
                                  "an id, perhaps with *, or with ** as a segment of its own");
}

/* --- taking it ------------------------------------------------------------------------------------------ */

static int decode(struct reader *rd, const struct sovd_schema *schema, const cJSON *json, const char *at, void *ret) {
        struct sovd_schema_error error;
        int r = sovd_schema_decode(schema, json, ret, rd->policy->arena, SOVD_DECODE_CLOSED, &error);

        return r > 0 ? complain(rd, TEXT("%s%s", at, error.path), error.reason) : r;
}

static int take_rules(struct reader *rd, const char *at, const char *kind, const char *grant, const char *word,
                      const struct sovd_list *list, const struct policy_rule **ret, size_t *ret_n) {
        const struct rule *from = list->items;
        struct policy_rule *to = sovd_arena_array(rd->policy->arena, struct policy_rule, list->n + 1);
        if (!to)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < list->n; i++) {
                const char *pointer = TEXT("%s/%s/%zu", at, word, i);
                int r = pointer ? check_rule(rd, pointer, &from[i]) : sovd_error_origin(-ENOMEM);
                if (r)
                        return r;
                to[i] = (struct policy_rule){ .methods = from[i].methods,
                                              .collections = from[i].collections,
                                              .entities = from[i].entities,
                                              .resources = from[i].resources,
                                              .routes = from[i].routes,
                                              .name = TEXT("%s %s, %s %zu", kind, grant, word, i + 1),
                                              .where = sovd_config_where(rd->tree, pointer, rd->policy->arena) };
                if (!to[i].name || !to[i].where)
                        return sovd_error_origin(-ENOMEM);
        }
        *ret = to;
        *ret_n = list->n;
        return 0;
}

static int take_grant(struct reader *rd, const cJSON *json, bool is_role, struct policy_grant *ret) {
        const char *at = pointer_to(rd, is_role ? "roles" : "scopes", json->string), *kind = is_role ? "role" : "scope";
        struct grant grant;

        if (!at)
                return sovd_error_origin(-ENOMEM);
        if (!is_name(json->string))
                return complain(rd, at, "a name has at most 64 letters, digits and -._:@/");
        if (is_role && strcmp(json->string, SOVD_ROLE_ADMIN) == 0)
                return complain(rd, at, "admin is built in and stays as it is, so that nobody locks himself out");
        int r = decode(rd, &grant_schema, json, at, &grant);
        if (r)
                return r;
        if (!is_role && grant.inherits.n)
                return complain(rd, TEXT("%s/inherits", at), "scopes do not inherit");
        ret->name = json->string;
        ret->inherits = grant.inherits;
        r = take_rules(rd, at, kind, ret->name, "allow", &grant.allow, &ret->allow, &ret->n_allow);
        return r ? r : take_rules(rd, at, kind, ret->name, "deny", &grant.deny, &ret->deny, &ret->n_deny);
}

static size_t count(const cJSON *object) {
        return (size_t)cJSON_GetArraySize(object);
}

static int take_grants(struct reader *rd, const cJSON *object, bool is_role, struct policy_grant *to) {
        const cJSON *json;
        int r = 0;

        if (count(object) > GRANTS_MAX)
                return complain(rd, is_role ? "/roles" : "/scopes", "has more than 64 members");
        cJSON_ArrayForEach(json, object)
                if (!r)
                        r = take_grant(rd, json, is_role, to++);
        return r;
}

static int take_tenant(struct reader *rd, const cJSON *json, struct policy_tenant *ret) {
        const char *at = pointer_to(rd, "tenants", json->string);
        struct tenant tenant;

        if (!at)
                return sovd_error_origin(-ENOMEM);
        if (!is_name(json->string))
                return complain(rd, at, "a name has at most 64 letters, digits and -._:@/");
        int r = decode(rd, &tenant_schema, json, at, &tenant);
        for (size_t i = 0; !r && i < tenant.entities.n; i++)
                if (!is_entity_pattern(tenant.entities.items[i]))
                        r = complain(rd, TEXT("%s/entities/%zu", at, i),
                                     TEXT("'%.64s' is not an entity like components/bms, components/* or **",
                                          tenant.entities.items[i]));
        if (r)
                return r;
        *ret = (struct policy_tenant){ .name = json->string,
                                       .label = TEXT("tenant %s", json->string),
                                       .where = sovd_config_where(rd->tree, at, rd->policy->arena),
                                       .entities = tenant.entities,
                                       .vehicle = tenant.vehicle.value };
        return ret->label && ret->where ? 0 : sovd_error_origin(-ENOMEM);
}

static int take_tenants(struct reader *rd, const cJSON *object) {
        const size_t n = count(object);
        struct policy_tenant *to = sovd_arena_array(rd->policy->arena, struct policy_tenant, n + 1);
        const cJSON *json;
        int r = to ? 0 : sovd_error_origin(-ENOMEM);

        if (n > TENANTS_MAX)
                return complain(rd, "/tenants", "has more than 256 members");
        rd->policy->tenants = to;
        cJSON_ArrayForEach(json, object)
                if (!r)
                        r = take_tenant(rd, json, &to[rd->policy->n_tenants++]);
        return r;
}

/* --- inheritance ---------------------------------------------------------------------------------------- */

static bool has_grant(const struct policy_grant *grant, const struct policy_grant *other) {
        for (size_t i = 0; i < grant->n_all; i++)
                if (grant->all[i] == other)
                        return true;
        return false;
}

static const struct policy_grant *role_of(const struct sovd_policy *p, const char *name) {
        for (size_t i = 0; i < p->n_roles; i++)
                if (strcmp(p->roles[i].name, name) == 0)
                        return &p->roles[i];
        return NULL;
}

/* Everything that can be reached, each once: a ring ends by itself, and is refused afterwards. */
static int close_over(struct reader *rd, struct policy_grant *grant, size_t n_max) {
        grant->all = sovd_arena_array(rd->policy->arena, const struct policy_grant *, n_max + 1);
        if (!grant->all)
                return sovd_error_origin(-ENOMEM);

        grant->all[grant->n_all++] = grant;
        for (size_t i = 0; i < grant->n_all; i++) {
                const struct policy_grant *g = grant->all[i];
                for (size_t k = 0; k < g->inherits.n; k++) {
                        const struct policy_grant *from = role_of(rd->policy, g->inherits.items[k]);
                        const char *at = from ? NULL : pointer_to(rd, "roles", g->name);
                        if (!from)
                                return complain(rd, TEXT("%s/inherits/%zu", at ? at : "", k), "there is no such role");
                        if (from == grant)
                                return complain(rd, TEXT("%s/inherits", pointer_to(rd, "roles", g->name)),
                                                TEXT("makes role '%s' inherit from itself", grant->name));
                        if (!has_grant(grant, from))
                                grant->all[grant->n_all++] = from;
                }
        }
        policy_grant_sum_up(grant);
        return 0;
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static bool hides(const struct policy_grant *own, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(own[i].name, name) == 0)
                        return true;
        return false;
}

static int take(struct reader *rd, const struct file *file) {
        struct sovd_policy *p = rd->policy;
        const size_t n_own = count(file->roles), n_scopes = count(file->scopes);
        struct policy_grant *roles = sovd_arena_array(p->arena, struct policy_grant, n_own + policy_n_builtin),
                            *scopes = sovd_arena_array(p->arena, struct policy_grant, n_scopes + 1);
        if (!roles || !scopes)
                return sovd_error_origin(-ENOMEM);

        p->roles = roles;
        p->scopes = scopes;
        p->tenant_required = file->tenant_required.value;
        int r = take_grants(rd, file->roles, true, roles);
        if (!r)
                r = take_grants(rd, file->scopes, false, scopes);
        if (r)
                return r;
        p->n_roles = n_own;
        p->n_scopes = n_scopes;
        for (size_t i = 0; i < policy_n_builtin; i++)
                if (!hides(roles, n_own, policy_builtin[i].name))
                        roles[p->n_roles++] = policy_builtin[i];
        for (size_t i = 0; !r && i < p->n_roles; i++)
                r = close_over(rd, &roles[i], p->n_roles);
        for (size_t i = 0; !r && i < p->n_scopes; i++)
                r = close_over(rd, &scopes[i], 1);
        return r ? r : take_tenants(rd, file->tenants);
}

static int make(struct sovd_policy **ret, struct sovd_arena *own) {
        struct sovd_policy *p = sovd_arena_new0(own, struct sovd_policy);
        if (!p)
                return sovd_error_origin(-ENOMEM);

        *p = (struct sovd_policy){ .n_refs = 1, .arena = own };
        *ret = p;
        return 0;
}

static int take_digest(struct sovd_policy *p, const char *text, size_t len) {
        struct sovd_sha256 *sha;
        int r = sovd_sha256_new(&sha);

        if (r)
                return r;
        sovd_sha256_add(sha, text, len);
        r = sovd_sha256_end(sha, p->sha256);
        sovd_sha256_free(sha);
        return r;
}

const char *sovd_policy_digest(const struct sovd_policy *policy) {
        return policy->sha256;
}

/* Where the text is from: name is that of the file unless there is a text already. */
static int read_text(struct reader *rd, const char *name, const char **text, size_t *len) {
        int r = *text ? 0 : sovd_config_read_file(text, len, name, rd->policy->arena);

        if (r)
                rd->message = TEXT("%s: cannot be read: %s", name, strerror(-r));
        return r;
}

/* One that was cut off would give the built-in roles to those whom it had given less. */
static int check_content(struct reader *rd, const struct file *file) {
        if (file->roles || file->scopes || file->tenants)
                return 0;
        return complain(rd, "", "has no roles, no scopes and no tenants; without auth.policy_file the built-in roles hold");
}

static int take_text(struct reader *rd, const char *name, const char *text, size_t len, bool is_file) {
        struct sovd_policy *p = rd->policy;
        struct file file = { 0 };

        char *copy = sovd_arena_alloc(p->arena, len + 1);
        if (copy)
                memcpy(copy, text, len);
        p->text = copy;
        p->len = len;
        int r = copy ? take_digest(p, text, len) : sovd_error_origin(-ENOMEM);
        if (!r)
                r = sovd_config_parse(&file_schema, &file, name, text, len, NULL, p->arena, &rd->tree, &rd->message);
        if (!r && is_file)
                r = check_content(rd, &file);
        return r ? r : take(rd, &file);
}

static int take_nothing(struct reader *rd) {
        const struct file file = { 0 };

        return take(rd, &file);
}

/* name NULL: only what is built in; text NULL: the file is read. */
static int read_policy(struct sovd_policy **ret, const char *name, const char *text, size_t len,
                       const struct sovd_policy_names *names, struct sovd_arena *arena, const char **message) {
        struct sovd_arena *own = NULL;
        struct reader rd = { .names = names };
        const bool is_file = !text;

        *message = "out of memory";
        int r = sovd_arena_new(&own, 8192);
        if (!r)
                r = make(&rd.policy, own);
        if (!r && name)
                r = read_text(&rd, name, &text, &len);
        if (!r)
                r = name ? take_text(&rd, name, text, len, is_file) : take_nothing(&rd);
        if (!r) {
                *message = NULL;
                *ret = rd.policy;
                return 0;
        }
        if (rd.message) { /* it goes with the policy */
                const char *copy = sovd_arena_strdup(arena, rd.message);
                *message = copy ? copy : *message;
        }
        sovd_arena_free(own);
        return r;
}

/* Who can change the policy may do everything. */
static const char *check_mode(const char *file, struct sovd_arena *arena) {
        struct stat about;

        if (stat(file, &about) || !(about.st_mode & (S_IWGRP | S_IWOTH))) /* what is not there is said when it is read */
                return NULL;
        const char *why = sovd_arena_printf(arena, "%s: others than its owner may change it (mode %04o)", file,
                                            (unsigned)(about.st_mode & 07777));
        return why ? why : "out of memory";
}

int sovd_policy_new(struct sovd_policy **ret, const char *file, const struct sovd_policy_names *names,
                    struct sovd_arena *arena, const char **message) {
        *message = file ? check_mode(file, arena) : NULL;
        if (*message)
                return SOVD_E_BAD_REQUEST;
        return read_policy(ret, file, NULL, 0, names, arena, message);
}

int sovd_policy_parse(struct sovd_policy **ret, const char *name, const char *text, size_t len,
                      const struct sovd_policy_names *names, struct sovd_arena *arena, const char **message) {
        return read_policy(ret, name, text, len, names, arena, message);
}
