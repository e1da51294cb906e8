/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/syslog.h"
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/syslog_link.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAGE        100  /* entries that are read at once */
#define HEAD_MAX    700
#define FACILITY    13   /* "log audit" */
#define WAIT_FIRST  (1 * SOVD_USEC_PER_SEC)
#define WAIT_MAX    (30 * SOVD_USEC_PER_SEC)
#define AT_ONCE     (3 * SOVD_USEC_PER_SEC) /* several round trips of a bad mobile link */
#define LAST_USEC   (1 * SOVD_USEC_PER_SEC) /* for what waits when the process ends */
#define IDLE_MSEC   1000

enum { ALERT = 1, ERROR = 3, WARNING = 4, NOTICE = 5, INFO = 6 };

struct place {
        uint64_t cursor;                  /* the last entry that was sent, or left out */
        uint64_t gap_from, gap_to, n_gap; /* left out, and the collector does not know yet; n_gap 0 = nothing */
        uint64_t position;                /* of what is sent, or told to be left out */
};

struct sovd_syslog {
        struct sovd_audit *audit;
        char *host, *ca_file, *cert_file, *key_file;
        struct sovd_syslog_options options;
        char log[SOVD_AUDIT_LOG_SIZE], machine[256];
        int news, quit, stop, ended; /* eventfds: new entries; end when nothing waits; end now; it has ended */
        pthread_t thread;
        bool has_thread;

        /* its thread's */
        struct syslog_link *link;
        struct place place;

        pthread_mutex_t mutex; /* leaf */
        struct sovd_syslog_status status;
        uint64_t position;      /* place.position, for others */
        uint64_t abreast_usec;  /* monotonic: when nothing waited last */
};

static void raise_fd(int fd) {
        const uint64_t one = 1;
        ssize_t n = write(fd, &one, sizeof(one)); /* full: it is raised already */
        (void)n;
}

void sovd_syslog_wake(struct sovd_syslog *s) {
        raise_fd(s->news);
}

void sovd_syslog_status(struct sovd_syslog *s, struct sovd_syslog_status *ret) {
        (void)pthread_mutex_lock(&s->mutex);
        *ret = s->status;
        ret->lag_usec = s->status.n_waiting ? sovd_now_usec() - s->abreast_usec : 0;
        (void)pthread_mutex_unlock(&s->mutex);
}

uint64_t sovd_syslog_position(struct sovd_syslog *s) {
        (void)pthread_mutex_lock(&s->mutex);
        uint64_t position = s->position;
        (void)pthread_mutex_unlock(&s->mutex);
        return position;
}

static bool is_raised(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

/* --- messages ---------------------------------------------------------------------------------------------- */

static int severity_of(const struct sovd_audit_entry *e) {
        if (strcmp(e->ev, "system.tamper") == 0 || strcmp(e->ev, "system.verify") == 0)
                return ALERT;
        if (!e->outcome || strcmp(e->outcome, "ok") == 0)
                return sovd_has_prefix(e->ev, "system.") ? NOTICE : INFO;
        return strcmp(e->outcome, "denied") == 0 ? WARNING : ERROR;
}

/* RFC 5424 6.2 and 6.3; names of logs need no escapes. */
static int head_of(const struct sovd_syslog *s, char buf[static HEAD_MAX], int severity, const char *time, const char *id, uint64_t seq) {
        int n = snprintf(buf, HEAD_MAX, "<%d>1 %s %s sovd-gateway %d %.32s [audit@%u log=\"%s\"", FACILITY * 8 + severity, time, s->machine,
                         (int)getpid(), id, s->options.enterprise, s->log);

        return n + (seq ? snprintf(buf + n, HEAD_MAX - (size_t)n, " seq=\"%llu\"] ", (unsigned long long)seq)
                        : snprintf(buf + n, HEAD_MAX - (size_t)n, "] "));
}

static int send_message(struct sovd_syslog *s, const char *head, int n_head, const char *body) {
        size_t n = strlen(body);
        char *text = malloc((size_t)n_head + n);
        if (!text)
                return sovd_error_origin(-ENOMEM);

        memcpy(text, head, (size_t)n_head);
        memcpy(text + n_head, body, n);
        int r = syslog_link_send(s->link, text, (size_t)n_head + n);
        free(text);
        return r;
}

/* The entry is sent as it was hashed, so whoever has it can check it. One that makes no sense is sent as well. */
static int send_entry(struct sovd_syslog *s, const struct sovd_audit_row *row) {
        _cleanup_(sovd_freep) struct sovd_audit_text *room = malloc(sizeof(*room));
        struct sovd_audit_entry e;
        char head[HEAD_MAX];
        if (!room)
                return sovd_error_origin(-ENOMEM);

        const bool good = !sovd_audit_entry_read(row->body, strlen(row->body), &e, room);
        int n = head_of(s, head, good ? severity_of(&e) : ERROR, good ? e.t : "-", good ? e.ev : "-", row->seq);
        return send_message(s, head, n, row->body);
}

/* What was left out is told before what comes next. */
static int send_gap(struct sovd_syslog *s) {
        char head[HEAD_MAX], text[160], when[SOVD_TIMESTAMP_SIZE];

        if (!s->place.n_gap)
                return 0;
        (void)snprintf(text, sizeof(text), "{\"dropped\":%llu,\"from\":%llu,\"to\":%llu}", (unsigned long long)s->place.n_gap,
                       (unsigned long long)s->place.gap_from, (unsigned long long)s->place.gap_to);
        int n = head_of(s, head, WARNING, sovd_clock_format(when, sovd_realtime_usec()), "syslog.dropped", 0);
        int r = send_message(s, head, n, text);
        if (r)
                return r;
        sovd_log(SOVD_LOG_WARN, "%llu entries of the audit log, %llu to %llu, were not sent to syslog", (unsigned long long)s->place.n_gap,
                 (unsigned long long)s->place.gap_from, (unsigned long long)s->place.gap_to);
        s->place.n_gap = 0;
        return 0;
}

/* --- the queue --------------------------------------------------------------------------------------------- */

static void leave_out(struct sovd_syslog *s, uint64_t to) {
        uint64_t n = to - s->place.cursor;

        if (!s->place.n_gap)
                s->place.gap_from = s->place.cursor + 1;
        s->place.gap_to = to;
        s->place.n_gap += n;
        s->place.cursor = to;
        (void)pthread_mutex_lock(&s->mutex);
        s->status.n_dropped += n;
        (void)pthread_mutex_unlock(&s->mutex);
}

/* Keeps what waits within its limit. */
static void measure(struct sovd_syslog *s) {
        struct sovd_audit_status a;

        sovd_audit_status(s->audit, &a);
        if (a.size > s->place.cursor && a.size - s->place.cursor > s->options.queue)
                leave_out(s, a.size - s->options.queue);
        (void)pthread_mutex_lock(&s->mutex);
        s->status.n_waiting = a.size > s->place.cursor ? a.size - s->place.cursor : 0;
        if (!s->status.n_waiting)
                s->abreast_usec = sovd_now_usec();
        (void)pthread_mutex_unlock(&s->mutex);
}

static int send_rows(struct sovd_syslog *s, const struct sovd_audit_row *rows, size_t n) {
        int r = 0;

        for (size_t i = 0; !r && i < n && !is_raised(s->stop); i++) {
                if (rows[i].seq > s->place.cursor + 1)
                        leave_out(s, rows[i].seq - 1); /* removed for their age before they were sent */
                r = send_gap(s);
                if (!r)
                        r = send_entry(s, &rows[i]);
                if (r)
                        break;
                s->place.cursor = rows[i].seq;
                (void)pthread_mutex_lock(&s->mutex);
                s->status.n_sent++;
                s->place.position = s->position = s->place.cursor;
                (void)pthread_mutex_unlock(&s->mutex);
        }
        return r;
}

/* *ret_n: how many there were. */
static int send_page(struct sovd_syslog *s, size_t *ret_n) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_audit_row *rows;
        int r;

        *ret_n = 0;
        measure(s);
        r = sovd_arena_new(&arena, 16384);
        if (!r)
                r = sovd_audit_follow(s->audit, s->place.cursor, PAGE, arena, &rows, ret_n);
        if (!r)
                r = send_rows(s, rows, *ret_n);
        measure(s);
        return r;
}

/* --- the thread -------------------------------------------------------------------------------------------- */

/* Until there are new entries, the collector says something, or it is to end. */
static int wait_for_news(struct sovd_syslog *s) {
        struct pollfd fds[] = { { .fd = s->news, .events = POLLIN },
                                { .fd = s->quit, .events = POLLIN },
                                { .fd = syslog_link_fd(s->link), .events = POLLIN } };
        uint64_t n;

        if (poll(fds, SOVD_N_ELEMENTS(fds), IDLE_MSEC) < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[0].revents && read(s->news, &n, sizeof(n)) < 0 && errno != EAGAIN)
                return -errno;
        if (fds[1].revents)
                return -ECANCELED;
        return fds[2].revents ? syslog_link_drain(s->link) : 0;
}

/* Returns why it ended; -ECANCELED: it is to end. */
static int pump(struct sovd_syslog *s) {
        for (;;) {
                size_t n = 0;
                int r = send_page(s, &n);
                if (!r && !n)
                        r = wait_for_news(s);
                if (r)
                        return r;
        }
}

static const char *words_of(int r) {
        return r == -EKEYREJECTED  ? "its certificate is not one that is trusted"
               : r == -EPERM       ? "it ended TLS with an alert; perhaps it does not accept our certificate"
               : r == -EPROTO      ? "it does not speak as it should"
               : r == -EHOSTUNREACH ? "its name or address leads nowhere"
                                   : strerror(abs(r));
}

static void note_up(struct sovd_syslog *s) {
        (void)pthread_mutex_lock(&s->mutex);
        bool news = !s->status.connected;
        s->status.connected = true;
        *s->status.why = '\0';
        (void)pthread_mutex_unlock(&s->mutex);
        if (news)
                sovd_log(SOVD_LOG_INFO, "the audit log is sent to %s port %u", s->host, s->options.port);
}

/* Once when it begins, and when the reason is another one. */
static void note_down(struct sovd_syslog *s, int r) {
        const char *why = words_of(r);

        (void)pthread_mutex_lock(&s->mutex);
        bool news = s->status.connected || strcmp(s->status.why, why) != 0;
        s->status.connected = false;
        (void)snprintf(s->status.why, sizeof(s->status.why), "%s", why);
        (void)pthread_mutex_unlock(&s->mutex);
        if (news)
                sovd_log(SOVD_LOG_WARN, "the audit log cannot be sent to %s port %u: %s", s->host, s->options.port, why);
}

/* false: it is to end. */
static bool wait_again(struct sovd_syslog *s, uint64_t usec) {
        uint64_t until = sovd_now_usec() + usec, left;
        struct pollfd p = { .fd = s->quit, .events = POLLIN };

        while ((left = sovd_clock_left_usec(until))) {
                measure(s);
                if (poll(&p, 1, (int)SOVD_MIN(left / 1000 + 1, (uint64_t)IDLE_MSEC)) > 0)
                        return false;
        }
        return true;
}

static void set_position(struct sovd_syslog *s, uint64_t position) {
        (void)pthread_mutex_lock(&s->mutex);
        s->place.position = s->position = position;
        (void)pthread_mutex_unlock(&s->mutex);
}

/* With TLS 1.3 a collector that does not want us says so after we have begun to send, and its word may get lost with the connection:
 * one that ends at once has taken nothing. What was taken all the same comes twice; so no longer than that, as there are collectors that
 * close what is idle. */
static bool was_refused(struct sovd_syslog *s, int r, uint64_t opened_usec) {
        if (s->options.transport != SOVD_SYSLOG_TLS || sovd_now_usec() - opened_usec >= SOVD_MIN(s->options.timeout_usec, AT_ONCE))
                return false;
        return r != -ECANCELED || syslog_link_drain(s->link) != 0;
}

static void *run(void *data) {
        struct sovd_syslog *s = data;
        uint64_t wait = WAIT_FIRST;

        for (;;) {
                const struct place before = s->place;
                int r = syslog_link_open(s->link);
                if (!r) {
                        note_up(s);
                        const uint64_t opened = sovd_now_usec();
                        r = pump(s);
                        if (was_refused(s, r, opened)) {
                                s->place = before;
                                set_position(s, before.position);
                        }
                        syslog_link_close(s->link);
                }
                if (r == -ECANCELED)
                        break;
                note_down(s, r);
                if (s->place.cursor != before.cursor)
                        wait = WAIT_FIRST; /* it took some */
                if (!wait_again(s, wait))
                        break;
                wait = SOVD_MIN(2 * wait, WAIT_MAX);
        }
        raise_fd(s->ended);
        return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------- */

/* A name without characters that the form does not allow. */
static void take_machine(struct sovd_syslog *s) {
        if (gethostname(s->machine, sizeof(s->machine)))
                *s->machine = '\0';
        s->machine[sizeof(s->machine) - 1] = '\0';
        for (const char *p = s->machine; *p; p++)
                if (*p <= ' ' || *p > '~')
                        *s->machine = '\0';
        if (!*s->machine)
                (void)snprintf(s->machine, sizeof(s->machine), "-");
}

static int prepare(struct sovd_syslog *s, const struct sovd_syslog_options *o) {
        struct sovd_audit_status a;
        int *fds[] = { &s->news, &s->quit, &s->stop, &s->ended };

        sovd_audit_status(s->audit, &a);
        memcpy(s->log, a.log, sizeof(s->log));
        take_machine(s);
        s->options = *o;
        s->host = strdup(o->host);
        s->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
        s->cert_file = o->cert_file ? strdup(o->cert_file) : NULL;
        s->key_file = o->key_file ? strdup(o->key_file) : NULL;
        if (!s->host || (o->ca_file && !s->ca_file) || (o->cert_file && !s->cert_file) || (o->key_file && !s->key_file))
                return sovd_error_origin(-ENOMEM);
        s->options.host = s->host;
        s->options.ca_file = s->ca_file;
        s->options.cert_file = s->cert_file;
        s->options.key_file = s->key_file;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(fds); i++)
                if ((*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
                        return sovd_error_origin(-errno);
        return syslog_link_new(&s->link, &s->options, s->stop);
}

int sovd_syslog_new(struct sovd_syslog **ret, struct sovd_audit *audit, const struct sovd_syslog_options *options, uint64_t after) {
        struct sovd_syslog *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        *s = (struct sovd_syslog){ .audit = audit, .place = { .cursor = after, .position = after }, .position = after,
                                   .abreast_usec = sovd_now_usec(), .news = -1, .quit = -1, .stop = -1, .ended = -1 };
        (void)pthread_mutex_init(&s->mutex, NULL);
        int r = prepare(s, options);
        if (!r)
                r = -pthread_create(&s->thread, NULL, run, s);
        s->has_thread = !r;
        if (r) {
                sovd_log(SOVD_LOG_ERROR, "audit.syslog cannot be used: %s", strerror(-r));
                (void)sovd_syslog_free(s, NULL);
                return r;
        }
        *ret = s;
        return 0;
}

struct sovd_syslog *sovd_syslog_free(struct sovd_syslog *s, uint64_t *ret_position) {
        if (!s)
                return NULL;
        if (s->has_thread) {
                struct pollfd p = { .fd = s->ended, .events = POLLIN };
                raise_fd(s->quit);
                (void)poll(&p, 1, LAST_USEC / 1000);
                raise_fd(s->stop);
                (void)pthread_join(s->thread, NULL);
        }
        if (ret_position)
                *ret_position = s->position;
        syslog_link_free(s->link);
        const int fds[] = { s->news, s->quit, s->stop, s->ended };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s->host);
        free(s->ca_file);
        free(s->cert_file);
        free(s->key_file);
        free(s);
        return NULL;
}
