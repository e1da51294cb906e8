/* SPDX-License-Identifier: Apache-2.0 */
/* What each frame of an app does; on the io thread. */
#include "backends/native/reports.h"
#include "backends/native/unit.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-core/feature_switches.h"
#include "sovd-core/gateway.h"
#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define GROUPS_MAX  256
#define NOT_ALLOWED "the configuration does not let this process be this entity"
#define WHY_SIZE    (sizeof(NOT_ALLOWED) + NATIVE_UNIT_SIZE + 32)

/* --- hello ---------------------------------------------------------------------------------------------- */

/* The main group, or one of the others. */
static bool is_in_group(const struct native_peer *p, gid_t gid) {
        gid_t groups[GROUPS_MAX];
        socklen_t len = sizeof(groups);

        if (p->gid == gid)
                return true;
        if (getsockopt(p->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
                return false;
        for (size_t i = 0; i < len / sizeof(*groups); i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

static bool is_in_unit(const struct native_peer *p, const char *unit, char ret_why[static WHY_SIZE]) {
        const struct native_who who = {
                .fd = p->fd, .pid = p->pid, .uid = p->uid, .since_usec = p->since_usec
        };
        char own[NATIVE_UNIT_SIZE];
        const char *unknown = native_unit_find(&who, own);

        if (!unknown && strcmp(own, unit) == 0)
                return true;
        (void)snprintf(ret_why, WHY_SIZE, NOT_ALLOWED ": %s%s", unknown ? unknown : "it is in the unit ",
                       unknown ? "" : own);
        return false;
}

/* Which rule it is that an app does not meet, it is not told: only what it is itself. */
static bool is_allowed(const struct native_peer *p, const struct native_rule *rule, char ret_why[static WHY_SIZE]) {
        (void)snprintf(ret_why, WHY_SIZE, NOT_ALLOWED);
        return (!rule->has_uid || p->uid == rule->uid) && (!rule->has_gid || is_in_group(p, rule->gid)) &&
               (!rule->unit || is_in_unit(p, rule->unit, ret_why));
}

static struct native_app *find_by_key(const struct native *b, const char *key) {
        for (size_t i = 0; i < b->n_apps; i++)
                if (strcmp(b->apps[i].key, key) == 0)
                        return &b->apps[i];
        return NULL;
}

/* The end of an app that was killed may not have been read yet when it comes again. */
static bool is_in_use(struct native *b, const struct native_app *app) {
        for (struct native_peer *p = b->peers; p; p = p->next) {
                struct pollfd poll_fd = { .fd = p->fd, .events = POLLRDHUP };
                if (p->app != app)
                        continue;
                if (poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) {
                        p->hung_up = true;
                        p->paused_usec = 0;
                        native_peer_read(p);
                        native_peer_detach(p, "it closed the connection", true);
                        p->dead = true;
                }
                return p->app == app;
        }
        return false;
}

static void welcome(struct native_peer *p, struct sovd_int re) {
        const struct native *b = p->b;
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "welcome");
        if (re.set)
                sovd_json_key_int(&w, "re", re.value);
        sovd_json_key_int(&w, "v", NATIVE_VERSION);
        sovd_json_key_int(&w, "heartbeat_ms", (int64_t)(b->heartbeat_usec / SOVD_USEC_PER_MSEC));
        sovd_json_key_int(&w, "max_frame_bytes", b->options.max_frame_bytes.value);
        sovd_json_key_bool(&w, "faults", b->sink);
        sovd_json_object_end(&w);
        native_peer_send(p, &w);
}

static void connect_app(struct native_peer *p, struct native_app *app, const struct native_hello *hello) {
        struct native *b = p->b;

        if (strcmp(app->instance, hello->instance) != 0) {
                (void)snprintf(app->instance, sizeof(app->instance), "%s", hello->instance);
                app->last_n = 0;
        }
        (void)pthread_mutex_lock(&b->mutex);
        native_app_connect(b, app, p->queue, hello, p->pid);
        p->session = app->session;
        (void)pthread_mutex_unlock(&b->mutex);
        p->app = app;
        app->forget_usec = 0;
        sovd_log(SOVD_LOG_INFO, "backend '%s': app '%s' %s is connected: process %d, user %u", b->base.name,
                 app->key, hello->version ? hello->version : "", (int)p->pid, (unsigned)p->uid);
}

static bool is_switched_off(const struct native_peer *p) {
        struct sovd_features *features = sovd_gateway_features(p->b->base.gateway);
        bool off = !sovd_features_is_on(features, SOVD_FEATURE_NATIVE_APPS);

        if (off)
                sovd_features_count_refused(features, SOVD_FEATURE_NATIVE_APPS);
        return off;
}

static void on_hello(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        const struct native_hello *hello = &m->hello;
        struct native_app *app = find_by_key(p->b, hello->entity);
        const double cost = (double)p->b->options.frames_per_sec.value / 10;
        const char *code = NULL, *why = NULL;
        char not_allowed[WHY_SIZE];

        if (p->app) {
                native_peer_error(p, m->seq, "bad-frame", "hello was said already");
                return;
        }
        if (!app)
                code = "unknown-entity", why = "no app of the configuration is this entity";
        else if (!is_allowed(p, &app->rule, not_allowed))
                code = "not-allowed", why = not_allowed;
        else if (is_switched_off(p))
                code = "switched-off", why = "an admin has switched off that apps connect; try again later";
        else if (hello->located_on && !sovd_id_is_valid(hello->located_on))
                code = "bad-frame", why = "/located_on: cannot be an id";
        else if (!native_tokens_take(p->b, app, cost, sovd_now_usec()))
                code = "rate-limited", why = "this app connects too often";
        else if (is_in_use(p->b, app))
                code = "in-use", why = "another process is this entity, and lives";
        if (code) {
                native_peer_close(p, m->seq, code, why);
                return;
        }
        connect_app(p, app, hello);
        welcome(p, m->seq);
}

/* --- register ------------------------------------------------------------------------------------------- */

static bool define_faults(struct native_peer *p, const struct native_message *m, struct sovd_arena *arena) {
        struct native *b = p->b;
        const char *why = NULL;

        if (!m->reg.faults)
                return true;
        int r = b->sink ? b->sink->ops->define(b->sink, p->app->key, m->reg.faults, arena, &why)
                        : SOVD_E_NOT_IMPLEMENTED;
        if (!r)
                return true;
        if (r == SOVD_E_BAD_REQUEST)
                why = sovd_arena_printf(arena, "/faults%s", why ? why : "");
        else
                why = r == SOVD_E_OVERLOAD ? "too many faults, or more than 32 kinds of operation cycles, would be defined"
                                           : "faults cannot be kept here";
        native_peer_error(p, m->seq,
                          r == SOVD_E_BAD_REQUEST ? "bad-frame"
                          : r == SOVD_E_OVERLOAD  ? "too-many"
                                                  : "not-offered",
                          why ? why : "out of memory");
        return false;
}

static void on_register(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        struct native *b = p->b;
        const char *why = native_register_check(&m->reg, (size_t)b->options.max_resources.value, *arena);

        if (why) {
                native_peer_error(p, m->seq, "bad-frame", why);
                return;
        }
        if (!native_tokens_take(b, p->app, (double)b->options.frames_per_sec.value / 20, sovd_now_usec())) {
                native_peer_error(p, m->seq, "rate-limited", "this app registers too often");
                return;
        }
        if (!define_faults(p, m, *arena))
                return;

        const bool in_file = b->sink && b->sink->ops->is_defined(b->sink, p->app->key);
        struct native_registration *registration = calloc(1, sizeof(*registration));
        int r = registration ? 0 : -ENOMEM;
        if (!r) {
                *registration = (struct native_registration){ .n_refs = 1,
                                                              .lists = m->reg,
                                                              .arena = SOVD_TAKE(*arena) };
                (void)pthread_mutex_lock(&b->mutex);
                p->app->has_faults = p->app->has_faults || in_file;
                r = native_app_register(p->app, registration);
                (void)pthread_mutex_unlock(&b->mutex);
        }
        if (r)
                native_registration_unref(registration);
        else
                r = native_publish_view(b);
        if (!r)
                native_offers_note(b, p->app);
        sovd_backend_value_changed(&b->base, p->app->type, p->app->id, NULL);
        if (r) {
                native_peer_error(p, m->seq, "busy", "out of memory");
                return;
        }
        native_log_tell(b, p->app);
        native_peer_reply(p, m->seq);
}

/* --- values --------------------------------------------------------------------------------------------- */

static const char *store(struct native *b, struct native_app *app, const struct native_data *all,
                         const struct native_data *d, const struct cJSON *json) {
        const size_t most = (size_t)b->options.max_value_bytes.value;
        struct sovd_json_writer w;
        const char *text;
        char *copy = NULL;
        size_t len = 0;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        if (!sovd_json_writer_finish(&w, &text, &len))
                copy = strdup(text);
        sovd_json_writer_done(&w);
        if (!copy)
                return "out of memory";

        (void)pthread_mutex_lock(&b->mutex);
        struct native_value *value = &app->values[d - all];
        const bool fits = app->n_value_bytes - value->len + len <= most;
        char *old = fits ? value->text : copy;
        if (fits) {
                app->n_value_bytes += len - value->len;
                *value = (struct native_value){ .text = copy, .len = len, .usec = sovd_realtime_usec() };
        }
        (void)pthread_mutex_unlock(&b->mutex);
        free(old);
        return fits ? NULL : "the values of the app are longer than max_value_bytes together";
}

/* The registration is this thread's to replace, so it can be looked at without the mutex. */
static void on_publish(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        struct native_app *app = p->app;
        const struct cJSON *item;

        if (!app->ready) {
                native_peer_error(p, m->seq, "register-first", "nothing is registered yet");
                return;
        }
        const struct sovd_list *list = &app->registration->lists.data;
        cJSON_ArrayForEach (item, m->publish.values) {
                const struct native_data *d = NATIVE_FIND(*list, native_data, item->string);
                const char *why = NULL;
                if (!d || !d->published.value)
                        why = d ? "it was not registered as published" : "it is not registered";
                else if (cJSON_IsNull(item))
                        why = "null is no value";
                else
                        why = store(p->b, app, list->items, d, item);
                if (why) {
                        why = sovd_arena_printf(*arena, "/values/%s: %s", item->string, why);
                        native_peer_error(p, m->seq, "bad-value", why ? why : "out of memory");
                        return;
                }
                sovd_backend_value_changed(&p->b->base, app->type, app->id, item->string);
        }
        native_peer_reply(p, m->seq);
}

/* --- the rest ------------------------------------------------------------------------------------------- */

static void on_exec(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        const struct native_exec *exec = &m->exec;

        (void)pthread_mutex_lock(&p->b->mutex);
        struct native_execution *x = native_execution_find(p->app, NULL, exec->exec);
        const bool runs = x && x->status == SOVD_EXECUTION_RUNNING;
        if (runs && exec->progress.set)
                x->progress = (int)exec->progress.value;
        if (runs && exec->status != SOVD_EXECUTION_RUNNING)
                native_execution_end(x, exec->status, exec->error, exec->parameters);
        (void)pthread_mutex_unlock(&p->b->mutex);
        if (runs)
                native_peer_reply(p, m->seq);
        else
                native_peer_error(p, m->seq, "unknown-exec",
                                  x ? "the execution has ended" : "there is no such execution");
}

static void on_heartbeat(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        native_peer_reply(p, m->seq);
}

static void on_bye(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        native_peer_reply(p, m->seq);
        p->close_usec = sovd_now_usec() + SOVD_USEC_PER_SEC;
        native_peer_detach(p, "it said goodbye", false);
}

static void on_reply(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        if (!native_reports_answer(p, (uint64_t)m->reply.re.value, m, arena))
                native_ask_answer(p->b, p->app, (uint64_t)m->reply.re.value, SOVD_TAKE(*arena), m);
}

static void on_error(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        if (m->error.re.set && !native_reports_answer(p, (uint64_t)m->error.re.value, m, arena))
                native_ask_answer(p->b, p->app, (uint64_t)m->error.re.value, SOVD_TAKE(*arena), m);
}

void native_handle(struct native_peer *p, struct native_message *message, struct sovd_arena **arena) {
        static void (*const handlers[NATIVE_N_TYPES])(struct native_peer * p, struct native_message * m,
                                                      struct sovd_arena * *arena) = {
                [NATIVE_HELLO] = on_hello,
                [NATIVE_REGISTER] = on_register,
                [NATIVE_PUBLISH] = on_publish,
                [NATIVE_FAULT] = native_on_fault,
                [NATIVE_CONDITION] = native_on_condition,
                [NATIVE_CYCLE] = native_on_cycle,
                [NATIVE_LOG] = native_on_log,
                [NATIVE_EXEC] = on_exec,
                [NATIVE_HEARTBEAT] = on_heartbeat,
                [NATIVE_BYE] = on_bye,
                [NATIVE_REPLY] = on_reply,
                [NATIVE_ERROR] = on_error,
        };

        if (!p->app && message->type != NATIVE_HELLO)
                native_peer_close(p, message->seq, "hello-first", "the first frame has to be hello");
        else
                handlers[message->type](p, message, arena);
}
