/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/own_faults.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/gateway.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define TICK_USEC     SOVD_USEC_PER_SEC
#define EXPIRING_USEC (30 * 86400 * SOVD_USEC_PER_SEC)
#define CODE_MAX      64
#define CUT           "~" /* between the beginning of a name that is too long and its hash */

enum verdict { UNKNOWN, GOOD, BAD };

struct look; /* one round */

/* What can be wrong. A kind that is `each` exists once for every backend or app. */
struct kind {
        const char *code, *name; /* name: with %s for the subject */
        int severity;
        unsigned n_looks;        /* bad ones in a row until it counts */
        bool once;               /* it says what happened at the start: when a client clears it, it stays cleared */
        void (*each)(struct look *l, const struct kind *kind);                  /* finds them all; or: */
        enum verdict (*check)(struct look *l, struct sovd_json_writer *w);      /* the members of the environment data */
};

struct finding {
        const struct kind *kind;
        const char *code, *subject;
        enum verdict verdict;
        const char *environment; /* JSON, when it is bad */
};

/* What was told of a code; the codes come in the order of the findings. */
struct told {
        const struct kind *kind;
        char code[CODE_MAX + 1];
        enum verdict verdict;
        unsigned n_bad;
        char *environment;
};

struct sovd_own_faults {
        struct sovd_gateway *gateway;
        struct sovd_fault_sink *sink;
        char *entity, *damaged; /* entity: "apps/sovd-gateway" */
        uint64_t certificate_ends_usec, next_usec; /* main thread */

        pthread_mutex_t mutex; /* leaf: the told ones; only the main thread writes them */
        struct told *told;
        size_t n_told;
};

struct look {
        struct sovd_own_faults *own;
        struct sovd_arena *arena;
        struct finding *findings;
        size_t n, size;
        int error;
};

/* --- the conditions -------------------------------------------------------------------------------------- */

/* A name that is too long for a code keeps its beginning and gets a number that tells it from others. */
static const char *code_of(struct look *l, const struct kind *kind, const char *subject) {
        const char *code = sovd_arena_printf(l->arena, "%s.%s", kind->code, subject);
        uint32_t hash = 2166136261u;
        size_t cut = CODE_MAX - 9;

        if (!code || strlen(code) <= CODE_MAX)
                return code;
        for (const char *p = subject; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619u;
        while (((unsigned char)code[cut] & 0xc0) == 0x80)
                cut--;
        return sovd_arena_printf(l->arena, "%.*s" CUT "%08x", (int)cut, code, hash);
}

static struct finding *more(struct look *l) {
        if (l->n == l->size) {
                size_t size = l->size ? 2 * l->size : 32;
                struct finding *findings = sovd_arena_array(l->arena, struct finding, size);
                if (!findings)
                        return NULL;
                if (l->n)
                        memcpy(findings, l->findings, l->n * sizeof(*findings));
                l->findings = findings;
                l->size = size;
        }
        return &l->findings[l->n++];
}

/* Takes the writer over: the members of the environment data, when it is bad. */
static void find(struct look *l, const struct kind *kind, const char *subject, enum verdict verdict,
                 struct sovd_json_writer *w) {
        struct finding *f = l->error ? NULL : more(l);
        const char *text = NULL;
        size_t len;

        sovd_json_object_end(w);
        if (f && verdict == BAD && !sovd_json_writer_finish(w, &text, &len))
                text = sovd_arena_strdup(l->arena, text);
        sovd_json_writer_done(w);
        if (f)
                *f = (struct finding){ .kind = kind,
                                       .code = subject ? code_of(l, kind, subject) : kind->code,
                                       .subject = sovd_arena_strdup(l->arena, subject),
                                       .verdict = verdict,
                                       .environment = text };
        if (!f || !f->code || (subject && !f->subject) || (verdict == BAD && !text))
                l->error = sovd_error_origin(-ENOMEM);
}

static void begin(struct sovd_json_writer *w) {
        sovd_json_writer_init(w, 0, 0);
        sovd_json_object_begin(w);
}

static void look_at_backend(struct look *l, const struct kind *kind, struct sovd_backend *b) {
        struct sovd_backend_status s = { 0 };
        char when[SOVD_TIMESTAMP_SIZE];
        struct sovd_json_writer w;

        b->ops->status(b, &s);
        begin(&w);
        sovd_json_key_string(&w, "backend", b->name);
        if (s.address)
                sovd_json_key_string(&w, "address", s.address);
        if (*s.last_error)
                sovd_json_key_string(&w, "last_error", s.last_error);
        if (s.breaker)
                sovd_json_key_string(&w, "breaker", s.breaker);
        if (s.last_seen_usec)
                sovd_json_key_string(&w, "last_seen", sovd_clock_format(when, s.last_seen_usec));
        find(l, kind, b->name,
             s.connection == SOVD_CONNECTED      ? GOOD
             : s.connection == SOVD_DISCONNECTED ? BAD
                                                 : UNKNOWN,
             &w);
}

static void each_backend(struct look *l, const struct kind *kind) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(l->own->gateway, backends, SOVD_BACKENDS_MAX);

        for (size_t i = 0; i < n; i++) {
                look_at_backend(l, kind, backends[i]);
                sovd_backend_unref(backends[i]);
        }
}

/* "apps/nav" is "apps.nav" in a code: it has to fit into a path. */
static void look_at_app(struct look *l, const struct kind *kind, const struct sovd_peer_status *s) {
        char *subject = sovd_arena_strdup(l->arena, s->entity);
        char *slash = subject ? strchr(subject, '/') : NULL;
        struct sovd_json_writer w;

        if (slash)
                *slash = '.';
        begin(&w);
        sovd_json_key_string(&w, "entity", s->entity);
        if (*s->why)
                sovd_json_key_string(&w, "reason", s->why);
        find(l, kind, subject, s->lost ? BAD : s->met ? GOOD : UNKNOWN, &w);
}

static void each_app(struct look *l, const struct kind *kind) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];
        size_t n = sovd_gateway_backends(l->own->gateway, backends, SOVD_BACKENDS_MAX);
        struct sovd_peer_status s;

        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; backends[i]->ops->peer && backends[i]->ops->peer(backends[i], k, &s); k++)
                        look_at_app(l, kind, &s);
                sovd_backend_unref(backends[i]);
        }
}

static enum verdict check_writing(struct look *l, struct sovd_json_writer *w) {
        struct sovd_db_status s;

        sovd_db_status(sovd_gateway_db(l->own->gateway), &s);
        if (!s.error)
                return GOOD;
        sovd_json_key_string(w, "error", s.error < 0 ? strerror(-s.error) : "a change was refused");
        sovd_json_key_int(w, "failed_transactions", (int64_t)s.n_failed);
        sovd_json_key_int(w, "waiting_changes", (int64_t)s.n_waiting);
        return BAD;
}

static enum verdict check_damage(struct look *l, struct sovd_json_writer *w) {
        if (!l->own->damaged)
                return GOOD;
        sovd_json_key_string(w, "kept_as", l->own->damaged);
        return BAD;
}

static void write_end(struct look *l, struct sovd_json_writer *w) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_json_key_string(w, "not_after", sovd_clock_format(when, l->own->certificate_ends_usec));
}

static enum verdict check_expiring(struct look *l, struct sovd_json_writer *w) {
        uint64_t ends = l->own->certificate_ends_usec, now = sovd_realtime_usec();

        if (!ends || now >= ends || now + EXPIRING_USEC < ends)
                return GOOD;
        write_end(l, w);
        sovd_json_key_int(w, "days_left", (int64_t)((ends - now) / (86400 * SOVD_USEC_PER_SEC)));
        return BAD;
}

static enum verdict check_expired(struct look *l, struct sovd_json_writer *w) {
        uint64_t ends = l->own->certificate_ends_usec;

        if (!ends || sovd_realtime_usec() < ends)
                return GOOD;
        write_end(l, w);
        return BAD;
}

static const struct kind kinds[] = {
        { .code = "state-write-failed", .name = "The state cannot be written", .severity = 2, .n_looks = 1,
          .check = check_writing },
        { .code = "state-damaged", .name = "The state was damaged and began anew", .severity = 2, .n_looks = 1,
          .once = true, .check = check_damage },
        { .code = "certificate-expiring", .name = "The server's certificate ends within 30 days", .severity = 3,
          .n_looks = 1, .check = check_expiring },
        { .code = "certificate-expired", .name = "The server's certificate has ended", .severity = 2, .n_looks = 1,
          .check = check_expired },
        { .code = "backend-lost", .name = "Backend '%s' cannot be reached", .severity = 2, .n_looks = 3,
          .each = each_backend },
        { .code = "app-lost", .name = "App '%s' went away without a word", .severity = 2, .n_looks = 1, .each = each_app },
};

static void look_at_all(struct look *l) {
        struct sovd_json_writer w;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(kinds); i++) {
                const struct kind *kind = &kinds[i];
                if (kind->each) {
                        kind->each(l, kind);
                        continue;
                }
                begin(&w);
                enum verdict verdict = kind->check(l, &w);
                find(l, kind, NULL, verdict, &w);
        }
}

/* --- the catalogue --------------------------------------------------------------------------------------- */

static void write_descriptor(struct look *l, const struct finding *f, struct sovd_json_writer *w) {
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

static int make_catalog(struct look *l, const cJSON **ret) {
        struct sovd_json_writer w;

        begin(&w);
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

static bool is_found(const struct look *l, const char *code) {
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->findings[i].code, code) == 0)
                        return true;
        return false;
}

/* What is stored about backends and apps that are not configured any more: nobody will ever say that they are well. */
static int forget_others(struct look *l) {
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

static void drop_told(struct told *told, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(told[i].environment);
        free(told);
}

/* What was told of a code before is still true of it. */
static struct told *new_told(const struct look *l) {
        const struct sovd_own_faults *own = l->own;
        struct told *told = calloc(l->n + 1, sizeof(*told));

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

static bool has_changed(const struct look *l) {
        const struct sovd_own_faults *own = l->own;
        bool same = own->n_told == l->n;

        for (size_t i = 0; same && i < l->n; i++)
                same = strcmp(own->told[i].code, l->findings[i].code) == 0;
        return !same;
}

/* The configuration has other backends or apps than before. */
static int define(struct look *l) {
        struct sovd_own_faults *own = l->own;
        const char *why = NULL;
        const cJSON *catalog;

        int r = make_catalog(l, &catalog);
        if (!r)
                r = own->sink->ops->define(own->sink, own->entity, catalog, l->arena, &why);
        if (!r)
                r = forget_others(l);
        struct told *told = r ? NULL : new_told(l);
        if (!told)
                return r ? r : sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&own->mutex);
        struct told *old = own->told;
        size_t n_old = own->n_told;
        own->told = told;
        own->n_told = l->n;
        (void)pthread_mutex_unlock(&own->mutex);
        drop_told(old, n_old);
        return 0;
}

/* --- reports --------------------------------------------------------------------------------------------- */

/* Good news is told once; bad news as long as it lasts, so that a fault that was cleared comes back. */
static void tell(struct sovd_own_faults *own, struct told *t, const struct finding *f) {
        bool again = f->verdict == BAD && !t->kind->once;

        if (f->verdict == UNKNOWN || (f->verdict == t->verdict && !again))
                return;
        enum sovd_report report = f->verdict == GOOD          ? SOVD_REPORT_PASSED
                                  : t->kind->n_looks > 1 ? SOVD_REPORT_PREFAILED
                                                         : SOVD_REPORT_FAILED;
        int r = own->sink->ops->report(own->sink, own->entity, t->code, report, f->environment, NULL);
        if (r && r != SOVD_E_OVERLOAD)
                return; /* the next look tells it */

        char *environment = f->environment ? strdup(f->environment) : NULL;
        (void)pthread_mutex_lock(&own->mutex);
        t->verdict = f->verdict;
        t->n_bad = f->verdict == BAD ? t->n_bad + (t->n_bad < t->kind->n_looks) : 0;
        char *old = t->environment;
        t->environment = environment;
        (void)pthread_mutex_unlock(&own->mutex);
        free(old);
}

uint64_t sovd_own_faults_tick(struct sovd_own_faults *own) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct look l = { .own = own };
        uint64_t now = sovd_now_usec();

        if (now < own->next_usec)
                return own->next_usec;
        own->next_usec = now + TICK_USEC;
        int r = sovd_arena_new(&arena, 8192);
        if (!r) {
                l.arena = arena;
                look_at_all(&l);
                r = l.error;
        }
        if (!r && has_changed(&l))
                r = define(&l);
        for (size_t i = 0; !r && i < l.n; i++)
                tell(own, &own->told[i], &l.findings[i]);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the gateway's own faults cannot be kept: %s",
                         r == SOVD_E_OVERLOAD ? "limits.fault_definitions is reached" : strerror(abs(r)));
        return own->next_usec;
}

/* --- reading --------------------------------------------------------------------------------------------- */

static bool is_active(const struct told *t) {
        return t->verdict == BAD && t->n_bad >= t->kind->n_looks;
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
static int describe(struct sovd_call *call, const struct kind *kind, const char *environment,
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
                if (own->told[i].kind->check == check_writing && is_active(&own->told[i]))
                        environment = sovd_arena_strdup(call->arena, own->told[i].environment);
        (void)pthread_mutex_unlock(&own->mutex);
        return environment && !describe(call, &kinds[0], environment, ret);
}

/* --- life ------------------------------------------------------------------------------------------------ */

void sovd_own_faults_set_certificate(struct sovd_own_faults *own, uint64_t ends_usec) {
        own->certificate_ends_usec = ends_usec;
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
