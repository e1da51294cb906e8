/* SPDX-License-Identifier: Apache-2.0 */
/* What the app has said and what waits to be sent. */
#include "backends/native/app/app.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t app_now_ms(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The pipe does not block: when it is full the thread wakes up anyway. */
void app_wake(struct sovd_app *app) {
        if (write(app->wake[1], "", 1) < 0)
                return;
}

bool app_is_text(const char *s, size_t max) {
        return s && *s && strlen(s) <= max && app_utf8(s);
}

static bool is_text_or_null(const char *s, size_t max) {
        return !s || app_is_text(s, max);
}

struct app_item *app_find(struct sovd_app *app, enum app_kind kind, const char *id) {
        for (size_t i = 0; i < app->n_items[kind]; i++)
                if (strcmp(app->items[kind][i].id, id) == 0)
                        return &app->items[kind][i];
        return NULL;
}

struct app_exec *app_exec_find(struct sovd_app *app, const char *id) {
        for (struct app_exec *x = app->execs; x; x = x->next)
                if (strcmp(x->id, id) == 0)
                        return x;
        return NULL;
}

void app_exec_drop(struct sovd_app *app, const char *id) {
        for (struct app_exec **p = &app->execs; *p;) {
                struct app_exec *x = *p;
                if (id && strcmp(x->id, id) != 0) {
                        p = &x->next;
                        continue;
                }
                *p = x->next;
                free(x->id);
                free(x->result);
                free(x->error);
                free(x);
        }
}

/* --- life ----------------------------------------------------------------------------------------------- */

static bool copy(char **ret, const char *s) {
        *ret = s ? strdup(s) : NULL;
        return !s || *ret;
}

static void free_items(struct sovd_app *app) {
        for (int kind = 0; kind < APP_N_KINDS; kind++) {
                for (size_t i = 0; i < app->n_items[kind]; i++) {
                        free(app->items[kind][i].id);
                        free(app->items[kind][i].value);
                        cJSON_Delete(app->items[kind][i].about);
                }
                free(app->items[kind]);
        }
}

static void destroy(struct sovd_app *app) {
        free_items(app);
        cJSON_Delete(app->faults);
        app_codes_done(app);
        while (app->logs) {
                struct app_log *next = app->logs->next;
                free(app->logs);
                app->logs = next;
        }
        app_exec_drop(app, NULL);
        for (size_t i = 0; i < app->n_conditions; i++)
                free(app->conditions[i].name);
        free(app->socket);
        free(app->entity);
        free(app->name);
        free(app->version);
        free(app->located_on);
        for (int i = 0; i < 2; i++)
                if (app->wake[i] >= 0)
                        (void)close(app->wake[i]);
        (void)pthread_mutex_destroy(&app->mutex);
        free(app);
}

static bool are_good(const struct sovd_app_options *o) {
        return o && app_is_text(o->entity, APP_TEXT_MAX) && is_text_or_null(o->socket, 100) &&
               is_text_or_null(o->name, APP_TEXT_MAX) && is_text_or_null(o->version, 64) &&
               is_text_or_null(o->located_on, APP_ID_MAX) && o->reports_max <= 65536 &&
               o->logs_max <= 65536 &&
               (!o->retry_max_ms || (o->retry_max_ms >= 10 && o->retry_max_ms <= 600000));
}

/* Differs for each app of each process: the gateway knows by it which reports came before. */
static int name_instance(struct sovd_app *app) {
        unsigned char bytes[16];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return -errno;
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void)snprintf(app->instance + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int fill(struct sovd_app *app, const struct sovd_app_options *o) {
        (void)pthread_mutex_init(&app->mutex, NULL);
        app->wake[0] = app->wake[1] = -1;
        app->last_log = &app->logs;
        app->reports_max = o->reports_max ? o->reports_max : 256;
        app->logs_max = o->logs_max ? o->logs_max : 256;
        app->retry_max_ms = o->retry_max_ms ? o->retry_max_ms : 5000;
        if (!copy(&app->socket, o->socket ? o->socket : "/run/sovd-gateway/apps.sock") ||
            !copy(&app->entity, o->entity) || !copy(&app->name, o->name) ||
            !copy(&app->version, o->version) || !copy(&app->located_on, o->located_on))
                return -ENOMEM;
        if (pipe2(app->wake, O_CLOEXEC | O_NONBLOCK) != 0)
                return -errno;
        return name_instance(app);
}

int sovd_app_new(struct sovd_app **ret, const struct sovd_app_options *options) {
        if (!ret || !are_good(options))
                return -EINVAL;
        struct sovd_app *app = calloc(1, sizeof(*app));
        if (!app)
                return -ENOMEM;

        int r = fill(app, options);
        if (!r)
                r = -pthread_create(&app->thread, NULL, app_run, app);
        if (r) {
                destroy(app);
                return r;
        }
        *ret = app;
        return 0;
}

struct sovd_app *sovd_app_free(struct sovd_app *app, unsigned wait_ms, size_t *ret_lost) {
        if (ret_lost)
                *ret_lost = 0;
        if (!app)
                return NULL;

        (void)pthread_mutex_lock(&app->mutex);
        app->stopping = true;
        app->stop_ms = app_now_ms() + (wait_ms > 60000 ? 60000 : wait_ms);
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        (void)pthread_join(app->thread, NULL);
        if (ret_lost)
                *ret_lost = app->status.reports_waiting;
        destroy(app);
        return NULL;
}

/* --- what the app has ----------------------------------------------------------------------------------- */

static bool add_text(cJSON *about, const char *word, const char *s) {
        return !s || cJSON_AddStringToObject(about, word, s);
}

static bool add_texts(cJSON *about, const char *word, const char *const *texts) {
        if (!texts)
                return true;
        cJSON *array = cJSON_AddArrayToObject(about, word);
        for (; array && *texts; texts++)
                if (!app_utf8(*texts) || !cJSON_AddItemToArray(array, cJSON_CreateString(*texts)))
                        return false;
        return array;
}

/* A schema of the app's: none is fine, one that cannot be is not. */
static bool is_schema(const char *text) {
        char *json = text ? app_json(text, APP_JSON_MAX, true) : NULL;
        const bool ok = json || !text;

        free(json);
        return ok;
}

static bool add_schema(cJSON *about, const char *word, const char *text) {
        char *json = text ? app_json(text, APP_JSON_MAX, true) : NULL;
        const bool ok = !text || (json && cJSON_AddRawToObject(about, word, json));

        free(json);
        return ok;
}

/* Takes `about` over, also on failure. */
int app_add_item(struct sovd_app *app, enum app_kind kind, const char *id, struct app_item item, bool ok) {
        int r = ok ? 0 : -ENOMEM;

        (void)pthread_mutex_lock(&app->mutex);
        if (!r && app->ready)
                r = -EBUSY;
        if (!r && app_find(app, kind, id))
                r = -EEXIST;
        if (!r && app->n_items[kind] == APP_RESOURCES_MAX)
                r = -ENOSPC;
        struct app_item *items =
                r ? NULL : reallocarray(app->items[kind], app->n_items[kind] + 1, sizeof(*items));
        if (items) {
                app->items[kind] = items;
                item.id = strdup(id);
        }
        if (!r && !item.id)
                r = -ENOMEM;
        if (!r)
                items[app->n_items[kind]++] = item;
        (void)pthread_mutex_unlock(&app->mutex);
        if (r)
                cJSON_Delete(item.about);
        return r;
}

int sovd_app_add_data(struct sovd_app *app, const struct sovd_app_data *d) {
        if (!app || !d || !app_is_text(d->id, APP_ID_MAX) || !app_is_text(d->name, APP_TEXT_MAX) ||
            !is_text_or_null(d->category, 64) || !is_text_or_null(d->unit, 64) ||
            !is_text_or_null(d->data_type, 64) || !is_text_or_null(d->description, 1024) ||
            !is_schema(d->schema))
                return -EINVAL;
        const struct app_item item = {
                .about = cJSON_CreateObject(), .read = d->read, .write = d->write, .data = d->data
        };
        const bool ok =
                add_text(item.about, "id", d->id) && add_text(item.about, "name", d->name) &&
                add_text(item.about, "category", d->category) && add_text(item.about, "unit", d->unit) &&
                add_text(item.about, "data_type", d->data_type) &&
                add_text(item.about, "description", d->description) &&
                add_texts(item.about, "groups", d->groups) && add_texts(item.about, "tags", d->tags) &&
                add_schema(item.about, "schema", d->schema) &&
                cJSON_AddBoolToObject(item.about, "writable", d->write != NULL) &&
                cJSON_AddBoolToObject(item.about, "published", d->read == NULL);
        return app_add_item(app, APP_DATA, d->id, item, ok);
}

int sovd_app_add_operation(struct sovd_app *app, const struct sovd_app_operation *o) {
        if (!app || !o || !o->start || !app_is_text(o->id, APP_ID_MAX) ||
            !app_is_text(o->name, APP_TEXT_MAX) || !is_text_or_null(o->description, 1024) ||
            !is_schema(o->parameters) || !is_schema(o->result))
                return -EINVAL;
        const struct app_item item = { .about = cJSON_CreateObject(),
                                       .start = o->start,
                                       .stop = o->stop,
                                       .asynchronous = o->asynchronous,
                                       .data = o->data };
        const bool ok = add_text(item.about, "id", o->id) && add_text(item.about, "name", o->name) &&
                        add_text(item.about, "description", o->description) &&
                        add_schema(item.about, "parameters", o->parameters) &&
                        add_schema(item.about, "result", o->result) &&
                        cJSON_AddBoolToObject(item.about, "asynchronous", o->asynchronous) &&
                        cJSON_AddBoolToObject(item.about, "stoppable", o->stop != NULL);
        return app_add_item(app, APP_OPERATION, o->id, item, ok);
}

static int add_setting(struct sovd_app *app, enum app_kind kind, const struct sovd_app_setting *s) {
        if (!app || !s || !s->read || !s->write || !app_is_text(s->id, APP_ID_MAX) ||
            !app_is_text(s->name, APP_TEXT_MAX) || !is_schema(s->schema))
                return -EINVAL;
        const struct app_item item = {
                .about = cJSON_CreateObject(), .read = s->read, .write = s->write, .data = s->data
        };
        const bool ok = add_text(item.about, "id", s->id) && add_text(item.about, "name", s->name) &&
                        (kind != APP_MODE || add_texts(item.about, "values", s->values)) &&
                        (kind == APP_MODE || add_schema(item.about, "schema", s->schema));
        return app_add_item(app, kind, s->id, item, ok);
}

int sovd_app_add_mode(struct sovd_app *app, const struct sovd_app_setting *mode) {
        return add_setting(app, APP_MODE, mode);
}

int sovd_app_add_configuration(struct sovd_app *app, const struct sovd_app_setting *configuration) {
        return add_setting(app, APP_CONFIGURATION, configuration);
}

int sovd_app_set_faults(struct sovd_app *app, const char *catalog_json) {
        char *text = app ? app_json(catalog_json, 16 * 1024 * 1024, true) : NULL;
        cJSON *json = text ? cJSON_Parse(text) : NULL;

        free(text);
        if (!json)
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        const bool ready = app->ready;
        cJSON *old = ready ? json : app->faults;
        if (!ready)
                app->faults = json;
        (void)pthread_mutex_unlock(&app->mutex);
        cJSON_Delete(old);
        return ready ? -EBUSY : 0;
}

int sovd_app_ready(struct sovd_app *app) {
        if (!app)
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        int r = app->ready ? -EALREADY : app_codes_note_events(app);
        app->ready = app->ready || !r;
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        return r;
}

/* --- the rest ------------------------------------------------------------------------------------------- */

int sovd_app_condition(struct sovd_app *app, const char *name, bool on) {
        size_t i;
        int r = 0;

        if (!app || !app_is_text(name, 64))
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        for (i = 0; i < app->n_conditions && strcmp(app->conditions[i].name, name) != 0; i++)
                ;
        if (i == APP_CONDITIONS_MAX)
                r = -ENOSPC;
        else if (i == app->n_conditions) {
                char *own = strdup(name);
                r = own ? 0 : -ENOMEM;
                if (own)
                        app->conditions[app->n_conditions++].name = own;
        }
        if (!r)
                r = app_reports_condition(app, &app->conditions[i], on);
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        return r;
}

int sovd_app_publish(struct sovd_app *app, const char *id, const char *json) {
        char *text = app && id ? app_json(json, APP_JSON_MAX, false) : NULL;

        if (!text)
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        struct app_item *item = app_find(app, APP_DATA, id);
        const bool found = item && !item->read;
        if (found) {
                char *old = item->value;
                item->value = text;
                app->n_dirty += !item->dirty;
                if (!item->dirty)
                        item->since = ++app->n_acts;
                item->dirty = true;
                text = old;
        }
        (void)pthread_mutex_unlock(&app->mutex);
        free(text);
        if (found)
                app_wake(app);
        return found ? 0 : -ENOENT;
}

/* Not in the middle of a character. */
size_t app_cut(const char *text, size_t max) {
        size_t n = strlen(text);

        if (n <= max)
                return n;
        while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
                max--;
        return max;
}

int sovd_app_exec_progress(struct sovd_app *app, const char *exec, unsigned percent) {
        if (!app || !exec || percent > 100)
                return -EINVAL;
        (void)pthread_mutex_lock(&app->mutex);
        struct app_exec *x = app_exec_find(app, exec);
        const bool found = x && !x->ended;
        if (found) {
                x->progress = (int)percent;
                x->dirty = true;
        }
        (void)pthread_mutex_unlock(&app->mutex);
        app_wake(app);
        return found ? 0 : -ENOENT;
}

int sovd_app_exec_end(struct sovd_app *app, const char *exec, const char *result, const char *error) {
        char *text = NULL, *why = NULL;

        if (!app || !exec || (error && (!*error || !app_utf8(error))))
                return -EINVAL;
        if (result && !(text = app_json(result, APP_JSON_MAX, true)))
                return -EINVAL;
        if (error && !(why = strndup(error, app_cut(error, APP_LINE_MAX)))) {
                free(text);
                return -ENOMEM;
        }
        (void)pthread_mutex_lock(&app->mutex);
        struct app_exec *x = app_exec_find(app, exec);
        const bool found = x && !x->ended;
        if (found) {
                x->result = text;
                x->error = why;
                x->ended = x->dirty = true;
                text = why = NULL;
        }
        (void)pthread_mutex_unlock(&app->mutex);
        free(text);
        free(why);
        app_wake(app);
        return found ? 0 : -ENOENT;
}

bool sovd_app_exec_is_wanted(struct sovd_app *app, const char *exec) {
        if (!app || !exec)
                return false;
        (void)pthread_mutex_lock(&app->mutex);
        const struct app_exec *x = app_exec_find(app, exec);
        const bool wanted = x && !x->ended;
        (void)pthread_mutex_unlock(&app->mutex);
        return wanted;
}

void sovd_app_status(struct sovd_app *app, struct sovd_app_status *ret) {
        (void)pthread_mutex_lock(&app->mutex);
        *ret = app->status;
        (void)pthread_mutex_unlock(&app->mutex);
}

/* --- answers -------------------------------------------------------------------------------------------- */

int sovd_app_answer_json(struct sovd_app_answer *answer, const char *json) {
        char *text = answer ? app_json(json, APP_JSON_MAX, false) : NULL;

        if (!text)
                return -EINVAL;
        free(answer->json);
        answer->json = text;
        return 0;
}

int sovd_app_answer_error(struct sovd_app_answer *answer, const char *code, const char *message) {
        if (!answer || !app_is_text(code, 64) || !message || !*message || !app_utf8(message))
                return -EINVAL;
        char *own_code = strdup(code), *own = strndup(message, app_cut(message, APP_LINE_MAX));
        if (!own_code || !own) {
                free(own_code);
                free(own);
                answer->failed = true;
                return -ENOMEM;
        }
        free(answer->code);
        free(answer->message);
        answer->code = own_code;
        answer->message = own;
        return 0;
}
