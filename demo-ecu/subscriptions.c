/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cyclic subscriptions - a value of a component, sent again and again as server-sent events (ISO dialect)
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "demo-ecu/data.h"
#include "demo-ecu/http.h"
#include "demo-ecu/subscriptions.h"

static const struct {
        const char *name;
        unsigned int n_msec;
} intervals[] = { { "fast", 100 }, { "normal", 250 }, { "slow", 500 } };

struct subscription {
        uint64_t number; /* 0: the place is free */
        const struct component *component;
        struct datum *datum;
        size_t interval;       /* of the table */
        uint64_t expires_msec; /* CLOCK_MONOTONIC */
};

struct subscriptions {
        struct subscription places[SUBSCRIBERS_MAX];
        uint64_t n_made;
};

int subscriptions_new(struct subscriptions **ret) {
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct subscriptions *subscriptions_free(struct subscriptions *subscriptions) {
        free(subscriptions);
        return NULL;
}

static uint64_t now_msec(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void print_time(uint64_t msec, char *text, size_t n_text) {
        time_t seconds = (time_t)(msec / 1000);
        struct tm tm;
        char date[24];

        gmtime_r(&seconds, &tm);
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text, n_text, "%s.%03uZ", date, (unsigned int)(msec % 1000));
}

/* Expiry is judged at use. */
static bool is_alive(const struct subscription *s) {
        return s->number && now_msec(CLOCK_MONOTONIC) < s->expires_msec;
}

/* By the number in the path; refuses when there is none. */
static struct subscription *call_subscription(struct call *call) {
        for (size_t i = 0; i < SUBSCRIBERS_MAX; ++i) {
                struct subscription *s = &call->server->subscriptions->places[i];
                char id[24];

                snprintf(id, sizeof(id), "%llu", (unsigned long long)s->number);
                if (is_alive(s) && s->component == call->component && equal(id, call_resource(call)))
                        return s;
        }
        call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no cyclic subscription '%.64s'",
                  call->component->id, call_resource(call));
        return NULL;
}

static void write_subscription(struct json *json, const struct subscription *s) {
        const char *id = s->component->id;
        unsigned long long number = s->number;
        uint64_t now = now_msec(CLOCK_MONOTONIC);
        char expires[40];

        print_time(now_msec(CLOCK_REALTIME) + (s->expires_msec > now ? s->expires_msec - now : 0), expires,
                   sizeof(expires));
        json_begin(json, NULL, '{');
        json_format(json, "id", "%llu", number);
        json_format(json, "resource", BASE_PATH "/components/%s/data/%s", id, s->datum->id);
        json_format(json, "observed_resource", BASE_PATH "/components/%s/data/%s", id, s->datum->id);
        json_format(json, "subscription", BASE_PATH "/components/%s/cyclic-subscriptions/%llu/events", id,
                    number);
        json_format(json, "event_source", BASE_PATH "/components/%s/cyclic-subscriptions/%llu/events", id,
                    number);
        json_string(json, "protocol", "sse");
        json_string(json, "interval", intervals[s->interval].name);
        json_string(json, "expires", expires);
        json_end(json, '}');
}

void iso_list_subscriptions(struct call *call) {
        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; i < SUBSCRIBERS_MAX; ++i) {
                const struct subscription *s = &call->server->subscriptions->places[i];

                if (is_alive(s) && s->component == call->component)
                        write_subscription(&call->out, s);
        }
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

/* The datum that "data/x", "../data/x" or the whole path names. */
static struct datum *find_datum(struct call *call, const char *resource) {
        char whole[128];
        size_t n;

        snprintf(whole, sizeof(whole), BASE_PATH "/components/%s/", call->component->id);
        n = strlen(whole);
        if (strncmp(resource, whole, n) == 0)
                resource += n;
        else if (strncmp(resource, "../", 3) == 0)
                resource += 3;
        return strncmp(resource, "data/", 5) == 0 ? datum_find(call->component, resource + 5) : NULL;
}

/* The members that a new one and a changed one share; true: refused. */
static bool take_times(struct call *call, struct subscription *s) {
        const cJSON *interval = cJSON_GetObjectItemCaseSensitive(call->json, "interval");
        unsigned int n_seconds;
        size_t i = 0;

        if (call_seconds(call, "duration", &n_seconds))
                return true;
        while (interval && i < N_ELEMENTS(intervals) &&
               !(cJSON_IsString(interval) && equal(interval->valuestring, intervals[i].name)))
                ++i;
        if (i == N_ELEMENTS(intervals)) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'interval' must be fast, normal or slow");
                return true;
        }
        if (interval)
                s->interval = i;
        if (n_seconds)
                s->expires_msec = now_msec(CLOCK_MONOTONIC) + (uint64_t)n_seconds * 1000;
        return false;
}

static struct subscription *free_place(struct call *call) {
        for (size_t i = 0; i < SUBSCRIBERS_MAX; ++i)
                if (!is_alive(&call->server->subscriptions->places[i]))
                        return &call->server->subscriptions->places[i];
        call_fail(call, PROBLEM_CONFLICT, "there are %d cyclic subscriptions already", SUBSCRIBERS_MAX);
        return NULL;
}

void iso_add_subscription(struct call *call) {
        const cJSON *resource = cJSON_GetObjectItemCaseSensitive(call->json, "resource");
        struct subscription *place, made = { .component = call->component };

        if (take_times(call, &made))
                return;
        made.datum = cJSON_IsString(resource) ? find_datum(call, resource->valuestring) : NULL;
        if (!made.datum || !made.expires_msec || !cJSON_GetObjectItemCaseSensitive(call->json, "interval")) {
                call_fail(call, PROBLEM_BAD_REQUEST,
                          "'resource' (data of this component), 'interval' and 'duration' are needed");
                return;
        }
        place = free_place(call);
        if (!place)
                return;
        made.number = ++call->server->subscriptions->n_made;
        *place = made;
        call->status = 201;
        snprintf(call->location, sizeof(call->location), BASE_PATH "/components/%s/cyclic-subscriptions/%llu",
                 call->component->id, (unsigned long long)made.number);
        write_subscription(&call->out, place);
}

void iso_get_subscription(struct call *call) {
        const struct subscription *s = call_subscription(call);

        if (s)
                write_subscription(&call->out, s);
}

void iso_put_subscription(struct call *call) {
        struct subscription *s = call_subscription(call);

        if (s && !take_times(call, s))
                write_subscription(&call->out, s);
}

void iso_delete_subscription(struct call *call) {
        struct subscription *s = call_subscription(call);

        if (!s)
                return;
        s->number = 0;
        call->status = 204;
}

void iso_get_events(struct call *call) {
        call->is_stream = call_subscription(call) != NULL;
}

/* One event as text, with the vehicle's lock; 0 when the subscription has ended. *ret_msec: until the next. */
static int make_event(struct call *call, char *text, size_t n_text, unsigned int *ret_msec) {
        struct vehicle *vehicle = call->server->vehicle;
        const struct subscription *s;
        char value[64], now[40];
        int n = 0;

        pthread_mutex_lock(&vehicle->mutex);
        vehicle_advance(vehicle);
        s = call->component->present ? call_subscription(call) : NULL;
        if (s) {
                datum_print(s->datum, value, sizeof(value));
                print_time(now_msec(CLOCK_REALTIME), now, sizeof(now));
                n = snprintf(text, n_text,
                             "data: {\"timestamp\":\"%s\",\"payload\":{\"id\":\"%s\",\"data\":%s}}\n\n", now,
                             s->datum->id, value);
                *ret_msec = intervals[s->interval].n_msec;
        }
        pthread_mutex_unlock(&vehicle->mutex);
        return n;
}

void subscriptions_stream(struct call *call, struct mg_connection *conn) {
        static const char head[] =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                "Connection: close\r\n\r\n";
        unsigned int n_msec = 0;
        char text[256];
        int n;

        http_close(conn); /* when this returns */
        if (!http_send(conn, head, sizeof(head) - 1))
                return;
        while ((n = make_event(call, text, sizeof(text), &n_msec)) > 0)
                if (!http_send(conn, text, (size_t)n) || !http_wait(conn, n_msec))
                        return;
}
