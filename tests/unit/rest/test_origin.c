/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/origin.h"
#include <arpa/inet.h>

static struct sovd_arena *arena;
static const char *const trusted[] = { "127.0.0.1", "10.1.0.0/16", "2001:db8::/33", "unix", NULL };

static int set_up(void **state) {
        return sovd_arena_new(&arena, 4096);
}

static int clean_up(void **state) {
        arena = sovd_arena_free(arena);
        return 0;
}

/* The base for fields given as name, value, …, NULL; NULL when it is refused. */
static const char *base_of(const char *remote, int is_tls, ...) {
        struct sovd_head_field fields[16];
        struct sovd_head head = { .fields = fields };
        const struct sovd_origin_request request = { &head, remote, is_tls };
        const char *base = NULL, *reason = NULL, *name;
        va_list args;

        va_start(args, is_tls);
        while ((name = va_arg(args, const char *)))
                fields[head.n_fields++] = (struct sovd_head_field){ name, va_arg(args, const char *) };
        va_end(args);
        int r = sovd_origin_base(&base, &request, trusted, arena, &reason);
        assert_true(r == 0 || (r == SOVD_E_BAD_REQUEST && reason));
        return r ? NULL : base;
}

static void the_authority_of_host_is_used(void **state) {
        assert_string_equal(base_of("192.0.2.1", false, "Host", "car:8080", NULL), "http://car:8080/sovd/v1");
        assert_string_equal(base_of("192.0.2.1", true, "host", "[::1]", NULL), "https://[::1]/sovd/v1");
        assert_string_equal(base_of("192.0.2.1", false, "Host", "car \t", NULL), "http://car/sovd/v1");
}

static void without_an_authority_the_base_is_a_path(void **state) {
        assert_string_equal(base_of("192.0.2.1", false, NULL), "/sovd/v1");
        assert_string_equal(base_of("192.0.2.1", false, "Host", "a/b", NULL), "/sovd/v1");
}

static void strangers_change_nothing(void **state) {
        const char *const strangers[] = { "192.0.2.1",        "127.0.0.2", "10.2.0.1",
                                          "2001:db8:8000::1", "fe80::1",   "::1" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(strangers); i++)
                assert_string_equal(base_of(strangers[i], false, "Host", "h", "X-Forwarded-Host", "evil",
                                            "Forwarded", "not even this", NULL),
                                    "http://h/sovd/v1");
}

static void trusted_proxies_are_found_by_address_and_network(void **state) {
        const char *const proxies[] = { "127.0.0.1", "::ffff:127.0.0.1", "10.1.255.255", "2001:db8:7fff::1",
                                        "" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(proxies); i++)
                assert_string_equal(base_of(proxies[i], false, "Host", "h", "X-Forwarded-Host", "car", NULL),
                                    "http://car/sovd/v1");
        assert_false(sovd_proxy_is_trusted(NULL, "127.0.0.1"));
        assert_false(sovd_proxy_is_trusted((const char *const[]){ "127.0.0.1", NULL }, ""));
        assert_true(sovd_proxy_is_trusted((const char *const[]){ "0.0.0.0/0", NULL }, "192.0.2.1"));
        assert_false(sovd_proxy_is_trusted((const char *const[]){ "0.0.0.0/0", NULL }, "2001:db8::1"));
        assert_true(sovd_proxy_is_trusted((const char *const[]){ "::/0", NULL }, "2001:db8::1"));
}

static void forwarded_comes_before_the_other_fields(void **state) {
        assert_string_equal(base_of("127.0.0.1", false, "Host", "h", "X-Forwarded-Host", "x",
                                    "X-Forwarded-Prefix", "/p", "Forwarded", "proto=https;host=f", NULL),
                            "https://f/p/sovd/v1");
        assert_string_equal(base_of("127.0.0.1", true, "Host", "h", "Forwarded", "for=_x", NULL),
                            "https://h/sovd/v1");
        assert_string_equal(
                base_of("127.0.0.1", false, "Host", "h", "Forwarded", "host=a", "Forwarded", "host=b", NULL),
                "http://b/sovd/v1");
        assert_string_equal(
                base_of("127.0.0.1", false, "Host", "h", "Forwarded", "host=\"a,b\" , host=\"c:1\"", NULL),
                "http://c:1/sovd/v1");
}

static void what_a_proxy_sends_must_be_readable(void **state) {
        const char *const bad[][2] = {
                { "Forwarded", "host" },
                { "Forwarded", "host=\"a" },
                { "Forwarded", "host=\"a\\\"\"" },
                { "Forwarded", "host=a;host=b" },
                { "Forwarded", "host=a=b" },
                { "Forwarded", "host=a b" },
                { "Forwarded", "proto=gopher" },
                { "X-Forwarded-Proto", "" },
                { "X-Forwarded-Proto", "https,x" },
                { "X-Forwarded-Host", "a@b" },
                { "X-Forwarded-Host", "a:99999" },
                { "X-Forwarded-Host", "" },
                { "X-Forwarded-Prefix", "a" },
                { "X-Forwarded-Prefix", "/a/../b" },
                { "X-Forwarded-Prefix", "//" },
                { "X-Forwarded-Prefix", "/%g0" },
                { "X-Forwarded-Prefix", "/a\"b" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                if (base_of("127.0.0.1", false, "Host", "h", bad[i][0], bad[i][1], NULL))
                        fail_msg("%s: %s", bad[i][0], bad[i][1]);
}

static void a_prefix_stands_before_the_path(void **state) {
        assert_string_equal(base_of("127.0.0.1", false, "Host", "h", "X-Forwarded-Prefix", "/a/b%20c/", NULL),
                            "http://h/a/b%20c/sovd/v1");
        assert_string_equal(base_of("127.0.0.1", false, "X-Forwarded-Prefix", "/a", NULL), "/a/sovd/v1");
}

static void on_a_unix_socket_only_a_proxy_has_an_authority(void **state) {
        const char *const nobody[] = { "127.0.0.1", NULL };
        const struct sovd_head_field host = { "Host", "localhost" };
        const struct sovd_head head = { .fields = &host, .n_fields = 1 };
        const struct sovd_origin_request request = { &head, "", false };
        const char *base, *reason;

        assert_int_equal(sovd_origin_base(&base, &request, nobody, arena, &reason), 0);
        assert_string_equal(base, "/sovd/v1");
        assert_int_equal(sovd_origin_base(&base, &request, trusted, arena, &reason), 0);
        assert_string_equal(base, "http://localhost/sovd/v1");
}

static void lists_of_proxies_are_checked(void **state) {
        const char *const good[] = {
                "unix", "127.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/128"
        };
        const char *const bad[] = { "",       "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08x",
                                    "::/129", "10.0.0/8",  "/8" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(good); i++)
                assert_true(sovd_proxy_is_valid(good[i]));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                if (sovd_proxy_is_valid(bad[i]))
                        fail_msg("'%s' is taken", bad[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, clean_up)

/* Whose request it is, as text; NULL: nobody's in particular. */
static const char *client_of(const char *remote, const char *name, const char *value, const char *second) {
        struct sovd_head_field fields[] = { { "Host", "h" }, { name, value }, { name, second } };
        struct sovd_head head = { .fields = fields, .n_fields = second ? 3 : name ? 2 : 1 };
        const struct sovd_origin_request request = { &head, remote, false };
        static char text[INET6_ADDRSTRLEN];
        struct sovd_address address;

        if (!sovd_origin_client(&request, trusted, &address))
                return NULL;
        return inet_ntop(AF_INET6, address.bytes, text, sizeof(text));
}

static void the_client_is_the_peer(void **state) {
        assert_string_equal(client_of("192.0.2.1", NULL, NULL, NULL), "::ffff:192.0.2.1");
        assert_string_equal(client_of("2001:db8:ffff::1", NULL, NULL, NULL), "2001:db8:ffff::1");
        assert_null(client_of("", NULL, NULL, NULL));
}

static void a_stranger_cannot_be_somebody_else(void **state) {
        assert_string_equal(client_of("192.0.2.1", "X-Forwarded-For", "203.0.113.9", NULL), "::ffff:192.0.2.1");
        assert_string_equal(client_of("192.0.2.1", "Forwarded", "for=203.0.113.9", NULL), "::ffff:192.0.2.1");
}

static void a_trusted_proxy_says_whose_request_it_is(void **state) {
        static const struct {
                const char *name, *value, *client;
        } rows[] = {
                { "X-Forwarded-For", "203.0.113.9", "::ffff:203.0.113.9" },
                { "X-Forwarded-For", "198.51.100.1, 203.0.113.9", "::ffff:203.0.113.9" },
                { "X-Forwarded-For", "198.51.100.1,203.0.113.9:4711 , 10.1.2.3", "::ffff:203.0.113.9" },
                { "X-Forwarded-For", "[2a00::1]:80", "2a00::1" },
                { "X-Forwarded-For", "2a00::1", "2a00::1" },
                { "X-Forwarded-For", "198.51.100.1, unknown", "::ffff:10.1.0.1" },
                { "X-Forwarded-For", "", "::ffff:10.1.0.1" },
                { "Forwarded", "for=198.51.100.1, for=203.0.113.9;proto=https", "::ffff:203.0.113.9" },
                { "Forwarded", "for=\"[2a00::1]:4711\"", "2a00::1" },
                { "Forwarded", "for=\"203.0.113.9:80\"", "::ffff:203.0.113.9" },
                { "Forwarded", "for=unknown", "::ffff:10.1.0.1" },
                { "Forwarded", "for=_hidden", "::ffff:10.1.0.1" },
                { "Forwarded", "proto=https", "::ffff:10.1.0.1" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                assert_string_equal(client_of("10.1.0.1", rows[i].name, rows[i].value, NULL), rows[i].client);
        assert_string_equal(client_of("", "X-Forwarded-For", "203.0.113.9", NULL), "::ffff:203.0.113.9");
        assert_null(client_of("", "X-Forwarded-For", "unknown", NULL));
}

static void fields_of_one_name_are_one_list(void **state) {
        assert_string_equal(client_of("10.1.0.1", "X-Forwarded-For", "203.0.113.9", "10.1.2.3, 10.1.2.4"), "::ffff:203.0.113.9");
        assert_string_equal(client_of("10.1.0.1", "X-Forwarded-For", "203.0.113.9", "198.51.100.1"), "::ffff:198.51.100.1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(the_authority_of_host_is_used),
                TEST(without_an_authority_the_base_is_a_path),
                TEST(strangers_change_nothing),
                TEST(trusted_proxies_are_found_by_address_and_network),
                TEST(forwarded_comes_before_the_other_fields),
                TEST(what_a_proxy_sends_must_be_readable),
                TEST(a_prefix_stands_before_the_path),
                TEST(on_a_unix_socket_only_a_proxy_has_an_authority),
                TEST(lists_of_proxies_are_checked),
                TEST(the_client_is_the_peer),
                TEST(a_stranger_cannot_be_somebody_else),
                TEST(a_trusted_proxy_says_whose_request_it_is),
                TEST(fields_of_one_name_are_one_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
