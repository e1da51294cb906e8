/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/host.h"

#define MACHINE "hpc.vehicle.example"

/* What differs beyond loopback has tests of its own. */
static bool is_ours(const char *host) {
        bool beyond = sovd_host_is_ours(host, MACHINE, false);

        assert_int_equal(sovd_host_is_ours(host, MACHINE, true), beyond);
        return beyond;
}

static void test_addresses_and_localhost_are_ours(void **state) {
        static const char *const hosts[] = { "127.0.0.1", "127.0.0.1:7690", "192.0.2.7:80", "[::1]", "[::1]:7690", "[2001:db8::1]:80",
                                             "[fe80::1%25eth0]:80", "localhost", "localhost:7690", "LocalHost", "localhost.",
                                             "a.localhost:80", "x.y.LOCALHOST" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++)
                if (!is_ours(hosts[i]))
                        fail_msg("%s", hosts[i]);
}

static void test_the_names_of_the_machine_are_ours(void **state) {
        static const char *const hosts[] = { "hpc.vehicle.example", "HPC.vehicle.example:7690", "hpc:80" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++)
                if (!is_ours(hosts[i]))
                        fail_msg("%s", hosts[i]);
        assert_false(sovd_host_is_ours(".local", "", false));
}

static void test_names_that_a_stranger_can_have_are_not(void **state) {
        static const char *const hosts[] = { "evil.example", "evil.example:7690", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost.example",
                                             "hpc.evil.example", "hpc.vehicle.example.evil", "evil.local", "hpc.localx", "127.0.0.1%65.example",
                                             "127.0.0.1%65", "1.2.3", "127.1.", "x-localhost.example" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++)
                if (is_ours(hosts[i]))
                        fail_msg("%s", hosts[i]);
}

static void test_names_of_the_network_are_ours_beyond_loopback_only(void **state) {
        static const char *const hosts[] = { "hpc.local", "hpc.LOCAL.:80", "gateway", "gateway:7690", "xlocalhost", "hpc-evil" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++) {
                assert_false(sovd_host_is_ours(hosts[i], MACHINE, true));
                assert_true(sovd_host_is_ours(hosts[i], MACHINE, false));
        }
}

static void test_what_is_too_long_for_a_name_is_not(void **state) {
        char host[300];

        memset(host, 'a', sizeof(host) - 1);
        host[sizeof(host) - 1] = '\0';
        assert_false(is_ours(host));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses_and_localhost_are_ours),
                cmocka_unit_test(test_the_names_of_the_machine_are_ours),
                cmocka_unit_test(test_names_that_a_stranger_can_have_are_not),
                cmocka_unit_test(test_names_of_the_network_are_ours_beyond_loopback_only),
                cmocka_unit_test(test_what_is_too_long_for_a_name_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
