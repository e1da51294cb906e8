/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "backends/native/unit.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_unit_is_what_stands_below_the_slices(void **state) {
        static const struct {
                const char *text, *unit;
        } cases[] = {
                { "0::/system.slice/navigation.service\n", "navigation.service" },
                { "0::/system.slice/nav.slice/nav-fast.slice/nav@1.service\n", "nav@1.service" },
                { "0::/system.slice/navigation.service/worker/2\n", "navigation.service" },
                { "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope" },
                { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/navigation.service\n",
                  "user@1000.service" },
                { "0::/system.slice/_cpu.service\n", "cpu.service" },
                { "4:memory:/x.service\n1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n",
                  "a.service" },
                { "0::/system.slice/b.service\n1:name=systemd:/system.slice/a.service", "a.service" },
                { "0::/a.service", "a.service" },
                { "0::/\n", NULL },
                { "", NULL },
                { "0::\n", NULL },
                { "0::/system.slice\n", NULL },
                { "0::/machine/a.service\n", NULL },
                { "0::a.service\n", NULL },
                { "0::/.service\n", NULL },
                { "0::/_\n", NULL },
                { "4:memory:/system.slice/a.service\n", NULL },
                { "1:name=systemd:/\n0::/system.slice/b.service\n", "b.service" },
                { "1:name=systemd:/x\n0::/system.slice/b.service\n", NULL },
                { "1:name=systemd:/\n", NULL },
                { "nonsense", NULL },
        };
        char unit[NATIVE_UNIT_SIZE];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                const bool found = native_unit_parse(cases[i].text, unit);
                assert_int_equal(found, cases[i].unit != NULL);
                if (found)
                        assert_string_equal(unit, cases[i].unit);
        }
}

static void a_name_that_is_too_long_is_no_unit(void **state) {
        char text[600], unit[NATIVE_UNIT_SIZE];

        (void)snprintf(text, sizeof(text), "0::/%0500d.service\n", 0);
        assert_false(native_unit_parse(text, unit));
        (void)snprintf(text, sizeof(text), "0::/%0247d.service\n", 0);
        assert_true(native_unit_parse(text, unit));
        assert_int_equal(strlen(unit), 255);
}

static void only_units_with_processes_can_be_named(void **state) {
        assert_true(native_unit_is_name("navigation.service"));
        assert_true(native_unit_is_name("session-3.scope"));
        static const char *const bad[] = { "navigation", "a/b.service", ".service",
                                           "x.slice",    "_x.service",  "x.socket" };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(native_unit_is_name(bad[i]));
}

/* A pair of sockets; the peer of the first is this process. */
static struct native_who own_peer(int sockets[2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
        return (struct native_who){
                .fd = sockets[0], .pid = getpid(), .uid = getuid(), .since_usec = sovd_now_usec()
        };
}

static void close_both(const int sockets[2]) {
        (void)close(sockets[0]);
        (void)close(sockets[1]);
}

/* What is expected, from the same file read plainly; NULL: this process is in no unit. */
static const char *own_unit(char unit[static NATIVE_UNIT_SIZE]) {
        char text[4096];
        FILE *file = fopen("/proc/self/cgroup", "r");

        if (!file)
                return NULL;
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        (void)fclose(file);
        return native_unit_parse(text, unit) ? unit : NULL;
}

static void both_ways_find_the_unit_of_a_process_that_lives(void **state) {
        const char *(*const ways[])(const struct native_who *, char *) = { native_unit_find,
                                                                           native_unit_find_by_number };
        char expected[NATIVE_UNIT_SIZE], unit[NATIVE_UNIT_SIZE];
        const char *own = own_unit(expected);
        int sockets[2];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ways); i++) {
                const struct native_who who = own_peer(sockets);
                const char *why = ways[i](&who, unit);
                if (own) {
                        assert_null(why);
                        assert_string_equal(unit, own);
                } else
                        assert_string_equal(why, "the process is in no unit");
                close_both(sockets);
        }
}

static void a_number_of_another_process_is_not_believed(void **state) {
        char unit[NATIVE_UNIT_SIZE];
        int sockets[2];
        struct native_who who = own_peer(sockets);

        who.uid++;
        assert_string_equal(native_unit_find_by_number(&who, unit), "the process that connected has ended");
        who.uid--;
        who.since_usec = 1; /* it was accepted long before this process began */
        assert_string_equal(native_unit_find_by_number(&who, unit), "the process that connected has ended");
        who.pid = 0; /* of another namespace of processes */
        assert_string_equal(native_unit_find_by_number(&who, unit), "the process that connected has ended");
        close_both(sockets);
}

static void a_process_that_has_ended_is_in_no_unit(void **state) {
        char unit[NATIVE_UNIT_SIZE];
        int sockets[2];
        struct native_who who = own_peer(sockets);

        who.pid = fork();
        if (!who.pid)
                _exit(0);
        assert_true(who.pid > 0);
        assert_int_equal(waitpid(who.pid, NULL, 0), who.pid);
        assert_string_equal(native_unit_find_by_number(&who, unit), "the process that connected has ended");
        (void)close(sockets[1]);
        who.pid = getpid(); /* it lives, but its end of the socket does not */
        assert_non_null(native_unit_find_by_number(&who, unit));
        (void)close(sockets[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_unit_is_what_stands_below_the_slices),
                cmocka_unit_test(a_name_that_is_too_long_is_no_unit),
                cmocka_unit_test(only_units_with_processes_can_be_named),
                cmocka_unit_test(both_ways_find_the_unit_of_a_process_that_lives),
                cmocka_unit_test(a_number_of_another_process_is_not_believed),
                cmocka_unit_test(a_process_that_has_ended_is_in_no_unit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
