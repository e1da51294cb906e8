/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config_check.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

#define NEAR 2 /* edits between a misspelt key and what was meant */

static void check_object(struct sovd_config_tree *tree, const struct sovd_schema *schema, const cJSON *object,
                         const char *pointer);

const struct sovd_field *sovd_config_field(const struct sovd_schema *schema, const char *name,
                                           bool ignore_case) {
        for (const struct sovd_field *f = schema->fields; f->name; f++)
                if ((ignore_case ? strcasecmp(f->name, name) : strcmp(f->name, name)) == 0)
                        return f;
        return schema->base ? sovd_config_field(schema->base, name, ignore_case) : NULL;
}

/* Levenshtein's distance, one row at a time; NEAR + 1 when the lengths alone say that it is too far. */
static size_t edit_distance(const char *a, const char *b) {
        size_t row[SOVD_JSON_KEY_MAX + 1], n_a = strlen(a), n_b = strlen(b);

        if (n_b > SOVD_JSON_KEY_MAX || n_a > n_b + NEAR || n_b > n_a + NEAR)
                return NEAR + 1;

        for (size_t k = 0; k <= n_b; k++)
                row[k] = k;
        for (size_t i = 1; i <= n_a; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t k = 1; k <= n_b; k++) {
                        size_t replaced = diagonal + (a[i - 1] != b[k - 1]);
                        diagonal = row[k];
                        row[k] = SOVD_MIN(replaced, SOVD_MIN(row[k], row[k - 1]) + 1);
                }
        }
        return row[n_b];
}

static const char *nearest(const struct sovd_schema *schema, const char *key, size_t *best) {
        const char *found = schema->base ? nearest(schema->base, key, best) : NULL;

        for (const struct sovd_field *f = schema->fields; f->name; f++) {
                size_t distance = edit_distance(key, f->name);
                if (distance < *best) {
                        *best = distance;
                        found = f->name;
                }
        }
        return found;
}

const char *sovd_config_unknown(const struct sovd_schema *schema, const char *key, struct sovd_arena *arena) {
        /* Two edits turn any key of two letters into any other: that is no hint. */
        size_t best = SOVD_MIN(strlen(key), (size_t)NEAR + 1);
        const char *name = nearest(schema, key, &best);

        return name ? sovd_arena_printf(arena, "unknown key; did you mean '%s'?", name) : "unknown key";
}

static bool is_taken_for_something_else(const cJSON *node) {
        return cJSON_IsNumber(node) || cJSON_IsBool(node);
}

static void check_text(struct sovd_config_tree *tree, const cJSON *node, const char *pointer) {
        if (is_taken_for_something_else(node))
                sovd_config_tree_problem(tree, pointer, "must be text: put it in quotes");
}

/* The items of a list, named by their index. */
static void check_items(struct sovd_config_tree *tree, const struct sovd_schema *of, const cJSON *list,
                        const char *pointer) {
        const cJSON *item;
        size_t i = 0;

        cJSON_ArrayForEach(item, list) {
                const char *at = sovd_arena_printf(tree->arena, "%s/%zu", pointer, i++);
                if (!at) {
                        tree->error = sovd_error_origin(-ENOMEM);
                        return;
                }
                if (of)
                        check_object(tree, of, item, at);
                else
                        check_text(tree, item, at);
        }
}

static void check_member(struct sovd_config_tree *tree, const struct sovd_field *f, const cJSON *node,
                         const char *pointer) {
        switch (f->type) {
        case SOVD_FIELD_STRING:
        case SOVD_FIELD_ENUM:
                check_text(tree, node, pointer);
                break;
        case SOVD_FIELD_OBJECT:
                check_object(tree, f->of, node, pointer);
                break;
        case SOVD_FIELD_LIST:
                if (cJSON_IsArray(node))
                        check_items(tree, f->of, node, pointer);
                break;
        case SOVD_FIELD_STRINGS:
                if (cJSON_IsArray(node))
                        check_items(tree, NULL, node, pointer);
                break;
        case SOVD_FIELD_INT:
        case SOVD_FIELD_NUMBER:
        case SOVD_FIELD_BOOL:
        case SOVD_FIELD_JSON:
                break;
        }
}

static void check_object(struct sovd_config_tree *tree, const struct sovd_schema *schema, const cJSON *object,
                         const char *pointer) {
        const cJSON *node;

        if (!cJSON_IsObject(object))
                return; /* the decoder says so */

        cJSON_ArrayForEach(node, object) {
                const struct sovd_field *f = sovd_config_field(schema, node->string, false);
                const char *at = sovd_config_tree_pointer(tree, pointer, node->string);
                if (!at)
                        return;
                if (f)
                        check_member(tree, f, node, at);
                else
                        sovd_config_tree_problem(tree, at,
                                                 sovd_config_unknown(schema, node->string, tree->arena));
        }
}

void sovd_config_check(struct sovd_config_tree *tree, const struct sovd_schema *schema) {
        check_object(tree, schema, tree->root, "");
}
