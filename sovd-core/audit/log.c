/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/log_inside.h"
#include "sovd-core/audit/self_check.h"
#include "sovd-core/audit/syslog.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <stdio.h>
#include <time.h>

#define TICK_MSEC        250 /* of the thread: how late the head beside the database may be */
#define JOURNAL_USEC     (60 * SOVD_USEC_PER_SEC)
#define PRUNE_USEC       (60 * SOVD_USEC_PER_SEC)

/* --- writing ----------------------------------------------------------------------------------------------- */

struct writing {
        struct sovd_audit *a;
        const struct sovd_audit_entry *entry;
        struct sovd_audit_intent *intent; /* what begins, or NULL */
        struct sovd_arena *arena;         /* of a copy, or NULL */
        const char *known[2];             /* what is acknowledged; or NULL */
};

/* With the mutex held. */
static void link_intent(struct sovd_audit *a, struct sovd_audit_intent *i) {
        i->prev = a->newest;
        i->next = NULL;
        *(a->newest ? &a->newest->next : &a->oldest) = i;
        a->newest = i;
        i->linked = true;
        a->status.n_open++;
}

/* With the mutex held. */
static void unlink_intent(struct sovd_audit *a, struct sovd_audit_intent *i) {
        if (!i->linked)
                return;
        *(i->prev ? &i->prev->next : &a->oldest) = i->next;
        *(i->next ? &i->next->prev : &a->newest) = i->prev;
        i->linked = false;
        a->status.n_open--;
}

static int append(struct sovd_db_conn *conn, void *data) {
        struct writing *w = data;
        uint64_t seq = 0;

        int r = audit_append(w->a, conn, w->entry, &seq);
        if (r || !w->intent)
                return r;
        /* Here, so that no commit with it says that nothing is open. */
        (void)pthread_mutex_lock(&w->a->mutex);
        w->intent->seq = seq;
        link_intent(w->a, w->intent);
        (void)pthread_mutex_unlock(&w->a->mutex);
        return 0;
}

/* With the mutex held. Its thread tries again, so that what holds is known although nobody changes anything. What has no form
 * is the fault of whoever wrote it. */
static void note_error(struct sovd_audit *a, int r) {
        if (r == -E2BIG || r == -EINVAL || r == -EUCLEAN)
                return;
        a->status.error = r;
        a->has_news = true;
        (void)pthread_cond_signal(&a->wake);
}

static void count_lost(struct sovd_audit *a, int r) {
        (void)pthread_mutex_lock(&a->mutex);
        a->status.n_lost++;
        note_error(a, r);
        (void)pthread_mutex_unlock(&a->mutex);
}

static bool is_closed(struct sovd_audit *a) {
        return a->broken || __atomic_load_n(&a->unopened, __ATOMIC_ACQUIRE);
}

/* What the log does for itself is no effect of a request. */
int sovd_audit_write(struct sovd_audit *a, const struct sovd_audit_entry *entry) {
        struct writing w = { .a = a, .entry = entry };
        uint64_t number = sovd_db_accompany(0);
        int r = is_closed(a) ? sovd_error_origin(-EUCLEAN) : sovd_db_write(a->db, append, &w);

        (void)sovd_db_accompany(number);

        if (r)
                count_lost(a, r);
        return r;
}

static void posted(int result, void *data) {
        struct writing *w = data;

        if (result)
                count_lost(w->a, result);
        sovd_arena_free(w->arena);
}

/* false: no memory. */
static bool copy_texts(struct sovd_audit_entry *e, struct sovd_arena *arena) {
        const char **texts[] = { &e->ev, &e->req, &e->sub, &e->auth, &e->jti, &e->cert, &e->ip, &e->method,
                                 &e->path, &e->entity, &e->lock, &e->outcome };
        bool all = true;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                bool wanted = *texts[i];
                *texts[i] = sovd_arena_strdup(arena, *texts[i]);
                all = all && (!wanted || *texts[i]);
        }
        for (size_t i = 0; i < e->n_detail; i++) {
                struct sovd_audit_detail *d = &e->detail[i];
                bool wanted = d->text;
                d->name = sovd_arena_strdup(arena, d->name);
                d->text = sovd_arena_strdup(arena, d->text);
                all = all && d->name && (!wanted || d->text);
        }
        return all;
}

void audit_post(struct sovd_audit *a, const struct sovd_audit_entry *entry) {
        struct sovd_arena *arena = NULL;
        uint64_t number = sovd_db_accompany(0);
        int r = is_closed(a) ? -EUCLEAN : sovd_arena_new(&arena, 2048);
        struct writing *w = r ? NULL : sovd_arena_new0(arena, struct writing);
        struct sovd_audit_entry *copy = r ? NULL : sovd_arena_new0(arena, struct sovd_audit_entry);

        if (w && copy) {
                *copy = *entry;
                *w = (struct writing){ .a = a, .entry = copy, .arena = arena };
                r = copy_texts(copy, arena) ? sovd_db_post(a->db, append, posted, w) : -ENOMEM;
        } else if (!r) {
                r = -ENOMEM;
        }
        (void)sovd_db_accompany(number);
        if (!r)
                return;
        count_lost(a, r);
        sovd_arena_free(arena);
}

/* --- changes ----------------------------------------------------------------------------------------------- */

static const char *why_not(struct sovd_audit *a, bool anyway) {
        const char *why = NULL;

        (void)pthread_mutex_lock(&a->mutex);
        if (a->broken)
                why = "the audit log cannot be read";
        else if (is_closed(a))
                why = "the audit log could not be opened, because the disk does not work";
        else if (a->status.tampered && !anyway)
                why = "the audit log was changed by somebody else, and no admin has acknowledged it";
        else if (a->status.full && !a->options.overwrite && !anyway)
                why = "the audit log is full (audit.max_bytes)";
        if (why)
                a->status.n_refused++;
        (void)pthread_mutex_unlock(&a->mutex);
        return why;
}

static void count_refused(struct sovd_audit *a, int r) {
        (void)pthread_mutex_lock(&a->mutex);
        a->status.n_refused++;
        note_error(a, r);
        (void)pthread_mutex_unlock(&a->mutex);
}

static void drop_undone(int result, void *data) {
        struct writing *w = data;

        if (!result)
                return;
        (void)pthread_mutex_lock(&w->a->mutex);
        unlink_intent(w->a, w->intent);
        (void)pthread_mutex_unlock(&w->a->mutex);
}

int sovd_audit_begin(struct sovd_audit *a, const struct sovd_audit_entry *entry, bool anyway, struct sovd_audit_intent **ret,
                     const char **ret_why) {
        struct sovd_audit_intent *intent;
        int r;

        *ret_why = why_not(a, anyway);
        if (*ret_why)
                return SOVD_E_AUDIT;
        intent = calloc(1, sizeof(*intent));
        if (!intent)
                return sovd_error_origin(-ENOMEM);
        intent->who = entry;
        struct writing w = { .a = a, .entry = entry, .intent = intent };
        r = sovd_db_apply(a->db, append, drop_undone, &w);
        if (r) {
                count_refused(a, r);
                free(intent);
                return r;
        }
        *ret = intent;
        return 0;
}

uint64_t sovd_audit_intent_seq(const struct sovd_audit_intent *intent) {
        return intent->seq;
}

static void drop_done(int result, void *data) {
        struct writing *w = data;

        (void)pthread_mutex_lock(&w->a->mutex);
        if (result)
                w->intent->who = NULL;
        else
                unlink_intent(w->a, w->intent);
        (void)pthread_mutex_unlock(&w->a->mutex);
}

static int append_end(struct sovd_db_conn *conn, void *data) {
        struct writing *w = data;

        return audit_append(w->a, conn, w->entry, NULL);
}

int sovd_audit_end(struct sovd_audit *a, struct sovd_audit_intent *intent, const struct sovd_audit_entry *entry) {
        struct sovd_audit_entry e = *entry;
        struct writing w = { .a = a, .entry = &e, .intent = intent };

        e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "intent", .number = intent->seq };
        int r = sovd_db_apply(a->db, append_end, drop_done, &w);
        if (r)
                count_lost(a, r);
        else
                free(intent);
        return r;
}

/* The oldest whose request ended without an outcome that could be written, or NULL. */
static struct sovd_audit_intent *find_left_open(struct sovd_audit *a) {
        struct sovd_audit_intent *i;

        (void)pthread_mutex_lock(&a->mutex);
        for (i = a->oldest; i && i->who; i = i->next)
                ;
        (void)pthread_mutex_unlock(&a->mutex);
        return i;
}

static int append_unknown(struct sovd_db_conn *conn, void *data) {
        struct writing *w = data;

        return audit_append_unknown(w->a, conn, w->intent->seq);
}

/* When the disk takes entries again, what nobody could be told is told. */
static void close_left_open(struct sovd_audit *a) {
        struct sovd_audit_intent *i;
        int r = 0;

        while (!r && (i = find_left_open(a))) {
                struct writing w = { .a = a, .intent = i };
                r = sovd_db_apply(a->db, append_unknown, drop_done, &w);
                if (!r)
                        free(i);
        }
}

/* --- small things ------------------------------------------------------------------------------------------- */

const char *sovd_audit_secret(const struct sovd_audit *a, const void *data, size_t n, char ret[static SOVD_AUDIT_SECRET_SIZE]) {
        if (sovd_audit_keys_name(a->keys, data, n, ret))
                *ret = '\0';
        return ret;
}

const char *sovd_audit_head(struct sovd_audit *a, char ret[static SOVD_AUDIT_HEAD_SIZE]) {
        (void)pthread_mutex_lock(&a->mutex);
        memcpy(ret, a->head, sizeof(a->head));
        (void)pthread_mutex_unlock(&a->mutex);
        return ret;
}

void sovd_audit_status(struct sovd_audit *a, struct sovd_audit_status *ret) {
        (void)pthread_mutex_lock(&a->mutex);
        *ret = a->status;
        (void)pthread_mutex_unlock(&a->mutex);
        ret->ahead_usec = __atomic_load_n(&a->ahead_usec, __ATOMIC_RELAXED);
        ret->prune_waits = __atomic_load_n(&a->prune_waits, __ATOMIC_RELAXED);
}

void audit_note_finding(struct sovd_audit *a, const char *why) {
        (void)pthread_mutex_lock(&a->mutex);
        a->status.tampered = true;
        if (!*a->status.why)
                (void)snprintf(a->status.why, sizeof(a->status.why), "%s", why);
        (void)pthread_mutex_unlock(&a->mutex);
}

/* One entry for each: what is known is what the log says was acknowledged. */
static int write_acknowledged(struct sovd_db_conn *conn, void *data) {
        struct writing *w = data;
        int r = audit_set_meta(conn, "tamper", "");

        for (size_t i = 0; !r && i < SOVD_N_ELEMENTS(w->known); i++) {
                struct sovd_audit_entry e = *w->entry;
                char text[SOVD_AUDIT_TEXT_MAX + 1];
                if (!w->known[i])
                        continue;
                e.detail[e.n_detail++] = (struct sovd_audit_detail){ .name = "why", .text = sovd_audit_clip(text, sizeof(text), w->known[i]) };
                r = audit_append(w->a, conn, &e, NULL);
        }
        return r;
}

int sovd_audit_acknowledge(struct sovd_audit *a, const struct sovd_audit_entry *who) {
        struct sovd_audit_entry e = *who;
        struct sovd_audit_status s;
        struct sovd_audit_self_status self = { 0 };
        struct writing w = { .a = a, .entry = &e };

        sovd_audit_status(a, &s);
        const bool verified = !sovd_audit_verification(a, &self) || self.result != SOVD_SELF_FAILED || self.acknowledged;
        if (is_closed(a))
                return sovd_error_origin(-EUCLEAN);
        if (!s.tampered && verified)
                return SOVD_E_CONFLICT;
        w.known[0] = s.tampered ? s.why : NULL;
        w.known[1] = verified ? NULL : self.reason;
        e.ev = "system.acknowledge";
        e.outcome = NULL;
        int r = sovd_db_write(a->db, write_acknowledged, &w);
        if (r)
                return r;
        (void)pthread_mutex_lock(&a->mutex);
        a->status.tampered = false;
        *a->status.why = '\0';
        (void)pthread_mutex_unlock(&a->mutex);
        if (!verified)
                sovd_audit_self_acknowledge(a->self, self.reason);
        return 0;
}

/* --- the thread ---------------------------------------------------------------------------------------------- */

/* Where the log was, at least once a minute and for each key; whoever cuts it off later has to explain this file, and what the journal says. */
static void keep_head(struct sovd_audit *a, bool now) {
        char note[SOVD_AUDIT_NOTE_SIZE], head[SOVD_AUDIT_HEAD_SIZE];
        struct sovd_audit_status s;

        (void)pthread_mutex_lock(&a->mutex);
        memcpy(note, a->head_note, sizeof(note));
        memcpy(head, a->head, sizeof(head));
        s = a->status;
        (void)pthread_mutex_unlock(&a->mutex);
        if (s.size != a->head_size && !audit_write_head(a, note))
                a->head_size = s.size;
        now = now || s.epoch != a->journal_epoch;
        if (s.size == a->journal_size || (!now && sovd_now_usec() - a->journal_usec < JOURNAL_USEC))
                return;
        a->journal_epoch = s.epoch;
        a->journal_size = s.size;
        a->journal_usec = sovd_now_usec();
        const struct sovd_log_field fields[] = { { "audit_head", head }, { "audit_log", a->log }, { NULL, NULL } };
        sovd_log_event(SOVD_LOG_INFO, fields, "the audit log has %llu entries", (unsigned long long)s.size);
}

/* Signs, and so begins the epoch that is due, and shows whether a commit works. */
static int sign_again(struct sovd_db_conn *conn, void *data) {
        struct sovd_audit *a = data;
        (void)conn;

        a->dirty = true;
        return 0;
}

static bool is_to_be_signed(struct sovd_audit *a) {
        (void)pthread_mutex_lock(&a->mutex);
        bool due = a->status.error || (a->status.size > a->told_epoch_from && sovd_now_usec() - a->told_epoch_usec >= a->options.epoch_usec);
        (void)pthread_mutex_unlock(&a->mutex);
        return due;
}

static bool is_full(struct sovd_audit *a) {
        (void)pthread_mutex_lock(&a->mutex);
        bool full = a->status.bytes >= a->status.bytes_max;
        (void)pthread_mutex_unlock(&a->mutex);
        return full;
}

/* Is there something that has to be looked at soon again? */
static bool has_more(struct sovd_audit *a) {
        (void)pthread_mutex_lock(&a->mutex);
        bool more = a->status.error;
        for (size_t i = 0; i < AUDIT_SOURCES; i++)
                more = more || a->sources[i].n_more;
        for (const struct sovd_audit_intent *i = a->oldest; i; i = i->next)
                more = more || !i->who;
        (void)pthread_mutex_unlock(&a->mutex);
        return more;
}

/* From the start on: that the gateway starts is told too. */
static int start_syslog(struct sovd_audit *a) {
        struct sovd_syslog *syslog = NULL;
        const uint64_t after = SOVD_MIN(a->sent_before, a->size_before); /* what waited goes first, as far as it is kept */
        int r = a->options.syslog && !a->syslog ? sovd_syslog_new(&syslog, a, a->options.syslog, after) : 0;

        if (syslog)
                __atomic_store_n(&a->syslog, syslog, __ATOMIC_RELEASE);
        return r;
}

/* The disk did not let a start open it. */
static int open_again(struct sovd_audit *a) {
        int r = sovd_db_write(a->db, audit_open, a);

        (void)pthread_mutex_lock(&a->mutex);
        a->status.error = r;
        if (!r)
                (void)snprintf(a->status.log, sizeof(a->status.log), "%s", a->log);
        (void)pthread_mutex_unlock(&a->mutex);
        if (!r && start_syslog(a))
                sovd_log(SOVD_LOG_ERROR, "entries of the audit log are not sent to the collector");
        __atomic_store_n(&a->unopened, r != 0, __ATOMIC_RELEASE);
        return r;
}

void sovd_audit_tick(struct sovd_audit *a) {
        if (a->broken || (is_closed(a) && open_again(a)))
                return;
        audit_tell_notes(a, false);
        close_left_open(a);
        if (is_to_be_signed(a))
                (void)sovd_db_write(a->db, sign_again, a);
        if (!a->prune_usec || sovd_now_usec() - a->prune_usec >= PRUNE_USEC || is_full(a)) {
                a->prune_usec = sovd_now_usec();
                audit_prune(a);
        }
        keep_head(a, false);
}

/* With the mutex held; false: it stops. */
static bool wait_usec(struct sovd_audit *a, uint64_t usec, bool for_more) {
        const uint64_t until = sovd_now_usec() + usec;
        int r = 0;

        while (!a->stopping && !(for_more && a->has_news) && r != ETIMEDOUT)
                r = sovd_cond_wait_until(&a->wake, &a->mutex, until);
        return !a->stopping;
}

/* Sleeps until the log grows, then a moment longer: one look for many entries. */
static void *run(void *data) {
        struct sovd_audit *a = data;
        const uint64_t idle = SOVD_MIN(JOURNAL_USEC, a->options.epoch_usec);
        bool more = false;

        (void)pthread_mutex_lock(&a->mutex);
        while (wait_usec(a, more ? TICK_MSEC * SOVD_USEC_PER_MSEC : idle, !more) &&
               wait_usec(a, TICK_MSEC * SOVD_USEC_PER_MSEC, false)) {
                a->has_news = false;
                (void)pthread_mutex_unlock(&a->mutex);
                sovd_audit_tick(a);
                more = has_more(a);
                (void)pthread_mutex_lock(&a->mutex);
        }
        (void)pthread_mutex_unlock(&a->mutex);
        return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------- */

/* Rows are not what they were; the disk and the memory are not to blame. */
static bool is_unreadable(int r) {
        return r == -EUCLEAN || r == -EEXIST || r == -EBADMSG || r == -ENODATA || r == -EINVAL || r == -E2BIG;
}

bool sovd_audit_syslog(struct sovd_audit *a, struct sovd_syslog_status *ret) {
        struct sovd_syslog *syslog = __atomic_load_n(&a->syslog, __ATOMIC_ACQUIRE);

        if (syslog)
                sovd_syslog_status(syslog, ret);
        return syslog;
}

static int start_self_check(struct sovd_audit *a) {
        return a->options.verify_usec ? sovd_audit_self_new(&a->self, a, a->options.verify_usec) : 0;
}

bool sovd_audit_verification(struct sovd_audit *a, struct sovd_audit_self_status *ret) {
        if (a->self)
                sovd_audit_self_status(a->self, ret);
        return a->self;
}

static int start(struct sovd_audit *a) {
        sovd_db_set_hooks(a->db, &a->hooks);
        int r = sovd_db_write(a->db, audit_open, a);
        (void)snprintf(a->status.log, sizeof(a->status.log), "%s", a->log); /* as far as it is known */
        if (is_unreadable(r)) {
                sovd_db_set_hooks(a->db, NULL);
                audit_note_finding(a, "rows that the others need are gone or have another form");
                a->broken = true;
                return 0;
        }
        a->unopened = r == -ENOSPC || r == -EIO || r == -EROFS;
        if (a->unopened) {
                sovd_log(SOVD_LOG_ERROR, "the audit log cannot be opened yet, and nothing can be changed: %s", strerror(-r));
                a->status.error = r;
                a->has_news = true; /* it is tried again at once */
                r = 0;
        } else if (!r) {
                keep_head(a, true);
                r = start_syslog(a);
        }
        if (!r)
                r = -pthread_create(&a->thread, NULL, run, a);
        a->has_thread = !r;
        return r ? r : start_self_check(a);
}

static int copy_options(struct sovd_audit *a, const struct sovd_audit_options *o) {
        a->options = *o;
        a->db = o->db;
        a->status.bytes_max = o->bytes_max;
        if ((o->folder && !(a->folder = strdup(o->folder))) || (o->key_file && !(a->key_file = strdup(o->key_file))))
                return sovd_error_origin(-ENOMEM);
        a->options.folder = a->folder;
        a->options.key_file = a->key_file;
        return 0;
}

/* Without its hyphens; the system may not tell. */
static void get_boot(struct sovd_audit *a) {
        char id[SOVD_BOOT_ID_SIZE];
        size_t n = 0;

        for (const char *p = sovd_boot_id(id); *p && n + 1 < sizeof(a->boot); p++)
                if (*p != '-')
                        a->boot[n++] = *p;
        a->boot[n] = '\0';
        if (!sovd_audit_is_boot(a->boot))
                (void)snprintf(a->boot, sizeof(a->boot), "%032d", 0);
}

int sovd_audit_new(struct sovd_audit **ret, const struct sovd_audit_options *options) {
        struct sovd_audit *a = calloc(1, sizeof(*a));
        if (!a)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&a->mutex, NULL);
        (void)sovd_cond_init(&a->wake);
        a->hooks = (struct sovd_db_hooks){ audit_accompany, audit_before_commit, audit_after, a };
        get_boot(a);
        int r = copy_options(a, options);
        if (!r)
                r = sovd_audit_keys_new(&a->keys, a->folder, a->key_file);
        if (!r)
                r = sovd_audit_fingerprint(sovd_audit_signer_public(sovd_audit_keys_device(a->keys)), a->status.fingerprint);
        if (!r)
                r = start(a);
        if (r) {
                sovd_log(SOVD_LOG_ERROR, "the audit log cannot be opened: %s", strerror(abs(r)));
                sovd_audit_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

static void stop_thread(struct sovd_audit *a) {
        (void)pthread_mutex_lock(&a->mutex);
        a->stopping = true;
        (void)pthread_cond_signal(&a->wake);
        (void)pthread_mutex_unlock(&a->mutex);
        if (a->has_thread)
                (void)pthread_join(a->thread, NULL);
}

static int keep_sent(struct sovd_db_conn *conn, void *data) {
        struct sovd_audit *a = data;

        return audit_keep_sent(a, conn, a->sent_before, true);
}

static void stop_syslog(struct sovd_audit *a) {
        if (!a->syslog)
                return;
        a->syslog = sovd_syslog_free(a->syslog, &a->sent_before);
        if (sovd_db_write(a->db, keep_sent, a))
                sovd_log(SOVD_LOG_WARN, "what the collector has cannot be written down: it will get some entries twice");
}

struct sovd_audit *sovd_audit_free(struct sovd_audit *a) {
        const struct sovd_audit_entry stop = { .ev = "system.stop" };
        struct sovd_audit_intent *i;
        if (!a)
                return NULL;

        a->self = sovd_audit_self_free(a->self);
        stop_thread(a);
        if (a->has_thread && !is_closed(a)) {
                audit_tell_notes(a, true);
                close_left_open(a);
                (void)sovd_audit_write(a, &stop);
                keep_head(a, true);
        }
        sovd_db_set_hooks(a->db, NULL);
        stop_syslog(a);
        while ((i = a->oldest)) {
                unlink_intent(a, i);
                free(i);
        }
        sovd_audit_signer_free(a->epoch_key);
        sovd_audit_signer_free(a->next_key);
        sovd_audit_keys_free(a->keys);
        (void)pthread_cond_destroy(&a->wake);
        (void)pthread_mutex_destroy(&a->mutex);
        free(a->folder);
        free(a->key_file);
        free(a);
        return NULL;
}
