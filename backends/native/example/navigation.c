/* SPDX-License-Identifier: Apache-2.0 */

/*
 * navigation-app - a native app that shows all of libsovd-app
 *
 * It knows where it is, how far the route goes, and how loud it speaks; computes routes, which takes its time; and
 * notices when it loses its position. What it says is worked out from its own clock and from what clients set.
 *
 *   navigation-app [--socket PATH] [--entity apps/navigation] [--period-ms 200]
 *
 * On standard input it takes commands, one a line: "gps off", "gps on", "quit". It ends at SIGTERM and SIGINT too.
 */
#include "backends/native/app/sovd_app.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXEC_MAX 64
#define STEPS    20 /* of computing a route */

static struct {
        struct sovd_app *app;
        const char *socket, *entity;
        int period_ms;
        pthread_mutex_t mutex; /* all below */
        int volume, step;      /* step: of the route that is computed; -1 = none is */
        bool stop_wanted;
        char exec[EXEC_MAX], view[8], home[256];
} nav = { .entity = "apps/navigation",
          .period_ms = 200,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .volume = 5,
          .step = -1,
          .view = "day",
          .home = "{\"lat\":48.1,\"lon\":11.6}" };

static volatile sig_atomic_t is_ending;

static void end(int signal) {
        (void)signal;
        is_ending = 1;
}

/* --- values --------------------------------------------------------------------------------------------- */

static void read_volume(const char *id, struct sovd_app_answer *answer, void *data) {
        char text[16];

        (void)pthread_mutex_lock(&nav.mutex);
        (void)snprintf(text, sizeof(text), "%d", nav.volume);
        (void)pthread_mutex_unlock(&nav.mutex);
        (void)sovd_app_answer_json(answer, text);
}

static void write_volume(const char *id, const char *json, struct sovd_app_answer *answer, void *data) {
        char *rest;
        const long volume = strtol(json, &rest, 10);

        if (*rest || volume < 0 || volume > 10) {
                (void)sovd_app_answer_error(answer, "bad-value", "the volume is an integer from 0 to 10");
                return;
        }
        (void)pthread_mutex_lock(&nav.mutex);
        nav.volume = (int)volume;
        (void)pthread_mutex_unlock(&nav.mutex);
}

static void read_uptime(const char *id, struct sovd_app_answer *answer, void *data) {
        struct timespec now;
        char text[32];

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        (void)snprintf(text, sizeof(text), "%.6f", (double)now.tv_sec + (double)now.tv_nsec / 1e9);
        (void)sovd_app_answer_json(answer, text);
}

static void read_text(const char *id, struct sovd_app_answer *answer, void *data) {
        char text[300];
        const char *quote = data == nav.view ? "\"" : "";

        (void)pthread_mutex_lock(&nav.mutex);
        (void)snprintf(text, sizeof(text), "%s%s%s", quote, (const char *)data, quote);
        (void)pthread_mutex_unlock(&nav.mutex);
        (void)sovd_app_answer_json(answer, text);
}

/* The gateway lets only the values pass that were registered. */
static void write_view(const char *id, const char *json, struct sovd_app_answer *answer, void *data) {
        (void)pthread_mutex_lock(&nav.mutex);
        (void)snprintf(nav.view, sizeof(nav.view), "%s", strcmp(json, "\"night\"") == 0 ? "night" : "day");
        (void)pthread_mutex_unlock(&nav.mutex);
}

static void write_home(const char *id, const char *json, struct sovd_app_answer *answer, void *data) {
        if (*json != '{' || strlen(json) >= sizeof(nav.home)) {
                (void)sovd_app_answer_error(answer, "bad-value", "home is an object of at most 255 bytes");
                return;
        }
        (void)pthread_mutex_lock(&nav.mutex);
        (void)snprintf(nav.home, sizeof(nav.home), "%s", json);
        (void)pthread_mutex_unlock(&nav.mutex);
}

/* --- the operation -------------------------------------------------------------------------------------- */

static void start_route(const char *operation, const char *exec, const char *parameters,
                        unsigned timeout_secs, struct sovd_app_answer *answer, void *data) {
        (void)pthread_mutex_lock(&nav.mutex);
        const bool busy = nav.step >= 0;
        if (!busy) {
                (void)snprintf(nav.exec, sizeof(nav.exec), "%s", exec);
                nav.step = 0;
                nav.stop_wanted = false;
        }
        (void)pthread_mutex_unlock(&nav.mutex);
        if (busy)
                (void)sovd_app_answer_error(answer, "conflict", "a route is computed already");
}

static void stop_route(const char *exec, struct sovd_app_answer *answer, void *data) {
        (void)pthread_mutex_lock(&nav.mutex);
        nav.stop_wanted = true;
        (void)pthread_mutex_unlock(&nav.mutex);
}

/* One step of the route, in the app's own time. */
static void go_on(void) {
        char exec[EXEC_MAX];

        (void)pthread_mutex_lock(&nav.mutex);
        const int step = nav.step;
        const bool stop = nav.stop_wanted;
        (void)snprintf(exec, sizeof(exec), "%s", nav.exec);
        nav.step = step < 0 || stop || step + 1 >= STEPS ? -1 : step + 1;
        (void)pthread_mutex_unlock(&nav.mutex);
        if (step < 0)
                return;
        if (stop)
                (void)sovd_app_exec_end(nav.app, exec, NULL, NULL);
        else if (step + 1 >= STEPS)
                (void)sovd_app_exec_end(nav.app, exec, "{\"steps\":20}", NULL);
        else if (sovd_app_exec_progress(nav.app, exec, (unsigned)(step + 1) * 100 / STEPS)) {
                (void)pthread_mutex_lock(&nav.mutex);
                nav.step = -1; /* the gateway went away, and has told its client that it failed */
                (void)pthread_mutex_unlock(&nav.mutex);
        }
}

/* --- what it has ---------------------------------------------------------------------------------------- */

static int register_all(struct sovd_app *app) {
        static const char *const views[] = { "day", "night", NULL }, *const groups[] = { "sound", NULL };
        static const struct sovd_app_data data[] = {
                { .id = "position", .name = "Position", .groups = NULL },
                { .id = "volume",
                  .name = "Volume of the voice",
                  .groups = groups,
                  .read = read_volume,
                  .write = write_volume },
                { .id = "cpu",
                  .name = "Processor time",
                  .unit = "s",
                  .category = "sysInfo",
                  .read = read_uptime },
        };
        static const struct sovd_app_operation route = { .id = "route",
                                                         .name = "Compute a route",
                                                         .asynchronous = true,
                                                         .start = start_route,
                                                         .stop = stop_route };
        const struct sovd_app_setting view = { .id = "view",
                                               .name = "View",
                                               .values = views,
                                               .read = read_text,
                                               .write = write_view,
                                               .data = nav.view };
        const struct sovd_app_setting home = {
                .id = "home", .name = "Home", .read = read_text, .write = write_home, .data = nav.home
        };
        int r = 0;

        for (size_t i = 0; !r && i < sizeof(data) / sizeof(*data); i++)
                r = sovd_app_add_data(app, &data[i]);
        if (!r)
                r = sovd_app_add_operation(app, &route);
        if (!r)
                r = sovd_app_add_mode(app, &view);
        if (!r)
                r = sovd_app_add_configuration(app, &home);
        if (!r)
                r = sovd_app_set_faults(
                        app, "{\"id\":\"navigation\",\"version\":\"1\",\"faults\":["
                             "{\"code\":\"GPS_LOST\",\"name\":\"No position\",\"severity\":2},"
                             "{\"code\":\"MAP_OLD\",\"name\":\"The map is old\",\"severity\":4}]}");
        if (!r)
                r = sovd_app_debounce(app, "GPS_LOST", 3, 2);
        return r ? r : sovd_app_ready(app);
}

/* --- running -------------------------------------------------------------------------------------------- */

static bool has_gps = true;

static void command(char *line) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "gps off") == 0)
                has_gps = false;
        else if (strcmp(line, "gps on") == 0)
                has_gps = true;
        else if (strcmp(line, "quit") == 0)
                is_ending = 1;
        (void)sovd_app_log(nav.app, SOVD_APP_INFO, line);
}

/* One look at everything; the rule of three failures makes one fault of many looks. */
static void look(unsigned n) {
        char position[64];

        (void)snprintf(position, sizeof(position), "{\"lat\":%.5f,\"lon\":%.5f}", 48.1 + n * 0.0001, 11.6);
        if (has_gps)
                (void)sovd_app_publish(nav.app, "position", position);
        (void)sovd_app_fault(nav.app, "GPS_LOST", has_gps ? SOVD_APP_PASSED : SOVD_APP_FAILED,
                             "{\"satellites\":0}");
        go_on();
}

static void run(void) {
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
        char line[128];

        for (unsigned n = 0; !is_ending; n++) {
                if (poll(&input, 1, nav.period_ms) > 0) {
                        if (!fgets(line, sizeof(line), stdin))
                                input.fd = -1; /* nobody commands any more */
                        else
                                command(line);
                }
                look(n);
        }
}

static bool parse(int argc, char **argv) {
        for (int i = 1; i < argc; i += 2) {
                if (i + 1 == argc)
                        return false;
                if (strcmp(argv[i], "--socket") == 0)
                        nav.socket = argv[i + 1];
                else if (strcmp(argv[i], "--entity") == 0)
                        nav.entity = argv[i + 1];
                else if (strcmp(argv[i], "--period-ms") == 0)
                        nav.period_ms = atoi(argv[i + 1]);
                else
                        return false;
        }
        return nav.period_ms > 0;
}

int main(int argc, char **argv) {
        size_t lost;

        if (!parse(argc, argv)) {
                (void)fprintf(stderr,
                              "usage: navigation-app [--socket PATH] [--entity ENTITY] [--period-ms N]\n");
                return 2;
        }
        const struct sovd_app_options options = { .socket = nav.socket,
                                                  .entity = nav.entity,
                                                  .name = "Navigation",
                                                  .version = "1.0",
                                                  .retry_max_ms = 500 };
        int r = sovd_app_new(&nav.app, &options);
        if (!r)
                r = register_all(nav.app);
        if (r) {
                (void)fprintf(stderr, "navigation-app: %s\n", strerror(-r));
                (void)sovd_app_free(nav.app, 0, NULL);
                return 1;
        }
        (void)setvbuf(stdin, NULL, _IONBF, 0);
        (void)signal(SIGTERM, end);
        (void)signal(SIGINT, end);
        run();
        (void)sovd_app_free(nav.app, 2000, &lost);
        if (lost)
                (void)fprintf(stderr, "navigation-app: %zu reports were not delivered\n", lost);
        return 0;
}
