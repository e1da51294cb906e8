/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/sessions.h"
#include "sovd-auth/make_key.h"
#include "sovd-auth/mint.h"
#include "sovd-auth/secrets.h"
#include "sovd-auth/session_store.h"
#include "sovd-auth/sha256.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include "sovd-core/state_clock.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>

#define REFRESH_PREFIX "sovd_rt_"

#define F(member) offsetof(struct sovd_mint_settings, member)
static const struct sovd_field mint_fields[] = {
        { .name = "key", .type = SOVD_FIELD_STRING, .offset = F(key), .flags = SOVD_REQUIRED, .min = 1, .max = 4095,
          .doc = "Where the private key is, in PEM: EC P-256 (ES256), or RSA (RS256). " SOVD_SECRET_NOTATION },
        { .name = "issuer", .type = SOVD_FIELD_STRING, .offset = F(issuer), .flags = SOVD_REQUIRED, .min = 1, .max = 256,
          .doc = "`iss` of the tokens." },
        { .name = "audience", .type = SOVD_FIELD_STRING, .offset = F(audience), .flags = SOVD_REQUIRED, .min = 1, .max = 256,
          .doc = "`aud` of the tokens." },
        { .name = "access_secs", .type = SOVD_FIELD_NUMBER, .offset = F(access), .min = 1, .max = 86400, .def = "900",
          .doc = "How long an access token is good." },
        { .name = "refresh_secs", .type = SOVD_FIELD_NUMBER, .offset = F(refresh), .min = 1, .max = 2592000, .def = "86400",
          .doc = "How long after that or the last refresh a session can still be refreshed." },
        { .name = "sessions", .type = SOVD_FIELD_INT, .offset = F(sessions), .min = 1, .max = 10000, .def = "1000",
          .doc = "Sessions of all keys." },
        { .name = "sessions_per_key", .type = SOVD_FIELD_INT, .offset = F(sessions_per_key), .min = 1, .max = 10000,
          .def = "50", .doc = "Sessions of one key." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_mint_settings = {
        .name = "mint", .size = sizeof(struct sovd_mint_settings), .fields = mint_fields,
        .doc = "Access tokens of the gateway's own, for clients that show a key at /token.",
};

struct sovd_sessions {
        struct sovd_mint_settings settings;
        char *issuer, *audience; /* owned */
        struct sovd_mint *mint;
        struct sovd_db *db;

        pthread_mutex_t mutex;    /* leaf; all below */
        struct session *sessions; /* room for settings.sessions */
        size_t n; /* places that are kept for what is under way among them */
        uint64_t n_opened, n_refreshed, n_revoked, n_replayed;
        uint64_t changes; /* atomic */
};

/* --- finding ------------------------------------------------------------------------------------------------- */

static int digest_of(unsigned char ret[static SOVD_SESSION_DIGEST], const char *token) {
        return sovd_auth_sha256(ret, token, strlen(token));
}

/* The first bytes of the digests tell nearly all of them apart, and are no help in finding what has the rest. */
static struct session *find_by(struct sovd_sessions *s, size_t member, const unsigned char digest[static SOVD_SESSION_DIGEST]) {
        for (size_t i = 0; i < s->n; i++) {
                const unsigned char *own = (const unsigned char *)&s->sessions[i] + member;
                if (memcmp(own, digest, sizeof(uint64_t)) == 0 && CRYPTO_memcmp(own, digest, SOVD_SESSION_DIGEST) == 0)
                        return &s->sessions[i];
        }
        return NULL;
}

static struct session *find_id(struct sovd_sessions *s, const char *id) {
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->sessions[i].id, id) == 0)
                        return &s->sessions[i];
        return NULL;
}

static void remove_at(struct sovd_sessions *s, struct session *session) {
        free(session->scopes);
        *session = s->sessions[--s->n];
}

static void drop_ended(struct sovd_sessions *s) {
        const uint64_t now = sovd_state_usec();

        for (size_t i = s->n; i > 0; i--)
                if (s->sessions[i - 1].ends_usec <= now)
                        remove_at(s, &s->sessions[i - 1]);
}

/* false: no memory. */
static bool describe(const struct session *session, struct sovd_arena *arena, struct sovd_session_owner *ret) {
        *ret = (struct sovd_session_owner){ .id = sovd_arena_strdup(arena, session->id),
                                            .scopes = session->scopes ? sovd_arena_strdup(arena, session->scopes) : NULL,
                                            .ends_usec = sovd_state_to_utc(session->access_ends_usec) };
        memcpy(ret->key, session->key, sizeof(ret->key));
        return ret->id && !ret->scopes == !session->scopes;
}

bool sovd_sessions_find(struct sovd_sessions *s, const unsigned char digest[static SOVD_AUTH_SHA256_SIZE], struct sovd_arena *arena,
                        struct sovd_session_owner *ret) {
        (void)pthread_mutex_lock(&s->mutex);
        const struct session *session = find_by(s, offsetof(struct session, access), digest);
        bool found = session && session->access_ends_usec > sovd_state_usec() && describe(session, arena, ret);
        (void)pthread_mutex_unlock(&s->mutex);
        return found;
}

bool sovd_sessions_has(struct sovd_sessions *s, const char *id) {
        (void)pthread_mutex_lock(&s->mutex);
        bool has = find_id(s, id);
        (void)pthread_mutex_unlock(&s->mutex);
        return has;
}

uint64_t sovd_sessions_changes(const struct sovd_sessions *s) {
        return __atomic_load_n(&s->changes, __ATOMIC_ACQUIRE);
}

/* --- changes ------------------------------------------------------------------------------------------------- */

/* A session that is put in the place of the one with its id, or taken away. */
struct change {
        struct sovd_sessions *sessions;
        struct session session;
        unsigned char expected[SOVD_SESSION_DIGEST]; /* of the refresh token that is exchanged */
        bool removes, refreshes, reserved;
};

/* The state decides: changes before this one may not be told to memory yet. */
static int write_change(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        int r = session_store_drop(conn, sovd_state_usec());

        if (r)
                return r;
        return c->removes    ? session_store_remove(conn, c->session.id)
               : c->refreshes ? session_store_exchange(conn, &c->session, c->expected)
                              : session_store_put(conn, &c->session);
}

static void change_done(int result, void *data) {
        struct change *c = data;
        struct sovd_sessions *s = c->sessions;

        (void)pthread_mutex_lock(&s->mutex);
        struct session *before = find_id(s, c->session.id);
        const bool is_there = before;
        if (before && (!result || c->reserved))
                remove_at(s, before);
        if (!result && !c->removes && is_there) {
                s->sessions[s->n++] = c->session;
                c->session.scopes = NULL;
        }
        (void)pthread_mutex_unlock(&s->mutex);
        if (!result && c->removes)
                (void)__atomic_add_fetch(&s->changes, 1, __ATOMIC_RELEASE);
        free(c->session.scopes);
}

static int apply(struct change *c, struct sovd_call *call) {
        int r = sovd_db_apply(c->sessions->db, write_change, change_done, c);

        return !r || r == SOVD_E_UNAUTHORIZED ? r : sovd_fail_storage(call, r);
}

static void count(struct sovd_sessions *s, uint64_t *counter) {
        (void)pthread_mutex_lock(&s->mutex);
        (*counter)++;
        (void)pthread_mutex_unlock(&s->mutex);
}

/* --- tokens -------------------------------------------------------------------------------------------------- */

static uint64_t usec_of(struct sovd_number seconds) {
        return (uint64_t)(seconds.value * (double)SOVD_USEC_PER_SEC);
}

/* A key that ends takes its tokens along. */
static uint64_t left_of(const struct sovd_principal *principal, uint64_t now, uint64_t usec) {
        const uint64_t ends = principal->expires_usec;

        return ends ? SOVD_MIN(ends > now ? ends - now : 0, usec) : usec;
}

/* Makes both tokens of c->session, whose id, key and scopes are set. */
static int make_tokens(struct change *c, struct sovd_arena *arena, const struct sovd_principal *principal, struct sovd_granted *ret) {
        const struct sovd_sessions *s = c->sessions;
        const uint64_t now = sovd_realtime_usec(), state = sovd_state_usec(), access = usec_of(s->settings.access),
                       left = left_of(principal, now, access);
        char *refresh = sovd_arena_alloc(arena, sizeof(REFRESH_PREFIX) + SOVD_RANDOM_TEXT), jti[33];
        if (!refresh)
                return sovd_error_origin(-ENOMEM);

        sovd_id_trace(jti, 32);
        c->session.access_ends_usec = state + left;
        c->session.ends_usec = state + left_of(principal, now, access + usec_of(s->settings.refresh));
        const struct sovd_minted_claims claims = { .issuer = s->issuer, .audience = s->audience, .subject = principal->id, .id = jti,
                                                   .client = principal->token_id, .roles = &principal->roles,
                                                   .scope = c->session.scopes, .tenant = principal->tenant,
                                                   .issued_sec = now / SOVD_USEC_PER_SEC,
                                                   .expires_sec = (now + left) / SOVD_USEC_PER_SEC };
        int r = sovd_mint_token(s->mint, &claims, arena, &ret->access);
        if (!r)
                r = sovd_make_random(refresh, REFRESH_PREFIX);
        if (!r)
                r = digest_of(c->session.access, ret->access);
        if (!r)
                r = digest_of(c->session.refresh, refresh);
        ret->refresh = refresh;
        ret->scope = c->session.scopes ? sovd_arena_strdup(arena, c->session.scopes) : NULL;
        ret->expires_sec = left / SOVD_USEC_PER_SEC;
        return r || !ret->scope == !c->session.scopes ? r : sovd_error_origin(-ENOMEM);
}

static int begin(struct change *c, const struct sovd_session_owner *owner) {
        memcpy(c->session.key, owner->key, sizeof(owner->key));
        c->session.scopes = owner->scopes ? strdup(owner->scopes) : NULL;
        return !owner->scopes == !c->session.scopes ? 0 : sovd_error_origin(-ENOMEM);
}

/* Keeps a place for it: a session that no token opens and that does not end, until change_done() puts another there. */
static int reserve(struct sovd_sessions *s, struct sovd_call *call, const struct session *wanted, const unsigned char key[static SOVD_SESSION_DIGEST]) {
        struct session place = { .ends_usec = UINT64_MAX };
        size_t n = 0;

        (void)strcpy(place.id, wanted->id);
        memcpy(place.key, key, sizeof(place.key));

        (void)pthread_mutex_lock(&s->mutex);
        drop_ended(s);
        for (size_t i = 0; i < s->n; i++)
                n += memcmp(s->sessions[i].key, key, SOVD_SESSION_DIGEST) == 0;
        const bool all = s->n >= (size_t)s->settings.sessions.value;
        const bool own = n >= (size_t)s->settings.sessions_per_key.value;
        if (!all && !own)
                s->sessions[s->n++] = place;
        (void)pthread_mutex_unlock(&s->mutex);
        if (!all && !own)
                return 0;
        (void)sovd_fail(call, SOVD_E_OVERLOAD, "there are %lld sessions%s; revoke one, or wait until one ends (auth.mint.%s)",
                        (long long)(own ? s->settings.sessions_per_key.value : s->settings.sessions.value), own ? " of this key" : "",
                        own ? "sessions_per_key" : "sessions");
        sovd_fail_retry_after(call, 60);
        return SOVD_E_OVERLOAD;
}

int sovd_sessions_open(struct sovd_sessions *s, struct sovd_call *call, const struct sovd_principal *principal,
                       const struct sovd_session_owner *owner, struct sovd_granted *ret) {
        struct change c = { .sessions = s, .reserved = true };

        sovd_id_trace(c.session.id, 32);
        int r = reserve(s, call, &c.session, owner->key);
        if (r)
                return r;
        r = begin(&c, owner);
        if (!r)
                r = make_tokens(&c, call->arena, principal, ret);
        if (r) {
                change_done(r, &c);
                return r;
        }
        memcpy(c.session.before, c.session.refresh, sizeof(c.session.before));
        call->session = sovd_arena_strdup(call->arena, c.session.id);
        r = apply(&c, call);
        if (!r)
                count(s, &s->n_opened);
        return r;
}

static int end_session(struct sovd_sessions *s, struct sovd_call *call, const char *id) {
        struct change c = { .sessions = s, .removes = true };

        (void)snprintf(c.session.id, sizeof(c.session.id), "%s", id);
        return apply(&c, call);
}

int sovd_sessions_find_refresh(struct sovd_sessions *s, struct sovd_call *call, const char *token, struct sovd_session_owner *ret) {
        unsigned char digest[SOVD_SESSION_DIGEST];
        bool described = false, replayed = false;
        int r = digest_of(digest, token);

        if (r)
                return r;
        (void)pthread_mutex_lock(&s->mutex);
        drop_ended(s);
        const struct session *session = find_by(s, offsetof(struct session, refresh), digest);
        if (!session) {
                session = find_by(s, offsetof(struct session, before), digest);
                replayed = session;
        }
        if (session)
                described = describe(session, call->arena, ret);
        s->n_replayed += replayed;
        (void)pthread_mutex_unlock(&s->mutex);
        if (!session)
                return SOVD_E_UNAUTHORIZED;
        if (!described)
                return sovd_error_origin(-ENOMEM);
        call->session = ret->id;
        if (!replayed)
                return 0;
        sovd_log(SOVD_LOG_WARN, "a refresh token was shown a second time: session %s ends", ret->id);
        r = end_session(s, call, ret->id);
        return r ? r : SOVD_E_UNAUTHORIZED;
}

int sovd_sessions_refresh(struct sovd_sessions *s, struct sovd_call *call, const struct sovd_principal *principal,
                          const struct sovd_session_owner *owner, const char *token, struct sovd_granted *ret) {
        struct change c = { .sessions = s, .refreshes = true };
        int r = digest_of(c.expected, token);

        (void)snprintf(c.session.id, sizeof(c.session.id), "%s", owner->id);
        if (!r)
                r = begin(&c, owner);
        if (!r)
                r = make_tokens(&c, call->arena, principal, ret);
        if (r) {
                free(c.session.scopes);
                return r;
        }
        memcpy(c.session.before, c.expected, sizeof(c.session.before));
        r = apply(&c, call);
        if (!r)
                count(s, &s->n_refreshed);
        return r;
}

int sovd_sessions_revoke(struct sovd_sessions *s, struct sovd_call *call, const char *token, struct sovd_session_owner *ret) {
        static const size_t members[] = { offsetof(struct session, access), offsetof(struct session, refresh),
                                          offsetof(struct session, before) };
        unsigned char digest[SOVD_SESSION_DIGEST];
        const struct session *session = NULL;
        char id[sizeof(session->id)] = "";
        int r = digest_of(digest, token);

        if (r)
                return r;
        (void)pthread_mutex_lock(&s->mutex);
        for (size_t i = 0; !session && i < SOVD_N_ELEMENTS(members); i++)
                session = find_by(s, members[i], digest);
        if (session) {
                (void)strcpy(id, session->id);
                memcpy(ret->key, session->key, sizeof(ret->key));
        }
        (void)pthread_mutex_unlock(&s->mutex);
        if (!*id)
                return 0;
        call->session = sovd_arena_strdup(call->arena, id);
        r = end_session(s, call, id);
        if (!r)
                count(s, &s->n_revoked);
        return r;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static int keep(struct session *session, void *data) {
        struct sovd_sessions *s = data;

        if (s->n < (size_t)s->settings.sessions.value)
                s->sessions[s->n++] = *session;
        else
                free(session->scopes);
        return 0;
}

static int load(struct sovd_db_conn *conn, void *data) {
        return session_store_load(conn, sovd_state_usec(), keep, data);
}

static int open_mint(struct sovd_sessions *s, struct sovd_secrets *secrets) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *key = NULL;
        const char *why = "out of memory";
        int r = sovd_arena_new(&arena, 1024);

        if (!r)
                r = sovd_secrets_read(secrets, s->settings.key, &key, arena, &why);
        if (!r)
                r = sovd_mint_new(&s->mint, key, &why);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "auth.mint.key: %s", why);
        return r;
}

int sovd_sessions_new(struct sovd_sessions **ret, const struct sovd_mint_settings *settings, struct sovd_secrets *secrets,
                      struct sovd_db *db) {
        _cleanup_(sovd_sessions_freep) struct sovd_sessions *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&s->mutex, NULL);
        s->settings = *settings;
        s->db = db;
        s->issuer = strdup(settings->issuer);
        s->audience = strdup(settings->audience);
        s->sessions = calloc((size_t)settings->sessions.value, sizeof(*s->sessions));
        int r = s->issuer && s->audience && s->sessions ? open_mint(s, secrets) : sovd_error_origin(-ENOMEM);
        s->settings.key = s->settings.issuer = s->settings.audience = NULL; /* of the settings */
        if (!r)
                r = sovd_db_write(db, load, s);
        if (!r)
                *ret = SOVD_TAKE(s);
        return r;
}

struct sovd_sessions *sovd_sessions_free(struct sovd_sessions *s) {
        if (!s)
                return NULL;
        while (s->n)
                remove_at(s, &s->sessions[s->n - 1]);
        free(s->sessions);
        free(s->issuer);
        free(s->audience);
        sovd_mint_free(s->mint);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

/* --- metrics ------------------------------------------------------------------------------------------------- */

struct counts {
        size_t n;
        uint64_t opened, refreshed, revoked, replayed;
};

static struct counts take_counts(struct sovd_sessions *s) {
        (void)pthread_mutex_lock(&s->mutex);
        drop_ended(s);
        const struct counts counts = { s->n, s->n_opened, s->n_refreshed, s->n_revoked, s->n_replayed };
        (void)pthread_mutex_unlock(&s->mutex);
        return counts;
}

static void write_event(struct sovd_json_writer *w, const char *event, uint64_t n) {
        sovd_json_rawf(w, "sovd_auth_session_events_total{event=\"%s\"} %llu\n", event, (unsigned long long)n);
}

void sovd_sessions_write_metrics(struct sovd_sessions *s, struct sovd_json_writer *w) {
        const struct counts c = s ? take_counts(s) : (struct counts){ 0 };

        sovd_json_rawf(w, "# HELP sovd_auth_sessions Sessions with access tokens of the gateway.\n"
                          "# TYPE sovd_auth_sessions gauge\nsovd_auth_sessions %zu\n"
                          "# HELP sovd_auth_session_events_total What happened to sessions.\n"
                          "# TYPE sovd_auth_session_events_total counter\n", c.n);
        write_event(w, "opened", c.opened);
        write_event(w, "refreshed", c.refreshed);
        write_event(w, "revoked", c.revoked);
        write_event(w, "replayed", c.replayed);
}
