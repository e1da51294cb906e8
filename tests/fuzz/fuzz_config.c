/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a configuration file; text behind a NUL is lines of NAME=value for the environment
 *
 * Beside the sanitizers' findings: a refused file has a message of printable lines, an accepted one its
 * defaults.
 */
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"

struct section {
        const char *text;
        struct sovd_int integer;
        struct sovd_number number;
        struct sovd_bool boolean;
        int mode;
        struct sovd_strings texts;
        const struct cJSON *any;
        struct sovd_list sections; /* of this kind again */
};

struct config {
        struct section *server;
        struct sovd_list backends;
};

static const char *const modes[] = { "off", "negotiate", "always", NULL };
static const struct sovd_schema section_schema;

#define SECTION(m) .name = #m, .offset = offsetof(struct section, m)
static const struct sovd_field section_fields[] = {
        { SECTION(text), .type = SOVD_FIELD_STRING, .def = "x", .max = 1000 },
        { SECTION(integer), .type = SOVD_FIELD_INT, .def = "7", .min = 1, .max = 65535 },
        { SECTION(number), .type = SOVD_FIELD_NUMBER },
        { SECTION(boolean), .type = SOVD_FIELD_BOOL, .def = "true" },
        { SECTION(mode), .type = SOVD_FIELD_ENUM, .names = modes, .def = "off" },
        { SECTION(texts), .type = SOVD_FIELD_STRINGS },
        { SECTION(any), .type = SOVD_FIELD_JSON },
        { SECTION(sections), .type = SOVD_FIELD_LIST, .of = &section_schema },
        { 0 }
};
static const struct sovd_schema section_schema = { "Section", sizeof(struct section), section_fields };

#define CONFIG(m) .name = #m, .offset = offsetof(struct config, m)
static const struct sovd_field config_fields[] = {
        { CONFIG(server), .type = SOVD_FIELD_OBJECT, .of = &section_schema, .def = "{}" },
        { CONFIG(backends), .type = SOVD_FIELD_LIST, .of = &section_schema },
        { 0 }
};
static const struct sovd_schema config_schema = { "Config", sizeof(struct config), config_fields };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static void check_message(const char *message) {
        must(message && *message);
        for (const char *p = message; *p; p++)
                must((unsigned char)*p >= 0x20 || *p == '\n');
}

/* At most 15 lines; they are cut apart in place. */
static void split_lines(char *lines, char *environment[static 16]) {
        size_t n = 0;

        while (lines && n < 15)
                environment[n++] = strsep(&lines, "\n");
        environment[n] = NULL;
}

static void run(struct sovd_arena *arena, const char *text, size_t len, char *const *environment) {
        struct sovd_config_tree *tree = NULL;
        const char *message = NULL;
        struct config config;

        int r = sovd_config_parse(&config_schema, &config, "f", text, len, environment, arena, &tree,
                                  &message);
        if (r) {
                must(r == SOVD_E_BAD_REQUEST);
                check_message(message);
                return;
        }
        must(config.server && config.server->integer.set && config.server->integer.value >= 1);
        must(sovd_config_where(tree, "/backends/0/text", arena));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const uint8_t *nul = size ? memchr(data, '\0', size) : NULL;
        size_t len = nul ? (size_t)(nul - data) : size;
        char *environment[16] = { 0 };

        if (sovd_arena_new(&arena, 4096))
                return 0;
        if (nul)
                split_lines(sovd_arena_strndup(arena, (const char *)nul + 1, size - len - 1), environment);
        run(arena, size ? (const char *)data : "", len, environment);
        return 0;
}
