/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config_tree.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

static void delete_node(void *node) {
        cJSON_Delete(node);
}

int sovd_config_tree_new(struct sovd_config_tree **ret, const char *name, struct sovd_arena *arena) {
        struct sovd_config_tree *tree = sovd_arena_new0(arena, struct sovd_config_tree);
        if (!tree)
                return sovd_error_origin(-ENOMEM);

        tree->arena = arena;
        tree->has_file = name;
        tree->name = sovd_arena_strdup(arena, name ? name : "configuration");
        if (!tree->name)
                return sovd_error_origin(-ENOMEM);

        *ret = tree;
        return 0;
}

int sovd_config_tree_take(struct sovd_config_tree *tree, cJSON *root) {
        if (!root)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_arena_defer(tree->arena, delete_node, root);
        if (r)
                return r;

        tree->root = root;
        return 0;
}

int sovd_config_tree_add_origin(struct sovd_config_tree *tree, struct sovd_config_origin origin) {
        if (tree->n_origins == tree->size_origins) {
                size_t size = tree->size_origins ? 2 * tree->size_origins : 64;
                struct sovd_config_origin *more =
                        sovd_arena_array(tree->arena, struct sovd_config_origin, size);
                if (!more)
                        return sovd_error_origin(-ENOMEM);
                if (tree->n_origins)
                        memcpy(more, tree->origins, tree->n_origins * sizeof(*more));
                tree->origins = more;
                tree->size_origins = size;
        }

        tree->origins[tree->n_origins++] = origin;
        return 0;
}

/* Searched in order: only what is wrong is ever looked up. */
const struct sovd_config_origin *sovd_config_tree_find_origin(const struct sovd_config_tree *tree,
                                                              const cJSON *node) {
        for (size_t i = 0; i < tree->n_origins; i++)
                if (tree->origins[i].node == node)
                        return &tree->origins[i];
        return NULL;
}

const char *sovd_config_tree_pointer(struct sovd_config_tree *tree, const char *parent, const char *key) {
        size_t n = strlen(parent);
        char *pointer = sovd_arena_alloc(tree->arena, n + 2 * strlen(key) + 2);
        if (!pointer) {
                tree->error = sovd_error_origin(-ENOMEM);
                return NULL;
        }

        memcpy(pointer, parent, n);
        pointer[n++] = '/';
        for (; *key; key++)
                if (*key == '~' || *key == '/') {
                        pointer[n++] = '~';
                        pointer[n++] = *key == '~' ? '0' : '1';
                } else
                        pointer[n++] = *key;
        return pointer;
}

static const cJSON *find_child(const cJSON *parent, const char *token) {
        if (cJSON_IsObject(parent))
                return cJSON_GetObjectItemCaseSensitive(parent, token);
        if (!cJSON_IsArray(parent) || !*token || token[strspn(token, "0123456789")] || strlen(token) > 9)
                return NULL;
        return cJSON_GetArrayItem(parent, atoi(token));
}

/* Takes one token of a pointer, unescaped, as text that fits into one line. Moves *pointer behind it. */
static void read_token(const char **pointer, char *token) {
        const char *p = *pointer + 1;

        for (; *p && *p != '/'; p++)
                if (*p == '~' && (p[1] == '0' || p[1] == '1'))
                        *token++ = *++p == '0' ? '~' : '/';
                else
                        *token++ = *p;
        *token = '\0';
        *pointer = p;
}

/* The dotted form of a pointer, "backends[0].url", and the origin of the deepest node that has one. */
static const char *resolve(const struct sovd_config_tree *tree, const char *pointer, struct sovd_arena *arena,
                           const struct sovd_config_origin **ret_origin) {
        const cJSON *node = tree->root;
        char *token = sovd_arena_alloc(arena, strlen(pointer) + 1);
        char *dotted = sovd_arena_alloc(arena, 2 * strlen(pointer) + 1), *end = dotted;
        if (!token || !dotted)
                return NULL;

        *ret_origin = sovd_config_tree_find_origin(tree, node);
        while (*pointer == '/') {
                read_token(&pointer, token);
                bool is_index = cJSON_IsArray(node);
                end = stpcpy(stpcpy(end, is_index ? "[" : end > dotted ? "." : ""), token);
                end = stpcpy(end, is_index ? "]" : "");
                node = find_child(node, token);
                const struct sovd_config_origin *origin =
                        node ? sovd_config_tree_find_origin(tree, node) : NULL;
                if (origin)
                        *ret_origin = origin;
        }
        return dotted;
}

/* Keeps the line in one line: keys and names of variables may hold anything. */
static const char *hide_control(char *s) {
        for (char *p = s; p && *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = '?';
        return s;
}

static const char *format_place(const struct sovd_config_tree *tree, const struct sovd_config_origin *origin,
                                const char *dotted, struct sovd_arena *arena) {
        const char *colon = *dotted ? ": " : "";
        char *place;

        if (origin && origin->variable)
                place = sovd_arena_printf(arena, "environment:%s%s%s", origin->variable, colon, dotted);
        else if (!tree->has_file)
                place = sovd_arena_printf(arena, "%s%s%s", tree->name, colon, dotted);
        else
                place = sovd_arena_printf(arena, "%s:%zu:%zu%s%s", tree->name, origin ? origin->line : 1,
                                          origin ? origin->column : 1, colon, dotted);
        return hide_control(place);
}

const char *sovd_config_where(const struct sovd_config_tree *tree, const char *pointer,
                              struct sovd_arena *arena) {
        const struct sovd_config_origin *origin = NULL;
        const char *dotted = resolve(tree, pointer, arena, &origin);

        return dotted ? format_place(tree, origin, dotted, arena) : NULL;
}

bool sovd_config_has(const struct sovd_config_tree *tree, const char *pointer, struct sovd_arena *arena) {
        char *token = sovd_arena_alloc(arena, strlen(pointer) + 1);
        const cJSON *node = tree->root;

        while (token && node && *pointer == '/') {
                read_token(&pointer, token);
                node = find_child(node, token);
        }
        return token && node;
}

static void add_problem(struct sovd_config_tree *tree, const char *place, const char *pointer,
                        const char *why) {
        size_t i = tree->n_problems++;
        if (i >= SOVD_CONFIG_PROBLEMS_MAX)
                return;

        tree->problems[i] = place && why ? sovd_arena_printf(tree->arena, "%s: %s", place, why) : NULL;
        tree->pointers[i] = pointer;
        if (!tree->problems[i])
                tree->error = sovd_error_origin(-ENOMEM);
}

void sovd_config_tree_problem(struct sovd_config_tree *tree, const char *pointer, const char *why) {
        add_problem(tree, pointer ? sovd_config_where(tree, pointer, tree->arena) : NULL, pointer, why);
}

void sovd_config_tree_problem_at(struct sovd_config_tree *tree, size_t line, size_t column, const char *why) {
        struct sovd_config_origin origin = { .line = line, .column = column };

        add_problem(tree, format_place(tree, &origin, "", tree->arena), NULL, why);
}

void sovd_config_tree_problem_of(struct sovd_config_tree *tree, const char *variable, const char *pointer,
                                 const char *why) {
        struct sovd_config_origin origin = { .variable = variable };
        const struct sovd_config_origin *ignored;
        const char *dotted = pointer ? resolve(tree, pointer, tree->arena, &ignored) : NULL;

        add_problem(tree, dotted ? format_place(tree, &origin, dotted, tree->arena) : NULL, pointer, why);
}

bool sovd_config_tree_has_problem(const struct sovd_config_tree *tree, const char *pointer) {
        size_t n = strlen(pointer);

        for (size_t i = 0; i < SOVD_MIN(tree->n_problems, (size_t)SOVD_CONFIG_PROBLEMS_MAX); i++) {
                const char *p = tree->pointers[i];
                if (p && sovd_has_prefix(p, pointer) && (p[n] == '\0' || p[n] == '/'))
                        return true;
        }
        return false;
}

const char *sovd_config_tree_message(const struct sovd_config_tree *tree) {
        size_t kept = SOVD_MIN(tree->n_problems, (size_t)SOVD_CONFIG_PROBLEMS_MAX);
        size_t more = tree->n_problems - kept;
        const char *message = kept ? tree->problems[0] : "";

        for (size_t i = 1; message && i < kept; i++)
                message = sovd_arena_printf(tree->arena, "%s\n%s", message, tree->problems[i]);
        if (message && more)
                message = sovd_arena_printf(tree->arena, "%s\n(%zu more)", message, more);
        return message;
}
