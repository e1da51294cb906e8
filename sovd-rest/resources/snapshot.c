/* SPDX-License-Identifier: Apache-2.0 */
/* Every value of an entity, then its faults, line by line. */
#include "sovd-rest/gate.h"
#include "sovd-rest/export.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/resources/resources.h"

#define PAGE        200
#define LIST_BYTES  16384

enum part { LIST, VALUES, FAULTS, END };

struct snapshot {
        struct sovd_export base;
        const struct sovd_entity *entity;
        enum part part;
        struct sovd_arena *arena;        /* of the list of values */
        struct sovd_list data;           /* struct sovd_data_item */
        size_t i;
        struct sovd_fault_filter filter; /* the next page of faults */
        void (*close)(struct sovd_source *source);
};

static void snapshot_head(struct sovd_export *x) {
        struct snapshot *s = (struct snapshot *)x;
        struct sovd_call *call = sovd_export_call(x);

        sovd_json_key_string(&x->w, "entity", sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[s->entity->type],
                                                               sovd_encoded(call, s->entity->id)));
        sovd_json_key_string(&x->w, "name", s->entity->name);
        if (s->entity->variant)
                sovd_export_write_text(x, "variant", s->entity->variant, strlen(s->entity->variant));
}

/* --- values --------------------------------------------------------------------------------------------- */

/* The list lives as long as its values are read: it has an arena of its own. */
static int list_values(struct snapshot *s) {
        const struct sovd_backend *backend = s->entity->providers[SOVD_COLLECTION_DATA];
        struct sovd_call *call = sovd_export_call(&s->base);
        const struct sovd_data_filter all = { 0 };
        struct sovd_data_list list = { 0 };

        s->part = FAULTS;
        if (!backend)
                return 0;
        struct sovd_arena *mine = call->arena;
        call->arena = s->arena;
        int r = backend->ops->data_list(call, s->entity, &all, &list);
        if (!r)
                sovd_left_out_filter(call, SOVD_COLLECTION_DATA, &list.items, sizeof(struct sovd_data_item));
        call->arena = mine;
        if (r) {
                sovd_export_error_line(&s->base, "resource", "data", r);
                return 0;
        }
        s->data = list.items;
        s->part = VALUES;
        return 0;
}

static void write_value(struct snapshot *s, const struct sovd_data_item *item, const struct sovd_data_value *value) {
        struct sovd_json_writer *w = &s->base.w;
        struct sovd_data_item shown = *item;

        if (!shown.unit)
                shown.unit = value->unit;
        sovd_schema_encode_members(&sovd_schema_data_item, &shown, w);
        if (value->data) {
                sovd_json_key(w, "data");
                sovd_json_tree(w, value->data);
        }
        if (value->errors.n) {
                const struct sovd_data_error *errors = value->errors.items;
                sovd_json_key(w, "errors");
                sovd_json_array_begin(w);
                for (size_t i = 0; i < value->errors.n; i++)
                        sovd_schema_encode(&sovd_schema_data_error, &errors[i], w);
                sovd_json_array_end(w);
        }
}

/* One at a time: the vehicle is asked no faster than the client reads. */
static void read_value(struct snapshot *s) {
        const struct sovd_data_item *item = (const struct sovd_data_item *)s->data.items + s->i++;
        struct sovd_call *call = sovd_export_call(&s->base);
        struct sovd_data_value value = { 0 };

        int r = s->entity->providers[SOVD_COLLECTION_DATA]->ops->data_read(call, s->entity, item->id, &value);
        const char *resource = sovd_call_printf(call, "data/%s", sovd_encoded(call, item->id));
        sovd_export_line_begin(&s->base);
        sovd_json_key_string(&s->base.w, "resource", resource);
        if (r) {
                sovd_schema_encode_members(&sovd_schema_data_item, item, &s->base.w);
                sovd_export_write_error(&s->base, r);
        } else {
                write_value(s, item, &value);
        }
        sovd_export_line_end(&s->base);
}

/* --- faults --------------------------------------------------------------------------------------------- */

static void write_fault(struct snapshot *s, struct sovd_call *call, const struct sovd_fault *fault) {
        sovd_export_line_begin(&s->base);
        sovd_json_key_string(&s->base.w, "resource", sovd_call_printf(call, "faults/%s", sovd_encoded(call, fault->code)));
        sovd_schema_encode_members(&sovd_schema_fault, fault, &s->base.w);
        sovd_export_line_end(&s->base);
}

static void fault_page(struct snapshot *s) {
        const struct sovd_backend *backend = s->entity->providers[SOVD_COLLECTION_FAULTS];
        struct sovd_call *call = sovd_export_call(&s->base);
        struct sovd_fault_list list = { 0 };

        s->part = END;
        if (!backend || !sovd_gate_may_read(call, s->entity, SOVD_COLLECTION_FAULTS, NULL))
                return;
        int r = backend->ops->faults_list(call, s->entity, &s->filter, &list);
        if (r)
                return sovd_export_error_line(&s->base, "resource", "faults", r);
        sovd_left_out_filter(call, SOVD_COLLECTION_FAULTS, &list.items, sizeof(struct sovd_fault));
        const struct sovd_fault *items = list.items.items;
        for (size_t i = 0; i < list.items.n; i++)
                write_fault(s, call, &items[i]);
        s->filter.after = list.next;
        if (*list.next.code)
                s->part = FAULTS;
}

static int snapshot_step(struct sovd_export *x, bool *ret_more) {
        struct snapshot *s = (struct snapshot *)x;
        int r = 0;

        switch (s->part) {
        case LIST:
                r = list_values(s);
                break;
        case VALUES:
                if (s->i < s->data.n)
                        read_value(s);
                else
                        s->part = FAULTS;
                break;
        case FAULTS:
                fault_page(s);
                break;
        case END:
                *ret_more = false;
                break;
        }
        return r;
}

/* --- the request ---------------------------------------------------------------------------------------- */

static void snapshot_close(struct sovd_source *source) {
        struct snapshot *s = (struct snapshot *)source;

        sovd_arena_free(s->arena);
        s->close(source);
}

static int snapshot_read(struct sovd_call *call) {
        struct sovd_arena *arena = NULL;
        struct snapshot *s;

        int r = sovd_arena_new(&arena, LIST_BYTES);
        if (!r)
                r = sovd_export_new(call, sizeof(*s), "snapshot", &s);
        if (r) {
                sovd_arena_free(arena);
                return r;
        }
        s->base.head = snapshot_head;
        s->base.step = snapshot_step;
        s->entity = call->entity;
        s->arena = arena;
        s->close = s->base.base.close;
        s->base.base.close = snapshot_close;
        s->filter.max = PAGE;
        s->filter.steady = true;
        return sovd_export_answer(call, &s->base, sovd_call_printf(call, "%s-snapshot.ndjson", call->entity->id));
}

const struct sovd_route sovd_routes_snapshot[] = {
        { .id = "snapshot", .method = SOVD_GET, .path = "/{entity}/snapshot", .handler = snapshot_read,
          .flags = SOVD_STREAM_OUT | SOVD_AUDITED | SOVD_TAKES_OUT, .entities = SOVD_ANY_ENTITY, .collection = SOVD_NO_COLLECTION, .success = 200,
          .summary = "Read every value of an entity and its faults, one JSON object on a line" },
        { 0 }
};
