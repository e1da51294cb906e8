/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/browser_session.h"
#include "sovd-auth/sha256.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/secret.h"
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>

#define RANDOM 32

#define F(member) offsetof(struct sovd_browser_session_settings, member)
static const struct sovd_field fields[] = {
        { .name = "enabled",
          .type = SOVD_FIELD_BOOL,
          .offset = F(enabled),
          .def = "false",
          .doc = "Whether a page of this origin may have a cookie in place of credentials." },
        { .name = "idle_secs",
          .type = SOVD_FIELD_INT,
          .offset = F(idle),
          .min = 10,
          .max = 86400,
          .def = "900",
          .doc = "A session that is not used for so long ends." },
        { .name = "max_secs",
          .type = SOVD_FIELD_INT,
          .offset = F(max),
          .min = 10,
          .max = 604800,
          .def = "28800",
          .doc = "So does each, used or not." },
        { .name = "sessions",
          .type = SOVD_FIELD_INT,
          .offset = F(sessions),
          .min = 1,
          .max = 4096,
          .def = "256",
          .doc = "Sessions of all clients." },
        { .name = "sessions_per_client",
          .type = SOVD_FIELD_INT,
          .offset = F(per_client),
          .min = 1,
          .max = 4096,
          .def = "8",
          .doc = "Sessions of one client; one more ends the one that was not used for longest." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_browser_session_settings = {
        .name = "browser_sessions", .size = sizeof(struct sovd_browser_session_settings), .fields = fields
};

struct place {
        bool taken;
        unsigned char digest[SOVD_SESSION_DIGEST];
        char client[SOVD_FINGERPRINT_SIZE], certificate[SOVD_FINGERPRINT_SIZE];
        bool is_api_key;
        struct sovd_secret *credentials; /* reference */
        uint64_t opened_usec, used_usec; /* since the machine started, its sleep counted */
        uint64_t expires_usec;           /* of the credentials, UTC; 0 = no end */
};

struct sovd_browser_sessions {
        pthread_mutex_t mutex;           /* leaf; all but the counters */
        char key[SOVD_FINGERPRINT_SIZE]; /* of the tokens against forged requests; never changes */
        struct place *places;            /* NULL: not enabled */
        size_t n, per_client;
        uint64_t idle_usec, max_usec;
        bool enabled; /* atomic */
        uint64_t n_opened, n_full, n_ended[SOVD_SESSION_N_ENDS],
                n_refused[SOVD_SESSION_N_REFUSALS]; /* atomic */
};

static void count(uint64_t *counter) {
        (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static uint64_t look(const uint64_t *counter) {
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int random_hex(char ret[static SOVD_SESSION_COOKIE_SIZE]) {
        unsigned char bytes[RANDOM];

        if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1)
                return sovd_error_origin(-EIO);
        sovd_hex(ret, bytes, sizeof(bytes));
        OPENSSL_cleanse(bytes, sizeof(bytes));
        return 0;
}

int sovd_browser_sessions_new(struct sovd_browser_sessions **ret) {
        struct sovd_browser_sessions *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&s->mutex, NULL);
        int r = random_hex(s->key);
        if (r)
                sovd_browser_sessions_free(s);
        else
                *ret = s;
        return r;
}

/* --- places (with the mutex) -------------------------------------------------------------------------------- */

static void drop(struct place *p) {
        sovd_secret_unref(p->credentials);
        OPENSSL_cleanse(p, sizeof(*p));
}

static void end(struct sovd_browser_sessions *s, struct place *p, enum sovd_session_end why) {
        drop(p);
        count(&s->n_ended[why]);
}

static void drop_all(struct place *places, size_t n) {
        for (size_t i = 0; places && i < n; i++)
                drop(&places[i]);
        free(places);
}

static bool has_ended(const struct sovd_browser_sessions *s, const struct place *p, uint64_t now) {
        return now - p->used_usec >= s->idle_usec || now - p->opened_usec >= s->max_usec ||
               (p->expires_usec && p->expires_usec <= sovd_realtime_usec());
}

static void sweep(struct sovd_browser_sessions *s) {
        const uint64_t now = sovd_boottime_usec();

        for (size_t i = 0; i < s->n; i++)
                if (s->places[i].taken && has_ended(s, &s->places[i], now))
                        end(s, &s->places[i], SOVD_SESSION_TIMED_OUT);
}

static struct place *find(struct sovd_browser_sessions *s, const unsigned char *digest) {
        struct place *found = NULL;

        sweep(s);
        for (size_t i = 0; i < s->n; i++)
                if (s->places[i].taken &&
                    CRYPTO_memcmp(s->places[i].digest, digest, SOVD_SESSION_DIGEST) == 0)
                        found = &s->places[i];
        return found;
}

static struct place *place_for(struct sovd_browser_sessions *s, const char *client) {
        struct place *free_one = NULL, *oldest = NULL;
        size_t n_own = 0;

        sweep(s);
        for (size_t i = 0; i < s->n; i++) {
                struct place *p = &s->places[i];
                if (!p->taken) {
                        free_one = p;
                        continue;
                }
                if (strcmp(p->client, client) != 0)
                        continue;
                n_own++;
                if (!oldest || p->used_usec < oldest->used_usec)
                        oldest = p;
        }
        if (!oldest || n_own < s->per_client)
                return free_one; /* NULL: all are taken, or none is offered any more */
        end(s, oldest, SOVD_SESSION_REPLACED);
        return oldest;
}

static uint64_t end_of(const struct sovd_browser_sessions *s, const struct place *p) {
        const uint64_t gone = sovd_boottime_usec() - p->opened_usec, now = sovd_realtime_usec();
        const uint64_t ends = now + (gone < s->max_usec ? s->max_usec - gone : 0);

        return p->expires_usec ? SOVD_MIN(ends, p->expires_usec) : ends;
}

static void tell(const struct sovd_browser_sessions *s, const struct place *p,
                 struct sovd_browser_session *ret) {
        *ret = (struct sovd_browser_session){ .ends_usec = end_of(s, p),
                                              .idle_usec = s->idle_usec,
                                              .is_api_key = p->is_api_key,
                                              .credentials = sovd_secret_ref(p->credentials) };
        memcpy(ret->digest, p->digest, sizeof(ret->digest));
        memcpy(ret->client, p->client, sizeof(ret->client));
        memcpy(ret->certificate, p->certificate, sizeof(ret->certificate));
}

/* --- all of them -------------------------------------------------------------------------------------------- */

struct sovd_browser_sessions *sovd_browser_sessions_free(struct sovd_browser_sessions *s) {
        if (!s)
                return NULL;
        drop_all(s->places, s->n);
        OPENSSL_cleanse(s->key, sizeof(s->key));
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

int sovd_browser_sessions_apply(struct sovd_browser_sessions *s,
                                const struct sovd_browser_session_settings *settings) {
        const bool enabled = settings && settings->enabled.value;
        const size_t n = enabled ? (size_t)settings->sessions.value : 0;
        struct place *fresh = n ? calloc(n, sizeof(*fresh)) : NULL;
        if (n && !fresh)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&s->mutex);
        const bool same = n == s->n;
        struct place *spare = same ? fresh : s->places;
        const size_t n_spare = s->n;
        if (!same) {
                s->places = fresh;
                s->n = n;
        }
        s->per_client = enabled ? (size_t)settings->per_client.value : 0;
        s->idle_usec = enabled ? (uint64_t)settings->idle.value * SOVD_USEC_PER_SEC : 0;
        s->max_usec = enabled ? (uint64_t)settings->max.value * SOVD_USEC_PER_SEC : 0;
        (void)pthread_mutex_unlock(&s->mutex);
        __atomic_store_n(&s->enabled, enabled, __ATOMIC_RELEASE);
        drop_all(spare, n_spare);
        return 0;
}

bool sovd_browser_sessions_are_enabled(const struct sovd_browser_sessions *s) {
        return __atomic_load_n(&s->enabled, __ATOMIC_ACQUIRE);
}

/* --- one ---------------------------------------------------------------------------------------------------- */

static int make_csrf(const struct sovd_browser_sessions *s, const char *cookie,
                     struct sovd_browser_session *ret) {
        return sovd_fingerprint_keyed(ret->csrf, s->key, cookie, strlen(cookie));
}

static int prepare(struct place *p, const struct sovd_browser_session_of *of, const char *cookie) {
        p->taken = true;
        p->is_api_key = of->is_api_key;
        p->opened_usec = p->used_usec = sovd_boottime_usec();
        p->expires_usec = of->expires_usec;
        if (of->certificate)
                (void)snprintf(p->certificate, sizeof(p->certificate), "%s", of->certificate);
        int r = sovd_auth_sha256(p->digest, cookie, strlen(cookie));
        if (!r)
                r = sovd_fingerprint(p->client, of->client, strlen(of->client));
        return r ? r : sovd_secret_new(&p->credentials, of->credentials, strlen(of->credentials));
}

int sovd_browser_sessions_open(struct sovd_browser_sessions *s, const struct sovd_browser_session_of *of,
                               char ret_cookie[static SOVD_SESSION_COOKIE_SIZE],
                               struct sovd_browser_session *ret) {
        struct place fresh = { .taken = false };
        int r = sovd_browser_sessions_are_enabled(s) ? random_hex(ret_cookie) : SOVD_E_NOT_IMPLEMENTED;

        *ret = (struct sovd_browser_session){ .ends_usec = 0 };
        if (!r)
                r = prepare(&fresh, of, ret_cookie);
        if (r) {
                drop(&fresh);
                return r;
        }
        (void)pthread_mutex_lock(&s->mutex);
        struct place *p = place_for(s, fresh.client);
        if (p) {
                *p = fresh;
                tell(s, p, ret);
        }
        (void)pthread_mutex_unlock(&s->mutex);
        count(p ? &s->n_opened : &s->n_full);
        if (!p)
                drop(&fresh);
        OPENSSL_cleanse(&fresh, sizeof(fresh)); /* the place has the reference */
        return p ? make_csrf(s, ret_cookie, ret) : SOVD_E_OVERLOAD;
}

int sovd_browser_sessions_find(struct sovd_browser_sessions *s, const char *cookie,
                               struct sovd_browser_session *ret) {
        unsigned char digest[SOVD_SESSION_DIGEST];
        int r = sovd_auth_sha256(digest, cookie, strlen(cookie));

        *ret = (struct sovd_browser_session){ .ends_usec = 0 };
        if (r)
                return r;
        (void)pthread_mutex_lock(&s->mutex);
        struct place *p = find(s, digest);
        if (p) {
                p->used_usec = sovd_boottime_usec();
                tell(s, p, ret);
        }
        (void)pthread_mutex_unlock(&s->mutex);
        if (!p)
                return SOVD_E_UNAUTHORIZED;
        r = make_csrf(s, cookie, ret);
        if (r)
                sovd_browser_session_done(ret);
        return r;
}

bool sovd_browser_sessions_hold(struct sovd_browser_sessions *s,
                                const unsigned char digest[static SOVD_SESSION_DIGEST]) {
        (void)pthread_mutex_lock(&s->mutex);
        bool found = find(s, digest);
        (void)pthread_mutex_unlock(&s->mutex);
        return found;
}

void sovd_browser_sessions_end(struct sovd_browser_sessions *s,
                               const unsigned char digest[static SOVD_SESSION_DIGEST],
                               enum sovd_session_end why) {
        (void)pthread_mutex_lock(&s->mutex);
        struct place *p = find(s, digest);
        if (p)
                end(s, p, why);
        (void)pthread_mutex_unlock(&s->mutex);
}

void sovd_browser_session_done(struct sovd_browser_session *session) {
        session->credentials = sovd_secret_unref(session->credentials);
        OPENSSL_cleanse(session->csrf, sizeof(session->csrf));
}

bool sovd_browser_session_proves(const struct sovd_browser_session *session, const char *csrf) {
        return csrf && *session->csrf && sovd_fingerprint_equal(session->csrf, csrf);
}

void sovd_browser_sessions_refused(struct sovd_browser_sessions *s, enum sovd_session_refusal why) {
        count(&s->n_refused[why]);
}

/* --- metrics ------------------------------------------------------------------------------------------------ */

static void write_value(struct sovd_json_writer *w, const char *name, const char *kind, const char *help,
                        uint64_t value) {
        sovd_json_rawf(w, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, kind, name,
                       (unsigned long long)value);
}

void sovd_browser_sessions_write_metrics(struct sovd_browser_sessions *s, struct sovd_json_writer *w) {
        static const char *const ends[] = { "closed", "timed-out", "replaced", "revoked" };
        static const char *const refusals[] = { "unknown", "cross-origin", "no-csrf-token" };
        size_t n_taken = 0, n;

        (void)pthread_mutex_lock(&s->mutex);
        sweep(s);
        n = s->n;
        for (size_t i = 0; i < n; i++)
                n_taken += s->places[i].taken;
        (void)pthread_mutex_unlock(&s->mutex);
        write_value(w, "sovd_browser_sessions", "gauge", "Browser sessions that are open.", n_taken);
        write_value(w, "sovd_browser_sessions_max", "gauge", "Their limit.", n);
        write_value(w, "sovd_browser_sessions_opened_total", "counter", "Browser sessions that were opened.",
                    look(&s->n_opened));
        write_value(w, "sovd_browser_sessions_full_total", "counter",
                    "Those that were not, because of the limit.", look(&s->n_full));
        sovd_json_rawf(w, "# HELP sovd_browser_sessions_ended_total Browser sessions that ended.\n"
                          "# TYPE sovd_browser_sessions_ended_total counter\n");
        for (size_t i = 0; i < SOVD_SESSION_N_ENDS; i++)
                sovd_json_rawf(w, "sovd_browser_sessions_ended_total{reason=\"%s\"} %llu\n", ends[i],
                               (unsigned long long)look(&s->n_ended[i]));
        sovd_json_rawf(w, "# HELP sovd_browser_sessions_refused_total Requests with the cookie of a session "
                          "that were refused.\n"
                          "# TYPE sovd_browser_sessions_refused_total counter\n");
        for (size_t i = 0; i < SOVD_SESSION_N_REFUSALS; i++)
                sovd_json_rawf(w, "sovd_browser_sessions_refused_total{reason=\"%s\"} %llu\n", refusals[i],
                               (unsigned long long)look(&s->n_refused[i]));
}
