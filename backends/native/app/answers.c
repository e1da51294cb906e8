/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the gateway by calling the app back. */
#include "backends/native/app/session.h"

const char *app_text_of(const cJSON *frame, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, name));
}

static void reply_error(struct session *s, double seq, const char *code, const char *message) {
        cJSON *frame = app_frame("error");

        cJSON_AddNumberToObject(frame, "re", seq);
        cJSON_AddStringToObject(frame, "code", code);
        cJSON_AddStringToObject(frame, "message", message);
        (void)app_put(s, frame);
}

/* What a callback left. member: where its JSON goes. */
static void reply(struct session *s, double seq, struct sovd_app_answer *answer, const char *member,
                  const char *status) {
        if (answer->failed)
                reply_error(s, seq, "busy", "out of memory");
        else if (answer->code)
                reply_error(s, seq, answer->code, answer->message);
        else {
                cJSON *frame = app_frame("reply");
                cJSON_AddNumberToObject(frame, "re", seq);
                if (status)
                        cJSON_AddStringToObject(frame, "status", status);
                if (answer->json)
                        cJSON_AddRawToObject(frame, member, answer->json);
                if (!app_put(s, frame))
                        reply_error(s, seq, "too-long", "the answer is longer than the gateway reads");
        }
        free(answer->json);
        free(answer->code);
        free(answer->message);
}

bool app_is_type(const cJSON *frame, const char *type) {
        const char *own = app_text_of(frame, "type");

        return own && strcmp(own, type) == 0;
}

static void on_value(struct session *s, const cJSON *frame, double seq, enum app_kind kind, bool write) {
        const char *id = app_text_of(frame, "id");
        const struct app_item *item = id ? app_find(s->app, kind, id) : NULL;
        struct sovd_app_answer answer = { 0 };

        if (!item || (write ? !item->write : !item->read)) {
                reply_error(s, seq, "not-found", "there is no such value");
                return;
        }
        if (write) {
                char *json = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(frame, "value"));
                if (!json)
                        (void)sovd_app_answer_error(&answer, "bad-value", "there is no value");
                else
                        item->write(id, json, &answer, item->data);
                free(json);
        } else
                item->read(id, &answer, item->data);
        reply(s, seq, &answer, "value", NULL);
}

static bool add_exec(struct sovd_app *app, const char *id, const struct app_item *operation) {
        struct app_exec *x = calloc(1, sizeof(*x));

        if (!x || !(x->id = strdup(id))) {
                free(x);
                return false;
        }
        x->operation = operation;
        x->progress = -1;
        (void)pthread_mutex_lock(&app->mutex);
        x->next = app->execs;
        app->execs = x;
        (void)pthread_mutex_unlock(&app->mutex);
        return true;
}

static void drop_exec(struct sovd_app *app, const char *id) {
        (void)pthread_mutex_lock(&app->mutex);
        app_exec_drop(app, id);
        (void)pthread_mutex_unlock(&app->mutex);
}

/* The result of an operation is an object. */
static void wrap(struct sovd_app_answer *answer) {
        cJSON *object = answer->json && *answer->json != '{' ? cJSON_CreateObject() : NULL;

        if (!object)
                return;
        cJSON_AddRawToObject(object, "value", answer->json);
        free(answer->json);
        answer->json = cJSON_PrintUnformatted(object);
        cJSON_Delete(object);
}

static void on_start(struct session *s, const cJSON *frame, double seq) {
        const char *name = app_text_of(frame, "operation"), *exec = app_text_of(frame, "exec");
        const struct app_item *operation = name ? app_find(s->app, APP_OPERATION, name) : NULL;
        const cJSON *timeout = cJSON_GetObjectItemCaseSensitive(frame, "timeout");
        struct sovd_app_answer answer = { 0 };

        if (!operation || !exec) {
                reply_error(s, seq, "not-found", "there is no such operation");
                return;
        }
        if (operation->asynchronous && !add_exec(s->app, exec, operation)) {
                reply_error(s, seq, "busy", "out of memory");
                return;
        }
        char *parameters = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(frame, "parameters"));
        operation->start(name, exec, parameters,
                         timeout && timeout->valuedouble > 0 ? (unsigned)timeout->valuedouble : 0, &answer,
                         operation->data);
        free(parameters);
        if (operation->asynchronous && (answer.code || answer.failed))
                drop_exec(s->app, exec);
        wrap(&answer);
        reply(s, seq, &answer, "parameters", operation->asynchronous ? "running" : NULL);
}

static void on_stop(struct session *s, const cJSON *frame, double seq) {
        const char *exec = app_text_of(frame, "exec");
        struct sovd_app_answer answer = { 0 };
        const struct app_item *operation = NULL;

        (void)pthread_mutex_lock(&s->app->mutex);
        const struct app_exec *x = exec ? app_exec_find(s->app, exec) : NULL;
        if (x)
                operation = x->operation;
        (void)pthread_mutex_unlock(&s->app->mutex);
        if (!operation) { /* it ended meanwhile, which is what is wanted */
                reply(s, seq, &answer, "value", NULL);
                return;
        }
        if (operation->stop)
                operation->stop(exec, &answer, operation->data);
        else
                (void)sovd_app_answer_error(&answer, "conflict", "it cannot be stopped");
        reply(s, seq, &answer, "value", NULL);
}

void app_answer_request(struct session *s, const cJSON *frame, double seq) {
        static const struct {
                const char *type;
                enum app_kind kind;
                bool write;
        } values[] = {
                { "read", APP_DATA, false },
                { "write", APP_DATA, true },
                { "mode_read", APP_MODE, false },
                { "mode_write", APP_MODE, true },
                { "config_read", APP_CONFIGURATION, false },
                { "config_write", APP_CONFIGURATION, true },
        };
        struct sovd_app_answer nothing = { 0 };

        for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
                if (app_is_type(frame, values[i].type)) {
                        on_value(s, frame, seq, values[i].kind, values[i].write);
                        return;
                }
        if (app_is_type(frame, "start"))
                on_start(s, frame, seq);
        else if (app_is_type(frame, "stop"))
                on_stop(s, frame, seq);
        else if (app_is_type(frame, "ping"))
                reply(s, seq, &nothing, "value", NULL);
        else
                reply_error(s, seq, "unknown-type", "this library does not know it");
}
