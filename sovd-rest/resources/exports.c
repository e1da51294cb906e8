/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of the vehicle, or what happened to them, line by line. */
#include "sovd-core/base/clock.h"
#include "sovd-core/events.h"
#include "sovd-core/fault_sink.h"
#include "sovd-rest/export.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/fault_filter.h"
#include "sovd-rest/resources/resources.h"
#include <stdio.h>

#define PAGE     200
#define KEY_SIZE 256

static const struct sovd_query_param faults_query[] = {
        { "kind", SOVD_QUERY_STRING, "current (the default) or history." },
        SOVD_FAULT_ENTITY_QUERY,
        { "status", SOVD_QUERY_MAP, "As in the list of faults." },
        { "severity", SOVD_QUERY_INT, "Only faults with a severity below this number." },
        { "scope", SOVD_QUERY_STRING, "The fault memory." },
        { "tags", SOVD_QUERY_STRINGS, "Only faults with one of these tags; not with kind=history." },
        SOVD_PAGE_TIMES("faults that occurred last, or events,"),
        { 0 }
};

struct faults_export {
        struct sovd_export base;
        struct sovd_fault_sink *sink;    /* NULL: it has nothing of what is wanted, or all was said */
        const struct sovd_entity *only;  /* or NULL */
        struct sovd_fault_filter filter; /* its strings are the request's */
        struct sovd_fault_history_filter history;
        bool is_history;
        int64_t to_said;                 /* milliseconds, -1 = none */
        int type;                        /* of the entity that is asked next, and its place */
        size_t i;
};

/* --- the first line ------------------------------------------------------------------------------------- */

static void write_time(struct sovd_json_writer *w, const char *key, bool is_given, uint64_t usec) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_json_key_string(w, key, is_given ? sovd_clock_format(when, usec) : NULL);
}

static void write_filter(const struct faults_export *f, struct sovd_json_writer *w) {
        sovd_json_key(w, "filter");
        sovd_json_object_begin(w);
        if (f->only) {
                char entity[SOVD_HREF_SIZE];
                (void)snprintf(entity, sizeof(entity), "%s/%s", sovd_entity_type_paths[f->only->type], f->only->id);
                sovd_json_key_string(w, "entity", entity);
        }
        if (f->filter.severity.set)
                sovd_json_key_int(w, "severity", f->filter.severity.value);
        if (f->filter.scope)
                sovd_json_key_string(w, "scope", f->filter.scope);
        for (size_t i = 0; i < f->filter.n_status; i++) {
                char key[KEY_SIZE];
                (void)snprintf(key, sizeof(key), "status[%s]", f->filter.status_keys[i]);
                sovd_json_key_string(w, key, f->filter.status_values[i]);
        }
        if (f->filter.tags.n) {
                sovd_json_key(w, "tags");
                sovd_json_array_begin(w);
                for (size_t i = 0; i < f->filter.tags.n; i++)
                        sovd_json_string(w, f->filter.tags.items[i]);
                sovd_json_array_end(w);
        }
        sovd_json_object_end(w);
}

static void faults_head(struct sovd_export *x) {
        const struct faults_export *f = (struct faults_export *)x;

        sovd_json_key(&x->w, "time_range");
        if (!f->filter.from_usec && f->to_said < 0) {
                sovd_json_string(&x->w, NULL);
        } else {
                sovd_json_object_begin(&x->w);
                write_time(&x->w, "from", f->filter.from_usec, f->filter.from_usec);
                write_time(&x->w, "to", f->to_said >= 0, (uint64_t)f->to_said * SOVD_USEC_PER_MSEC);
                sovd_json_object_end(&x->w);
        }
        write_filter(f, &x->w);
}

/* --- what the fault manager keeps ----------------------------------------------------------------------- */

static void write_fault(struct sovd_export *x, const char *entity, const struct sovd_fault *fault) {
        struct sovd_fault with_entity = *fault;

        if (entity)
                with_entity.entity = entity;
        sovd_export_line_begin(x);
        sovd_schema_encode_members(&sovd_schema_fault, &with_entity, &x->w);
        sovd_export_line_end(x);
}

static const char *reference_of(struct sovd_call *call, const struct sovd_entity *e) {
        return sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[e->type], sovd_encoded(call, e->id));
}

static char *decoded(struct sovd_call *call, const char *id) {
        char *text = sovd_arena_strdup(call->arena, id), *out = text;

        for (const char *p = text; p && *p; p++) {
                char hex[3] = { p[0] == '%' ? p[1] : '\0', p[0] == '%' && p[1] ? p[2] : '\0', '\0' };
                *out++ = hex[1] ? (char)strtoul(hex, NULL, 16) : *p;
                p += hex[1] ? 2 : 0;
        }
        if (text)
                *out = '\0';
        return text;
}

/* The entity of a reference like apps/my%20app; NULL: it is not there any more. */
static const struct sovd_entity *entity_of(struct sovd_call *call, const char *reference) {
        const char *slash = strchr(reference, '/');
        const char *word = slash ? sovd_arena_strndup(call->arena, reference, (size_t)(slash - reference)) : NULL;
        int type = word ? sovd_name_find(sovd_entity_type_paths, word) : -1;
        const char *id = type >= 0 ? decoded(call, slash + 1) : NULL;

        return id ? sovd_tree_find(call->tree, (enum sovd_entity_type)type, id) : NULL;
}

static bool has_times(const struct faults_export *f) {
        return f->filter.from_usec || f->filter.to_usec;
}

/* Faults that a backend keeps may be followed here. It is asked what there is now; while it is away, what was read last stands
 * before the line that says so, and nothing comes twice. */
static bool only_it_knows(struct sovd_call *call, const struct sovd_entity *e) {
        const struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);

        return sovd_faults_are_elsewhere(e) && (e->connection == SOVD_CONNECTED || !sink || !sink->follows);
}

/* Without times. */
static bool is_asked_elsewhere(const struct faults_export *f, struct sovd_call *call, const char *reference) {
        const struct sovd_entity *e = has_times(f) || !reference ? NULL : entity_of(call, reference);

        return e && only_it_knows(call, e);
}

static int kept_page(struct faults_export *f) {
        struct sovd_call *call = sovd_export_call(&f->base);
        struct sovd_fault_list list = { 0 };

        int r = f->sink->ops->list(f->sink, call, f->only, &f->filter, &list);
        const struct sovd_fault *items = list.items.items;
        const char *last = NULL;
        bool leave_out = false;
        for (size_t i = 0; !r && i < list.items.n; i++) {
                if (!last || !sovd_streq(last, items[i].entity)) /* they come entity by entity */
                        leave_out = is_asked_elsewhere(f, call, items[i].entity);
                last = items[i].entity;
                if (!leave_out)
                        write_fault(&f->base, f->only ? reference_of(call, f->only) : NULL, &items[i]);
        }
        f->filter.after = list.next;
        if (r || !*list.next.code)
                f->sink = NULL;
        return r;
}

static int history_page(struct faults_export *f) {
        struct sovd_call *call = sovd_export_call(&f->base);
        struct sovd_fault_history past = { 0 };

        int r = f->sink->ops->history(f->sink, call, f->only, &f->history, &past);
        const struct sovd_fault_past *items = past.items.items;
        for (size_t i = 0; !r && i < past.items.n; i++) {
                sovd_fault_past_write(&items[i], &f->base.w);
                sovd_json_raw(&f->base.w, "\n", 1);
                f->base.n_lines++;
                f->history.after_usec = items[i].usec;
                f->history.after_id = items[i].id.value;
        }
        if (r || !past.more)
                f->sink = NULL;
        return r;
}

/* --- what others keep ----------------------------------------------------------------------------------- */

static const struct sovd_entity *next_elsewhere(struct faults_export *f) {
        if (f->only)
                return f->i++ == 0 && sovd_faults_are_elsewhere(f->only) ? f->only : NULL;
        for (; f->type < SOVD_N_ENTITY_TYPES; f->type++, f->i = 0) {
                const struct sovd_entities *all = sovd_tree_list(f->base.inner.call.tree, (enum sovd_entity_type)f->type);
                while (f->i < all->n)
                        if (sovd_faults_are_elsewhere(all->items[f->i++]))
                                return all->items[f->i - 1];
        }
        return NULL;
}

/* What the gateway has seen of an entity was exported before. 0: it was; else why it has no line. */
static int was_covered(struct sovd_call *call, const struct sovd_entity *e) {
        const struct sovd_fault_filter one = { .max = 1 };
        const struct sovd_fault_history_filter any = { .faults = &one };
        struct sovd_fault_history past = { 0 };

        return sovd_fault_history_read(call, e, &any, &past);
}

static int list_there(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        if (!only_it_knows(call, e))
                return sovd_fail(call, SOVD_E_UNAVAILABLE, "its backend cannot be reached now");
        return e->providers[SOVD_COLLECTION_FAULTS]->ops->faults_list(call, e, filter, ret);
}

static void elsewhere(struct faults_export *f, const struct sovd_entity *e) {
        struct sovd_call *call = sovd_export_call(&f->base);
        struct sovd_fault_list list = { 0 };
        const char *entity = reference_of(call, e);
        struct sovd_fault_filter whole = f->filter;
        bool is_past = f->is_history || has_times(f);

        whole.max = 0;
        whole.after = (struct sovd_fault_place){ 0 };
        call->entity = e;
        if (!sovd_gate_may_read(call, e, SOVD_COLLECTION_FAULTS, NULL))
                return;
        int r = is_past ? was_covered(call, e) : list_there(call, e, &whole, &list);
        const struct sovd_fault *items = list.items.items;
        if (r)
                sovd_export_error_line(&f->base, "entity", entity, r);
        for (size_t i = 0; !r && i < list.items.n; i++)
                if (sovd_gate_may_read(call, e, SOVD_COLLECTION_FAULTS, items[i].code))
                        write_fault(&f->base, entity, &items[i]);
}

static int faults_step(struct sovd_export *x, bool *ret_more) {
        struct faults_export *f = (struct faults_export *)x;

        if (f->sink)
                return f->is_history ? history_page(f) : kept_page(f);
        const struct sovd_entity *e = next_elsewhere(f);
        if (e)
                elsewhere(f, e);
        *ret_more = e;
        return 0;
}

/* --- the request ---------------------------------------------------------------------------------------- */

static int take_kind(struct sovd_call *call, bool *ret_history) {
        const char *kind = sovd_call_query(call, "kind");

        *ret_history = sovd_streq(kind, "history");
        return !kind || *ret_history || strcmp(kind, "current") == 0
                       ? 0
                       : sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'kind' must be current or history");
}

static int take_wishes(struct sovd_call *call, struct faults_export *f) {
        int r = take_kind(call, &f->is_history);

        if (!r)
                r = sovd_fault_entity_take(call, &f->only);
        if (!r)
                r = sovd_fault_filter_take(call, &f->filter);
        if (!r)
                r = sovd_page_times(call, &f->filter.from_usec, &f->filter.to_usec);
        if (r)
                return r;
        if (f->only && (f->is_history || has_times(f)))
                r = was_covered(call, f->only); /* else there is nothing to export */
        if (r)
                return r;
        if (f->is_history && f->filter.tags.n)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "query parameter 'tags' has no effect with kind=history: events have no tags");
        return 0;
}

/* An order that does not change while it is walked: a fault that occurs anew stays in its place, and what happens from
 * now on is left to the next export. That is said by an id, as times need not grow. */
static void set_order(struct sovd_call *call, struct faults_export *f) {
        const int64_t newest = (int64_t)sovd_events_newest(sovd_rest_of(call)->fault_events);

        f->to_said = f->filter.to_usec ? (int64_t)(f->filter.to_usec / SOVD_USEC_PER_MSEC) : -1;
        f->filter.max = PAGE;
        f->filter.steady = true;
        f->history = (struct sovd_fault_history_filter){ .faults = &f->filter, .oldest_first = true,
                                                         .to_id = newest ? newest : -1 };
}

static int faults_export(struct sovd_call *call) {
        const char *name;
        struct faults_export *f;

        int r = sovd_export_new(call, sizeof(*f), "faults", &f);
        if (r)
                return r;
        r = take_wishes(call, f);
        if (r)
                return sovd_export_cancel(call, &f->base, r);
        f->base.type = name = f->is_history ? "fault-history" : "faults";
        f->base.head = faults_head;
        f->base.step = faults_step;
        set_order(call, f);
        if (!f->only || !only_it_knows(call, f->only) || f->is_history || has_times(f))
                f->sink = sovd_gateway_fault_sink(call->gateway);
        return sovd_export_answer(call, &f->base, sovd_call_printf(call, "%s.ndjson", name));
}

const struct sovd_route sovd_routes_exports[] = {
        { .id = "faults-export", .method = SOVD_GET, .path = "/export/faults", .handler = faults_export,
          .flags = SOVD_STREAM_OUT | SOVD_AUDITED | SOVD_TAKES_OUT, .collection = SOVD_NO_COLLECTION, .query = faults_query,
          .query_family = sovd_fault_query_names, .success = 200,
          .summary = "Read all faults or their history, one JSON object on a line" },
        { 0 }
};
