/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config.h"
#include "sovd-core/base/config_check.h"
#include "sovd-core/base/config_env.h"
#include "sovd-core/base/config_tree.h"
#include "sovd-core/base/config_yaml.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* The decoder names its first fault. What the checks have named already is not said twice. */
static int decode(struct sovd_config_tree *tree, const struct sovd_schema *schema, void *object) {
        unsigned flags = tree->n_problems ? 0 : SOVD_DECODE_CLOSED; /* the checks found what is not known */
        struct sovd_schema_error error = { 0 };

        int r = sovd_schema_decode(schema, tree->root, object, tree->arena, flags, &error);
        if (r < 0)
                return r;
        if (r && !sovd_config_tree_has_problem(tree, error.path))
                sovd_config_tree_problem(tree, error.path, error.reason);
        return 0;
}

static int read_text(struct sovd_config_tree *tree, const char *text, size_t len) {
        if (!text)
                return sovd_config_tree_take(tree, cJSON_CreateObject());
        if (len > SOVD_CONFIG_BYTES_MAX) {
                sovd_config_tree_problem_at(tree, 1, 1, "larger than 1 MiB");
                return SOVD_E_BAD_REQUEST;
        }
        return sovd_config_read_yaml(tree, text, len);
}

/* Returns a negative error or 0; what is wrong with the input is in the tree then. */
static int read_all(struct sovd_config_tree *tree, const struct sovd_schema *schema, void *object,
                    const char *text, size_t len, char *const *environment) {
        int r = read_text(tree, text, len);
        if (r)
                return SOVD_MIN(r, 0);

        sovd_config_read_environment(tree, schema, environment);
        sovd_config_check(tree, schema);
        if (tree->error)
                return tree->error;

        r = decode(tree, schema, object);
        return r ? r : tree->error;
}

int sovd_config_parse(const struct sovd_schema *schema, void *object, const char *name, const char *text,
                      size_t len, char *const *environment, struct sovd_arena *arena,
                      struct sovd_config_tree **tree, const char **message) {
        struct sovd_config_tree *t;

        *message = "out of memory";
        int r = sovd_config_tree_new(&t, name, arena);
        if (r)
                return r;

        r = read_all(t, schema, object, text, len, environment);
        if (r)
                return r;
        if (t->n_problems) {
                const char *problems = sovd_config_tree_message(t);
                if (!problems)
                        return sovd_error_origin(-ENOMEM);
                *message = problems;
                return SOVD_E_BAD_REQUEST;
        }

        *message = NULL;
        if (tree)
                *tree = t;
        return 0;
}

/* Reads one byte more than is accepted, so that a file that is too large shows itself. */
static int read_file(char **ret, size_t *ret_len, const char *file) {
        const size_t size = SOVD_CONFIG_BYTES_MAX + 1;
        _cleanup_(sovd_freep) char *text = malloc(size);
        if (!text)
                return sovd_error_origin(-ENOMEM);

        errno = 0;
        FILE *f = fopen(file, "re");
        if (!f)
                return sovd_error_origin(-errno);

        size_t n = fread(text, 1, size, f);
        int r = ferror(f) ? -(errno ? errno : EIO) : 0;
        (void)fclose(f);
        if (r)
                return sovd_error_origin(r);

        *ret = SOVD_TAKE(text);
        *ret_len = n;
        return 0;
}

int sovd_config_read_file(const char **ret, size_t *ret_len, const char *file, struct sovd_arena *arena) {
        _cleanup_(sovd_freep) char *text = NULL;

        int r = read_file(&text, ret_len, file);
        if (r)
                return r;
        char *copy = sovd_arena_alloc(arena, *ret_len + 1);
        if (!copy)
                return sovd_error_origin(-ENOMEM);
        memcpy(copy, text, *ret_len);
        *ret = copy;
        return 0;
}

int sovd_config_load(const struct sovd_schema *schema, void *object, const char *file,
                     char *const *environment, struct sovd_arena *arena, struct sovd_config_tree **tree,
                     const char **message) {
        _cleanup_(sovd_freep) char *text = NULL;
        size_t len = 0;

        int r = file ? read_file(&text, &len, file) : 0;
        if (r) {
                const char *why = sovd_arena_printf(arena, "%s: cannot be read: %s", file, strerror(-r));
                *message = why ? why : "out of memory";
                return r;
        }
        return sovd_config_parse(schema, object, file, text, len, environment, arena, tree, message);
}

const char *sovd_config_complain(const struct sovd_config_tree *tree, struct sovd_arena *arena, const char *pointer,
                                 const char *why) {
        const char *where = pointer ? sovd_config_where(tree, pointer, arena) : NULL;
        const char *text = sovd_arena_printf(arena, "%s: %s", where ? where : pointer ? pointer : "?", why);

        return text ? text : why;
}
