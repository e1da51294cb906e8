/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/secrets.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define RETRY_USEC (5 * SOVD_USEC_PER_SEC) /* the first time after a failure; then twice that, up to the usual period */
#define RENEW_MIN_USEC SOVD_USEC_PER_SEC

struct watcher {
        sovd_secrets_watcher f;
        void *data;
};
struct kept {
        char *place;
        struct sovd_secret *secret;
};

struct sovd_secrets {
        struct sovd_vault *vault; /* NULL: there is none */
        uint64_t period_usec;
        pthread_t thread;
        bool runs;

        pthread_mutex_t mutex; /* leaf; all below */
        pthread_cond_t wake;
        bool stopping, wanted;
        struct watcher watchers[SOVD_SECRETS_WATCHERS_MAX];
        size_t n_watchers;
        struct kept kept[SOVD_SECRETS_MAX];
        size_t n_kept;
        uint64_t n_reads[2], n_renewals[2]; /* that failed, that succeeded */
        uint64_t read_usec, ends_usec;      /* UTC: when all were read last; when the token ends, 0 = not known or never */
};

/* --- one round ----------------------------------------------------------------------------------------------- */

static void count(struct sovd_secrets *s, uint64_t counter[static 2], bool success) {
        (void)pthread_mutex_lock(&s->mutex);
        counter[success]++;
        (void)pthread_mutex_unlock(&s->mutex);
}

static const char *place_at(struct sovd_secrets *s, size_t i) {
        (void)pthread_mutex_lock(&s->mutex);
        const char *place = i < s->n_kept && !s->stopping ? s->kept[i].place : NULL; /* stays until the end */
        (void)pthread_mutex_unlock(&s->mutex);
        return place;
}

/* Takes the reference over. Is it another one than before? */
static bool exchange(struct sovd_secrets *s, size_t i, struct sovd_secret *secret) {
        (void)pthread_mutex_lock(&s->mutex);
        bool changed = !sovd_secret_same(s->kept[i].secret, secret);
        struct sovd_secret *unused = secret;
        if (changed) {
                unused = s->kept[i].secret;
                s->kept[i].secret = secret;
        }
        (void)pthread_mutex_unlock(&s->mutex);
        sovd_secret_unref(unused);
        return changed;
}

static void tell(struct sovd_secrets *s) {
        struct watcher watchers[SOVD_SECRETS_WATCHERS_MAX];

        (void)pthread_mutex_lock(&s->mutex);
        const size_t n = s->n_watchers;
        memcpy(watchers, s->watchers, sizeof(watchers));
        (void)pthread_mutex_unlock(&s->mutex);
        for (size_t i = 0; i < n; i++)
                watchers[i].f(watchers[i].data);
}

/* Is everything there as it should be? */
static bool read_all(struct sovd_secrets *s, struct sovd_arena *arena) {
        bool changed = false, complete = true;
        const char *place, *why;

        for (size_t i = 0; (place = place_at(s, i)); i++) {
                struct sovd_secret *secret = NULL;
                int r = sovd_vault_read(s->vault, place, &secret, arena, &why);
                count(s, s->n_reads, !r);
                if (r) {
                        sovd_log(SOVD_LOG_ERROR, "the secret vault:%s stays as it was: %s", place, why);
                        complete = false;
                } else if (exchange(s, i, secret)) {
                        sovd_log(SOVD_LOG_INFO, "the secret vault:%s changed", place);
                        changed = true;
                }
                sovd_arena_reset(arena);
        }
        if (changed)
                tell(s);
        return complete;
}

/* When to renew the token next, on the monotonic clock. */
static uint64_t renew(struct sovd_secrets *s, struct sovd_arena *arena) {
        uint64_t secs = 0, next = UINT64_MAX;
        const char *why;
        int r = sovd_vault_renew(s->vault, &secs, arena, &why);

        count(s, s->n_renewals, !r);
        if (r)
                sovd_log(SOVD_LOG_WARN, "the token of Vault is not renewed: %s", why);
        if (r)
                next = sovd_now_usec() + SOVD_MIN(s->period_usec, 60 * SOVD_USEC_PER_SEC);
        else if (secs)
                next = sovd_now_usec() + SOVD_MAX(secs * SOVD_USEC_PER_SEC / 2, RENEW_MIN_USEC);
        (void)pthread_mutex_lock(&s->mutex);
        if (!r)
                s->ends_usec = secs ? sovd_realtime_usec() + secs * SOVD_USEC_PER_SEC : 0;
        (void)pthread_mutex_unlock(&s->mutex);
        sovd_arena_reset(arena);
        return next;
}

/* false: it is the end. */
static bool wait_until(struct sovd_secrets *s, uint64_t until_usec) {
        int r = 0;

        (void)pthread_mutex_lock(&s->mutex);
        while (!s->stopping && !s->wanted && r != ETIMEDOUT)
                r = sovd_cond_wait_until(&s->wake, &s->mutex, until_usec);
        bool goes_on = !s->stopping;
        (void)pthread_mutex_unlock(&s->mutex);
        return goes_on;
}

static bool take_wish(struct sovd_secrets *s) {
        (void)pthread_mutex_lock(&s->mutex);
        bool wanted = s->wanted;
        s->wanted = false;
        (void)pthread_mutex_unlock(&s->mutex);
        return wanted;
}

static void note_success(struct sovd_secrets *s) {
        (void)pthread_mutex_lock(&s->mutex);
        s->read_usec = sovd_realtime_usec();
        (void)pthread_mutex_unlock(&s->mutex);
}

static void *work(void *data) {
        struct sovd_secrets *s = data;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        uint64_t renew_at = 0, read_at = sovd_now_usec() + s->period_usec, retry = RETRY_USEC;

        while (!arena && sovd_arena_new(&arena, 4096))
                if (!wait_until(s, sovd_now_usec() + SOVD_USEC_PER_SEC))
                        return NULL;
        do {
                bool wanted = take_wish(s);
                if (wanted || sovd_now_usec() >= renew_at)
                        renew_at = renew(s, arena);
                if (wanted || sovd_now_usec() >= read_at) {
                        bool complete = read_all(s, arena);
                        if (complete)
                                note_success(s);
                        read_at = sovd_now_usec() + (complete ? s->period_usec : SOVD_MIN(retry, s->period_usec));
                        retry = complete ? RETRY_USEC : SOVD_MIN(2 * retry, s->period_usec);
                }
        } while (wait_until(s, SOVD_MIN(renew_at, read_at)));
        return NULL;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static int start(struct sovd_secrets *s, const struct sovd_vault_settings *vault) {
        sigset_t all, before;

        s->period_usec = (uint64_t)(vault->refresh.value * (double)SOVD_USEC_PER_SEC);
        int r = sovd_vault_new(&s->vault, vault);
        if (r)
                return r;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&s->thread, NULL, work, s);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        s->runs = !r;
        return r ? sovd_error_origin(-r) : 0;
}

int sovd_secrets_new(struct sovd_secrets **ret, const struct sovd_vault_settings *vault) {
        struct sovd_secrets *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)sovd_cond_init(&s->wake);
        int r = vault ? start(s, vault) : 0;
        if (r)
                s = sovd_secrets_free(s);
        else
                *ret = s;
        return r;
}

struct sovd_secrets *sovd_secrets_free(struct sovd_secrets *s) {
        if (!s)
                return NULL;
        (void)pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->mutex);
        if (s->vault)
                sovd_vault_stop(s->vault);
        if (s->runs)
                (void)pthread_join(s->thread, NULL);
        for (size_t i = 0; i < s->n_kept; i++) {
                free(s->kept[i].place);
                sovd_secret_unref(s->kept[i].secret);
        }
        sovd_vault_free(s->vault);
        (void)pthread_cond_destroy(&s->wake);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

int sovd_secrets_watch(struct sovd_secrets *s, sovd_secrets_watcher f, void *data) {
        (void)pthread_mutex_lock(&s->mutex);
        const bool fits = s->n_watchers < SOVD_SECRETS_WATCHERS_MAX;
        if (fits)
                s->watchers[s->n_watchers++] = (struct watcher){ f, data };
        (void)pthread_mutex_unlock(&s->mutex);
        return fits ? 0 : sovd_error_origin(-ENOSPC);
}

void sovd_secrets_refresh(struct sovd_secrets *s) {
        (void)pthread_mutex_lock(&s->mutex);
        s->wanted = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->mutex);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

const char *sovd_secrets_check(const char *notation, bool has_vault) {
        const char *why = sovd_secret_check(notation);

        if (!why && !has_vault && sovd_has_prefix(notation, SOVD_SECRET_VAULT))
                why = "is in Vault, and auth.vault does not say where that is";
        return why;
}

static struct sovd_secret *find(struct sovd_secrets *s, const char *place) {
        struct sovd_secret *found = NULL;

        (void)pthread_mutex_lock(&s->mutex);
        for (size_t i = 0; !found && i < s->n_kept; i++)
                if (strcmp(s->kept[i].place, place) == 0)
                        found = sovd_secret_ref(s->kept[i].secret);
        (void)pthread_mutex_unlock(&s->mutex);
        return found;
}

/* From now on it is read again and again. Another thread may have been faster: then it is kept twice, which harms nobody. */
static int keep(struct sovd_secrets *s, const char *place, struct sovd_secret *secret) {
        char *own = strdup(place);
        int r = own ? 0 : sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&s->mutex);
        if (!r && s->n_kept == SOVD_SECRETS_MAX)
                r = -ENOSPC;
        if (!r)
                s->kept[s->n_kept++] = (struct kept){ SOVD_TAKE(own), sovd_secret_ref(secret) };
        (void)pthread_mutex_unlock(&s->mutex);
        free(own);
        return r;
}

static int read_vault(struct sovd_secrets *s, const char *place, struct sovd_secret **ret, struct sovd_arena *arena,
                      const char **ret_why) {
        struct sovd_secret *secret = find(s, place);
        if (secret) {
                *ret = secret;
                return 0;
        }
        int r = sovd_vault_read(s->vault, place, &secret, arena, ret_why);
        count(s, s->n_reads, !r);
        if (r)
                return r;
        r = keep(s, place, secret);
        if (r) {
                *ret_why = r == -ENOSPC ? "there are too many secrets of Vault" : "out of memory";
                sovd_secret_unref(secret);
                return r;
        }
        note_success(s);
        *ret = secret;
        return 0;
}

int sovd_secrets_read(struct sovd_secrets *s, const char *notation, struct sovd_secret **ret, struct sovd_arena *arena,
                      const char **ret_why) {
        *ret_why = sovd_secrets_check(notation, s->vault);
        if (*ret_why)
                return -EINVAL;
        if (!sovd_has_prefix(notation, SOVD_SECRET_VAULT))
                return sovd_secret_read(ret, notation, arena, ret_why);
        return read_vault(s, notation + strlen(SOVD_SECRET_VAULT), ret, arena, ret_why);
}

/* --- metrics ------------------------------------------------------------------------------------------------- */

static void write_results(struct sovd_json_writer *w, const char *name, const char *help, const uint64_t n[static 2]) {
        sovd_json_rawf(w, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
        sovd_json_rawf(w, "%s{result=\"ok\"} %llu\n", name, (unsigned long long)n[1]);
        sovd_json_rawf(w, "%s{result=\"failed\"} %llu\n", name, (unsigned long long)n[0]);
}

static void write_time(struct sovd_json_writer *w, const char *name, const char *help, uint64_t usec) {
        sovd_json_rawf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
                       (unsigned long long)(usec / SOVD_USEC_PER_SEC));
}

void sovd_secrets_write_metrics(struct sovd_secrets *s, struct sovd_json_writer *w) {
        uint64_t reads[2], renewals[2];

        (void)pthread_mutex_lock(&s->mutex);
        memcpy(reads, s->n_reads, sizeof(reads));
        memcpy(renewals, s->n_renewals, sizeof(renewals));
        const uint64_t read_usec = s->read_usec, ends_usec = s->ends_usec;
        (void)pthread_mutex_unlock(&s->mutex);
        write_results(w, "sovd_vault_reads_total", "Secrets that were asked of Vault.", reads);
        write_results(w, "sovd_vault_renewals_total", "Renewals of the token of Vault.", renewals);
        write_time(w, "sovd_vault_read_timestamp_seconds", "When all secrets of Vault were read last.", read_usec);
        write_time(w, "sovd_vault_token_expires_timestamp_seconds", "When the token of Vault ends; 0: never, or not known.",
                   ends_usec);
}
