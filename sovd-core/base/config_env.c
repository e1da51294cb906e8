/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config_env.h"
#include "sovd-core/base/config_check.h"
#include "sovd-core/base/config_scalar.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

#define PREFIX "SOVD_"

/* One variable on its way into the tree. */
struct override {
        struct sovd_config_tree *tree;
        const char *variable; /* its name; in the arena */
        const char *value;
        const char *pointer; /* of the key so far; in the arena */
        cJSON *section;      /* that the key is in, of the tree */
};

static void refuse(const struct override *o, const char *why) {
        sovd_config_tree_problem_of(o->tree, o->variable, o->pointer, why);
}

static void delete_node(void *node) {
        cJSON_Delete(node);
}

/* Puts a node in the place of one that may be there. The old one is parked: its address stays taken, so no
 * origin is mistaken for that of another node. */
static int put_node(struct override *o, const char *name, cJSON *node) {
        if (!node)
                return sovd_error_origin(-ENOMEM);

        cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(o->section, name);
        if (old) {
                int r = sovd_arena_defer(o->tree->arena, delete_node, old);
                if (r) {
                        cJSON_Delete(node);
                        return r;
                }
        }
        if (!cJSON_AddItemToObject(o->section, name, node)) {
                cJSON_Delete(node);
                return sovd_error_origin(-ENOMEM);
        }
        return sovd_config_tree_add_origin(
                o->tree, (struct sovd_config_origin){ .node = node, .variable = o->variable });
}

/* Text without the spaces around it; is written to. */
static char *strip(char *s) {
        s += strspn(s, " ");
        for (size_t n = strlen(s); n > 0 && s[n - 1] == ' '; n--)
                s[n - 1] = '\0';
        return s;
}

/* A list of strings: "a, b,c". An empty text is an empty list. */
static cJSON *split_list(const struct override *o, const char **refused) {
        char *rest = *o->value ? sovd_arena_strdup(o->tree->arena, o->value) : NULL;
        cJSON *list = rest || !*o->value ? cJSON_CreateArray() : NULL;

        while (list && rest) {
                const char *item = strip(strsep(&rest, ","));
                if (!*item)
                        *refused = "has an empty entry between its commas";
                if (!cJSON_AddItemToArray(list, cJSON_CreateString(item))) {
                        cJSON_Delete(list);
                        return NULL;
                }
        }
        return list;
}

/* An empty text would be null, and null the default: nothing is guessed, so the decoder gets the text. */
static cJSON *read_scalar(const struct override *o, const char **refused) {
        cJSON *node = sovd_config_scalar(o->value, refused);
        if (!cJSON_IsNull(node))
                return node;

        cJSON_Delete(node);
        return cJSON_CreateString(o->value);
}

/* NULL without *refused set: memory is out. */
static cJSON *read_value(const struct override *o, const struct sovd_field *f, const char **refused) {
        *refused = NULL;
        switch (f->type) {
        case SOVD_FIELD_STRING:
        case SOVD_FIELD_ENUM:
                return cJSON_CreateString(o->value);
        case SOVD_FIELD_INT:
        case SOVD_FIELD_NUMBER:
        case SOVD_FIELD_BOOL:
                return read_scalar(o, refused);
        case SOVD_FIELD_STRINGS:
                return split_list(o, refused);
        case SOVD_FIELD_OBJECT:
                *refused = "is a section; name a key in it";
                return NULL;
        case SOVD_FIELD_LIST:
                *refused = "is a list of sections, which the environment cannot set";
                return NULL;
        case SOVD_FIELD_JSON:
                *refused = "is no scalar, and the environment cannot set it";
                return NULL;
        }
        return NULL;
}

static void set_key(struct override *o, const struct sovd_field *f) {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(o->section, f->name);
        const struct sovd_config_origin *origin = old ? sovd_config_tree_find_origin(o->tree, old) : NULL;
        const char *refused = NULL;

        if (origin && origin->variable)
                return refuse(o, "is set by two variables");

        cJSON *node = read_value(o, f, &refused);
        if (refused) {
                cJSON_Delete(node);
                return refuse(o, refused);
        }

        int r = put_node(o, f->name, node);
        if (r)
                o->tree->error = r;
}

/* Goes down into a section, which is made when it is not there. false when it ends here. */
static bool enter_section(struct override *o, const struct sovd_field *f) {
        if (f->type == SOVD_FIELD_LIST) {
                refuse(o, "is a list of sections, which the environment cannot set");
                return false;
        }
        if (f->type != SOVD_FIELD_OBJECT) {
                refuse(o, "is no section; there are no keys in it");
                return false;
        }

        cJSON *section = cJSON_GetObjectItemCaseSensitive(o->section, f->name);
        if (!section || cJSON_IsNull(section)) {
                section = cJSON_CreateObject();
                int r = put_node(o, f->name, section);
                if (r) {
                        o->tree->error = r;
                        return false;
                }
        }
        o->section = section;
        return cJSON_IsObject(section); /* else the file is wrong, and the decoder says so */
}

/* path: the key with "__" between its levels; is written to. */
static void apply(struct override *o, const struct sovd_schema *schema, char *path) {
        while (schema) {
                char *next = strstr(path, "__");
                if (next)
                        *next = '\0';

                const struct sovd_field *f = sovd_config_field(schema, path, true);
                o->pointer = sovd_config_tree_pointer(o->tree, o->pointer, f ? f->name : path);
                if (!o->pointer)
                        return;
                if (!f)
                        return refuse(o, sovd_config_unknown(schema, path, o->tree->arena));
                if (!next)
                        return set_key(o, f);
                if (!enter_section(o, f))
                        return;
                schema = f->of;
                path = next + 2;
        }
}

static char *lower(char *s) {
        for (char *p = s; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char)(*p - 'A' + 'a');
        return s;
}

/* The part of a variable's name that is a key, or NULL when the variable is not ours. */
static const char *key_part(const char *variable) {
        const char *rest = variable + strlen(PREFIX);

        if (*rest == '_')
                return rest + 1;
        return strstr(rest, "__") ? rest : NULL;
}

static void read_variable(struct sovd_config_tree *tree, const struct sovd_schema *schema, const char *text) {
        struct override o = { .tree = tree, .pointer = "", .section = tree->root };
        const char *equals = strchr(text, '=');

        if (!equals || strncasecmp(text, PREFIX, strlen(PREFIX)) != 0)
                return;

        o.value = equals + 1;
        o.variable = sovd_arena_strndup(tree->arena, text, (size_t)(equals - text));
        const char *key = o.variable ? key_part(o.variable) : NULL;
        char *path = sovd_arena_strdup(tree->arena, key);
        if (!o.variable || (key && !path))
                tree->error = sovd_error_origin(-ENOMEM);
        else if (key && !sovd_utf8_is_valid(text, strlen(text)))
                refuse(&o, "not valid UTF-8");
        else if (key)
                apply(&o, schema, lower(path));
}

void sovd_config_read_environment(struct sovd_config_tree *tree, const struct sovd_schema *schema,
                                  char *const *environment) {
        for (; environment && *environment; environment++)
                read_variable(tree, schema, *environment);
}
