/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/own_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/gateway.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#define TICK_USEC SOVD_USEC_PER_SEC

/* --- the catalogue --------------------------------------------------------------------------------------- */

static void write_descriptor(struct own_look *l, const struct own_finding *f, struct sovd_json_writer *w) {
        const char *mark = strstr(f->kind->name, "%s");
        const char *name = mark ? sovd_arena_printf(l->arena, "%.*s%s%s", (int)(mark - f->kind->name), f->kind->name,
                                                    f->subject, mark + 2)
                                : f->kind->name;

        sovd_json_object_begin(w);
        sovd_json_key_string(w, "code", f->code);
        sovd_json_key_string(w, "name", name);
        sovd_json_key_int(w, "severity", f->kind->severity);
        if (f->kind->n_looks > 1) {
                sovd_json_key(w, "debounce");
                sovd_json_object_begin(w);
                sovd_json_key_string(w, "kind", "counter");
                sovd_json_key_int(w, "failed_at", f->kind->n_looks);
                sovd_json_key_int(w, "passed_at", -1);
                sovd_json_key_bool(w, "jump", true);
                sovd_json_object_end(w);
        }
        sovd_json_object_end(w);
}

static int make_catalog(struct own_look *l, const cJSON **ret) {
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "id", "sovd-gateway");
        sovd_json_key_string(&w, "version", SOVD_VERSION);
        sovd_json_key(&w, "faults");
        sovd_json_array_begin(&w);
        for (size_t i = 0; i < l->n; i++)
                write_descriptor(l, &l->findings[i], &w);
        sovd_json_array_end(&w);
        sovd_json_object_end(&w);
        return sovd_json_written(l->arena, &w, ret);
}

static bool is_found(const struct own_look *l, const char *code) {
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->findings[i].code, code) == 0)
                        return true;
        return false;
}

/* What is stored about backends and apps that are not configured any more: nobody will ever say that they are well. */
static int forget_others(struct own_look *l) {
        const struct sovd_entity e = { .type = SOVD_APP, .id = strchr(l->own->entity, '/') + 1, .name = "" };
        struct sovd_call call = { .arena = l->arena, .gateway = l->own->gateway, .request_id = "", .base = "",
                                  .deadline_usec = UINT64_MAX };
        const struct sovd_fault_filter filter = { 0 };
        struct sovd_fault_list list = { 0 };
        struct sovd_fault_sink *sink = l->own->sink;

        int r = sink->ops->list(sink, &call, &e, &filter, &list);
        const struct sovd_fault *faults = list.items.items;
        for (size_t i = 0; !r && i < list.items.n; i++)
                if (!is_found(l, faults[i].code))
                        (void)sink->ops->clear(sink, &call, &e, faults[i].code);
        return r;
}

static void drop_told(struct own_told *told, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(told[i].environment);
        free(told);
}

/* What was told of a code before is still true of it. */
static struct own_told *new_told(const struct own_look *l) {
        const struct sovd_own_faults *own = l->own;
        struct own_told *told = calloc(l->n + 1, sizeof(*told));

        for (size_t i = 0; told && i < l->n; i++) {
                told[i].kind = l->findings[i].kind;
                (void)snprintf(told[i].code, sizeof(told[i].code), "%s", l->findings[i].code);
                for (size_t k = 0; k < own->n_told; k++)
                        if (strcmp(own->told[k].code, told[i].code) == 0) {
                                told[i].verdict = own->told[k].verdict;
                                told[i].n_bad = own->told[k].n_bad;
                        }
        }
        return told;
}

static bool has_changed(const struct own_look *l) {
        const struct sovd_own_faults *own = l->own;
        bool same = own->n_told == l->n;

        for (size_t i = 0; same && i < l->n; i++)
                same = strcmp(own->told[i].code, l->findings[i].code) == 0;
        return !same;
}

/* The configuration has other backends or apps than before. */
static int define(struct own_look *l) {
        struct sovd_own_faults *own = l->own;
        const char *why = NULL;
        const cJSON *catalog;

        int r = make_catalog(l, &catalog);
        if (!r)
                r = own->sink->ops->define(own->sink, own->entity, catalog, l->arena, &why);
        if (!r)
                r = forget_others(l);
        struct own_told *told = r ? NULL : new_told(l);
        if (!told)
                return r ? r : sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&own->mutex);
        struct own_told *old = own->told;
        size_t n_old = own->n_told;
        own->told = told;
        own->n_told = l->n;
        (void)pthread_mutex_unlock(&own->mutex);
        drop_told(old, n_old);
        return 0;
}

/* --- reports --------------------------------------------------------------------------------------------- */

/* Good news is told once; bad news as long as it lasts, so that a fault that was cleared comes back. */
static void tell(struct sovd_own_faults *own, struct own_told *t, const struct own_finding *f) {
        bool again = f->verdict == OWN_BAD && !t->kind->once;

        if (f->verdict == OWN_UNKNOWN || (f->verdict == t->verdict && !again))
                return;
        enum sovd_report report = f->verdict == OWN_GOOD          ? SOVD_REPORT_PASSED
                                  : t->kind->n_looks > 1 ? SOVD_REPORT_PREFAILED
                                                         : SOVD_REPORT_FAILED;
        int r = own->sink->ops->report(own->sink, own->entity, t->code, report, f->environment, NULL);
        if (r && r != SOVD_E_OVERLOAD)
                return; /* the next look tells it */

        char *environment = f->environment ? strdup(f->environment) : NULL;
        (void)pthread_mutex_lock(&own->mutex);
        t->verdict = f->verdict;
        t->n_bad = f->verdict == OWN_BAD ? t->n_bad + (t->n_bad < t->kind->n_looks) : 0;
        char *old = t->environment;
        t->environment = environment;
        (void)pthread_mutex_unlock(&own->mutex);
        free(old);
}

/* A backend has an app of this id, so ours is left out (which is logged and shown in health): its faults are not ours. */
static bool is_taken(const struct sovd_own_faults *own) {
        struct sovd_tree *tree = sovd_gateway_tree(own->gateway);
        const struct sovd_entity *e = sovd_tree_find(tree, SOVD_APP, strchr(own->entity, '/') + 1);
        bool taken = e && !e->owner->ops->is_gateway;

        sovd_tree_unref(tree);
        return taken;
}

/* Once when it begins. */
static void complain(struct sovd_own_faults *own, int r) {
        if (r && !own->complained)
                sovd_log(SOVD_LOG_ERROR, "the gateway's own faults cannot be kept: %s",
                         r == SOVD_E_OVERLOAD ? "limits.fault_definitions is reached" : strerror(abs(r)));
        own->complained = r != 0;
}

uint64_t sovd_own_faults_tick(struct sovd_own_faults *own) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct own_look l = { .own = own };
        uint64_t now = sovd_now_usec();

        if (now < own->next_usec)
                return own->next_usec;
        own->next_usec = now + TICK_USEC;
        if (is_taken(own))
                return own->next_usec;
        int r = sovd_arena_new(&arena, 8192);
        if (!r) {
                l.arena = arena;
                own_look_at_all(&l);
                r = l.error;
        }
        if (!r && has_changed(&l))
                r = define(&l);
        for (size_t i = 0; !r && i < l.n; i++)
                tell(own, &own->told[i], &l.findings[i]);
        complain(own, r);
        return own->next_usec;
}

/* --- reading --------------------------------------------------------------------------------------------- */

static bool is_active(const struct own_told *t) {
        return t->verdict == OWN_BAD && t->n_bad >= t->kind->n_looks;
}

int sovd_own_faults_active(struct sovd_own_faults *own, struct sovd_arena *arena, struct sovd_strings *ret,
                           bool *ret_serious) {
        int r = 0;

        *ret_serious = false;
        (void)pthread_mutex_lock(&own->mutex);
        *ret = (struct sovd_strings){ .items = sovd_arena_array(arena, const char *, own->n_told + 1), .set = true };
        if (!ret->items)
                r = sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < own->n_told; i++) {
                if (!is_active(&own->told[i]))
                        continue;
                const char *code = sovd_arena_strdup(arena, own->told[i].code);
                if (code)
                        ret->items[ret->n++] = code;
                else
                        r = sovd_error_origin(-ENOMEM);
                *ret_serious = *ret_serious || own->told[i].kind->severity <= 2;
        }
        (void)pthread_mutex_unlock(&own->mutex);
        return r;
}

static int read_text(struct sovd_call *call, const char *text, const cJSON **ret) {
        struct sovd_json_fault fault;
        cJSON *tree;

        int r = sovd_json_parse_in(call->arena, &tree, text, strlen(text), NULL, &fault);
        if (!r)
                *ret = tree;
        return r;
}

/* What is known of it beside the file. */
static int describe(struct sovd_call *call, const struct own_kind *kind, const char *environment,
                    struct sovd_fault_detail *ret) {
        static const char status[] = "{\"aggregatedStatus\":\"active\",\"testFailed\":\"1\",\"confirmedDTC\":\"1\"}";

        ret->item = sovd_arena_new0(call->arena, struct sovd_fault);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        *ret->item = (struct sovd_fault){ .code = kind->code, .fault_name = kind->name,
                                          .severity = SOVD_INT(kind->severity) };
        int r = read_text(call, status, &ret->item->status);
        return r ? r : read_text(call, sovd_call_printf(call, "{\"last_occurrence\":{\"freeze_frame\":%s}}", environment),
                                 &ret->environment_data);
}

bool sovd_own_faults_unwritten(void *data, struct sovd_call *call, struct sovd_fault_detail *ret) {
        struct sovd_own_faults *own = data;
        const char *environment = NULL;

        (void)pthread_mutex_lock(&own->mutex);
        for (size_t i = 0; i < own->n_told; i++)
                if (own->told[i].kind == own_kind_unwritten && is_active(&own->told[i]))
                        environment = sovd_arena_strdup(call->arena, own->told[i].environment);
        (void)pthread_mutex_unlock(&own->mutex);
        return environment && !describe(call, own_kind_unwritten, environment, ret);
}

/* --- life ------------------------------------------------------------------------------------------------ */

void sovd_own_faults_set_auth(struct sovd_own_faults *own, struct sovd_auth *auth) {
        own->auth = auth;
}

void sovd_own_faults_set_tls(struct sovd_own_faults *own, struct sovd_tls *tls) {
        own->tls = tls;
}

int sovd_own_faults_new(struct sovd_own_faults **ret, const struct sovd_own_faults_options *options) {
        _cleanup_(sovd_own_faults_freep) struct sovd_own_faults *own = calloc(1, sizeof(*own));
        if (!own)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&own->mutex, NULL);
        own->gateway = options->gateway;
        own->sink = sovd_gateway_fault_sink(options->gateway);
        if (asprintf(&own->entity, "%s/%s", sovd_entity_type_paths[SOVD_APP], options->entity_id) < 0)
                own->entity = NULL;
        own->damaged = options->damaged ? strdup(options->damaged) : NULL;
        if (!own->entity || (options->damaged && !own->damaged))
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(own);
        return 0;
}

struct sovd_own_faults *sovd_own_faults_free(struct sovd_own_faults *own) {
        if (!own)
                return NULL;
        drop_told(own->told, own->n_told);
        free(own->entity);
        free(own->damaged);
        (void)pthread_mutex_destroy(&own->mutex);
        free(own);
        return NULL;
}
