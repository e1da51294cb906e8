/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include <cjson/cJSON.h>

/* The next number in a validated text, at or after pos. */
static const char *next_number(const char *text, size_t *pos, size_t *ret_len) {
        bool in_string = false;

        for (;; (*pos)++) {
                char c = text[*pos];
                if (in_string && c == '\\')
                        (*pos)++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '-' || (c >= '0' && c <= '9')))
                        break;
        }
        *ret_len = strspn(text + *pos, "+-.0123456789eE");
        return text + *pos;
}

/* Gives each number node its digits. The tree's order is the text's order. */
static int keep_digits(cJSON *node, const char *text, size_t *pos) {
        if (cJSON_IsNumber(node)) {
                size_t n;
                const char *digits = next_number(text, pos, &n);

                node->valuestring = strndup(digits, n);
                if (!node->valuestring)
                        return sovd_error_origin(-ENOMEM);
                *pos += n;
        }
        for (cJSON *child = node->child; child; child = child->next) {
                /* A number that is a member name stands in quotes, so only values are found. */
                int r = keep_digits(child, text, pos);
                if (r)
                        return r;
        }
        return 0;
}

static void delete_tree(cJSON **tree) {
        cJSON_Delete(*tree);
}

int sovd_json_parse(cJSON **ret, const char *text, size_t len, const struct sovd_json_limits *limits,
                    struct sovd_json_fault *fault) {
        if (!sovd_json_validate(text, len, limits, fault))
                return SOVD_E_BAD_REQUEST;

        _cleanup_(sovd_freep) char *copy = strndup(text, len); /* cJSON wants a NUL at the end */
        if (!copy)
                return sovd_error_origin(-ENOMEM);

        _cleanup_(delete_tree) cJSON *tree = cJSON_ParseWithLengthOpts(copy, len + 1, NULL, true);
        if (!tree)
                return sovd_error_origin(-ENOMEM); /* the validator accepts nothing that cJSON refuses */

        size_t pos = 0;
        int r = keep_digits(tree, copy, &pos);
        explicit_bzero(copy, len); /* secrets come as JSON, too */
        if (r)
                return r;

        *ret = SOVD_TAKE(tree);
        return 0;
}

static void delete_owned(void *tree) {
        cJSON_Delete(tree);
}

int sovd_json_own(struct sovd_arena *arena, cJSON *tree) {
        return tree ? sovd_arena_defer(arena, delete_owned, tree) : sovd_error_origin(-ENOMEM);
}

int sovd_json_parse_in(struct sovd_arena *arena, cJSON **ret, const char *text, size_t len,
                       const struct sovd_json_limits *limits, struct sovd_json_fault *fault) {
        cJSON *tree = NULL;

        int r = sovd_json_parse(&tree, text, len, limits, fault);
        if (!r)
                r = sovd_json_own(arena, tree);
        if (!r)
                *ret = tree;
        return r;
}

int sovd_json_written(struct sovd_arena *arena, struct sovd_json_writer *w, const cJSON **ret) {
        const struct sovd_json_limits limits = { .max_nodes = 100000 };
        struct sovd_json_fault fault;
        const char *text;
        cJSON *tree;
        size_t len;

        int r = sovd_json_writer_finish(w, &text, &len);
        if (!r)
                r = sovd_error_fold(sovd_json_parse_in(arena, &tree, text, len, &limits, &fault));
        sovd_json_writer_done(w);
        if (!r)
                *ret = tree;
        return r;
}

bool sovd_json_get_int(const cJSON *node, int64_t *ret) {
        if (!cJSON_IsNumber(node))
                return false;
        if (!node->valuestring) {
                if (!(node->valuedouble >= -9007199254740992.0 && node->valuedouble <= 9007199254740992.0))
                        return false; /* also NaN; the conversion would be undefined */
                *ret = (int64_t)node->valuedouble;
                return (double)*ret == node->valuedouble;
        }
        if (strpbrk(node->valuestring, ".eE"))
                return false;

        errno = 0;
        *ret = strtoll(node->valuestring, NULL, 10);
        return errno == 0;
}

bool sovd_json_get_double(const cJSON *node, double *ret) {
        if (!cJSON_IsNumber(node))
                return false;
        *ret = node->valuedouble;
        return true;
}
