#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libsovd-app, inside - what its files share
 *
 * Everything that both the app's threads and the library's own touch is under app::mutex, a leaf lock that is never
 * held while something is written, waited for or called back. The session belongs to the library's thread.
 */
#include "backends/native/app/reports.h"
#include "backends/native/app/sovd_app.h"
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define APP_TEXT_MAX        255
#define APP_ID_MAX          128
#define APP_JSON_MAX        131072 /* bytes of one value */
#define APP_ENVIRONMENT_MAX 16384
#define APP_LINE_MAX        4096
#define APP_CONDITIONS_MAX  64
#define APP_CODES_MAX       10000 /* faults that are known */
#define APP_RESOURCES_MAX   10000 /* of each kind */
#define APP_WINDOW          32    /* reports under way */
#define APP_DEPTH_MAX       24

struct app_log {
        struct app_log *next;
        const char *context; /* id of an item, or NULL */
        int64_t time_ms;     /* UTC, when it was written */
        enum sovd_app_severity severity;
        char text[];
};

struct app_condition {
        char *name;
        bool known, on, sent; /* known: it does not wait behind reports any more */
};

enum app_kind { APP_DATA, APP_OPERATION, APP_MODE, APP_CONFIGURATION, APP_LOG, APP_N_KINDS };

struct app_item { /* something registered */
        char *id;
        cJSON *about; /* as it is registered */
        sovd_app_read_fn read;
        sovd_app_write_fn write;
        sovd_app_start_fn start;
        sovd_app_stop_fn stop;
        bool asynchronous;
        void *data;
        char *value; /* published, JSON; or NULL */
        bool dirty;  /* it is to be sent */
        uint64_t since; /* the act that made it so */
        int least;   /* of a log context: enum sovd_app_severity, the least that is wanted */
};

struct app_exec {
        struct app_exec *next;
        char *id;
        const struct app_item *operation;
        int progress; /* -1 = none */
        bool dirty, ended;
        char *result, *error;
};

struct sovd_app {
        /* never change */
        char *socket, *entity, *name, *version, *located_on;
        char instance[33];
        size_t reports_max, logs_max;
        unsigned retry_max_ms;
        pthread_t thread;
        int wake[2]; /* a pipe */

        pthread_mutex_t mutex; /* all below */
        bool ready, stopping;
        uint64_t stop_ms;
        struct app_item *items[APP_N_KINDS]; /* do not change any more once ready */
        size_t n_items[APP_N_KINDS];
        cJSON *faults;
        struct app_codes codes;
        uint64_t n_acts;            /* of the app: values and reports, in their order */
        size_t n_dirty, next_dirty; /* values to be sent; where the search for the next begins */
        struct app_log *logs, **last_log;
        struct app_condition conditions[APP_CONDITIONS_MAX];
        size_t n_conditions;
        struct app_exec *execs;
        struct sovd_app_status status;
};

struct sovd_app_answer {
        char *json, *code, *message;
        bool failed; /* no memory */
};

/* json.c: the text as one JSON value without spaces, or NULL: it is none, is too long, or is more than gateways read.
 * object: only an object will do. */
char *app_json(const char *text, size_t max, bool object);
bool app_utf8(const char *text);

/* state.c */
bool app_is_text(const char *s, size_t max);
/* How many bytes of a text fit, without half a character. */
size_t app_cut(const char *text, size_t max);
/* Takes item.about over, also on failure; ok false: -ENOMEM. */
int app_add_item(struct sovd_app *app, enum app_kind kind, const char *id, struct app_item item, bool ok);
/* logs.c; the second with the mutex held. */
const char *app_severity_word(enum sovd_app_severity severity);
void app_log_config(struct sovd_app *app, const cJSON *contexts);

/* state.c; with the mutex held. */
struct app_item *app_find(struct sovd_app *app, enum app_kind kind, const char *id);
struct app_exec *app_exec_find(struct sovd_app *app, const char *id);
void app_exec_drop(struct sovd_app *app, const char *id);
void app_wake(struct sovd_app *app);
uint64_t app_now_ms(void);

/* session.c */
void *app_run(void *app);
