/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to a fault, as the JSON that clients get. */
#include "fault-manager/fault_manager.h"
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include <errno.h>

/* Changes between two writes are one event, so the state decides what came last. */
static int change_of(const struct fm_event *event) {
        bool failed = event->state.status & FM_TEST_FAILED;

        if (event->changed & FM_RESTORED)
                return SOVD_FAULT_RESTORED;
        if (event->changed & FM_CLEARED)
                return SOVD_FAULT_CLEARED;
        if (event->changed & FM_NOW_FAILED && failed)
                return SOVD_FAULT_FAILED;
        if (event->changed & FM_NOW_PASSED && !failed)
                return SOVD_FAULT_PASSED;
        if (event->changed & FM_NOW_AGED)
                return SOVD_FAULT_AGED;
        return event->changed & FM_NOW_CONFIRMED ? SOVD_FAULT_CONFIRMED : SOVD_FAULT_CHANGED;
}

const char *fm_entity_reference(const char *entity, struct sovd_arena *arena) {
        const char *slash = strchr(entity, '/');
        const char *id = slash ? sovd_http_encode_segment(arena, slash + 1) : NULL;

        if (!slash)
                return entity;
        return id ? sovd_arena_printf(arena, "%.*s/%s", (int)(slash - entity), entity, id) : NULL;
}

static int encode(const struct sovd_fault_event *event, char **ret) {
        _cleanup_(sovd_json_writer_done) struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_fault_event, event, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (r)
                return r;
        *ret = strndup(text, len);
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

/* record: the fault, or NULL for all of the entity. */
static int write_body(struct sovd_fault_event *body, const struct fm_record *record, struct sovd_arena *arena,
                      char **ret) {
        struct sovd_fault fault;

        bool of_all = !*body->entity;

        body->entity = of_all ? NULL : fm_entity_reference(body->entity, arena);
        if (!body->entity && !of_all)
                return sovd_error_origin(-ENOMEM);
        int r = record ? fm_record_fault(record, arena, &fault) : 0;
        if (r)
                return r;
        body->fault = record ? &fault : NULL;
        return encode(body, ret);
}

int fm_event_body(const struct fm_event *event, struct sovd_arena *arena, char **ret) {
        const struct fm_record record = { .code = event->code,
                                          .about = (struct fm_descriptor *)(uintptr_t)event->about,
                                          .state = event->state };
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_fault_event body = {
                .timestamp = sovd_clock_format(when, event->usec),
                .entity = event->entity,
                .change = change_of(event),
                .scope = event->about || !*event->scope ? NULL : event->scope,
                .merged = { .set = event->merged, .value = event->merged },
        };

        return write_body(&body, event->about ? &record : NULL, arena, ret);
}

int fm_record_body(const struct fm_record *record, struct sovd_arena *arena, char **ret) {
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_fault_event body = {
                .timestamp = sovd_clock_format(when, record->last_usec),
                .entity = record->entity,
                .change = SOVD_FAULT_PRESENT,
        };

        return write_body(&body, record, arena, ret);
}

struct sovd_fact fm_event_fact(const struct fm_event *event) {
        return (struct sovd_fact){
                .id = (uint64_t)event->id,
                .entity = event->entity,
                .code = event->code,
                .scope = event->scope,
                .severity = event->about ? event->about->severity.value : 0,
                .status = event->state.status,
                .changed = event->changed,
                .body = event->body,
        };
}
