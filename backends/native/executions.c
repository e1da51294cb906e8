/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"

struct native_execution *native_execution_free(struct native_execution *x) {
        if (!x)
                return NULL;
        free(x->operation);
        free(x->error);
        free(x->parameters);
        free(x);
        return NULL;
}

/* operation NULL: of any. */
struct native_execution *native_execution_find(struct native_app *app, const char *operation,
                                               const char *id) {
        for (struct native_execution *x = app->executions; x; x = x->next)
                if (strcmp(x->id, id) == 0 && (!operation || strcmp(x->operation, operation) == 0))
                        return x;
        return NULL;
}

static char *text_of(const struct cJSON *json) {
        struct sovd_json_writer w;
        const char *text;
        char *copy = NULL;
        size_t len;

        if (!json)
                return NULL;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        if (!sovd_json_writer_finish(&w, &text, &len))
                copy = strdup(text);
        sovd_json_writer_done(&w);
        return copy;
}

/* What has ended stays as it is: an app that comes back cannot make a failure undone. */
void native_execution_end(struct native_execution *x, int status, const char *error,
                          const struct cJSON *parameters) {
        if (x->status != SOVD_EXECUTION_RUNNING)
                return;
        x->status = status;
        if (status == SOVD_EXECUTION_FAILED)
                x->error = strdup(error ? error : "the app gave no reason");
        if (parameters) {
                free(x->parameters);
                x->parameters = text_of(parameters);
        }
}

void native_executions_fail(struct native_app *app, const char *why) {
        for (struct native_execution *x = app->executions; x; x = x->next)
                native_execution_end(x, SOVD_EXECUTION_FAILED, why, NULL);
}
