/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a JSON text
 *
 * What the validator accepts, cJSON must parse too; and the tree, written again, is a text that the validator
 * accepts, that parses to the same tree, and that is written the same. A refused text has a reason and a place.
 */
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/json_writer.h"
#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void delete_tree(cJSON **tree) {
        cJSON_Delete(*tree);
}

/* Numbers are compared by their digits: cJSON_Compare() sees doubles only. */
static bool same_digits(const cJSON *a, const cJSON *b) {
        if (cJSON_IsNumber(a) && (!sovd_streq(a->valuestring, b->valuestring)))
                return false;
        a = a->child;
        b = b->child;
        for (; a && b; a = a->next, b = b->next)
                if (!same_digits(a, b))
                        return false;
        return !a && !b;
}

static cJSON *parse(const char *text, size_t len) {
        struct sovd_json_fault fault;
        cJSON *tree = NULL;

        must(sovd_json_parse(&tree, text, len, NULL, &fault) == 0);
        must(tree && !fault.reason && fault.offset == len);
        return tree;
}

static void write_again(const cJSON *tree) {
        struct sovd_json_writer first, second;
        const char *text, *same;
        size_t len, same_len;

        sovd_json_writer_init(&first, 0, 0);
        sovd_json_writer_init(&second, 16, 0);
        sovd_json_tree(&first, tree);
        must(sovd_json_writer_finish(&first, &text, &len) == 0);

        _cleanup_(delete_tree) cJSON *again = parse(text, len);
        must(cJSON_Compare(tree, again, true) && same_digits(tree, again));

        sovd_json_tree(&second, again);
        must(sovd_json_writer_finish(&second, &same, &same_len) == 0);
        must(len == same_len && memcmp(text, same, len) == 0);
        sovd_json_writer_done(&first);
        sovd_json_writer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = size ? (const char *)data : "";
        struct sovd_json_fault fault = { .offset = SIZE_MAX };

        if (!sovd_json_validate(text, size, NULL, &fault)) {
                must(fault.reason && *fault.reason && fault.offset <= size);
                return 0;
        }
        must(sovd_utf8_is_valid(text, size) && !memchr(text, '\0', size));

        _cleanup_(delete_tree) cJSON *tree = parse(text, size);
        write_again(tree);
        return 0;
}
