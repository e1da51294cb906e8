/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the app's log that wait to be sent. */
#include "backends/native/app/app.h"
#include <errno.h>
#include <time.h>

static const char *const severity_words[] = { "fatal", "error", "warn", "info", "debug" };

static int severity_of(const char *word) {
        for (int i = 0; i <= SOVD_APP_DEBUG; i++)
                if (strcmp(severity_words[i], word) == 0)
                        return i;
        return -1;
}

const char *app_severity_word(enum sovd_app_severity severity) {
        return severity_words[severity];
}

int sovd_app_add_log(struct sovd_app *app, const struct sovd_app_log_context *c) {
        if (!app || !c || !app_is_text(c->id, APP_ID_MAX) || (unsigned)c->type > SOVD_APP_AUTOSAR_DLT ||
            (c->process && !app_is_text(c->process, APP_ID_MAX)) ||
            (c->application_id && !app_is_text(c->application_id, APP_ID_MAX)))
                return -EINVAL;
        const char *word = c->severity ? c->severity : "info";
        if (severity_of(word) < 0)
                return -EINVAL;

        struct app_item item = { .about = cJSON_CreateObject(), .least = severity_of(word) };
        const char *type = c->type == SOVD_APP_AUTOSAR_DLT ? "AUTOSAR_DLT" : "RFC5424";
        const bool ok = cJSON_AddStringToObject(item.about, "id", c->id) &&
                        cJSON_AddStringToObject(item.about, "type", type) &&
                        cJSON_AddStringToObject(item.about, "severity", word) &&
                        (!c->process || cJSON_AddStringToObject(item.about, "process", c->process)) &&
                        (!c->application_id ||
                         cJSON_AddStringToObject(item.about, "application_id", c->application_id));
        return app_add_item(app, APP_LOG, c->id, item, ok);
}

/* The gateway says from which severity on it keeps lines; with the mutex held. */
void app_log_config(struct sovd_app *app, const cJSON *contexts) {
        const cJSON *c;

        cJSON_ArrayForEach (c, contexts) {
                struct app_item *item = app_find(app, APP_LOG, c->string);
                const char *word = cJSON_GetStringValue(c);
                if (item && word && severity_of(word) >= 0)
                        item->least = severity_of(word);
        }
}

static struct app_log *log_new(enum sovd_app_severity severity, const char *text) {
        const size_t n = app_cut(text, APP_LINE_MAX);
        struct app_log *log = calloc(1, sizeof(*log) + n + 1);
        struct timespec now;

        if (!log)
                return NULL;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        log->time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        log->severity = severity;
        memcpy(log->text, text, n);
        return log;
}

/* With the mutex held. false: there is no room. */
static bool take(struct sovd_app *app, struct app_log *log) {
        if (app->status.logs_waiting >= app->logs_max) {
                app->status.logs_lost++;
                return false;
        }
        *app->last_log = log;
        app->last_log = &log->next;
        app->status.logs_waiting++;
        return true;
}

/* context NULL: the first one, or none when none was added. */
static int add_line(struct sovd_app *app, const char *context, enum sovd_app_severity severity,
                    const char *text) {
        if (!app || !text || !*text || (unsigned)severity > SOVD_APP_DEBUG || !app_utf8(text))
                return -EINVAL;
        struct app_log *log = log_new(severity, text);
        if (!log)
                return -ENOMEM;

        (void)pthread_mutex_lock(&app->mutex);
        const struct app_item *item = context                 ? app_find(app, APP_LOG, context)
                                      : app->n_items[APP_LOG] ? app->items[APP_LOG]
                                                              : NULL;
        const bool wanted = !item || severity <= (enum sovd_app_severity)item->least;
        int r = context && !item ? -ENOENT : 0;
        if (!r && wanted) {
                log->context = item ? item->id : NULL;
                if (take(app, log))
                        log = NULL;
                else
                        r = -ENOSPC;
        }
        app->status.logs_not_wanted += !r && !wanted;
        (void)pthread_mutex_unlock(&app->mutex);
        if (!log)
                app_wake(app);
        free(log);
        return r;
}

int sovd_app_log(struct sovd_app *app, enum sovd_app_severity severity, const char *text) {
        return add_line(app, NULL, severity, text);
}

int sovd_app_log_to(struct sovd_app *app, const char *context, enum sovd_app_severity severity,
                    const char *text) {
        return context ? add_line(app, context, severity, text) : -EINVAL;
}
