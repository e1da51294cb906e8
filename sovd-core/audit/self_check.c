/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/self_check.h"
#include "sovd-core/audit/export.h"
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/log.h"
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TRIES           5                           /* old entries may be removed while they are read */
#define REST_MAX_USEC   (100 * SOVD_USEC_PER_MSEC)  /* after each page */
#define STATE_BYTES_MAX (UINT64_C(512) << 20)       /* a larger file is not read beside the work */

const char *const sovd_audit_self_names[] = { "pending", "sound", "failed", "unreadable", NULL };

struct sovd_audit_self {
        struct sovd_audit *audit;
        uint64_t period_usec;
        pthread_t thread;
        struct sovd_audit_head last; /* its thread's: what was signed when it ended last; size 0 = nothing */

        pthread_mutex_t mutex; /* leaf; all below */
        pthread_cond_t wake;
        bool stopping;
        struct sovd_db_conn *reading; /* a check of the whole state is under way in it; or NULL */
        struct sovd_audit_self_status status;
};

/* true: it is to stop. */
static bool rest(struct sovd_audit_self *self, uint64_t usec) {
        const uint64_t until = sovd_now_usec() + usec;
        int r = 0;

        (void)pthread_mutex_lock(&self->mutex);
        while (!self->stopping && r != ETIMEDOUT)
                r = sovd_cond_wait_until(&self->wake, &self->mutex, until);
        bool stop = self->stopping;
        (void)pthread_mutex_unlock(&self->mutex);
        return stop;
}

/* --- the log as a file ------------------------------------------------------------------------------------- */

struct pages {
        struct sovd_audit_self *self;
        struct sovd_audit_export export;
        struct sovd_json_writer page;
        size_t done; /* bytes of the page that were read */
        bool more, stopped;
        int error;
};

static int keep_line(void *data, const char *text, size_t n) {
        struct pages *p = data;

        sovd_json_raw(&p->page, text, n);
        return p->page.error;
}

/* As long as it worked, it rests. */
static int next_page(struct pages *p) {
        uint64_t began = sovd_now_usec();

        sovd_json_writer_reset(&p->page);
        p->done = 0;
        int r = sovd_audit_export_step(p->self->audit, &p->export, keep_line, p, &p->more);
        p->stopped = rest(p->self, SOVD_MIN(sovd_now_usec() - began, REST_MAX_USEC));
        return p->stopped ? -ECANCELED : r;
}

static ssize_t read_page(void *data, char *buf, size_t size) {
        struct pages *p = data;

        while (p->done == p->page.len && p->more && !p->error)
                p->error = next_page(p);
        if (p->error) {
                errno = EIO;
                return -1;
        }
        size_t n = SOVD_MIN(size, p->page.len - p->done);
        if (n)
                memcpy(buf, p->page.data + p->done, n);
        p->done += n;
        return (ssize_t)n;
}

static int verify_pages(struct pages *p, const struct sovd_audit_trust *trust, struct sovd_audit_report *report) {
        const cookie_io_functions_t functions = { .read = read_page };
        FILE *file = fopencookie(p, "r", functions);
        if (!file)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_audit_verify_export(file, trust, report);
        (void)fclose(file);
        return r ? r : p->error;
}

static bool was_removed(struct sovd_audit *audit, uint64_t seq) {
        struct sovd_audit_status s;

        sovd_audit_status(audit, &s);
        return s.first > seq;
}

/* Rows that are gone or have another form, and what is no trouble of the disk or of memory. */
static bool is_finding(int r) {
        return r == -ENODATA || r == -ENOENT || r == -EBADMSG || r == -EINVAL || r == -E2BIG || r == -EUCLEAN;
}

/* 0: the report says it. -EAGAIN: entries were removed meanwhile, as is their way. */
static int verify_once(struct sovd_audit_self *self, struct sovd_arena *arena, struct sovd_audit_report *report) {
        struct sovd_audit_head head = self->last;
        const struct sovd_audit_trust trust = {
                .device_key = sovd_audit_signer_public(sovd_audit_keys_device(self->audit->keys)),
                .heads = &head,
                .n_heads = head.size ? 1 : 0,
        };
        struct pages p = { .self = self, .more = true };

        *report = (struct sovd_audit_report){ .verdict = SOVD_AUDIT_SOUND };
        int r = sovd_audit_export_begin(self->audit, 0, arena, &p.export);
        if (!r) {
                sovd_json_writer_init(&p.page, 0, 0);
                r = verify_pages(&p, &trust, report);
                sovd_json_writer_done(&p.page);
        }
        if (p.stopped)
                return -ECANCELED;
        if (r && was_removed(self->audit, p.export.from))
                return -EAGAIN;
        if (is_finding(r)) {
                *report = (struct sovd_audit_report){ .first = p.export.from, .last = p.export.next - 1 };
                (void)sovd_audit_verdict(report, SOVD_AUDIT_TAMPERED, p.export.next, "entry %llu, or what belongs to it, is gone or has another form",
                                         (unsigned long long)p.export.next);
                return 0;
        }
        return r;
}

/* --- what was found ---------------------------------------------------------------------------------------- */

/* A head of 0 entries is none. */
static void keep_head(struct sovd_audit_self *self, const struct sovd_audit_report *report) {
        self->last = (struct sovd_audit_head){ .name = "the last self-check", .size = report->signed_size, .root = report->signed_root };
}

static void put_on_record(struct sovd_audit *audit, const struct sovd_audit_report *report) {
        char why[SOVD_AUDIT_TEXT_MAX + 1];
        const struct sovd_audit_entry e = { .ev = "system.verify", .outcome = "error", .n_detail = 1,
                                            .detail = { { .name = "why", .text = sovd_audit_clip(why, sizeof(why), report->reason) } } };

        if (!audit->broken)
                sovd_audit_post(audit, &e);
        sovd_log(SOVD_LOG_ERROR, "the audit log is not what was once written: %s", report->reason);
}

struct asking {
        struct sovd_audit *audit;
        const char *reason;
        bool known;
};

static int look_for(struct sovd_db_conn *conn, void *data) {
        char known[AUDIT_KNOWN_SIZE + 2], pending[SOVD_AUDIT_TEXT_MAX + 1];
        struct asking *x = data;
        int r = audit_read_known(x->audit, conn, known, pending);

        x->known = !r && audit_has_line(known, x->reason);
        return r;
}

/* An admin has seen the same before: it stays true, and is no news. */
static bool is_known(struct sovd_audit *audit, const char *reason) {
        char text[SOVD_AUDIT_TEXT_MAX + 1];
        struct asking x = { .audit = audit, .reason = sovd_audit_clip(text, sizeof(text), reason) };

        return !audit->broken && !sovd_db_write(audit->db, look_for, &x) && x.known;
}

static void tell(struct sovd_audit_self *self, const struct sovd_audit_report *report, int r, uint64_t began) {
        const bool sound = !r && report->verdict == SOVD_AUDIT_SOUND;
        const enum sovd_audit_self_result result = sound ? SOVD_SELF_SOUND
                                                   : r || report->verdict == SOVD_AUDIT_UNREADABLE ? SOVD_SELF_UNREADABLE
                                                                                                   : SOVD_SELF_FAILED;
        const bool known = result == SOVD_SELF_FAILED && is_known(self->audit, report->reason);

        (void)pthread_mutex_lock(&self->mutex);
        struct sovd_audit_self_status *s = &self->status;
        s->acknowledged = known;
        s->result = result;
        s->ended_usec = sovd_realtime_usec();
        s->took_usec = sovd_now_usec() - began;
        s->first = report->first;
        s->last = report->last;
        s->size = report->signed_size;
        (void)sovd_audit_to_hex(s->root, &report->signed_root);
        (void)snprintf(s->reason, sizeof(s->reason), "%s", r ? strerror(abs(r)) : report->reason);
        s->n_done++;
        s->n_failed += result == SOVD_SELF_FAILED;
        (void)pthread_mutex_unlock(&self->mutex);
        if (sound)
                keep_head(self, report);
        else if (result == SOVD_SELF_FAILED && !known)
                put_on_record(self->audit, report);
        else if (result == SOVD_SELF_UNREADABLE)
                sovd_log(SOVD_LOG_WARN, "the audit log could not be verified: %s", r ? strerror(abs(r)) : report->reason);
}

static void verify(struct sovd_audit_self *self) {
        struct sovd_audit_report report = { .verdict = SOVD_AUDIT_SOUND };
        struct sovd_arena *arena = NULL;
        uint64_t began = sovd_now_usec();
        int r = sovd_arena_new(&arena, 4096);

        if (!r)
                r = -EAGAIN;
        for (int i = 0; r == -EAGAIN && i < TRIES; i++)
                r = verify_once(self, arena, &report);
        if (r != -ECANCELED)
                tell(self, &report, r, began);
        sovd_arena_free(arena);
}

static void set_reading(struct sovd_audit_self *self, struct sovd_db_conn *conn) {
        (void)pthread_mutex_lock(&self->mutex);
        self->reading = conn;
        (void)pthread_cond_signal(&self->wake);
        (void)pthread_mutex_unlock(&self->mutex);
}

/* It may take minutes: this thread gets what nobody else wants of the processors. A stop does not wait for it. */
static int read_state(struct sovd_audit_self *self) {
        struct sovd_db_conn *conn;

        int r = sovd_db_read_begin(self->audit->db, &conn);
        if (r)
                return r;
        set_reading(self, conn);
        r = rest(self, 0) ? -ETIMEDOUT : sovd_db_check_in(conn);
        set_reading(self, NULL);
        sovd_db_read_end(self->audit->db, conn);
        return r;
}

/* With the mutex held. An interruption that comes before the check begins is in vain, so it is repeated. */
static void end_reading(struct sovd_audit_self *self) {
        while (self->reading) {
                sovd_db_interrupt(self->reading);
                (void)sovd_cond_wait_until(&self->wake, &self->mutex, sovd_now_usec() + 10 * SOVD_USEC_PER_MSEC);
        }
}

static void check_state(struct sovd_audit_self *self) {
        struct sovd_db_status db;

        sovd_db_status(self->audit->db, &db);
        if (!sovd_db_is_file(self->audit->db) || db.bytes > STATE_BYTES_MAX || rest(self, 0))
                return;
        int r = read_state(self);
        if (r == -ETIMEDOUT)
                return;
        (void)pthread_mutex_lock(&self->mutex);
        self->status.state = !r ? SOVD_SELF_SOUND : r == -EBADMSG ? SOVD_SELF_FAILED : SOVD_SELF_UNREADABLE;
        self->status.state_usec = sovd_realtime_usec();
        (void)pthread_mutex_unlock(&self->mutex);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the state was read as a whole: %s", r == -EBADMSG ? "it is damaged" : strerror(abs(r)));
}

/* --- life -------------------------------------------------------------------------------------------------- */

static void *run(void *data) {
        struct sovd_audit_self *self = data;

        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19); /* of this thread alone */
        do {
                verify(self);
                check_state(self);
        } while (!rest(self, self->period_usec));
        return NULL;
}

void sovd_audit_self_status(struct sovd_audit_self *self, struct sovd_audit_self_status *ret) {
        (void)pthread_mutex_lock(&self->mutex);
        *ret = self->status;
        (void)pthread_mutex_unlock(&self->mutex);
}

void sovd_audit_self_acknowledge(struct sovd_audit_self *self, const char *reason) {
        (void)pthread_mutex_lock(&self->mutex);
        self->status.acknowledged = self->status.result == SOVD_SELF_FAILED && strcmp(self->status.reason, reason) == 0;
        (void)pthread_mutex_unlock(&self->mutex);
}

static void destroy(struct sovd_audit_self *self) {
        (void)pthread_cond_destroy(&self->wake);
        (void)pthread_mutex_destroy(&self->mutex);
        free(self);
}

int sovd_audit_self_new(struct sovd_audit_self **ret, struct sovd_audit *audit, uint64_t period_usec) {
        struct sovd_audit_self *self = calloc(1, sizeof(*self));
        if (!self)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&self->mutex, NULL);
        (void)sovd_cond_init(&self->wake);
        self->audit = audit;
        self->period_usec = period_usec;
        int r = -pthread_create(&self->thread, NULL, run, self);
        if (r) {
                destroy(self);
                return sovd_error_origin(r);
        }
        *ret = self;
        return 0;
}

struct sovd_audit_self *sovd_audit_self_free(struct sovd_audit_self *self) {
        if (!self)
                return NULL;
        (void)pthread_mutex_lock(&self->mutex);
        self->stopping = true;
        (void)pthread_cond_signal(&self->wake);
        end_reading(self);
        (void)pthread_mutex_unlock(&self->mutex);
        (void)pthread_join(self->thread, NULL);
        destroy(self);
        return NULL;
}
