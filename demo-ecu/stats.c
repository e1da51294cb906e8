/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statistics - what arrived, so that a test of a gateway can count its calls and see the headers it passed on
 */
#include <errno.h>
#include <pthread.h>
#include "demo-ecu/json.h"
#include "demo-ecu/stats.h"

static const char *const classes[] = {
        "root",   "areas",      "components", "groups",         "data",
        "faults", "operations", "modes",      "configurations", "other",
};

static const char *const headers[] = { "traceparent", "x-request-id", "authorization", "x-sovd-client-id" };

struct stats {
        pthread_mutex_t mutex; /* guards all below */
        long long n_requests;
        long long n_in_flight;
        long long n_in_flight_max;
        long long n_class[N_ELEMENTS(classes)];
        char method[16]; /* of the last request, like the following */
        char path[256];
        char header[N_ELEMENTS(headers)][160];
        bool has_header[N_ELEMENTS(headers)];
};

int stats_new(struct stats **ret) {
        struct stats *stats = calloc(1, sizeof(*stats));

        if (!stats)
                return -ENOMEM;

        pthread_mutex_init(&stats->mutex, NULL);
        *ret = stats;
        return 0;
}

static bool segment_equal(const char *path, const char *word) {
        size_t n = strlen(word);

        return strncmp(path, word, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The collection that a path is about: for components/bms/data/soc it is data. */
static size_t path_class(const char *path) {
        size_t class = N_ELEMENTS(classes) - 1;

        if (strncmp(path, "/sovd/v1", 8) != 0)
                return class;
        if (path[8] == '\0' || equal(path + 8, "/"))
                return 0;

        for (path = strchr(path + 8, '/'); path; path = strchr(path + 1, '/')) {
                for (size_t i = 1; i + 1 < N_ELEMENTS(classes); ++i)
                        if (segment_equal(path + 1, classes[i]))
                                class = i;
                if (class >= 4)
                        break;
        }
        return class;
}

void stats_begin(struct stats *stats, const char *method, const char *path, stats_header *header,
                 void *user) {
        size_t class = path_class(path);

        pthread_mutex_lock(&stats->mutex);
        ++stats->n_requests;
        ++stats->n_class[class];
        if (++stats->n_in_flight > stats->n_in_flight_max)
                stats->n_in_flight_max = stats->n_in_flight;

        copy_text(stats->method, sizeof(stats->method), method);
        copy_text(stats->path, sizeof(stats->path), path);
        for (size_t i = 0; i < N_ELEMENTS(headers); ++i) {
                const char *value = header(user, headers[i]);

                stats->has_header[i] = value;
                copy_text(stats->header[i], sizeof(stats->header[i]), value ? value : "");
        }
        pthread_mutex_unlock(&stats->mutex);
}

void stats_end(struct stats *stats) {
        pthread_mutex_lock(&stats->mutex);
        --stats->n_in_flight;
        pthread_mutex_unlock(&stats->mutex);
}

void stats_reset(struct stats *stats) {
        pthread_mutex_lock(&stats->mutex);
        stats->n_requests = 0;
        stats->n_in_flight_max = stats->n_in_flight;
        memset(stats->n_class, 0, sizeof(stats->n_class));
        stats->method[0] = '\0';
        pthread_mutex_unlock(&stats->mutex);
}

static void write_last(const struct stats *stats, struct json *json) {
        json_begin(json, "last", '{');
        json_string(json, "method", stats->method);
        json_string(json, "path", stats->path);
        json_begin(json, "headers", '{');
        for (size_t i = 0; i < N_ELEMENTS(headers); ++i)
                if (stats->has_header[i])
                        json_string(json, headers[i], stats->header[i]);
        json_end(json, '}');
        json_end(json, '}');
}

void stats_write(struct stats *stats, struct json *json) {
        pthread_mutex_lock(&stats->mutex);
        json_begin(json, NULL, '{');
        json_integer(json, "requests", stats->n_requests);
        json_integer(json, "in_flight", stats->n_in_flight);
        json_integer(json, "max_in_flight", stats->n_in_flight_max);
        json_begin(json, "classes", '{');
        for (size_t i = 0; i < N_ELEMENTS(classes); ++i)
                json_integer(json, classes[i], stats->n_class[i]);
        json_end(json, '}');
        if (stats->method[0])
                write_last(stats, json);
        json_end(json, '}');
        pthread_mutex_unlock(&stats->mutex);
}

struct stats *stats_free(struct stats *stats) {
        if (!stats)
                return NULL;

        pthread_mutex_destroy(&stats->mutex);
        free(stats);
        return NULL;
}
