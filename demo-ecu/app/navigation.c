/* SPDX-License-Identifier: Apache-2.0 */

#include "demo-ecu/app/navigation.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXEC_MAX 64
#define STEPS    20 /* of computing a route */

static struct {
        struct sovd_app *app;
        bool has_position; /* of the thread that looks */
        unsigned n_looks;
        pthread_mutex_t mutex; /* all below */
        int volume, step;      /* step: of the route that is computed; -1 = none is */
        bool stop_wanted;
        char exec[EXEC_MAX], view[8], home[256];
} nav = { .has_position = true,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .volume = 5,
          .step = -1,
          .view = "day",
          .home = "{\"lat\":48.1,\"lon\":11.6}" };

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

/* Takes the route that is computed a step on: which one it was, and whether it goes on. */
static int take_step(char exec[static EXEC_MAX], bool *ret_stop) {
        (void)pthread_mutex_lock(&nav.mutex);
        const int step = nav.step;
        *ret_stop = nav.stop_wanted;
        (void)snprintf(exec, EXEC_MAX, "%s", nav.exec);
        nav.step = step < 0 || *ret_stop || !nav.has_position || step + 1 >= STEPS ? -1 : step + 1;
        (void)pthread_mutex_unlock(&nav.mutex);
        return step;
}

static void forget_route(void) {
        (void)pthread_mutex_lock(&nav.mutex);
        nav.step = -1;
        (void)pthread_mutex_unlock(&nav.mutex);
}

static void end_route(const char *exec, const char *result, const char *error) {
        (void)sovd_app_exec_end(nav.app, exec, result, error);
        (void)sovd_app_log_to(nav.app, "ROUT", error ? SOVD_APP_ERROR : SOVD_APP_INFO,
                              error    ? error
                              : result ? "the route is computed"
                                       : "the route was stopped");
        if (error || result)
                (void)sovd_app_fault(nav.app, "ROUTE_FAILED", error ? SOVD_APP_FAILED : SOVD_APP_PASSED,
                                     NULL);
}

/* One step of the route, in the app's own time. */
static void go_on(void) {
        char exec[EXEC_MAX], text[64];
        bool stop;
        const int step = take_step(exec, &stop);

        if (step < 0)
                return;
        const unsigned percent = (unsigned)(step + 1) * 100 / STEPS;
        if (stop)
                end_route(exec, NULL, NULL);
        else if (!nav.has_position)
                end_route(exec, NULL, "the position was lost while the route was computed");
        else if (step + 1 >= STEPS)
                end_route(exec, "{\"steps\":20}", NULL);
        else if (sovd_app_exec_progress(nav.app, exec, percent))
                forget_route(); /* the gateway went away, and has told its client that it failed */
        else {
                (void)snprintf(text, sizeof(text), "the route is computed to %u %%", percent);
                (void)sovd_app_log_to(nav.app, "ROUT", SOVD_APP_DEBUG, text);
        }
}

/* --- what it has ---------------------------------------------------------------------------------------- */

static int add_values(struct sovd_app *app) {
        static const char *const groups[] = { "sound", NULL };
        static const struct sovd_app_data data[] = {
                { .id = "position",
                  .name = "Position",
                  .schema = "{\"type\":\"object\",\"properties\":{\"lat\":{\"type\":\"number\"},\"lon\":{"
                            "\"type\":"
                            "\"number\"}},\"required\":[\"lat\",\"lon\"]}" },
                { .id = "volume",
                  .name = "Volume of the voice",
                  .groups = groups,
                  .schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":10}",
                  .read = read_volume,
                  .write = write_volume },
                { .id = "cpu",
                  .name = "Processor time",
                  .unit = "s",
                  .category = "sysInfo",
                  .schema = "{\"type\":\"number\",\"minimum\":0}",
                  .read = read_uptime },
        };
        int r = 0;

        for (size_t i = 0; !r && i < sizeof(data) / sizeof(*data); i++)
                r = sovd_app_add_data(app, &data[i]);
        return r;
}

static int add_the_rest(struct sovd_app *app) {
        static const char *const views[] = { "day", "night", NULL };
        static const struct sovd_app_operation route = {
                .id = "route",
                .name = "Compute a route",
                .asynchronous = true,
                .result = "{\"type\":\"object\",\"properties\":{\"steps\":"
                          "{\"type\":\"integer\"}}}",
                .start = start_route,
                .stop = stop_route
        };
        const struct sovd_app_setting view = { .id = "view",
                                               .name = "View",
                                               .values = views,
                                               .read = read_text,
                                               .write = write_view,
                                               .data = nav.view };
        const struct sovd_app_setting home = { .id = "home",
                                               .name = "Home",
                                               .schema = "{\"type\":\"object\"}",
                                               .read = read_text,
                                               .write = write_home,
                                               .data = nav.home };
        int r = sovd_app_add_operation(app, &route);
        if (!r)
                r = sovd_app_add_mode(app, &view);
        if (!r)
                r = sovd_app_add_configuration(app, &home);
        if (!r)
                r = sovd_app_add_log(app, &(struct sovd_app_log_context){ .id = "navigation" });
        if (!r)
                r = sovd_app_add_log(app, &(struct sovd_app_log_context){ .id = "ROUT",
                                                                          .type = SOVD_APP_AUTOSAR_DLT,
                                                                          .application_id = "NAVI" });
        return r;
}

static int add_faults(struct sovd_app *app) {
        int r = sovd_app_set_faults(app, "{\"id\":\"navigation\",\"version\":\"1\",\"faults\":["
                                         "{\"code\":\"GPS_LOST\",\"name\":\"No position\",\"severity\":2,"
                                         "\"freeze_frame\":[\"position\",\"volume\"]},"
                                         "{\"code\":\"ROUTE_FAILED\",\"name\":\"The last route could not be "
                                         "computed\",\"severity\":3}]}");

        return r ? r : sovd_app_debounce(app, "GPS_LOST", 3, 2);
}

int nav_new(const struct sovd_app_options *options) {
        int r = sovd_app_new(&nav.app, options);
        if (!r)
                r = add_values(nav.app);
        if (!r)
                r = add_the_rest(nav.app);
        if (!r)
                r = add_faults(nav.app);
        if (!r)
                r = sovd_app_ready(nav.app);
        if (r)
                nav.app = sovd_app_free(nav.app, 0, NULL);
        return r;
}

size_t nav_free(void) {
        size_t lost;

        nav.app = sovd_app_free(nav.app, 2000, &lost);
        return lost;
}

/* --- what happens --------------------------------------------------------------------------------------- */

void nav_set_position(bool known) {
        if (nav.has_position != known)
                (void)sovd_app_log(nav.app, known ? SOVD_APP_INFO : SOVD_APP_WARN,
                                   known ? "the position is back" : "the position is lost");
        nav.has_position = known;
}

/* The rule of three failures makes one fault of many looks. */
void nav_look(void) {
        char position[64];

        (void)snprintf(position, sizeof(position), "{\"lat\":%.5f,\"lon\":%.5f}",
                       48.1 + nav.n_looks++ * 0.0001, 11.6);
        if (nav.has_position)
                (void)sovd_app_publish(nav.app, "position", position);
        (void)sovd_app_fault(nav.app, "GPS_LOST", nav.has_position ? SOVD_APP_PASSED : SOVD_APP_FAILED,
                             nav.has_position ? NULL : "{\"satellites\":0}");
        go_on();
}

void nav_cycle(void) {
        (void)sovd_app_cycle(nav.app, "power");
}
