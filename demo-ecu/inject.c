/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Injection - ways in which an ECU's server misbehaves, ordered by a test
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "demo-ecu/http.h"
#include "demo-ecu/inject.h"
#include "demo-ecu/json.h"
#include "demo-ecu/router.h"

#define RULES_MAX    32
#define HANG_MSEC    60000
#define HUGE_ENDLESS INT64_MAX
#define STR(_x)      (_x), sizeof(_x) - 1

struct kind;

struct rule {
        char text[160];
        const struct kind *kind;
        long long argument;
        char match[128];     /* empty: every request */
        unsigned int n_left; /* 0: no limit */
};

struct kind {
        const char *name;
        enum inject_result (*run)(struct mg_connection *conn, struct call *call, const struct rule *rule);
        long long argument_default, argument_min, argument_max; /* min above max: takes none */
};

struct inject {
        pthread_mutex_t mutex; /* guards the rules; n_rules may be peeked at without */
        struct rule rules[RULES_MAX];
        atomic_size_t n_rules;
};

static enum inject_result run_delay(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        if (http_wait(conn, rule->argument))
                return INJECT_PASS;

        http_close(conn);
        return INJECT_ANSWERED;
}

static enum inject_result run_hang(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        (void)http_wait(conn, HANG_MSEC);
        http_close(conn);
        return INJECT_ANSWERED;
}

static enum inject_result run_reset(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        http_reset(conn);
        return INJECT_ANSWERED;
}

static enum inject_result run_drop(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        http_close(conn);
        return INJECT_ANSWERED;
}

static enum inject_result run_garbage(struct mg_connection *conn, struct call *call,
                                      const struct rule *rule) {
        http_send(conn, STR("\x01\xff\xfe this is not HTTP\r\n\r\n"));
        http_close(conn);
        return INJECT_ANSWERED;
}

static enum inject_result send_body(struct mg_connection *conn, const char *body, size_t n_claimed) {
        char answer[256];
        int n;

        n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     n_claimed, body);
        http_send(conn, answer, (size_t)n);
        return INJECT_ANSWERED;
}

static enum inject_result run_bad_json(struct mg_connection *conn, struct call *call,
                                       const struct rule *rule) {
        return send_body(conn, STR("{\"items\":[{\"id\":\""));
}

static enum inject_result run_wrong_type(struct mg_connection *conn, struct call *call,
                                         const struct rule *rule) {
        return send_body(conn, STR("[{\"unexpected\":[1,2,3]},4]"));
}

static enum inject_result run_truncated(struct mg_connection *conn, struct call *call,
                                        const struct rule *rule) {
        http_close(conn);
        return send_body(conn, "{\"items\":[]", 4096);
}

/* One JSON string of that many letters, in chunks; it only ends early when the client has enough. */
static enum inject_result run_huge(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        static const char letters[16384] = { [0 ... 16383] = 'a' };
        char size[16];

        http_close(conn);
        if (!http_send(conn,
                       STR("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\n{\"data\":\"\r\n")))
                return INJECT_ANSWERED;

        for (long long n_left = rule->argument; n_left > 0;) {
                long long n = n_left < (long long)sizeof(letters) ? n_left : (long long)sizeof(letters);

                snprintf(size, sizeof(size), "%llx\r\n", n);
                if (!http_send(conn, size, strlen(size)) || !http_send(conn, letters, (size_t)n) ||
                    !http_send(conn, "\r\n", 2))
                        return INJECT_ANSWERED;
                n_left -= n;
        }
        http_send(conn, STR("2\r\n\"}\r\n0\r\n\r\n"));
        return INJECT_ANSWERED;
}

static enum inject_result run_status(struct mg_connection *conn, struct call *call, const struct rule *rule) {
        call->problem.status = (int)rule->argument;
        call_fail(call, PROBLEM_INJECTED, "this answer was ordered by a test");
        return INJECT_REFUSED;
}

static const struct kind kinds[] = {
        { "delay", run_delay, 1000, 0, 600000 },
        { "hang", run_hang, 0, 1, 0 },
        { "reset", run_reset, 0, 1, 0 },
        { "drop", run_drop, 0, 1, 0 },
        { "garbage", run_garbage, 0, 1, 0 },
        { "bad-json", run_bad_json, 0, 1, 0 },
        { "wrong-type", run_wrong_type, 0, 1, 0 },
        { "truncated", run_truncated, 0, 1, 0 },
        { "huge", run_huge, HUGE_ENDLESS, 0, HUGE_ENDLESS },
        { "status", run_status, 503, 200, 599 },
};

int inject_new(struct inject **ret) {
        struct inject *inject = calloc(1, sizeof(*inject));

        if (!inject)
                return -ENOMEM;

        pthread_mutex_init(&inject->mutex, NULL);
        *ret = inject;
        return 0;
}

static const struct kind *kind_find(const char *name, size_t n_name) {
        for (size_t i = 0; i < N_ELEMENTS(kinds); ++i)
                if (strlen(kinds[i].name) == n_name && strncmp(kinds[i].name, name, n_name) == 0)
                        return &kinds[i];
        return NULL;
}

static bool parse_number(const char *text, size_t n_text, long long min, long long max, long long *ret) {
        char copy[24], *end;

        if (n_text == 0 || n_text >= sizeof(copy) || *text < '0' || *text > '9')
                return false;

        memcpy(copy, text, n_text);
        copy[n_text] = '\0';
        errno = 0;
        *ret = strtoll(copy, &end, 10);
        return !errno && !*end && *ret >= min && *ret <= max;
}

static int rule_parse(struct rule *rule, const char *text, char *error, size_t n_error) {
        const char *place = text + strcspn(text, "=:#"), *count = strrchr(text, '#');
        size_t n;
        long long n_count;

        rule->kind = kind_find(text, (size_t)(place - text));
        if (!rule->kind || strlen(text) >= sizeof(rule->text)) {
                snprintf(error, n_error, "unknown kind '%.*s'", (int)(place - text), text);
                return -EINVAL;
        }
        copy_text(rule->text, sizeof(rule->text), text);

        rule->argument = rule->kind->argument_default;
        if (*place == '=') {
                n = strcspn(++place, ":#");
                if (!parse_number(place, n, rule->kind->argument_min, rule->kind->argument_max,
                                  &rule->argument)) {
                        snprintf(error, n_error, "'%.*s' is no argument of '%s'", (int)n, place,
                                 rule->kind->name);
                        return -EINVAL;
                }
                place += n;
        }
        if (count) {
                if (!parse_number(count + 1, strlen(count + 1), 1, 1000000, &n_count)) {
                        snprintf(error, n_error, "'%s' is no count", count + 1);
                        return -EINVAL;
                }
                rule->n_left = (unsigned int)n_count;
        }
        if (*place == ':') {
                n = count ? (size_t)(count - ++place) : strlen(++place);
                copy_text(rule->match, n + 1 < sizeof(rule->match) ? n + 1 : sizeof(rule->match), place);
        }
        return 0;
}

int inject_add(struct inject *inject, const char *text, char *error, size_t n_error) {
        struct rule rule = { 0 };
        int r;

        r = rule_parse(&rule, text, error, n_error);
        if (r)
                return r;

        pthread_mutex_lock(&inject->mutex);
        if (inject->n_rules < RULES_MAX)
                inject->rules[inject->n_rules++] = rule;
        else
                r = -ENOSPC;
        pthread_mutex_unlock(&inject->mutex);
        if (r)
                snprintf(error, n_error, "there are %d rules already", RULES_MAX);
        return r;
}

void inject_reset(struct inject *inject) {
        pthread_mutex_lock(&inject->mutex);
        inject->n_rules = 0;
        pthread_mutex_unlock(&inject->mutex);
}

void inject_write(struct inject *inject, struct json *json) {
        pthread_mutex_lock(&inject->mutex);
        json_begin(json, NULL, '{');
        json_begin(json, "rules", '[');
        for (size_t i = 0; i < inject->n_rules; ++i) {
                json_begin(json, NULL, '{');
                json_string(json, "rule", inject->rules[i].text);
                if (inject->rules[i].n_left)
                        json_integer(json, "left", inject->rules[i].n_left);
                json_end(json, '}');
        }
        json_end(json, ']');
        json_end(json, '}');
        pthread_mutex_unlock(&inject->mutex);
}

static bool inject_take(struct inject *inject, const char *path, struct rule *ret) {
        bool taken = false;

        pthread_mutex_lock(&inject->mutex);
        for (size_t i = 0; i < inject->n_rules && !taken; ++i) {
                struct rule *rule = &inject->rules[i];

                if (rule->match[0] && !strstr(path, rule->match))
                        continue;
                *ret = *rule;
                taken = true;
                if (rule->n_left && --rule->n_left == 0) {
                        memmove(rule, rule + 1, (inject->n_rules - i - 1) * sizeof(*rule));
                        --inject->n_rules;
                }
        }
        pthread_mutex_unlock(&inject->mutex);
        return taken;
}

enum inject_result inject_run(struct inject *inject, struct mg_connection *conn, struct call *call) {
        struct rule rule;

        /* The usual case costs no lock. */
        if (atomic_load_explicit(&inject->n_rules, memory_order_relaxed) == 0 ||
            !inject_take(inject, call->path, &rule))
                return INJECT_PASS;

        return rule.kind->run(conn, call, &rule);
}

struct inject *inject_free(struct inject *inject) {
        if (!inject)
                return NULL;

        pthread_mutex_destroy(&inject->mutex);
        free(inject);
        return NULL;
}
