/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/trigger_log.h"
#include "sovd-core/backend.h"
#include "sovd-core/model/logs.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/observe.h"
#include <errno.h>

#define SHOWN_MAX 1024 /* bytes of the value, and of the condition */

/* The severities of triggers are those of logs, at the same places. */
static int severity_of(const struct sovd_trigger_log *log) {
        return sovd_enum_parse(sovd_log_severity_names, sovd_trigger_severity_names[log->severity - 1]);
}

static const struct sovd_backend *log_of(const struct sovd_entity *e) {
        const struct sovd_backend *backend = e->providers[SOVD_COLLECTION_LOGS];

        return backend && backend->ops->log_append ? backend : NULL;
}

bool sovd_entity_takes_log(const struct sovd_entity *e) {
        return log_of(e) != NULL;
}

/* What is longer is cut between two characters, and says how long it was. */
static const char *shown(struct sovd_arena *arena, const char *text, size_t len) {
        size_t n = SOVD_MIN(len, SHOWN_MAX);

        if (n == len)
                return sovd_arena_strndup(arena, text, len);
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
                n--;
        return sovd_arena_printf(arena, "%.*s... (%zu bytes)", (int)n, text, len);
}

static const char *resource_part(const struct sovd_firing *f) {
        const char *value = shown(f->arena, f->value, f->value_len);

        if (!f->log->resource.value)
                return "";
        return value ? sovd_arena_printf(f->arena, "; %s%s%s is %s", f->resource,
                                         f->path && *f->path ? " at " : "", f->path ? f->path : "", value)
                     : NULL;
}

static const char *condition_part(const struct sovd_firing *f) {
        const char *condition = shown(f->arena, f->condition_text, strlen(f->condition_text));

        if (!f->log->condition.value)
                return "";
        return condition ? sovd_arena_printf(f->arena, "; condition %s", condition) : NULL;
}

const char *sovd_trigger_log_text(const struct sovd_firing *firing) {
        const char *marker = firing->log->marker ? firing->log->marker : "";
        const char *resource = resource_part(firing), *condition = condition_part(firing);

        return resource && condition ? sovd_arena_printf(firing->arena, "%s%strigger %s fired%s%s", marker,
                                                         *marker ? ": " : "", firing->id, resource, condition)
                                     : NULL;
}

/* The entity of this moment: it may have gone, or its log may be somebody else's now. */
static int append(struct sovd_call *call, const struct sovd_firing *firing) {
        const struct sovd_entity *e = sovd_tree_find(call->tree, firing->type, firing->entity);
        const struct sovd_backend *backend = e ? log_of(e) : NULL;
        const struct sovd_log_entry entry = { .severity = severity_of(firing->log),
                                              .msg = sovd_trigger_log_text(firing) };

        if (!backend)
                return sovd_fail(call, SOVD_E_UNAVAILABLE, "%s '%s' has no log that takes entries now",
                                 sovd_entity_type_words[firing->type], firing->entity);
        if (!entry.msg)
                return sovd_error_origin(-ENOMEM);
        call->entity = e;
        int r = sovd_gate_may_log(call, e);
        return r ? r : backend->ops->log_append(call, e, &entry);
}

int sovd_trigger_log_write(void *data, struct sovd_firing *firing) {
        struct sovd_rest_call inner;
        struct sovd_call *call = &inner.call;

        int r = sovd_observe_begin(&inner, data, firing->arena);
        call->deadline_usec = firing->deadline_usec;
        call->principal = firing->principal;
        call->base = firing->base;
        if (!r)
                r = sovd_gate_resume(call);
        if (!r)
                r = append(call, firing);
        r = sovd_observe_fail(call, r, firing->writer);
        sovd_tree_unref(call->tree);
        return r;
}
