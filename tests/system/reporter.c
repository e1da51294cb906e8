/* SPDX-License-Identifier: Apache-2.0 */

/*
 * native-reporter - an app that reports much, for the tests of libsovd-app
 *
 *   native-reporter SOCKET ENTITY REPORTS FAULTS BUFFER [cycle|event|moment|conditions]
 *
 * Reports go round the faults F0, F1, …, of each failed and passed in turn; what finds no room is reported again until it
 * does. With "cycle" an operation cycle begins after each round over all faults. With "event" faults end by themselves, and the
 * app lives on until its standard input ends. With "conditions" each report is made while a condition is on that is off else, and with
 * "moment" a value is published before it, too, and each is waited for. A line "reported N" comes after each
 * thousand; the last line is what became of all of them. No call may take longer than BLOCKED_MS.
 */
#include "backends/native/app/sovd_app.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCKED_MS 1000 /* far above a busy machine, far below a gateway that is away */

static double now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rest(void) {
        const struct timespec t = { .tv_nsec = 1000000 };

        (void)nanosleep(&t, NULL);
}

/* How often there was no room; -1: another error, or it blocked. */
static long insist(struct sovd_app *app, const char *code, enum sovd_app_report report) {
        for (long n = 0;; n++) {
                const double begun = now();
                const int r = code ? sovd_app_fault(app, code, report, NULL) : sovd_app_cycle(app, "power");
                if ((now() - begun) * 1000 > BLOCKED_MS || (r && r != -ENOSPC))
                        return -1;
                if (!r)
                        return n;
                rest();
        }
}

static void drain(struct sovd_app *app) {
        struct sovd_app_status status;

        do {
                rest();
                sovd_app_status(app, &status);
        } while (status.reports_waiting);
}

/* As app authors write it: what is so now, then what was found. */
static bool report_moment(struct sovd_app *app, long i, const char *code, enum sovd_app_report report, bool wait) {
        char value[32];

        (void)snprintf(value, sizeof(value), "%ld", i);
        if ((wait && sovd_app_publish(app, "at", value)) || sovd_app_condition(app, "enabled", true) ||
            sovd_app_fault(app, code, report, NULL) || sovd_app_condition(app, "enabled", false))
                return false;
        if (wait)
                drain(app);
        return true;
}

static bool report_moments(struct sovd_app *app, long n, long n_faults, bool wait) {
        char code[32];

        for (long i = 0; i < n; i++) {
                (void)snprintf(code, sizeof(code), "F%ld", i % n_faults);
                if (!report_moment(app, i, code, i / n_faults % 2 ? SOVD_APP_PASSED : SOVD_APP_FAILED, wait))
                        return false;
        }
        (void)printf("reported %ld\n", n);
        return true;
}

static bool report_all(struct sovd_app *app, long n, long n_faults, bool cycle, uint64_t *full) {
        char code[32];

        for (long i = 0; i < n; i++) {
                (void)snprintf(code, sizeof(code), "F%ld", i % n_faults);
                long again = insist(app, code, i / n_faults % 2 ? SOVD_APP_PASSED : SOVD_APP_FAILED);
                if (again >= 0 && cycle && (i + 1) % n_faults == 0) {
                        *full += (uint64_t)again;
                        again = insist(app, NULL, SOVD_APP_FAILED);
                }
                if (again < 0)
                        return false;
                *full += (uint64_t)again;
                if ((i + 1) % 1000 == 0)
                        (void)printf("reported %ld\n", i + 1);
        }
        return true;
}

static int set_up(struct sovd_app **ret, char **argv, long n_faults, bool event, bool moment) {
        char *catalog = NULL;
        size_t len;
        FILE *text = open_memstream(&catalog, &len);

        if (!text)
                return -errno;
        (void)fprintf(text, "{\"faults\":[");
        for (long i = 0; i < n_faults; i++)
                (void)fprintf(text, "%s{\"code\":\"F%ld\",\"name\":\"f\",\"reports_per_sec\":0%s%s}",
                              i ? "," : "", i,
                              event ? ",\"debounce\":{\"kind\":\"edge\",\"hold_secs\":0.1}" : "",
                              moment ? ",\"conditions\":[\"enabled\"],\"freeze_frame\":[\"at\"]" : "");
        (void)fprintf(text, "]}");
        (void)fclose(text);
        int r = sovd_app_new(ret, &(struct sovd_app_options){ .socket = argv[1],
                                                              .entity = argv[2],
                                                              .reports_max = (size_t)atol(argv[5]),
                                                              .retry_max_ms = 100 });
        if (!r)
                r = sovd_app_set_faults(*ret, catalog);
        if (!r)
                r = sovd_app_add_data(*ret, &(struct sovd_app_data){ .id = "at", .name = "At" });
        if (!r)
                r = sovd_app_ready(*ret);
        free(catalog);
        return r;
}

int main(int argc, char **argv) {
        struct sovd_app_status status;
        struct sovd_app *app = NULL;
        uint64_t full = 0;
        bool done;

        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        const char *mode = argc > 6 ? argv[6] : "";
        const bool event = strcmp(mode, "event") == 0;
        const bool moment = strcmp(mode, "moment") == 0 || strcmp(mode, "conditions") == 0;
        if (argc < 6 || set_up(&app, argv, atol(argv[4]), event, moment))
                return 2;
        if (moment)
                done = report_moments(app, atol(argv[3]), atol(argv[4]), strcmp(mode, "moment") == 0);
        else
                done = report_all(app, atol(argv[3]), atol(argv[4]), strcmp(mode, "cycle") == 0, &full);
        if (!done)
                return 3;
        drain(app);
        sovd_app_status(app, &status);
        (void)printf("{\"taken\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64
                     ",\"full\":%" PRIu64 ",\"counted_full\":%" PRIu64 ",\"connections\":%" PRIu64 "}\n",
                     status.reports_taken, status.reports_acknowledged, status.reports_refused, full,
                     status.reports_full, status.connections);
        while (event && getchar() != EOF)
                ;
        sovd_app_free(app, 1000, NULL);
        return 0;
}
