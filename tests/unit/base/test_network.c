/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/network.h"

static bool holds(const char *network, const char *address) {
        struct sovd_network n;
        struct sovd_address a;

        assert_true(sovd_network_read(&n, network));
        assert_true(sovd_address_read(&a, address));
        return sovd_network_holds(&n, &a);
}

static bool same_client(const char *one, const char *other) {
        struct sovd_address a, b;

        assert_true(sovd_address_read(&a, one));
        assert_true(sovd_address_read(&b, other));
        a = sovd_address_client(&a);
        b = sovd_address_client(&b);
        return memcmp(&a, &b, sizeof(a)) == 0;
}

static void a_network_holds_its_addresses_and_no_others(void **state) {
        assert_true(holds("127.0.0.0/8", "127.255.0.1"));
        assert_false(holds("127.0.0.0/8", "128.0.0.1"));
        assert_true(holds("192.0.2.7", "::ffff:192.0.2.7"));
        assert_false(holds("192.0.2.7", "192.0.2.6"));
        assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
        assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
        assert_true(holds("0.0.0.0/0", "203.0.113.1"));
        assert_false(holds("0.0.0.0/0", "2001:db8::1"));
        assert_true(holds("::/0", "203.0.113.1"));
}

static void a_zone_is_passed_over(void **state) {
        assert_true(holds("fe80::/10", "fe80::1%eth0"));
        assert_true(same_client("fe80::1%eth0", "fe80::2%eth1"));
}

static void what_is_no_network_is_not_read(void **state) {
        const char *const bad[] = { "",       "x",        "1.2.3",     "1.2.3.4/33",     "1.2.3.4/",  "1.2.3.4/-1",
                                    "::1/129", "1.2.3.4/ 8", "1.2.3.4/0x8", "[::1]", "1.2.3.4:80", "localhost",
                                    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1" };
        struct sovd_network network;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(sovd_network_read(&network, bad[i]));
}

static void a_client_is_an_address_of_ipv4_or_64_bits_of_ipv6(void **state) {
        assert_true(same_client("192.0.2.1", "::ffff:192.0.2.1"));
        assert_false(same_client("192.0.2.1", "192.0.2.2"));
        assert_true(same_client("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_false(same_client("2001:db8:1:2::1", "2001:db8:1:3::1"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_network_holds_its_addresses_and_no_others),
                cmocka_unit_test(a_zone_is_passed_over),
                cmocka_unit_test(what_is_no_network_is_not_read),
                cmocka_unit_test(a_client_is_an_address_of_ipv4_or_64_bits_of_ipv6),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
