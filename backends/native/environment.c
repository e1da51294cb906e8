/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a report: what the app says with it, and what it has published of the data that the catalogue names. */
#include "backends/native/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* The text of a published value, or NULL. Only the thread of the sockets changes values, and this is it. */
static const char *published(const struct native_app *app, const char *id) {
        const struct sovd_list *list = &app->registration->lists.data;
        const struct native_data *data = NATIVE_FIND(*list, native_data, id);

        return data ? app->values[data - (const struct native_data *)list->items].text : NULL;
}

static int write_value(struct sovd_json_writer *w, const char *id, const char *text,
                       struct sovd_arena *arena) {
        struct sovd_json_fault fault;
        struct cJSON *value;

        int r = sovd_json_parse_in(arena, &value, text, strlen(text), NULL, &fault);
        if (r)
                return r;
        sovd_json_key(w, id);
        sovd_json_tree(w, value);
        return 0;
}

/* What the app says itself wins. */
static void write_all(struct sovd_json_writer *w, const struct native_app *app, const struct cJSON *said,
                      const struct sovd_strings *ids, struct sovd_arena *arena) {
        const cJSON *member;

        sovd_json_object_begin(w);
        cJSON_ArrayForEach (member, said) {
                sovd_json_key(w, member->string);
                sovd_json_tree(w, member);
        }
        for (size_t i = 0; i < ids->n; i++) {
                const char *text = published(app, ids->items[i]);
                if (text && !cJSON_GetObjectItemCaseSensitive(said, ids->items[i]))
                        (void)write_value(w, ids->items[i], text, arena); /* else it is left out */
        }
        sovd_json_object_end(w);
}

static bool is_failure(const struct native_fault *fault) {
        return fault->report - 1 == SOVD_REPORT_FAILED || fault->report - 1 == SOVD_REPORT_PREFAILED;
}

int native_environment(struct native *b, const struct native_app *app, const struct native_fault *fault,
                       struct sovd_arena *arena, struct sovd_json_writer *w, const char **ret) {
        struct sovd_strings ids = { 0 };
        size_t len;

        *ret = NULL;
        int r = is_failure(fault) && app->registration
                        ? b->sink->ops->freeze_frame(b->sink, app->key, fault->code, arena, &ids)
                        : 0;
        if (r || (!ids.n && !fault->environment))
                return r;
        write_all(w, app, fault->environment, &ids, arena);
        r = sovd_json_writer_finish(w, ret, &len);
        if (!r && len == strlen("{}") && !fault->environment)
                *ret = NULL; /* nothing was published yet */
        if (r != -E2BIG || !ids.n)
                return r;
        sovd_json_writer_reset(w); /* values that do not fit are no reason to refuse the report */
        if (!fault->environment)
                return 0;
        sovd_json_tree(w, fault->environment);
        return sovd_json_writer_finish(w, ret, &len);
}
