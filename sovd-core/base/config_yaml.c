/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/config_yaml.h"
#include "sovd-core/base/config_scalar.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <yaml.h>

/* The digits of a constant. */
#define WORD_OF(x) #x
#define WORD(x)    WORD_OF(x)

struct reader {
        yaml_parser_t parser;
        struct sovd_config_tree *tree;
        const char *text;
        size_t len;
        size_t n_values;
};

static int read_node(struct reader *reader, const yaml_event_t *event, unsigned depth, cJSON **ret);

static void delete_node(cJSON **node) {
        cJSON_Delete(*node);
}

static int refuse(struct reader *reader, yaml_mark_t mark, const char *why) {
        sovd_config_tree_problem_at(reader->tree, mark.line + 1, mark.column + 1, why);
        return SOVD_E_BAD_REQUEST;
}

static int note_origin(struct reader *reader, const cJSON *node, yaml_mark_t mark) {
        struct sovd_config_origin origin = { .node = node, .line = mark.line + 1, .column = mark.column + 1 };

        return sovd_config_tree_add_origin(reader->tree, origin);
}

/* For bytes that are no text libyaml gives an offset only. */
static yaml_mark_t mark_of_offset(const struct reader *reader, size_t offset) {
        yaml_mark_t mark = { 0 };

        for (size_t i = 0; i < SOVD_MIN(offset, reader->len); i++, mark.column++)
                if (reader->text[i] == '\n') {
                        mark.line++;
                        mark.column = (size_t)-1; /* the loop makes it 0 */
                }
        return mark;
}

static int refuse_syntax(struct reader *reader) {
        const yaml_parser_t *p = &reader->parser;

        if (p->error == YAML_MEMORY_ERROR)
                return sovd_error_origin(-ENOMEM);
        if (p->error == YAML_READER_ERROR)
                return refuse(reader, mark_of_offset(reader, p->problem_offset),
                              p->problem ? p->problem : "not valid UTF-8");
        return refuse(reader, p->problem_mark, p->problem ? p->problem : "not valid YAML");
}

static int next_event(struct reader *reader, yaml_event_t *ret) {
        return yaml_parser_parse(&reader->parser, ret) ? 0 : refuse_syntax(reader);
}

/* What no node may have; NULL when it is fine. */
static const char *forbidden(const yaml_event_t *event) {
        const yaml_char_t *anchor = NULL, *tag = NULL;

        switch (event->type) {
        case YAML_ALIAS_EVENT:
                return "aliases are not supported; write the value itself";
        case YAML_SCALAR_EVENT:
                if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
                        return "the character U+0000 is not allowed";
                anchor = event->data.scalar.anchor;
                tag = event->data.scalar.tag;
                break;
        case YAML_SEQUENCE_START_EVENT:
                anchor = event->data.sequence_start.anchor;
                tag = event->data.sequence_start.tag;
                break;
        case YAML_MAPPING_START_EVENT:
                anchor = event->data.mapping_start.anchor;
                tag = event->data.mapping_start.tag;
                break;
        default:
                return "a value is missing";
        }
        return anchor ? "anchors are not supported" : tag ? "tags are not supported" : NULL;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, cJSON **ret) {
        const char *text = (const char *)event->data.scalar.value, *refused = NULL;

        if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                *ret = sovd_config_scalar(text, &refused);
        else
                *ret = cJSON_CreateString(text);
        if (refused)
                return refuse(reader, event->start_mark, refused);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

static int read_sequence(struct reader *reader, unsigned depth, cJSON **ret) {
        _cleanup_(delete_node) cJSON *array = cJSON_CreateArray();
        if (!array)
                return sovd_error_origin(-ENOMEM);

        for (;;) {
                _cleanup_(yaml_event_delete) yaml_event_t event = { 0 };
                cJSON *item = NULL;

                int r = next_event(reader, &event);
                if (r)
                        return r;
                if (event.type == YAML_SEQUENCE_END_EVENT)
                        break;

                r = read_node(reader, &event, depth, &item);
                if (r)
                        return r;
                (void)cJSON_AddItemToArray(array, item);
                r = note_origin(reader, item, event.start_mark);
                if (r)
                        return r;
        }

        *ret = SOVD_TAKE(array);
        return 0;
}

/* A key is text: in quotes, or plain and not to be taken for something else. */
static int check_key(struct reader *reader, const yaml_event_t *event, const cJSON *object) {
        const char *key = (const char *)event->data.scalar.value, *refused = NULL;

        const char *why = forbidden(event);
        if (why)
                return refuse(reader, event->start_mark, why);
        if (event->type != YAML_SCALAR_EVENT)
                return refuse(reader, event->start_mark, "a key must be text");
        if (event->data.scalar.length > SOVD_JSON_KEY_MAX)
                return refuse(reader, event->start_mark, "a key of more than 128 bytes");
        if (cJSON_GetObjectItemCaseSensitive(object, key))
                return refuse(reader, event->start_mark, "the same key twice");
        if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
                return 0;

        _cleanup_(delete_node) cJSON *node = sovd_config_scalar(key, &refused);
        if (!node && !refused)
                return sovd_error_origin(-ENOMEM);
        return cJSON_IsString(node)
                       ? 0
                       : refuse(reader, event->start_mark, "a key must be text: put it in quotes");
}

/* After the event of its key: the value, into the object. A member's place is the place of its key. */
static int read_member(struct reader *reader, const yaml_event_t *key, unsigned depth, cJSON *object) {
        _cleanup_(yaml_event_delete) yaml_event_t event = { 0 };
        cJSON *value = NULL;

        int r = check_key(reader, key, object);
        if (r)
                return r;

        r = next_event(reader, &event);
        if (r)
                return r;

        r = read_node(reader, &event, depth, &value);
        if (r)
                return r;
        if (!cJSON_AddItemToObject(object, (const char *)key->data.scalar.value, value)) {
                cJSON_Delete(value);
                return sovd_error_origin(-ENOMEM);
        }
        return note_origin(reader, value, key->start_mark);
}

static int read_mapping(struct reader *reader, unsigned depth, cJSON **ret) {
        _cleanup_(delete_node) cJSON *object = cJSON_CreateObject();
        if (!object)
                return sovd_error_origin(-ENOMEM);

        for (;;) {
                _cleanup_(yaml_event_delete) yaml_event_t key = { 0 };

                int r = next_event(reader, &key);
                if (r)
                        return r;
                if (key.type == YAML_MAPPING_END_EVENT)
                        break;

                r = read_member(reader, &key, depth, object);
                if (r)
                        return r;
        }

        *ret = SOVD_TAKE(object);
        return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, unsigned depth, cJSON **ret) {
        const char *why = forbidden(event);

        if (why)
                return refuse(reader, event->start_mark, why);
        if (++reader->n_values > SOVD_JSON_NODES)
                return refuse(reader, event->start_mark, "too many values: a file has at most " WORD(SOVD_JSON_NODES));
        if (event->type == YAML_SCALAR_EVENT)
                return read_scalar(reader, event, ret);
        if (depth >= SOVD_CONFIG_DEPTH)
                return refuse(reader, event->start_mark, "nested too deeply");
        return event->type == YAML_SEQUENCE_START_EVENT ? read_sequence(reader, depth + 1, ret)
                                                        : read_mapping(reader, depth + 1, ret);
}

/* A file without a value, comments perhaps, is an empty mapping. */
static int read_root(struct reader *reader, const yaml_event_t *event) {
        cJSON *root = NULL;

        int r = read_node(reader, event, 0, &root);
        if (r)
                return r;
        if (cJSON_IsNull(root)) {
                cJSON_Delete(root);
                root = cJSON_CreateObject();
        }

        r = sovd_config_tree_take(reader->tree, root);
        if (r)
                return r;
        if (!cJSON_IsObject(root))
                return refuse(reader, event->start_mark, "must be keys and values");
        return note_origin(reader, root, event->start_mark);
}

static int read_stream(struct reader *reader) {
        for (;;) {
                _cleanup_(yaml_event_delete) yaml_event_t event = { 0 };
                int r = next_event(reader, &event);
                if (r)
                        return r;

                switch (event.type) {
                case YAML_STREAM_END_EVENT:
                        return reader->tree->root ? 0
                                                  : sovd_config_tree_take(reader->tree, cJSON_CreateObject());
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                        break;
                case YAML_DOCUMENT_START_EVENT:
                        if (reader->tree->root)
                                return refuse(reader, event.start_mark, "more than one document");
                        break;
                default:
                        r = read_root(reader, &event);
                        if (r)
                                return r;
                }
        }
}

int sovd_config_read_yaml(struct sovd_config_tree *tree, const char *text, size_t len) {
        struct reader reader = { .tree = tree, .text = text, .len = len };

        if (!yaml_parser_initialize(&reader.parser))
                return sovd_error_origin(-ENOMEM);

        /* Without this a byte order mark of UTF-16 is obeyed. */
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
        int r = read_stream(&reader);
        yaml_parser_delete(&reader.parser);
        return r;
}
