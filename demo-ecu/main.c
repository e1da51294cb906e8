/* SPDX-License-Identifier: Apache-2.0 */

/*
 * demo-ecu - a SOVD server over HTTP that plays two ECUs
 *
 * It is what a gateway talks to when there is no vehicle: alive, repeatable, and able to misbehave on demand.
 * It shares no code with the gateway, so that a misunderstanding in one is not repeated by the other.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include "demo-ecu/bulk.h"
#include "demo-ecu/http.h"
#include "demo-ecu/inject.h"
#include "demo-ecu/options.h"
#include "demo-ecu/scenario.h"
#include "demo-ecu/stats.h"
#include "demo-ecu/subscriptions.h"

static int fail(int status, const char *message) {
        fprintf(stderr, "demo-ecu: %s\n", message);
        return status;
}

static void block_signals(sigset_t *signals) {
        sigemptyset(signals);
        sigaddset(signals, SIGINT);
        sigaddset(signals, SIGTERM);
        pthread_sigmask(SIG_BLOCK, signals, NULL); /* before the first thread: all inherit it */
        signal(SIGPIPE, SIG_IGN);
}

/* Ticks go on when nobody asks, so that a request after a long pause has little to make up for. */
static void wait_for_signal(struct vehicle *vehicle, const sigset_t *signals) {
        const struct timespec pause = { .tv_nsec = 50000000 };

        while (sigtimedwait(signals, NULL, &pause) < 0) {
                pthread_mutex_lock(&vehicle->mutex);
                vehicle_advance(vehicle);
                pthread_mutex_unlock(&vehicle->mutex);
        }
}

static int serve(struct server *server, const struct options *options, const sigset_t *signals) {
        struct http *http = NULL;
        char error[256] = "out of memory";
        bool ipv6 = strchr(options->host, ':');

        if (http_new(&http, server, options->host, options->port, error, sizeof(error))) {
                fprintf(stderr, "demo-ecu: cannot listen on %s port %u: %s\n", options->host, options->port,
                        error);
                return 1;
        }

        printf("demo-ecu: listening on http://%s%s%s:%u" BASE_PATH " (dialect %s, seed %llu)\n",
               ipv6 ? "[" : "", options->host, ipv6 ? "]" : "", http_port(http), server->dialect->name,
               (unsigned long long)options->seed);
        fflush(stdout);

        wait_for_signal(server->vehicle, signals);
        http_free(http);
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(vehicle_freep) struct vehicle *vehicle = NULL;
        _cleanup_(scenario_freep) struct scenario *scenario = NULL;
        _cleanup_(inject_freep) struct inject *inject = NULL;
        _cleanup_(stats_freep) struct stats *stats = NULL;
        _cleanup_(subscriptions_freep) struct subscriptions *subscriptions = NULL;
        _cleanup_(bulk_freep) struct bulk *bulk = NULL;
        struct options options;
        sigset_t signals;
        char error[400] = "out of memory";
        int r;

        r = options_parse(&options, argc, argv);
        if (r >= 0)
                return r;
        if (options.scenario && scenario_load(&scenario, options.scenario, error, sizeof(error)))
                return fail(2, error);
        if (inject_new(&inject) || stats_new(&stats) || subscriptions_new(&subscriptions) || bulk_new(&bulk) ||
            vehicle_new(&vehicle, options.seed, options.time_scale))
                return fail(1, error);
        for (size_t i = 0; i < options.n_inject; ++i)
                if (inject_add(inject, options.inject[i], error, sizeof(error)))
                        return fail(2, error);

        vehicle->scenario = scenario;
        scenario_tick(scenario, vehicle); /* what is due at time 0 precedes the first request */

        block_signals(&signals);
        return serve(&(struct server){ options.dialect, vehicle, inject, stats, subscriptions, bulk }, &options, &signals);
}
