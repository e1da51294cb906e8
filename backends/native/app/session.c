/* SPDX-License-Identifier: Apache-2.0 */
/* The library's thread: connects, says what the app has, sends what waits, and answers. */
#include "backends/native/app/session.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD          4
#define OUT_MAX       65536 /* more is not made ready before it is written */
#define FRAME_DEFAULT 262144
#define GREET_MS      10000 /* for welcome and the answer to register */
#define BACKOFF_MS    20

/* --- buffers -------------------------------------------------------------------------------------------- */

static bool make_room(struct buffer *b, size_t n) {
        if (b->from) {
                memmove(b->bytes, b->bytes + b->from, b->len - b->from);
                b->len -= b->from;
                b->from = 0;
        }
        if (b->size - b->len >= n)
                return true;
        const size_t size = b->len + n > b->size * 2 ? b->len + n : b->size * 2;
        unsigned char *bytes = realloc(b->bytes, size);
        if (!bytes)
                return false;
        b->bytes = bytes;
        b->size = size;
        return true;
}

static void fail(struct session *s, const char *why) {
        s->broken = true;
        (void)pthread_mutex_lock(&s->app->mutex);
        if (why)
                (void)snprintf(s->app->status.last_error, sizeof(s->app->status.last_error), "%s", why);
        (void)pthread_mutex_unlock(&s->app->mutex);
}

static void note(struct session *s, const char *code, const char *message) {
        (void)pthread_mutex_lock(&s->app->mutex);
        (void)snprintf(s->app->status.last_error, sizeof(s->app->status.last_error), "%s: %s", code, message);
        (void)pthread_mutex_unlock(&s->app->mutex);
}

bool app_put(struct session *s, cJSON *frame) {
        char *text = frame ? cJSON_PrintUnformatted(frame) : NULL;
        const size_t n = text ? strlen(text) : 0;
        bool sent = false;

        cJSON_Delete(frame);
        if (!text || (n <= s->max_frame && !make_room(&s->out, HEAD + n)))
                fail(s, "out of memory");
        else if (n <= s->max_frame) {
                unsigned char *p = s->out.bytes + s->out.len;
                for (int i = 0; i < HEAD; i++)
                        p[i] = (unsigned char)(n >> (8 * (HEAD - 1 - i)));
                memcpy(p + HEAD, text, n);
                s->out.len += HEAD + n;
                sent = true;
        }
        free(text);
        return sent;
}

cJSON *app_frame(const char *type) {
        cJSON *frame = cJSON_CreateObject();

        if (frame && !cJSON_AddStringToObject(frame, "type", type)) {
                cJSON_Delete(frame);
                return NULL;
        }
        return frame;
}

/* --- greeting ------------------------------------------------------------------------------------------- */

static void say_hello(struct session *s) {
        const struct sovd_app *app = s->app;
        cJSON *frame = app_frame("hello");

        if (frame) {
                cJSON_AddNumberToObject(frame, "seq", (double)++s->seq);
                cJSON_AddNumberToObject(frame, "v", 1);
                cJSON_AddStringToObject(frame, "entity", app->entity);
                cJSON_AddStringToObject(frame, "instance", app->instance);
                if (app->name)
                        cJSON_AddStringToObject(frame, "name", app->name);
                if (app->version)
                        cJSON_AddStringToObject(frame, "version", app->version);
                if (app->located_on)
                        cJSON_AddStringToObject(frame, "located_on", app->located_on);
        }
        (void)app_put(s, frame);
}

/* Nothing is added once the app is ready, so the lists can be read without the mutex. */
static void say_register(struct session *s) {
        static const char *const words[APP_N_KINDS] = { "data", "operations", "modes", "configurations",
                                                        "logs" };
        const struct sovd_app *app = s->app;
        cJSON *frame = app_frame("register");

        s->register_seq = ++s->seq;
        cJSON_AddNumberToObject(frame, "seq", (double)s->register_seq);
        for (int kind = 0; frame && kind < APP_N_KINDS; kind++) {
                cJSON *list = cJSON_AddArrayToObject(frame, words[kind]);
                for (size_t i = 0; list && i < app->n_items[kind]; i++)
                        cJSON_AddItemReferenceToArray(list, app->items[kind][i].about);
        }
        if (frame && app->faults)
                cJSON_AddItemReferenceToObject(frame, "faults", app->faults);
        if (!app_put(s, frame))
                fail(s, "what is registered is longer than a frame may be");
}

/* --- sending -------------------------------------------------------------------------------------------- */

/* All below with the mutex held: a frame of what waits next, or NULL. What is sent is taken out or marked. */

static cJSON *next_condition(struct sovd_app *app) {
        app_reports_pass_conditions(app);
        for (size_t i = 0; i < app->n_conditions; i++) {
                struct app_condition *c = &app->conditions[i];
                if (c->sent || !c->known)
                        continue;
                cJSON *frame = app_frame("condition");
                cJSON_AddStringToObject(frame, "name", c->name);
                cJSON_AddBoolToObject(frame, "on", c->on);
                c->sent = true;
                return frame;
        }
        return NULL;
}

/* One that was published before that act of the app. In turn, so that one that changes often does not keep the others waiting. */
static cJSON *next_value(struct sovd_app *app, uint64_t before) {
        const size_t n = app->n_items[APP_DATA];

        for (size_t i = 0; app->n_dirty && i < n; i++) {
                struct app_item *item = &app->items[APP_DATA][(app->next_dirty + i) % n];
                if (!item->dirty || item->since >= before)
                        continue;
                cJSON *frame = app_frame("publish");
                cJSON_AddRawToObject(cJSON_AddObjectToObject(frame, "values"), item->id, item->value);
                item->dirty = false;
                app->n_dirty--;
                app->next_dirty = (app->next_dirty + i + 1) % n;
                return frame;
        }
        return NULL;
}

static cJSON *next_exec(struct sovd_app *app) {
        for (struct app_exec *x = app->execs; x; x = x->next) {
                if (!x->dirty)
                        continue;
                cJSON *frame = app_frame("exec");
                cJSON_AddStringToObject(frame, "exec", x->id);
                cJSON_AddStringToObject(frame, "status",
                                        !x->ended  ? "running"
                                        : x->error ? "failed"
                                                   : "completed");
                if (x->progress >= 0)
                        cJSON_AddNumberToObject(frame, "progress", x->progress);
                if (x->result)
                        cJSON_AddRawToObject(frame, "parameters", x->result);
                if (x->error)
                        cJSON_AddStringToObject(frame, "error", x->error);
                x->dirty = false;
                if (x->ended)
                        app_exec_drop(app, x->id);
                return frame;
        }
        return NULL;
}

static cJSON *cycle_frame(const struct app_epoch *cycle) {
        cJSON *frame = app_frame("cycle");

        cJSON_AddNumberToObject(frame, "seq", (double)cycle->seq);
        cJSON_AddNumberToObject(frame, "n", (double)cycle->n);
        cJSON_AddStringToObject(frame, "kind", cycle->kind);
        return frame;
}

static cJSON *next_report(struct session *s, uint64_t now) {
        static const char *const words[] = { "failed", "passed", "prefailed", "prepassed" };
        const struct app_sendable next = app_reports_next(s->app, s->seq + 1, now);
        const struct app_report *r = next.report;

        if (!r && !next.cycle)
                return NULL;
        s->seq++;
        if (!r)
                return cycle_frame(next.cycle);
        cJSON *frame = app_frame("fault");
        cJSON_AddNumberToObject(frame, "seq", (double)r->seq);
        cJSON_AddNumberToObject(frame, "n", (double)r->n);
        cJSON_AddStringToObject(frame, "code", r->code->code);
        cJSON_AddStringToObject(frame, "report", words[r->kind]);
        if (r->environment)
                cJSON_AddRawToObject(frame, "environment", r->environment);
        return frame;
}

static cJSON *next_log(struct sovd_app *app) {
        struct app_log *log = app->logs;

        if (!log)
                return NULL;
        cJSON *frame = app_frame("log");
        cJSON_AddStringToObject(frame, "severity", app_severity_word(log->severity));
        cJSON_AddStringToObject(frame, "msg", log->text);
        cJSON_AddNumberToObject(frame, "time_ms", (double)log->time_ms);
        if (log->context)
                cJSON_AddStringToObject(frame, "context", log->context);
        app->logs = log->next;
        if (!app->logs)
                app->last_log = &app->logs;
        app->status.logs_waiting--;
        free(log);
        return frame;
}

static void fill_out(struct session *s) {
        while (!s->broken && s->registered && s->out.len - s->out.from < OUT_MAX) {
                (void)pthread_mutex_lock(&s->app->mutex);
                cJSON *frame = next_condition(s->app);
                if (!frame)
                        frame = next_exec(s->app);
                if (!frame && s->app->n_dirty) /* a report is kept with the values of its moment */
                        frame = next_value(s->app, app_reports_since(s->app, app_now_ms()));
                if (!frame)
                        frame = next_report(s, app_now_ms());
                if (!frame)
                        frame = next_value(s->app, UINT64_MAX);
                if (!frame)
                        frame = next_log(s->app);
                (void)pthread_mutex_unlock(&s->app->mutex);
                if (!frame)
                        return;
                if (!app_put(s, frame))
                        note(s, "too-long", "something was longer than the gateway reads, and was left out");
        }
}

/* --- hearing -------------------------------------------------------------------------------------------- */

static void on_welcome(struct session *s, const cJSON *frame) {
        const cJSON *heartbeat = cJSON_GetObjectItemCaseSensitive(frame, "heartbeat_ms");
        const cJSON *max = cJSON_GetObjectItemCaseSensitive(frame, "max_frame_bytes");

        s->welcome = true;
        s->heartbeat_ms = cJSON_IsNumber(heartbeat) && heartbeat->valuedouble >= 1
                                  ? (unsigned)heartbeat->valuedouble
                                  : 5000;
        if (cJSON_IsNumber(max) && max->valuedouble >= 1024)
                s->max_frame = (size_t)max->valuedouble;
        say_register(s);
}

static void on_registered(struct session *s) {
        struct sovd_app *app = s->app;

        s->registered = true;
        (void)pthread_mutex_lock(&app->mutex);
        app->status.connected = true;
        app->status.connections++;
        *app->status.last_error = '\0';
        for (size_t i = 0; i < app->n_conditions; i++)
                app->conditions[i].sent = false;
        app->n_dirty = 0;
        for (size_t i = 0; i < app->n_items[APP_DATA]; i++) {
                app->items[APP_DATA][i].dirty = app->items[APP_DATA][i].value != NULL;
                app->items[APP_DATA][i].since = 0;
                app->n_dirty += app->items[APP_DATA][i].dirty;
        }
        app_reports_again(app, NULL); /* it may have forgotten, or a tester has cleared it meanwhile */
        (void)pthread_mutex_unlock(&app->mutex);
}

static void on_answer(struct session *s, const cJSON *frame, bool error) {
        const cJSON *re = cJSON_GetObjectItemCaseSensitive(frame, "re");
        const char *code = error ? app_text_of(frame, "code") : NULL;
        const char *message = app_text_of(frame, "message");

        if (error)
                note(s, code ? code : "error", message ? message : "");
        if (!cJSON_IsNumber(re))
                return;
        if ((int64_t)re->valuedouble == s->register_seq) {
                if (error)
                        fail(s, NULL);
                else
                        on_registered(s);
                return;
        }
        (void)pthread_mutex_lock(&s->app->mutex);
        (void)app_reports_settle(s->app, (int64_t)re->valuedouble, error ? code ? code : "error" : NULL,
                                 app_now_ms());
        (void)pthread_mutex_unlock(&s->app->mutex);
}

static void on_frame(struct session *s, const cJSON *frame) {
        const cJSON *seq = cJSON_GetObjectItemCaseSensitive(frame, "seq");

        if (app_is_type(frame, "welcome"))
                on_welcome(s, frame);
        else if (app_is_type(frame, "reply") || app_is_type(frame, "error"))
                on_answer(s, frame, app_is_type(frame, "error"));
        else if (app_is_type(frame, "cleared")) {
                (void)pthread_mutex_lock(&s->app->mutex);
                app_reports_again(s->app, app_text_of(frame, "code"));
                (void)pthread_mutex_unlock(&s->app->mutex);
        } else if (app_is_type(frame, "log_config")) {
                (void)pthread_mutex_lock(&s->app->mutex);
                app_log_config(s->app, cJSON_GetObjectItemCaseSensitive(frame, "contexts"));
                (void)pthread_mutex_unlock(&s->app->mutex);
        } else if (cJSON_IsNumber(seq))
                app_answer_request(s, frame, seq->valuedouble);
}

static void hear(struct session *s) {
        while (!s->broken && s->in.len - s->in.from >= HEAD) {
                const unsigned char *p = s->in.bytes + s->in.from;
                const size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3];
                if (!n || n > s->max_frame) {
                        fail(s, "the gateway sent a frame that cannot be");
                        return;
                }
                if (s->in.len - s->in.from - HEAD < n)
                        return;
                cJSON *frame = cJSON_ParseWithLength((const char *)p + HEAD, n);
                s->in.from += HEAD + n;
                s->heard_ms = app_now_ms();
                if (cJSON_IsObject(frame))
                        on_frame(s, frame);
                else
                        fail(s, "the gateway sent what is no JSON object");
                cJSON_Delete(frame);
        }
}

/* --- the socket ----------------------------------------------------------------------------------------- */

static void read_some(struct session *s) {
        if (!make_room(&s->in, 65536)) {
                fail(s, "out of memory");
                return;
        }
        const ssize_t n = recv(s->fd, s->in.bytes + s->in.len, 65536, MSG_DONTWAIT);
        if (n > 0) {
                s->in.len += (size_t)n;
                hear(s);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                fail(s, s->registered ? "the gateway closed the connection" : NULL);
}

static void write_some(struct session *s) {
        while (s->out.len > s->out.from) {
                const ssize_t n = send(s->fd, s->out.bytes + s->out.from, s->out.len - s->out.from,
                                       MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                        read_some(s); /* it may have said why */
                        s->broken = true;
                }
                if (n <= 0)
                        return;
                s->out.from += (size_t)n;
        }
}

static int open_socket(struct session *s) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->app->socket);
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->fd < 0)
                return -errno;
        return connect(s->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static void drain_pipe(const struct sovd_app *app) {
        char bytes[64];

        while (read(app->wake[0], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
                ;
}

/* How long reports may wait for their next try; -1 = none waits. */
static int retry_in(struct sovd_app *app, uint64_t now) {
        (void)pthread_mutex_lock(&app->mutex);
        const uint64_t next = app_reports_retry_ms(app, now);
        (void)pthread_mutex_unlock(&app->mutex);
        return next ? (int)(next - now) : -1;
}

static void beat(struct session *s, uint64_t now) {
        cJSON *frame = app_frame("heartbeat");

        cJSON_AddNumberToObject(frame, "seq", (double)++s->seq);
        (void)app_put(s, frame);
        s->beat_ms = now;
}

/* Returns how long it may wait in milliseconds. */
static int keep_time(struct session *s) {
        const uint64_t now = app_now_ms();

        if (!s->registered) {
                if (now - s->started_ms >= GREET_MS)
                        fail(s, "the gateway does not answer");
                return 1000;
        }
        if (now - s->beat_ms >= s->heartbeat_ms)
                beat(s, now);
        if (now - s->heard_ms >= 3 * (uint64_t)s->heartbeat_ms)
                fail(s, "the gateway shows no sign of life");
        const int left = (int)(s->heartbeat_ms - (now - s->beat_ms)), retry = retry_in(s->app, now);
        return retry >= 0 && retry < left ? retry : left > 0 ? left : 1;
}

/* Is it time to end? When all is delivered, or when the wait for it is over. */
static bool is_over(struct sovd_app *app, int *timeout) {
        const uint64_t now = app_now_ms();

        (void)pthread_mutex_lock(&app->mutex);
        const bool stopping = app->stopping;
        const bool over = stopping && (now >= app->stop_ms || (!app->status.reports_waiting && !app->logs));
        if (stopping && !over && (uint64_t)*timeout > app->stop_ms - now)
                *timeout = (int)(app->stop_ms - now);
        (void)pthread_mutex_unlock(&app->mutex);
        return over;
}

static void serve(struct session *s) {
        struct pollfd fds[2] = { { .fd = s->fd }, { .fd = s->app->wake[0], .events = POLLIN } };

        while (!s->broken) {
                fill_out(s);
                int timeout = keep_time(s);
                if (is_over(s->app, &timeout)) {
                        (void)app_put(s, app_frame("bye"));
                        write_some(s);
                        return;
                }
                write_some(s);
                if (s->broken)
                        return;
                fds[0].events = (short)(POLLIN | (s->out.len > s->out.from ? POLLOUT : 0));
                if (poll(fds, 2, timeout) < 0 && errno != EINTR)
                        return;
                if (fds[1].revents)
                        drain_pipe(s->app);
                if (fds[0].revents)
                        read_some(s);
        }
}

/* What was under way is sent again; what ran has failed at the gateway. */
static void close_session(struct session *s) {
        struct sovd_app *app = s->app;

        (void)pthread_mutex_lock(&app->mutex);
        app->status.connected = false;
        app_reports_unsent(app);
        app_exec_drop(app, NULL);
        (void)pthread_mutex_unlock(&app->mutex);
        if (s->fd >= 0)
                (void)close(s->fd);
        free(s->in.bytes);
        free(s->out.bytes);
}

/* true: it had registered. */
static bool run_session(struct sovd_app *app) {
        struct session s = { .app = app, .fd = -1, .max_frame = FRAME_DEFAULT, .heartbeat_ms = 5000 };
        char why[160];

        s.started_ms = s.heard_ms = s.beat_ms = app_now_ms();
        int r = open_socket(&s);
        if (r) {
                (void)snprintf(why, sizeof(why), "%s: %s", app->socket, strerror(-r));
                fail(&s, why);
        } else {
                say_hello(&s);
                serve(&s);
        }
        close_session(&s);
        return s.registered;
}

/* Until something is to do, or the time has passed. true: the thread is to end. */
static bool rest(struct sovd_app *app, uint64_t wait_ms) {
        const uint64_t until = app_now_ms() + wait_ms;
        struct pollfd fd = { .fd = app->wake[0], .events = POLLIN };

        for (;;) {
                const uint64_t now = app_now_ms();
                int timeout = now < until ? (int)(until - now) : 0;
                (void)pthread_mutex_lock(&app->mutex);
                const bool idle = !app->ready;
                (void)pthread_mutex_unlock(&app->mutex);
                if (idle)
                        timeout = 60000;
                if (is_over(app, &timeout))
                        return true;
                if (!idle && now >= until)
                        return false;
                (void)poll(&fd, 1, timeout);
                drain_pipe(app);
        }
}

void *app_run(void *data) {
        struct sovd_app *app = data;
        uint64_t wait_ms = 0;

        while (!rest(app, wait_ms)) {
                wait_ms = run_session(app) ? BACKOFF_MS : wait_ms ? wait_ms * 2 : BACKOFF_MS;
                if (wait_ms > app->retry_max_ms)
                        wait_ms = app->retry_max_ms;
        }
        return NULL;
}
