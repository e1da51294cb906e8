/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct server {
        const char *host;
        struct sovd_int port;
        struct sovd_bool tls;
        struct sovd_number rate;
        int mode;
        const char *api_key;
        struct sovd_strings origins;
};

struct backend {
        const char *name;
        struct sovd_int timeout_secs;
        const cJSON *options;
};

struct config {
        struct server *server;
        struct sovd_list backends;
};

static const char *const modes[] = { "off", "negotiate", "always", NULL };

#define SERVER(m) .name = #m, .offset = offsetof(struct server, m)
static const struct sovd_field server_fields[] = {
        { SERVER(host), .type = SOVD_FIELD_STRING, .def = "localhost", .doc = "Address to listen at." },
        { SERVER(port), .type = SOVD_FIELD_INT, .min = 1, .max = 65535, .def = "8080", .doc = "TCP port." },
        { SERVER(tls), .type = SOVD_FIELD_BOOL, .def = "false" },
        { SERVER(rate), .type = SOVD_FIELD_NUMBER, .doc = "Requests per second | per client." },
        { SERVER(mode), .type = SOVD_FIELD_ENUM, .names = modes, .def = "negotiate" },
        { SERVER(api_key), .type = SOVD_FIELD_STRING, .flags = SOVD_SECRET },
        { SERVER(origins), .type = SOVD_FIELD_STRINGS },
        { 0 }
};
static const struct sovd_schema server_schema = { "Server", sizeof(struct server), server_fields,
                                                  "The listener." };

#define BACKEND(m) .name = #m, .offset = offsetof(struct backend, m)
static const struct sovd_field backend_fields[] = {
        { BACKEND(name), .type = SOVD_FIELD_STRING, .flags = SOVD_REQUIRED },
        { BACKEND(timeout_secs), .type = SOVD_FIELD_INT, .def = "5" },
        { BACKEND(options), .type = SOVD_FIELD_JSON },
        { 0 }
};
static const struct sovd_schema backend_schema = { "Backend", sizeof(struct backend), backend_fields, NULL };

#define CONFIG(m) .name = #m, .offset = offsetof(struct config, m)
static const struct sovd_field config_fields[] = {
        { CONFIG(server), .type = SOVD_FIELD_OBJECT, .of = &server_schema, .def = "{}" },
        { CONFIG(backends), .type = SOVD_FIELD_LIST, .of = &backend_schema },
        { 0 }
};
static const struct sovd_schema config_schema = { "Config", sizeof(struct config), config_fields, NULL };

static struct sovd_arena *arena;
static struct config config;
static struct sovd_config_tree *tree;
static const char *message;

static int make_arena(void **state) {
        message = NULL;
        return sovd_arena_new(&arena, 4096);
}

static int free_arena(void **state) {
        arena = sovd_arena_free(arena);
        return 0;
}

static int parse_with(const char *text, const char *const *variables) {
        char *environment[16] = { 0 }; /* environ has no const */
        for (size_t i = 0; variables && variables[i]; i++)
                memcpy(&environment[i], &variables[i], sizeof(variables[i]));

        return sovd_config_parse(&config_schema, &config, "f.yaml", text, text ? strlen(text) : 0,
                                 environment, arena, &tree, &message);
}

static int parse(const char *text) {
        return parse_with(text, NULL);
}

/* text is refused with exactly this message. */
static void refused_at(const char *text, const char *wanted, int line) {
        int r = parse(text);

        if (r != SOVD_E_BAD_REQUEST)
                print_error("line %d: accepted\n", line);
        assert_int_equal(r, SOVD_E_BAD_REQUEST);
        if (strcmp(message, wanted) != 0)
                print_error("line %d: not the message\n", line);
        assert_string_equal(message, wanted);
}
#define assert_refused(text, wanted) refused_at((text), (wanted), __LINE__)

static void an_empty_file_gives_the_defaults(void **state) {
        static const char *const texts[] = { "", "# only a comment\n", "---\n", "{}", "server:\n", NULL };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                assert_int_equal(parse(texts[i]), 0);
                assert_string_equal(config.server->host, "localhost");
                assert_int_equal(config.server->port.value, 8080);
                assert_false(config.server->tls.value);
                assert_int_equal(config.server->mode, 2);
                assert_false(config.server->rate.set);
                assert_false(config.backends.set);
        }
}

static void a_member_without_its_value_is_refused(void **state) {
        assert_refused("server:\n  host:\n", "f.yaml:2:3: server.host: is empty; give it a value or leave it out");
        assert_refused("server: {port: ~}\n", "f.yaml:1:10: server.port: is empty; give it a value or leave it out");
}

static void every_type_is_read(void **state) {
        assert_int_equal(parse("server:\n  host: '::1'\n  port: 9090\n  tls: true\n  rate: 2.5\n  mode: off\n"
                               "  api_key: \"123456\"\n  origins: [a, b]\n"
                               "backends:\n- name: bms\n  options: { deep: [1, null, x] }\n- name: climate\n"
                               "  timeout_secs: 30\n"),
                         0);

        const struct backend *backends = config.backends.items;
        assert_string_equal(config.server->host, "::1");
        assert_int_equal(config.server->port.value, 9090);
        assert_true(config.server->tls.value);
        assert_float_equal(config.server->rate.value, 2.5, 0);
        assert_int_equal(config.server->mode, 1);
        assert_string_equal(config.server->api_key, "123456");
        assert_int_equal(config.server->origins.n, 2);
        assert_string_equal(config.server->origins.items[1], "b");
        assert_int_equal(config.backends.n, 2);
        assert_int_equal(backends[0].timeout_secs.value, 5);
        assert_int_equal(cJSON_GetArraySize(backends[0].options->child), 3);
        assert_string_equal(backends[1].name, "climate");
        assert_int_equal(backends[1].timeout_secs.value, 30);
}

static void json_is_read_too(void **state) {
        assert_int_equal(parse("{\"server\": {\"port\": 81, \"host\": \"\\u00e9\"}, \"backends\": []}"), 0);

        assert_int_equal(config.server->port.value, 81);
        assert_string_equal(config.server->host, "\u00e9");
}

static void numbers_are_read_by_yaml_1_2(void **state) {
        static const struct {
                const char *text;
                int64_t value;
        } numbers[] = { { "7", 7 }, { "+7", 7 }, { "0x1F", 31 }, { "0o17", 15 } };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(numbers); i++) {
                assert_int_equal(parse(sovd_arena_printf(arena, "server: {port: %s}", numbers[i].text)), 0);
                assert_int_equal(config.server->port.value, numbers[i].value);
        }
        assert_int_equal(parse("server: {rate: .5}"), 0);
        assert_float_equal(config.server->rate.value, 0.5, 0);
        assert_int_equal(parse("server: {rate: -1.}"), 0);
        assert_float_equal(config.server->rate.value, -1, 0);
        assert_int_equal(parse("server: {rate: 1e3}"), 0);
        assert_float_equal(config.server->rate.value, 1000, 0);
}

static void a_number_keeps_its_digits(void **state) {
        assert_int_equal(parse("backends:\n- name: a\n  options: [9007199254740993, 23.0, -0, 0xff]\n"), 0);

        const cJSON *items = ((const struct backend *)config.backends.items)->options;
        assert_string_equal(cJSON_GetArrayItem(items, 0)->valuestring, "9007199254740993");
        assert_string_equal(cJSON_GetArrayItem(items, 1)->valuestring, "23.0");
        assert_string_equal(cJSON_GetArrayItem(items, 2)->valuestring, "0");
        assert_string_equal(cJSON_GetArrayItem(items, 3)->valuestring, "255");
}

static void words_of_yaml_1_1_are_text(void **state) {
        static const char *const words[] = { "yes",        "no",    "on",  "off",   "12:30",
                                             "2026-01-02", "1_000", "0b1", "1.2.3", "." };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(words); i++) {
                assert_int_equal(parse(sovd_arena_printf(arena, "server: {host: \"%s\"}", words[i])), 0);
                assert_int_equal(parse(sovd_arena_printf(arena, "server:\n  host: %s\n", words[i])), 0);
                assert_string_equal(config.server->host, words[i]);
        }
}

static void numbers_that_could_mean_something_else_are_refused(void **state) {
        assert_refused("server:\n  port: 0640\n",
                       "f.yaml:2:9: a number must not begin with 0: write 0o640 for octal, "
                       "or put text in quotes");
        assert_refused("server: {rate: .inf}", "f.yaml:1:16: the number must be finite; put text in quotes");
        assert_refused("server: {rate: .NaN}", "f.yaml:1:16: the number must be finite; put text in quotes");
        assert_refused("server: {rate: 1e999}", "f.yaml:1:16: the number is too large");
        assert_refused("server: {port: 0xffffffffffffffff}", "f.yaml:1:16: the number is too large");
        assert_refused("server: {host: 1111111111111111111111111111111111111111111111111111111111111111}",
                       "f.yaml:1:16: the number is too long; put text in quotes");
}

static void text_that_looks_like_a_number_must_be_quoted(void **state) {
        assert_refused("server:\n  api_key: 123456\n",
                       "f.yaml:2:3: server.api_key: must be text: put it in quotes");
        assert_refused("server: {host: true}", "f.yaml:1:10: server.host: must be text: put it in quotes");
        assert_refused("server: {origins: [a, 1.5]}",
                       "f.yaml:1:23: server.origins[1]: must be text: put it in quotes");
        assert_refused("backends:\n- name: 7\n",
                       "f.yaml:2:3: backends[0].name: must be text: put it in quotes");
}

static void a_misspelt_key_gets_a_suggestion(void **state) {
        assert_refused("server:\n  prot: 1\n", "f.yaml:2:3: server.prot: unknown key; did you mean 'port'?");
        assert_refused("backends:\n- nam: x\n  name: y\n",
                       "f.yaml:2:3: backends[0].nam: unknown key; did you mean 'name'?");
        assert_refused("sever: {}", "f.yaml:1:1: sever: unknown key; did you mean 'server'?");
}

static void a_key_unlike_any_gets_no_suggestion(void **state) {
        assert_refused("server:\n  listen_on: 1\n", "f.yaml:2:3: server.listen_on: unknown key");
        assert_refused("server:\n  xy: 1\n", "f.yaml:2:3: server.xy: unknown key");
        assert_refused("'a/b~c': 1", "f.yaml:1:1: a/b~c: unknown key");
        assert_refused("\"a\\nb\": 1", "f.yaml:1:1: a?b: unknown key");
}

static void a_value_out_of_range_names_its_key_and_place(void **state) {
        assert_refused("server:\n  tls: true\n  port: 70000\n",
                       "f.yaml:3:3: server.port: must be from 1 to 65535, is 70000");
        assert_refused("server: {mode: sometimes}",
                       "f.yaml:1:10: server.mode: must be one of: off, negotiate, always");
        assert_refused("backends:\n- name: a\n- timeout_secs: 1\n",
                       "f.yaml:3:3: backends[1].name: is missing");
}

static void a_value_of_the_wrong_type_is_refused(void **state) {
        assert_refused("server: 5", "f.yaml:1:1: server: must be an object, not a number");
        assert_refused("server: {tls: yes}", "f.yaml:1:10: server.tls: must be a boolean, not a string");
        assert_refused("backends: {name: a}", "f.yaml:1:1: backends: must be an array, not an object");
        assert_refused("- a", "f.yaml:1:1: must be keys and values");
        assert_refused("just text", "f.yaml:1:1: must be keys and values");
}

static void all_unknown_keys_are_reported_with_the_first_bad_value(void **state) {
        assert_refused(
                "sevrer: 1\nserver:\n  hots: a\n  port: x\n  api_key: 7\nbackends:\n- nmae: a\n  name: b\n",
                "f.yaml:1:1: sevrer: unknown key; did you mean 'server'?\n"
                "f.yaml:3:3: server.hots: unknown key; did you mean 'host'?\n"
                "f.yaml:5:3: server.api_key: must be text: put it in quotes\n"
                "f.yaml:7:3: backends[0].nmae: unknown key; did you mean 'name'?\n"
                "f.yaml:4:3: server.port: must be an integer, not a string");
}

static void no_more_than_twenty_problems_are_listed(void **state) {
        const char *text = "";
        for (int i = 0; i < 25; i++)
                text = sovd_arena_printf(arena, "%sunknown_%d: 1\n", text, i);

        assert_int_equal(parse(text), SOVD_E_BAD_REQUEST);

        assert_non_null(strstr(message, "f.yaml:20:1: unknown_19: unknown key\n(5 more)"));
        assert_null(strstr(message, "unknown_20"));
}

static void yaml_beyond_the_subset_is_refused(void **state) {
        assert_refused("server: &a {}\n", "f.yaml:1:9: anchors are not supported");
        assert_refused("server: *a\n", "f.yaml:1:9: aliases are not supported; write the value itself");
        assert_refused("server: {port: !!int 5}", "f.yaml:1:16: tags are not supported");
        assert_refused("server: {host: ! x}", "f.yaml:1:16: tags are not supported");
        assert_refused("a: 1\n---\nb: 2\n", "f.yaml:2:1: more than one document");
        assert_refused("server:\n  port: 1\n  port: 2\n", "f.yaml:3:3: the same key twice");
        assert_refused("1: a", "f.yaml:1:1: a key must be text: put it in quotes");
        assert_refused("true: a", "f.yaml:1:1: a key must be text: put it in quotes");
        assert_refused("~: a", "f.yaml:1:1: a key must be text: put it in quotes");
        assert_refused("? [a]\n: b", "f.yaml:1:3: a key must be text");
        assert_refused("&x a: b", "f.yaml:1:1: anchors are not supported");
        assert_refused("server: {host: \"a\\0b\"}", "f.yaml:1:16: the character U+0000 is not allowed");
}

static void broken_yaml_names_its_line(void **state) {
        assert_refused("server:\n  port: [1,\n", "f.yaml:3:1: did not find expected node content");
        assert_refused("server:\n\tport: 1\n", "f.yaml:2:1: found character that cannot start any token");
        assert_refused("a: b\nc: \xff\n", "f.yaml:2:4: invalid leading UTF-8 octet");
        assert_refused("a: \x01", "f.yaml:1:4: control characters are not allowed");
}

static void nesting_is_limited(void **state) {
        char text[256] = "backends: [{name: a, options: ";

        memset(text + strlen(text), '[', 29);
        strcat(text, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]");
        assert_int_equal(parse(text), 0);
        assert_refused(
                sovd_arena_printf(arena, "backends: [{name: a, options: [%s]}]", strchr(text + 20, '[')),
                "f.yaml:1:60: nested too deeply");
}

static void size_and_number_of_values_are_limited(void **state) {
        size_t n = SOVD_CONFIG_BYTES_MAX + 1;
        char *text = sovd_arena_alloc(arena, n + 1);

        memset(text, '\n', n);
        assert_refused(text, "f.yaml:1:1: larger than 1 MiB");
        assert_int_equal(parse(text + 1), 0);
        memcpy(text, "[", 1);
        for (size_t i = 1; i < n; i += 2)
                memcpy(text + i, "1,", 2);
        text[30001] = ']';
        text[30002] = '\0';
        assert_refused(text, "f.yaml:1:20000: too many values: a file has at most 10000");
}

static void the_environment_overrides_the_file(void **state) {
        const char *environment[] = { "SOVD__SERVER__PORT=9090",
                                      "SOVD_SERVER__HOST=123",
                                      "sovd__server__tls=true",
                                      "SOVD__SERVER__RATE=0.5",
                                      "SOVD__SERVER__MODE=always",
                                      "SOVD__SERVER__ORIGINS=a, b ,c",
                                      "SOVD__SERVER__API_KEY=007 =\t",
                                      "PATH=/bin",
                                      "SOVD_BUILD_DIR=/tmp",
                                      "SOVD_SERVER=x__y",
                                      "SOVDX__A=1",
                                      NULL };

        assert_int_equal(parse_with("server: {port: 1, host: a, origins: [x, y, z, w]}", environment), 0);

        assert_int_equal(config.server->port.value, 9090);
        assert_string_equal(config.server->host, "123");
        assert_true(config.server->tls.value);
        assert_float_equal(config.server->rate.value, 0.5, 0);
        assert_int_equal(config.server->mode, 3);
        assert_int_equal(config.server->origins.n, 3);
        assert_string_equal(config.server->origins.items[0], "a");
        assert_string_equal(config.server->origins.items[1], "b");
        assert_string_equal(config.server->api_key, "007 =\t");
}

static void the_environment_works_without_a_file(void **state) {
        const char *environment[] = { "SOVD__SERVER__PORT=9090", "SOVD__SERVER__ORIGINS=", NULL };

        assert_int_equal(parse_with(NULL, environment), 0);

        assert_int_equal(config.server->port.value, 9090);
        assert_string_equal(config.server->host, "localhost");
        assert_true(config.server->origins.set);
        assert_int_equal(config.server->origins.n, 0);
}

static void refused_variable_at(const char *variable, const char *wanted) {
        const char *environment[] = { variable, NULL };

        assert_int_equal(parse_with("server: {}\nbackends: []\n", environment), SOVD_E_BAD_REQUEST);
        assert_string_equal(message, wanted);
}

static void variables_that_name_no_scalar_are_refused(void **state) {
        refused_variable_at("SOVD__SERVER__PROT=1",
                            "environment:SOVD__SERVER__PROT: server.prot: unknown key; did you mean 'port'?");
        refused_variable_at("SOVD__=1", "environment:SOVD__: unknown key");
        refused_variable_at("SOVD_X__Y=1", "environment:SOVD_X__Y: x: unknown key");
        refused_variable_at("SOVD__SERVER=1",
                            "environment:SOVD__SERVER: server: is a section; name a key in it");
        refused_variable_at(
                "SOVD__SERVER__PORT__X=1",
                "environment:SOVD__SERVER__PORT__X: server.port: is no section; there are no keys in it");
        refused_variable_at("SOVD__BACKENDS__0__NAME=a",
                            "environment:SOVD__BACKENDS__0__NAME: backends: is a list of sections, "
                            "which the environment cannot set");
        refused_variable_at("SOVD__SERVER__ORIGINS=a,,b",
                            "environment:SOVD__SERVER__ORIGINS: server.origins: "
                            "has an empty entry between its commas");
        refused_variable_at("SOVD__SERVER__HOST=\xff", "environment:SOVD__SERVER__HOST: not valid UTF-8");
}

static void a_bad_value_of_a_variable_names_the_variable(void **state) {
        refused_variable_at("SOVD__SERVER__PORT=70000",
                            "environment:SOVD__SERVER__PORT: server.port: must be from 1 to 65535, is 70000");
        refused_variable_at("SOVD__SERVER__PORT=",
                            "environment:SOVD__SERVER__PORT: server.port: must be an integer, not a string");
        refused_variable_at("SOVD__SERVER__TLS=yes",
                            "environment:SOVD__SERVER__TLS: server.tls: must be a boolean, not a string");
}

static void two_variables_for_one_key_are_refused(void **state) {
        const char *environment[] = { "SOVD__SERVER__PORT=1", "SOVD_SERVER__PORT=2", NULL };

        assert_int_equal(parse_with("", environment), SOVD_E_BAD_REQUEST);

        assert_string_equal(message, "environment:SOVD_SERVER__PORT: server.port: is set by two variables");
}

static void a_secret_is_in_no_message(void **state) {
        const char *environment[] = { "SOVD__SERVER__API_KEY__X=hunter2", NULL };

        assert_int_equal(parse_with("server: {api_key: 271828}", environment), SOVD_E_BAD_REQUEST);

        assert_null(strstr(message, "hunter2"));
        assert_null(strstr(message, "271828"));
}

static void places_are_known_after_reading(void **state) {
        const char *environment[] = { "SOVD__SERVER__PORT=1", NULL };
        assert_int_equal(parse_with("server:\n  host: a\nbackends:\n- name: a\n-   name: b\n", environment),
                         0);

        assert_string_equal(sovd_config_where(tree, "/server/host", arena), "f.yaml:2:3: server.host");
        assert_string_equal(sovd_config_where(tree, "/backends/1/name", arena),
                            "f.yaml:5:5: backends[1].name");
        assert_string_equal(sovd_config_where(tree, "/backends/0", arena), "f.yaml:4:3: backends[0]");
        assert_string_equal(sovd_config_where(tree, "/backends/0/options/x", arena),
                            "f.yaml:4:3: backends[0].options.x");
        assert_string_equal(sovd_config_where(tree, "/backends/9", arena), "f.yaml:3:1: backends[9]");
        assert_string_equal(sovd_config_where(tree, "/server/port", arena),
                            "environment:SOVD__SERVER__PORT: server.port");
        assert_string_equal(sovd_config_where(tree, "", arena), "f.yaml:1:1");
}

static void without_a_file_there_is_no_line(void **state) {
        assert_int_equal(sovd_config_load(&config_schema, &config, NULL, NULL, arena, &tree, &message), 0);

        assert_string_equal(sovd_config_where(tree, "/server/port", arena), "configuration: server.port");
}

static void a_file_is_read(void **state) {
        char name[] = "/tmp/test_config.XXXXXX";
        int fd = mkstemp(name);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "server: {port: 77}\n", 19), 19);
        (void)close(fd);

        int r = sovd_config_load(&config_schema, &config, name, NULL, arena, NULL, &message);
        (void)unlink(name);

        assert_int_equal(r, 0);
        assert_int_equal(config.server->port.value, 77);
}

static void a_file_that_cannot_be_read_is_an_error(void **state) {
        assert_int_equal(
                sovd_config_load(&config_schema, &config, "/nonexistent/x", NULL, arena, NULL, &message),
                -ENOENT);
        assert_string_equal(message, "/nonexistent/x: cannot be read: No such file or directory");
        assert_int_equal(sovd_config_load(&config_schema, &config, "/", NULL, arena, NULL, &message),
                         -EISDIR);
}

static void the_reference_page_has_a_table_per_section(void **state) {
        char *page = NULL;
        size_t len;
        FILE *out = open_memstream(&page, &len);

        sovd_config_print_docs(&config_schema, out);
        (void)fclose(out);

        assert_non_null(strstr(
                page, "\n## `server`\n\nThe listener.\n\n| Key | Type | Range | Default | Meaning |\n"));
        assert_non_null(strstr(page, "| `port` | integer | 1 to 65535 | `8080` | TCP port. |\n"));
        assert_non_null(
                strstr(page, "| `mode` | one of `off`, `negotiate`, `always` |  | `negotiate` |  |\n"));
        assert_non_null(strstr(page, "| `api_key` | text, secret |"));
        assert_non_null(strstr(page, "second \\| per"));
        assert_non_null(strstr(page, "\n## `backends[]`\n"));
        assert_non_null(strstr(page, "| `name` | text |  | required |  |\n"));
        free(page);
}

#define CONFIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                CONFIG_TEST(an_empty_file_gives_the_defaults),
                CONFIG_TEST(a_member_without_its_value_is_refused),
                CONFIG_TEST(every_type_is_read),
                CONFIG_TEST(json_is_read_too),
                CONFIG_TEST(numbers_are_read_by_yaml_1_2),
                CONFIG_TEST(a_number_keeps_its_digits),
                CONFIG_TEST(words_of_yaml_1_1_are_text),
                CONFIG_TEST(numbers_that_could_mean_something_else_are_refused),
                CONFIG_TEST(text_that_looks_like_a_number_must_be_quoted),
                CONFIG_TEST(a_misspelt_key_gets_a_suggestion),
                CONFIG_TEST(a_key_unlike_any_gets_no_suggestion),
                CONFIG_TEST(a_value_out_of_range_names_its_key_and_place),
                CONFIG_TEST(a_value_of_the_wrong_type_is_refused),
                CONFIG_TEST(all_unknown_keys_are_reported_with_the_first_bad_value),
                CONFIG_TEST(no_more_than_twenty_problems_are_listed),
                CONFIG_TEST(yaml_beyond_the_subset_is_refused),
                CONFIG_TEST(broken_yaml_names_its_line),
                CONFIG_TEST(nesting_is_limited),
                CONFIG_TEST(size_and_number_of_values_are_limited),
                CONFIG_TEST(the_environment_overrides_the_file),
                CONFIG_TEST(the_environment_works_without_a_file),
                CONFIG_TEST(variables_that_name_no_scalar_are_refused),
                CONFIG_TEST(a_bad_value_of_a_variable_names_the_variable),
                CONFIG_TEST(two_variables_for_one_key_are_refused),
                CONFIG_TEST(a_secret_is_in_no_message),
                CONFIG_TEST(places_are_known_after_reading),
                CONFIG_TEST(without_a_file_there_is_no_line),
                CONFIG_TEST(a_file_is_read),
                CONFIG_TEST(a_file_that_cannot_be_read_is_an_error),
                CONFIG_TEST(the_reference_page_has_a_table_per_section),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
