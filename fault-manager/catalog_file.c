/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/catalog_file.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/config_tree.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

#define NODES_MAX 1000000 /* the texts were read once, by whoever had to limit them */

static const char *to_text(const cJSON *json, struct sovd_arena *arena) {
        struct sovd_json_writer w;
        const char *text = NULL, *copy = NULL;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        if (!sovd_json_writer_finish(&w, &text, &len))
                copy = sovd_arena_strdup(arena, text);
        sovd_json_writer_done(&w);
        return copy;
}

const char *fm_catalog_file_read(const char *file, const char *text, size_t len, struct sovd_arena *arena,
                                 const char **ret_json) {
        struct sovd_config_tree *tree;
        struct fm_catalog catalog;
        const char *message, *path;

        if (sovd_config_parse(&fm_schema_catalog_file, &catalog, file, text, len, NULL, arena, &tree,
                              &message))
                return message;
        const char *why = fm_catalog_check(&catalog, tree->root, arena, &path);
        if (why)
                return sovd_config_complain(tree, arena, path, why);
        *ret_json = to_text(tree->root, arena);
        return *ret_json ? NULL : "out of memory";
}

/* --- merging -------------------------------------------------------------------------------------------- */

struct coded {
        const char *code;
        const cJSON *fault;
        bool used;
};

struct merge {
        struct coded *of_file; /* sorted by code */
        size_t n;
        bool closed;
        cJSON *faults; /* the result */
        size_t n_left_out;
};

static int compare_coded(const void *a, const void *b) {
        return strcmp(((const struct coded *)a)->code, ((const struct coded *)b)->code);
}

static const char *code_of(const cJSON *fault) {
        return cJSON_GetObjectItemCaseSensitive(fault, "code")->valuestring; /* it was checked */
}

static int index_file(struct merge *m, const cJSON *file, struct sovd_arena *arena) {
        const cJSON *faults = cJSON_GetObjectItemCaseSensitive(file, "faults"), *fault;
        m->of_file = sovd_arena_array(arena, struct coded, (size_t)cJSON_GetArraySize(faults) + 1);
        if (!m->of_file)
                return sovd_error_origin(-ENOMEM);

        cJSON_ArrayForEach (fault, faults)
                m->of_file[m->n++] = (struct coded){ .code = code_of(fault), .fault = fault };
        qsort(m->of_file, m->n, sizeof(*m->of_file), compare_coded);
        m->closed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(file, "closed"));
        return 0;
}

/* Members of the file replace those of the app. */
static bool overlay(cJSON *object, const cJSON *over) {
        const cJSON *member;

        cJSON_ArrayForEach (member, over) {
                if (cJSON_IsNull(member))
                        continue; /* as good as absent */
                cJSON *copy = cJSON_Duplicate(member, true);
                cJSON_DeleteItemFromObjectCaseSensitive(object, member->string);
                if (!copy || !cJSON_AddItemToObject(object, member->string, copy))
                        return false;
        }
        return true;
}

static bool add_copy(struct merge *m, const cJSON *fault, const cJSON *over) {
        cJSON *copy = cJSON_Duplicate(fault, true);

        return copy && cJSON_AddItemToArray(m->faults, copy) && (!over || overlay(copy, over));
}

static bool add_fault_of_app(struct merge *m, const cJSON *fault) {
        const struct coded key = { .code = code_of(fault) };
        struct coded *found = m->n ? bsearch(&key, m->of_file, m->n, sizeof(key), compare_coded) : NULL;

        if (!found && m->closed) {
                m->n_left_out++;
                return true;
        }
        if (found)
                found->used = true;
        return add_copy(m, fault, found ? found->fault : NULL);
}

static bool add_all(struct merge *m, const cJSON *app) {
        const cJSON *fault;
        bool ok = true;

        cJSON_ArrayForEach (fault, cJSON_GetObjectItemCaseSensitive(app, "faults"))
                ok = ok && add_fault_of_app(m, fault);
        for (size_t i = 0; i < m->n; i++)
                ok = ok && (m->of_file[i].used || add_copy(m, m->of_file[i].fault, NULL));
        return ok;
}

/* Name and version of the file, else those of the app. */
static bool add_name(cJSON *merged, const char *key, const cJSON *file, const cJSON *app) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(file, key);

        if (!name)
                name = cJSON_GetObjectItemCaseSensitive(app, key);
        return !cJSON_IsString(name) || cJSON_AddStringToObject(merged, key, name->valuestring);
}

static int parse(const char *text, struct sovd_arena *arena, cJSON **ret) {
        const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };
        struct sovd_json_fault fault;

        *ret = NULL;
        return text ? sovd_error_fold(sovd_json_parse_in(arena, ret, text, strlen(text), &limits, &fault)) : 0;
}

int fm_catalog_merge(const char *file_json, const char *app_json, struct sovd_arena *arena,
                     struct fm_catalog *ret, size_t *ret_left_out) {
        struct merge m = { 0 };
        struct sovd_schema_error error;
        cJSON *file, *app, *merged;

        int r = parse(file_json, arena, &file);
        if (!r)
                r = parse(app_json, arena, &app);
        if (!r)
                r = index_file(&m, file, arena);
        if (r)
                return r;

        merged = cJSON_CreateObject();
        r = sovd_json_own(arena, merged);
        if (r)
                return r;
        m.faults = cJSON_AddArrayToObject(merged, "faults");
        if (!m.faults || !add_all(&m, app) || !add_name(merged, "id", file, app) ||
            !add_name(merged, "version", file, app))
                return sovd_error_origin(-ENOMEM);
        *ret_left_out = m.n_left_out;
        return sovd_error_fold(sovd_schema_decode(&fm_schema_catalog_file, merged, ret, arena, 0, &error));
}
