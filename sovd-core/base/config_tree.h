#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configuration tree - the keys as they were read, where each came from, and what is wrong with them
 *
 * Between the readers (file, environment), the checks and the decoder. All of it lives in one arena, the
 * nodes too: a node that is replaced is parked until the end, so its address names it for good.
 */
#include "sovd-core/base/arena.h"

struct cJSON;

#define SOVD_CONFIG_PROBLEMS_MAX 20

struct sovd_config_origin {
        const struct cJSON *node;
        size_t line, column;  /* in the file, from 1 */
        const char *variable; /* of the environment; NULL = the file */
};

struct sovd_config_tree {
        struct sovd_arena *arena;
        const char *name;   /* of the file; in the arena */
        bool has_file;      /* else there is no line to point at */
        struct cJSON *root; /* an object once something was read; deleted by the arena */

        struct sovd_config_origin *origins;
        size_t n_origins, size_origins;

        const char *problems[SOVD_CONFIG_PROBLEMS_MAX]; /* "where: why"; in the arena */
        const char *pointers[SOVD_CONFIG_PROBLEMS_MAX]; /* of the bad key, or NULL; in the arena */

        size_t n_problems; /* may be more than are kept */
        int error;         /* the first failure of ours, or 0 */
};

int sovd_config_tree_new(struct sovd_config_tree **ret, const char *name, struct sovd_arena *arena);

/* Hands a root to the tree. */
int sovd_config_tree_take(struct sovd_config_tree *tree, struct cJSON *root);

/* Remembers where a node came from. */
int sovd_config_tree_add_origin(struct sovd_config_tree *tree, struct sovd_config_origin origin);
const struct sovd_config_origin *sovd_config_tree_find_origin(const struct sovd_config_tree *tree,
                                                              const struct cJSON *node);

/* parent + "/" + key as a JSON pointer, in the arena; NULL: no memory, which the tree remembers. */
const char *sovd_config_tree_pointer(struct sovd_config_tree *tree, const char *parent, const char *key);

/* Adds a problem of the key at pointer, of a place in the file, or of a variable. */
void sovd_config_tree_problem(struct sovd_config_tree *tree, const char *pointer, const char *why);
void sovd_config_tree_problem_at(struct sovd_config_tree *tree, size_t line, size_t column, const char *why);
void sovd_config_tree_problem_of(struct sovd_config_tree *tree, const char *variable, const char *pointer,
                                 const char *why);

/* Was a problem of this key, or of one in it, added? */
bool sovd_config_tree_has_problem(const struct sovd_config_tree *tree, const char *pointer);

/* All problems, one per line; NULL: no memory. */
const char *sovd_config_tree_message(const struct sovd_config_tree *tree);
