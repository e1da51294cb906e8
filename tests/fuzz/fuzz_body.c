/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is the body of a write; it is decoded by the input schema of every route, closed and open
 *
 * A refusal names a JSON pointer and a printable reason; what is accepted closed is accepted open too. What was
 * decoded and is encoded again decodes to the same text.
 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/route.h"
#include <cjson/cJSON.h>

#define OBJECT_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_error(const struct sovd_schema_error *error) {
        must(error->path && (!*error->path || *error->path == '/'));
        must(error->reason && *error->reason);
        must(sovd_utf8_is_valid(error->path, strlen(error->path)));
        for (const char *p = error->path; *p; p++)
                must(*p != '~' || p[1] == '0' || p[1] == '1');
}

static int decode(const struct sovd_schema *schema, const cJSON *tree, void *object, struct sovd_arena *arena,
                  unsigned flags) {
        struct sovd_schema_error error = { NULL, NULL };

        int r = sovd_schema_decode(schema, tree, object, arena, flags, &error);
        must(r == 0 || r == SOVD_E_BAD_REQUEST);
        if (r)
                check_error(&error);
        return r;
}

/* The object as text, in the arena. */
static const char *encode(const struct sovd_schema *schema, const void *object, struct sovd_arena *arena) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(schema, object, &w);
        must(sovd_json_writer_finish(&w, &text, &len) == 0);
        char *copy = sovd_arena_strndup(arena, text, len);
        sovd_json_writer_done(&w);
        return copy;
}

static void check_encoded_again(const struct sovd_schema *schema, const void *object,
                                struct sovd_arena *arena) {
        _Alignas(max_align_t) char again[OBJECT_MAX];
        const char *text = encode(schema, object, arena);
        struct sovd_json_fault fault;
        cJSON *tree = NULL;

        must(sovd_json_parse(&tree, text, strlen(text), NULL, &fault) == 0);
        must(decode(schema, tree, again, arena, SOVD_DECODE_CLOSED) == 0);
        must(strcmp(encode(schema, again, arena), text) == 0);
        cJSON_Delete(tree);
}

static void run(const struct sovd_schema *schema, const cJSON *tree, struct sovd_arena *arena) {
        _Alignas(max_align_t) char object[OBJECT_MAX];

        must(schema->size <= sizeof(object));
        int closed = decode(schema, tree, object, arena, SOVD_DECODE_CLOSED);
        int open = decode(schema, tree, object, arena, 0);
        must(!open || closed);
        if (!open)
                check_encoded_again(schema, object, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_json_fault fault;
        cJSON *tree = NULL;

        if (sovd_arena_new(&arena, 4096))
                return 0;
        if (sovd_json_parse(&tree, size ? (const char *)data : "", size, NULL, &fault))
                return 0;
        for (size_t i = 0; i < sovd_route_count(); i++) {
                sovd_arena_reset(arena);
                if (sovd_route_at(i)->in)
                        run(sovd_route_at(i)->in, tree, arena);
        }
        cJSON_Delete(tree);
        return 0;
}
