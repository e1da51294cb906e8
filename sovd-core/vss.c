/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/vss.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/schema.h"
#include <cjson/cJSON.h>
#include <stdio.h>

#define NODES_MAX 200000 /* values in one file */
#define UNITS_MAX 256    /* different ones that are kept once */

const char *const sovd_vss_kind_names[] = { "sensor", "actuator", "attribute", NULL };

/* The types that a value may have, and the bounds of integers. */
static const struct datatype {
        const char *name, *type, *min, *max;
} datatypes[] = {
        { "string", "string", NULL, NULL },
        { "boolean", "boolean", NULL, NULL },
        { "uint8", "integer", "0", "255" },
        { "int8", "integer", "-128", "127" },
        { "uint16", "integer", "0", "65535" },
        { "int16", "integer", "-32768", "32767" },
        { "uint32", "integer", "0", "4294967295" },
        { "int32", "integer", "-2147483648", "2147483647" },
        { "uint64", "integer", "0", "18446744073709551615" },
        { "int64", "integer", "-9223372036854775808", "9223372036854775807" },
        { "float", "number", NULL, NULL },
        { "double", "number", NULL, NULL },
};

struct sovd_vss {
        struct sovd_arena *arena;
        struct sovd_vss_leaf *leaves; /* by path once a file is read */
        size_t n, size;
        const char *units[UNITS_MAX];
        size_t n_units;
};

int sovd_vss_new(struct sovd_vss **ret) {
        _cleanup_(sovd_vss_freep) struct sovd_vss *vss = calloc(1, sizeof(*vss));
        if (!vss)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_arena_new(&vss->arena, 64 * 1024);
        if (r)
                return r;
        *ret = SOVD_TAKE(vss);
        return 0;
}

struct sovd_vss *sovd_vss_free(struct sovd_vss *vss) {
        if (!vss)
                return NULL;

        sovd_arena_free(vss->arena);
        free(vss->leaves);
        free(vss);
        return NULL;
}

/* --- looking up ----------------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b) {
        const struct sovd_vss_leaf *x = a, *y = b;

        return strcmp(x->path, y->path);
}

static struct sovd_vss_leaf *find(const struct sovd_vss *vss, size_t n, const char *path) {
        const struct sovd_vss_leaf key = { .path = path };

        return n ? bsearch(&key, vss->leaves, n, sizeof(key), by_path) : NULL;
}

const struct sovd_vss_leaf *sovd_vss_find(const struct sovd_vss *vss, const char *path) {
        return find(vss, vss->n, path);
}

const struct sovd_vss_leaf *sovd_vss_leaves(const struct sovd_vss *vss, size_t *ret_n) {
        *ret_n = vss->n;
        return vss->leaves;
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct reading {
        struct sovd_vss *vss;
        size_t n_before;          /* leaves that were there, in order */
        struct sovd_arena *arena; /* for what is said of mistakes */
        const char **why;
        char path[SOVD_VSS_PATH_MAX + 1];
        size_t n_path;
};

/* The pointer of the node is its path with "children" between the names. */
static int refuse(const struct reading *in, const char *member, const char *reason) {
        const char *rest = in->path, *text = "";

        for (const char *dot = rest; text && *rest; rest = dot + (*dot != '\0')) {
                dot = rest + strcspn(rest, ".");
                text = sovd_arena_printf(in->arena, "%s%s/%.*s", text, *text ? "/children" : "",
                                         (int)(dot - rest), rest);
        }
        if (text)
                text = sovd_arena_printf(in->arena, "%s%s%s: %s", text, member ? "/" : "",
                                         member ? member : "", reason);
        *in->why = text ? text : "out of memory";
        return SOVD_E_BAD_REQUEST;
}

static const char *keep_unit(struct sovd_vss *vss, const char *unit) {
        for (size_t i = 0; i < vss->n_units; i++)
                if (strcmp(vss->units[i], unit) == 0)
                        return vss->units[i];
        const char *kept = sovd_arena_strdup(vss->arena, unit);
        if (kept && vss->n_units < UNITS_MAX)
                vss->units[vss->n_units++] = kept;
        return kept;
}

static int take_text(const struct reading *in, const cJSON *node, const char *member, const char **ret) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, member);

        if (!item || cJSON_IsNull(item))
                return 0;
        if (!cJSON_IsString(item))
                return refuse(in, member, "is not a text");
        *ret = strcmp(member, "unit") == 0 ? keep_unit(in->vss, item->valuestring)
                                           : sovd_arena_strdup(in->vss->arena, item->valuestring);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

static int keep_json(const struct reading *in, const cJSON *item, const char **ret) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, item);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r) {
                *ret = sovd_arena_strndup(in->vss->arena, text, len);
                r = *ret ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_json_writer_done(&w);
        return r;
}

static int take_number(const struct reading *in, const cJSON *node, const char *member, const char **ret) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, member);

        if (!item || cJSON_IsNull(item))
                return 0;
        return cJSON_IsNumber(item) ? keep_json(in, item, ret) : refuse(in, member, "is not a number");
}

static bool is_scalar(const cJSON *item) {
        return cJSON_IsString(item) || cJSON_IsNumber(item) || cJSON_IsBool(item);
}

static int take_allowed(const struct reading *in, const cJSON *node, const char **ret) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, "allowed"), *value;

        if (!item || cJSON_IsNull(item))
                return 0;
        if (!cJSON_IsArray(item) || !item->child)
                return refuse(in, "allowed", "is not a list with values");
        cJSON_ArrayForEach (value, item)
                if (!is_scalar(value))
                        return refuse(in, "allowed", "has something else than texts, numbers and booleans");
        return keep_json(in, item, ret);
}

static const struct datatype *find_datatype(const char *name, size_t n) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(datatypes); i++)
                if (strlen(datatypes[i].name) == n && strncmp(datatypes[i].name, name, n) == 0)
                        return &datatypes[i];
        return NULL;
}

/* Length without the "[]" of an array. */
static size_t bare_length(const char *datatype) {
        size_t n = strlen(datatype);

        return n > 2 && strcmp(datatype + n - 2, "[]") == 0 ? n - 2 : n;
}

/* A struct is named by its path; those are not looked into. */
static bool is_struct(const char *name, size_t n) {
        static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";

        return memchr(name, '.', n) && strspn(name, word) == n;
}

static int take_datatype(const struct reading *in, const cJSON *node, struct sovd_vss_leaf *leaf) {
        const char *text = NULL;
        int r = take_text(in, node, "datatype", &text);

        if (r)
                return r;
        if (text) {
                size_t n = bare_length(text);
                const struct datatype *known = find_datatype(text, n);
                if (!known && !is_struct(text, n))
                        return refuse(in, "datatype", "is no datatype of VSS");
                leaf->datatype = known && !text[n] ? known->name : text;
        }
        return leaf->datatype ? 0 : refuse(in, "datatype", "is missing");
}

static int check_bounds(const struct reading *in, const struct sovd_vss_leaf *leaf) {
        if (leaf->min && leaf->max && strtold(leaf->min, NULL) > strtold(leaf->max, NULL))
                return refuse(in, "min", "is above max");
        return 0;
}

static int take_leaf(const struct reading *in, const cJSON *node, int kind, struct sovd_vss_leaf *leaf) {
        const cJSON *def = cJSON_GetObjectItemCaseSensitive(node, "default");
        int r = take_datatype(in, node, leaf);

        leaf->kind = kind ? kind : leaf->kind;
        if (!r)
                r = take_text(in, node, "unit", &leaf->unit);
        if (!r)
                r = take_text(in, node, "description", &leaf->description);
        if (!r)
                r = take_text(in, node, "deprecation", &leaf->deprecation);
        if (!r)
                r = take_text(in, node, "pattern", &leaf->pattern);
        if (!r)
                r = take_number(in, node, "min", &leaf->min);
        if (!r)
                r = take_number(in, node, "max", &leaf->max);
        if (!r)
                r = take_allowed(in, node, &leaf->allowed);
        if (!r && def && !cJSON_IsNull(def))
                r = keep_json(in, def, &leaf->def);
        return r ? r : check_bounds(in, leaf);
}

static int add_leaf(const struct reading *in, const struct sovd_vss_leaf *leaf) {
        struct sovd_vss *vss = in->vss;

        if (vss->n == vss->size) {
                size_t size = SOVD_MAX(vss->size + vss->size / 2, (size_t)256);
                struct sovd_vss_leaf *more = realloc(vss->leaves, size * sizeof(*more));
                if (!more)
                        return sovd_error_origin(-ENOMEM);
                vss->leaves = more;
                vss->size = size;
        }
        vss->leaves[vss->n++] = *leaf;
        return 0;
}

/* kind 0: the file does not say; then the leaf has to be there already. */
static int read_leaf(const struct reading *in, const cJSON *node, int kind) {
        struct sovd_vss_leaf *old = find(in->vss, in->n_before, in->path), leaf = { 0 };
        const cJSON *gone = cJSON_GetObjectItemCaseSensitive(node, "delete");

        if (gone && !cJSON_IsBool(gone))
                return refuse(in, "delete", "is neither true nor false");
        if (cJSON_IsTrue(gone) && !old)
                return refuse(in, "delete", "there is no such leaf");
        if (cJSON_IsTrue(gone)) {
                old->kind = 0; /* taken out when the file is read */
                return 0;
        }
        if (old)
                return take_leaf(in, node, kind, old);
        if (!kind)
                return refuse(in, "type", "is missing");
        leaf.path = sovd_arena_strdup(in->vss->arena, in->path);
        int r = leaf.path ? take_leaf(in, node, kind, &leaf) : sovd_error_origin(-ENOMEM);
        return r ? r : add_leaf(in, &leaf);
}

static int read_nodes(struct reading *in, const cJSON *children);

static int read_node(struct reading *in, const cJSON *node) {
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(node, "type");
        const cJSON *children = cJSON_GetObjectItemCaseSensitive(node, "children");

        if (!cJSON_IsObject(node))
                return refuse(in, NULL, "is not an object");
        if (type && !cJSON_IsString(type))
                return refuse(in, "type", "is not a text");
        int kind = type ? sovd_enum_parse(sovd_vss_kind_names, type->valuestring) : 0;
        bool is_branch = type && strcmp(type->valuestring, "branch") == 0;
        if (type && !kind && !is_branch)
                return refuse(in, "type", "is none of branch, sensor, actuator and attribute");
        if (children && kind)
                return refuse(in, "children", "only a branch has these");
        if (children && !cJSON_IsObject(children))
                return refuse(in, "children", "is not an object");
        if (children)
                return read_nodes(in, children);
        return is_branch ? 0 : read_leaf(in, node, kind);
}

static int read_nodes(struct reading *in, const cJSON *nodes) {
        static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        const size_t before = in->n_path;
        const cJSON *node;

        cJSON_ArrayForEach (node, nodes) {
                const char *name = node->string;
                if (!*name || name[strspn(name, word)])
                        return refuse(in, in->n_path ? "children" : NULL,
                                      "has a name with something else than letters, digits, _ and -");
                size_t n = strlen(name) + (before > 0);
                if (before + n > SOVD_VSS_PATH_MAX)
                        return refuse(in, NULL, "the path is too long");
                (void)snprintf(in->path + before, sizeof(in->path) - before, "%s%s", before ? "." : "", name);
                in->n_path = before + n;
                int r = read_node(in, node);
                if (r)
                        return r;
                in->n_path = before;
                in->path[before] = '\0';
        }
        return 0;
}

static void take_out_deleted(struct sovd_vss *vss) {
        size_t n = 0;

        for (size_t i = 0; i < vss->n; i++)
                if (vss->leaves[i].kind)
                        vss->leaves[n++] = vss->leaves[i];
        vss->n = n;
}

int sovd_vss_read(struct sovd_vss *vss, const char *text, size_t len, struct sovd_arena *arena,
                  const char **why) {
        const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };
        struct reading in = { .vss = vss, .n_before = vss->n, .arena = arena, .why = why };
        struct sovd_json_fault fault;
        cJSON *tree;

        int r = sovd_json_parse(&tree, text, len, &limits, &fault);
        if (r > 0) {
                *why = sovd_arena_printf(arena, "at byte %zu: %s", fault.offset, fault.reason);
                *why = *why ? *why : "out of memory";
                return SOVD_E_BAD_REQUEST;
        }
        if (r)
                return r;
        r = cJSON_IsObject(tree) ? read_nodes(&in, tree) : refuse(&in, NULL, "is not an object");
        cJSON_Delete(tree);
        if (r)
                return r;
        take_out_deleted(vss);
        if (vss->n)
                qsort(vss->leaves, vss->n, sizeof(vss->leaves[0]), by_path);
        return 0;
}

/* --- what it says --------------------------------------------------------------------------------------- */

const char *sovd_vss_version(const struct sovd_vss *vss, struct sovd_arena *arena) {
        static const char *const parts[] = { "Vehicle.VersionVSS.Major", "Vehicle.VersionVSS.Minor",
                                             "Vehicle.VersionVSS.Patch" };
        const char *number[3];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(parts); i++) {
                const struct sovd_vss_leaf *leaf = sovd_vss_find(vss, parts[i]);
                number[i] = leaf ? leaf->def : NULL;
                if (!number[i] || !*number[i] || number[i][strspn(number[i], "0123456789")])
                        return NULL;
        }
        return sovd_arena_printf(arena, "%s.%s.%s", number[0], number[1], number[2]);
}

/* The narrower of two bounds. */
static const char *bound(const char *own, const char *of_type, bool lower) {
        if (!own || !of_type)
                return own ? own : of_type;
        return (strtold(own, NULL) > strtold(of_type, NULL)) == lower ? own : of_type;
}

static void write_raw(struct sovd_json_writer *w, const char *key, const char *json) {
        if (json)
                sovd_json_rawf(w, ",\"%s\":%s", key, json);
}

static void write_element(struct sovd_json_writer *w, const struct sovd_vss_leaf *leaf, size_t n) {
        const struct datatype *d = find_datatype(leaf->datatype, n);

        sovd_json_rawf(w, "{\"type\":\"%s\"", d ? d->type : "object");
        if (d && strcmp(d->type, "string") != 0 && strcmp(d->type, "boolean") != 0) {
                write_raw(w, "minimum", bound(leaf->min, d->min, true));
                write_raw(w, "maximum", bound(leaf->max, d->max, false));
        }
        write_raw(w, "enum", leaf->allowed);
        if (leaf->pattern) {
                sovd_json_raw(w, ",\"pattern\":", 11);
                sovd_json_string(w, leaf->pattern);
        }
        sovd_json_raw(w, "}", 1);
}

int sovd_vss_schema(const struct sovd_vss_leaf *leaf, struct sovd_arena *arena, cJSON **ret) {
        const size_t n = bare_length(leaf->datatype);
        struct sovd_json_fault fault;
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        if (leaf->datatype[n])
                sovd_json_rawf(&w, "{\"type\":\"array\",\"items\":");
        write_element(&w, leaf, n);
        if (leaf->datatype[n])
                sovd_json_raw(&w, "}", 1);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                r = sovd_error_fold(sovd_json_parse_in(arena, ret, text, len, NULL, &fault));
        sovd_json_writer_done(&w);
        return r;
}
