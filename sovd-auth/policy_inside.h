#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policy - its inside: policy.c decides, policy_builtin.c has the built-in roles, policy_file.c reads
 */
#include "sovd-auth/policy.h"

/* A selector that is not there is no condition. */
struct policy_rule {
        struct sovd_strings methods, collections, entities, resources, routes;
        const char *name;  /* "role viewer, allow 1" */
        const char *where; /* "policy.yaml:4:9" */
};

/* A role or a scope. */
struct policy_grant {
        const char *name;
        struct sovd_strings inherits;
        const struct policy_rule *allow, *deny;
        size_t n_allow, n_deny;
        const struct policy_grant **all; /* itself and what it inherits from, each once */
        size_t n_all;
        /* Of all of them: something is allowed on every entity; whole entities are denied; rules name resources. */
        bool allows_all, denies_some, picks;
};

struct policy_tenant {
        const char *name, *label, *where; /* label: "tenant a" */
        struct sovd_strings entities;
        bool vehicle; /* may use what is about the whole vehicle */
};

struct sovd_policy {
        unsigned n_refs; /* atomic */
        struct sovd_arena *arena;
        const struct policy_grant *roles, *scopes; /* by name: those of the file hide built-in ones */
        size_t n_roles, n_scopes;
        const struct policy_tenant *tenants;
        size_t n_tenants;
        bool tenant_required;
        const char *text; /* that it was read from; NULL = only what is built in */
        size_t len;
        char sha256[65]; /* of the file; "" = there is none */
};

/* Those of the program; `all` is not set. */
extern const struct policy_grant policy_builtin[];
extern const size_t policy_n_builtin;

/* Sets what is said of all of them, once `all` is known. */
void policy_grant_sum_up(struct policy_grant *grant);

#define POLICY_SCOPE_PREFIX "sovd:" /* a scope of this and the name of a built-in role has its rules */
