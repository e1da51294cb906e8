/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sovd-demo-app - a native app that shows all of libsovd-app, and faults that come and go
 *
 * Its position is lost, and with it the fault GPS_LOST is raised, by a schedule (--raise-every, --heal-after), by SIGUSR1,
 * or by the line "gps off" on standard input; SIGUSR2 and "gps on" give it back. "cycle" begins an operation cycle, "quit",
 * SIGTERM and SIGINT end it.
 */
#include "demo-ecu/app/navigation.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
        const char *socket, *entity;
        double period, raise_every, heal_after; /* seconds; raise_every 0 = never by itself */
} options = { .entity = "apps/navigation", .period = 0.2 };

static volatile sig_atomic_t is_ending, is_raised, is_healed;

static void on_signal(int number) {
        if (number == SIGUSR1)
                is_raised = 1;
        else if (number == SIGUSR2)
                is_healed = 1;
        else
                is_ending = 1;
}

static double now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- what happens to it ---------------------------------------------------------------------------------------- */

static void command(char *line) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "gps off") == 0)
                nav_set_position(false);
        else if (strcmp(line, "gps on") == 0)
                nav_set_position(true);
        else if (strcmp(line, "cycle") == 0)
                nav_cycle();
        else if (strcmp(line, "quit") == 0)
                is_ending = 1;
}

static void take_signals(void) {
        if (is_raised)
                nav_set_position(false);
        if (is_healed)
                nav_set_position(true);
        is_raised = is_healed = 0;
}

/* Lost when a period begins, found again when heal_after of it have passed. */
static void keep_schedule(double begun) {
        static double next_raise, next_heal;
        const double t = now();

        if (options.raise_every <= 0)
                return;
        if (next_raise <= 0)
                next_raise = begun + options.raise_every;
        if (t >= next_raise) {
                nav_set_position(false);
                next_heal = next_raise + options.heal_after;
                next_raise += options.raise_every;
        }
        if (next_heal > 0 && t >= next_heal) {
                nav_set_position(true);
                next_heal = 0;
        }
}

static void run(void) {
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
        const double begun = now();
        char line[128];

        while (!is_ending) {
                if (poll(&input, 1, (int)(options.period * 1000)) > 0) {
                        if (!fgets(line, sizeof(line), stdin))
                                input.fd = -1; /* nobody commands any more */
                        else
                                command(line);
                }
                take_signals();
                keep_schedule(begun);
                nav_look();
        }
}

/* --- starting ---------------------------------------------------------------------------------------------------- */

static bool read_seconds(const char *text, double *ret) {
        char *rest;
        const double n = strtod(text, &rest);

        if (rest == text || *rest || !(n >= 0.01 && n <= 86400))
                return false;
        *ret = n;
        return true;
}

static bool parse_one(const char *name, const char *value) {
        if (strcmp(name, "--socket") == 0)
                options.socket = value;
        else if (strcmp(name, "--entity") == 0)
                options.entity = value;
        else if (strcmp(name, "--period") == 0)
                return read_seconds(value, &options.period);
        else if (strcmp(name, "--raise-every") == 0)
                return read_seconds(value, &options.raise_every);
        else if (strcmp(name, "--heal-after") == 0)
                return read_seconds(value, &options.heal_after);
        else
                return false;
        return true;
}

static bool parse(int argc, char **argv) {
        for (int i = 1; i < argc; i += 2)
                if (i + 1 == argc || !parse_one(argv[i], argv[i + 1]))
                        return false;
        if (options.heal_after <= 0)
                options.heal_after = options.raise_every / 2;
        return options.heal_after <= options.raise_every;
}

static int usage(void) {
        (void)fprintf(
                stderr,
                "usage: sovd-demo-app [--socket PATH] [--entity apps/ID] [--period SECONDS]\n"
                "                     [--raise-every SECONDS [--heal-after SECONDS]]\n"
                "\n"
                "  --socket       of the gateway (/run/sovd-gateway/apps.sock)\n"
                "  --entity       who it is, as in the gateway's configuration (apps/navigation)\n"
                "  --period       between two looks at everything (0.2)\n"
                "  --raise-every  the position is lost this often; without it, only when it is told so\n"
                "  --heal-after   and comes back so long after that (half of it)\n"
                "\n"
                "SIGUSR1 raises the fault GPS_LOST, SIGUSR2 heals it; so do the lines \"gps off\" and \"gps "
                "on\".\n");
        return 2;
}

int main(int argc, char **argv) {
        if (!parse(argc, argv))
                return usage();
        int r = nav_new(&(struct sovd_app_options){ .socket = options.socket,
                                                    .entity = options.entity,
                                                    .name = "Navigation",
                                                    .version = "1.0",
                                                    .retry_max_ms = 500 });
        if (r) {
                (void)fprintf(stderr, "sovd-demo-app: %s\n", strerror(-r));
                return 1;
        }
        const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2 };
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
                (void)sigaction(numbers[i], &(struct sigaction){ .sa_handler = on_signal }, NULL);
        (void)setvbuf(stdin, NULL, _IONBF, 0);
        run();
        const size_t lost = nav_free();
        if (lost)
                (void)fprintf(stderr, "sovd-demo-app: %zu reports were not delivered\n", lost);
        return 0;
}
