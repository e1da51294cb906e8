/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Router - from a request to the function that answers it, by a table of the dialect in use
 */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include "demo-ecu/router.h"
#include "demo-ecu/schema.h"

static const int statuses[PROBLEM_N_KINDS] = {
        [PROBLEM_BAD_REQUEST] = 400, [PROBLEM_BAD_VALUE] = 400,   [PROBLEM_READ_ONLY] = 403,
        [PROBLEM_NO_ENTITY] = 404,   [PROBLEM_NO_RESOURCE] = 404, [PROBLEM_BAD_METHOD] = 405,
        [PROBLEM_CONFLICT] = 409,    [PROBLEM_TOO_LARGE] = 413,   [PROBLEM_BAD_TYPE] = 415,
        [PROBLEM_FAILURE] = 500,     [PROBLEM_LOCK_BROKEN] = 409,
};

void call_refuse(struct call *call) {
        call->status =
                call->problem.kind == PROBLEM_INJECTED ? call->problem.status : statuses[call->problem.kind];
        call->location[0] = '\0';
        json_clear(&call->out);
        call->server->dialect->write_problem(call, call->status);
}

void call_fail(struct call *call, enum problem_kind kind, const char *format, ...) {
        va_list args;

        call->problem.kind = kind;
        va_start(args, format);
        vsnprintf(call->problem.message, sizeof(call->problem.message), format, args);
        va_end(args);
        call_refuse(call);
}

bool call_seconds(struct call *call, const char *key, unsigned int *ret) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(call->json, key);

        *ret = 0;
        if (!member)
                return false;
        if (!cJSON_IsNumber(member) || member->valueint < 1 ||
            member->valuedouble != (double)member->valueint) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'%s' must be a whole number of seconds above 0", key);
                return true;
        }
        *ret = (unsigned int)member->valueint;
        return false;
}

static int hex_value(char c) {
        const char *digits = "0123456789abcdef";
        const char *found = c ? strchr(digits, c | 0x20) : NULL;

        return found ? (int)(found - digits) : -1;
}

bool percent_decode(const char *text, size_t n, char *ret, size_t n_ret) {
        size_t n_out = 0;

        for (size_t i = 0; i < n; ++i) {
                int high, low;

                if (n_out + 1 >= n_ret)
                        return false;
                if (text[i] != '%') {
                        ret[n_out++] = text[i];
                        continue;
                }
                if (i + 2 >= n)
                        return false;
                high = hex_value(text[i + 1]);
                low = hex_value(text[i + 2]);
                if (high < 0 || low < 0 || (high == 0 && low == 0))
                        return false;
                ret[n_out++] = (char)(high * 16 + low);
                i += 2;
        }
        ret[n_out] = '\0';
        return true;
}

bool call_query(const struct call *call, const char *name, const char **iterator, char *value,
                size_t n_value) {
        const char *part = *iterator ? *iterator : call->query;

        while (*part) {
                size_t n_part = strcspn(part, "&");
                const char *equals = memchr(part, '=', n_part);
                size_t n_key = equals ? (size_t)(equals - part) : n_part;
                const char *next = part + n_part + (part[n_part] == '&');
                char key[64];

                *iterator = next;
                if (percent_decode(part, n_key, key, sizeof(key)) && equal(key, name)) {
                        *value = '\0';
                        return !equals || percent_decode(equals + 1, n_part - n_key - 1, value, n_value);
                }
                part = next;
        }
        return false;
}

/* Every segment is decoded for itself, so that %2F stays inside an id. One slash at the end is forgiven. */
static bool call_split(struct call *call) {
        char *place = call->decoded;
        const char *text = call->path;

        while (*text == '/' && text[1]) {
                size_t n_left = (size_t)(call->decoded + sizeof(call->decoded) - place);
                size_t n_text = strcspn(++text, "/");

                if (call->n_segments == SEGMENTS_MAX || n_left < 2 ||
                    !percent_decode(text, n_text, place, n_left))
                        return false;
                call->segments[call->n_segments++] = place;
                place += strlen(place) + 1;
                text += n_text;
        }
        return *text == '\0' || equal(text, "/");
}

static bool route_matches(const struct route *route, const struct call *call) {
        const char *path = route->path;

        for (size_t i = 0; i < call->n_segments; ++i) {
                size_t n_path;

                if (*path != '/')
                        return false;
                n_path = strcspn(++path, "/");
                if (!(n_path == 1 && *path == '*') &&
                    (strlen(call->segments[i]) != n_path || strncmp(call->segments[i], path, n_path) != 0))
                        return false;
                path += n_path;
        }
        return *path == '\0';
}

static void call_allow(struct call *call, const char *method) {
        size_t n = strlen(call->allow);

        snprintf(call->allow + n, sizeof(call->allow) - n, "%s%s%s", n ? ", " : "", method,
                 equal(method, "GET") ? ", HEAD" : "");
}

static const struct route *route_find(const struct route *routes, struct call *call) {
        for (const struct route *route = routes; route->method; ++route) {
                if (!route_matches(route, call))
                        continue;
                if (equal(route->method, call->method))
                        return route;
                call_allow(call, route->method);
        }
        return NULL;
}

static bool is_json_type(const char *type) {
        const char *json = "application/json";
        size_t n = strlen(json);

        return strncasecmp(type, json, n) == 0 && (type[n] == '\0' || strchr("; \t", type[n]));
}

static int call_check_body(struct call *call, unsigned int flags) {
        flags &= ROUTE_BODY | ROUTE_OPTIONAL_BODY;
        if (!flags || (!call->body && (flags & ROUTE_OPTIONAL_BODY)))
                return 0;
        if (!call->body)
                return problem_set(&call->problem, PROBLEM_BAD_REQUEST, "this request needs a JSON body");
        if (!is_json_type(call->content_type))
                return problem_set(&call->problem, PROBLEM_BAD_TYPE,
                                   "the content type must be application/json, got '%.60s'",
                                   call->content_type);

        call->json = json_parse(call->body, call->n_body);
        if (!call->json)
                return problem_set(&call->problem, PROBLEM_BAD_REQUEST, "the body is not valid JSON");
        if (!cJSON_IsObject(call->json))
                return problem_set(&call->problem, PROBLEM_BAD_REQUEST, "the body must be a JSON object");
        return 0;
}

/* A change of a collection must not meet the lock of another client. Locks have rules of their own. */
static int call_check_locks(struct call *call) {
        if (!call->component || equal(call->method, "GET") || call->n_segments <= SEG_COLLECTION ||
            equal(call->segments[SEG_COLLECTION], "locks"))
                return 0;
        return lock_check_use(call->component, call->client, call->segments[SEG_COLLECTION], &call->problem);
}

/* A slow client must not keep the vehicle from others. */
static void call_transfer(struct call *call, const struct route *route) {
        struct vehicle *vehicle = call->server->vehicle;

        pthread_mutex_lock(&vehicle->mutex);
        call->component = vehicle_component(vehicle, call->segments[SEG_ENTITY]);
        pthread_mutex_unlock(&vehicle->mutex);
        if (!call->component) {
                call_fail(call, PROBLEM_NO_ENTITY, "there is no component '%.64s'", call->segments[SEG_ENTITY]);
                return;
        }
        pthread_mutex_lock(&vehicle->mutex);
        int refused = call_check_locks(call);
        pthread_mutex_unlock(&vehicle->mutex);
        if (refused) {
                call_refuse(call);
                return;
        }
        call->status = 200;
        route->handler(call);
}

/* With the vehicle's lock: everything about a component begins with finding it. */
static void call_run(struct call *call, const struct route *route) {
        if (strncmp(route->path, BASE_PATH "/components/*", strlen(BASE_PATH "/components/*")) == 0) {
                call->component = vehicle_component(call->server->vehicle, call->segments[SEG_ENTITY]);
                if (!call->component) {
                        call_fail(call, PROBLEM_NO_ENTITY, "there is no component '%.64s'",
                                  call->segments[SEG_ENTITY]);
                        return;
                }
        }
        if (call_check_body(call, route->flags) || call_check_locks(call)) {
                call_refuse(call);
                return;
        }
        call->status = 200;
        route->handler(call);
}

void router_handle(struct call *call) {
        struct vehicle *vehicle = call->server->vehicle;
        const struct route *route;

        if (!call_split(call)) {
                call_fail(call, PROBLEM_NO_RESOURCE, "there is no such path");
                return;
        }

        route = route_find(control_routes, call);
        if (!route)
                route = route_find(call->server->dialect->routes, call);
        if (!route) {
                if (call->allow[0])
                        call_fail(call, PROBLEM_BAD_METHOD, "this resource offers %s", call->allow);
                else
                        call_fail(call, PROBLEM_NO_RESOURCE, "there is no resource '%.160s'", call->path);
                return;
        }
        call->allow[0] = '\0';

        if (route->flags & ROUTE_TRANSFER) {
                call_transfer(call, route);
                if (call->out.failed)
                        call_fail(call, PROBLEM_FAILURE, "out of memory");
                return;
        }
        pthread_mutex_lock(&vehicle->mutex);
        vehicle_advance(vehicle);
        call_run(call, route);
        pthread_mutex_unlock(&vehicle->mutex);

        schema_add(call);
        if (call->out.failed)
                call_fail(call, PROBLEM_FAILURE, "out of memory");
}

void call_clear(struct call *call) {
        cJSON_Delete(call->json);
        json_clear(&call->out);
        free(call->body);
}
