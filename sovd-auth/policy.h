#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policy - who may do what
 *
 * Roles and scopes are lists of rules that allow or deny. What no rule allows is denied, and a rule that denies wins over
 * all that allow. Who has several roles may do what one of them allows; who has scopes too may do only what both roles and
 * scopes allow. A tenant narrows all that to its own entities. Roles viewer, tester, developer, updater, admin and auditor
 * are built in, in the same language as those of the policy file.
 *
 * A policy never changes: a reload makes a new one. It decides without a lock and without memory, and says which rule it
 * was. It knows nothing of routes: what a request is about is told to it by struct sovd_access.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/schema.h"

struct sovd_policy; /* reference-counted, immutable */
struct sovd_principal;

enum {
        SOVD_ACCESS_EXPLICIT = 1 << 0, /* a rule must name its collection or its route, a wildcard is not enough */
        SOVD_ACCESS_SPANS = 1 << 1,    /* it is about many entities, and its answer has only those that may be seen */
        SOVD_ACCESS_PUBLIC = 1 << 2,   /* for everybody */
        SOVD_ACCESS_ANY_ENTITY = 1 << 3 /* it may be about any: what denies it on one denies it */
};

/* What somebody wants to do. A word that is NULL, but for entity_id, stands for "any": then the question is whether
 * anything at all of that kind may be done. */
struct sovd_access {
        const char *method;             /* "GET", "POST", "PUT", "DELETE" */
        const char *route;              /* operation id */
        const char *collection;         /* "data", …, "entities", or a word of the server's own: "updates" */
        const char *entity_type;        /* "components" */
        const char *entity_id;          /* NULL: it is about the server, or about many entities */
        const char *const *resource;    /* what stands behind the collection in the path, a segment each */
        size_t n_resource;              /* 0 with a method: the collection itself */
        bool any_resource;              /* "any" of them */
        unsigned flags;
};

enum sovd_verdict {
        SOVD_ALLOWED,
        SOVD_DENIED, /* some rule may be missing, or denies */
        SOVD_HIDDEN  /* the entity is none of the principal's: it does not exist for him */
};

/* The strings are the policy's, or static. */
struct sovd_decision {
        enum sovd_verdict verdict;
        const char *rule;  /* "role viewer, allow 1"; NULL: there was none */
        const char *where; /* "policy.yaml:4:9", or "built-in"; NULL as above */
        const char *why;   /* a sentence without its dot */
};

struct sovd_decision sovd_policy_decide(const struct sovd_policy *policy, const struct sovd_principal *principal,
                                        const struct sovd_access *access);

/* May the principal know of the entity? When something on it may be done, and its tenant has it. */
bool sovd_policy_shows(const struct sovd_policy *policy, const struct sovd_principal *principal,
                       const char *entity_type, const char *entity_id);

/* Does it make a difference for the principal which entity something is about? */
bool sovd_policy_narrows(const struct sovd_policy *policy, const struct sovd_principal *principal);

/* Does it make a difference for the principal which resource of a collection something is about? */
bool sovd_policy_picks(const struct sovd_policy *policy, const struct sovd_principal *principal);

/* Does the policy give anything to who has not proved who he is? */
bool sovd_policy_has_anonymous(const struct sovd_policy *policy);

/* SHA-256 of the bytes of its file, hex; "" = it is only what is built in. */
const char *sovd_policy_digest(const struct sovd_policy *policy);

/* Is it a role that the policy knows? */
bool sovd_policy_has_role(const struct sovd_policy *policy, const char *role);
bool sovd_policy_has_scope(const struct sovd_policy *policy, const char *scope);
bool sovd_policy_has_tenant(const struct sovd_policy *policy, const char *tenant);

/* Names of the built-in roles, ends with NULL. */
extern const char *const sovd_policy_builtin_roles[];
/* The role of everybody without credentials; it has no rule unless the policy file gives it some. */
#define SOVD_ROLE_ANONYMOUS "anonymous"
#define SOVD_ROLE_ADMIN     "admin"
/* Breaking another client's lock: asked for beside the route that acquires one. */
#define SOVD_ROUTE_LOCK_BREAK "lock-break"

/* What rules may name, so that a slip of the pen is found when the file is read; both end with NULL. */
struct sovd_policy_names {
        const char *const *collections, *const *routes;
};

/* Reads a policy file (YAML); NULL = only what is built in. SOVD_E_BAD_REQUEST or -errno with *message (in the arena): what
 * is wrong, with file and line, a line each. */
int sovd_policy_new(struct sovd_policy **ret, const char *file, const struct sovd_policy_names *names,
                    struct sovd_arena *arena, const char **message);
/* The same from text; name stands for the file. */
int sovd_policy_parse(struct sovd_policy **ret, const char *name, const char *text, size_t len,
                      const struct sovd_policy_names *names, struct sovd_arena *arena, const char **message);
/* Were they read from the same text? */
bool sovd_policy_same(const struct sovd_policy *a, const struct sovd_policy *b);
struct sovd_policy *sovd_policy_ref(struct sovd_policy *policy);
struct sovd_policy *sovd_policy_unref(struct sovd_policy *policy);
SOVD_DEFINE_CLEANUP(struct sovd_policy *, sovd_policy_unref)

/* Does the pattern match the segments? "*" stands for any characters of one segment, "**" as a segment of its own for any
 * number of segments. with_rest: what is below what it matches is matched too. */
bool sovd_policy_matches(const char *pattern, const char *const *segments, size_t n, bool with_rest);

/* Can it be one: no empty segment, and "**" only as a whole one? */
bool sovd_policy_is_pattern(const char *s);
