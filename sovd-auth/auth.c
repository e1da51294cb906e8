/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/auth.h"
#include "sovd-auth/client_cert.h"
#include "sovd-auth/jws.h"
#include "sovd-auth/jwt.h"
#include "sovd-auth/known.h"
#include "sovd-auth/auth_inside.h"
#include "sovd-auth/secrets.h"
#include "sovd-auth/seen_token.h"
#include "sovd-auth/sessions.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-core/principal.h"
#include <errno.h>
#include <pthread.h>
#include <strings.h>

#define SCHEME "Bearer"

const char *const sovd_auth_method_names[] = {
        [SOVD_AUTH_NONE] = "none",
        [SOVD_AUTH_API_KEY] = "api-key",
        [SOVD_AUTH_JWT] = "jwt",
        [SOVD_AUTH_SESSION] = "session",
        [SOVD_AUTH_CERTIFICATE] = "certificate",
        [SOVD_AUTH_UNIX_USER] = "unix-user",
        [SOVD_AUTH_OTHER] = "other",
        NULL,
};

const char *const sovd_way_names[] = {
        [SOVD_WAY_API_KEY] = "api-key", [SOVD_WAY_UNIX_USER] = "unix-user", [SOVD_WAY_CERTIFICATE] = "certificate",
        [SOVD_WAY_JWT] = "jwt",         [SOVD_WAY_OIDC] = "oidc",           NULL,
};

int sovd_auth_new(struct sovd_auth **ret) {
        struct sovd_auth *auth = calloc(1, sizeof(*auth));
        pthread_rwlockattr_t attributes;
        if (!auth)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_jwt_new(&auth->jwt);
        if (r) {
                free(auth);
                return r;
        }
        /* Else requests that never cease would keep new settings out for good. */
        (void)pthread_rwlockattr_init(&attributes);
        (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        (void)pthread_rwlock_init(&auth->lock, &attributes);
        (void)pthread_rwlockattr_destroy(&attributes);
        *ret = auth;
        return 0;
}

struct sovd_auth *sovd_auth_free(struct sovd_auth *auth) {
        if (!auth)
                return NULL;
        sovd_known_free(auth->known);
        sovd_client_certs_free(auth->certificates);
        sovd_jwt_free(auth->jwt);
        (void)pthread_rwlock_destroy(&auth->lock);
        free(auth);
        return NULL;
}

void sovd_auth_each_ending_key(struct sovd_auth *auth, sovd_auth_key_function f, void *data) {
        const struct sovd_principal *key;

        (void)pthread_rwlock_rdlock(&auth->lock);
        for (size_t i = 0; auth->known && (key = sovd_known_key_at(auth->known, i)); i++)
                if (key->expires_usec)
                        f(data, key->token_id, key->expires_usec);
        (void)pthread_rwlock_unlock(&auth->lock);
}

static void say_end(void *data, const char *name, uint64_t ends_usec) {
        char when[SOVD_TIMESTAMP_SIZE];
        const uint64_t now = *(const uint64_t *)data;

        if (ends_usec <= now)
                sovd_log(SOVD_LOG_WARN, "the key %s has expired", name);
        else if (ends_usec < now + SOVD_AUTH_SOON_USEC)
                sovd_log(SOVD_LOG_WARN, "the key %s expires %s", name, sovd_clock_format(when, ends_usec));
}

static unsigned ways_of(const struct sovd_auth_settings *s) {
        const bool has[SOVD_N_WAYS] = { s->api_keys.n, s->unix_users.n, s->certificates.n, s->jwt, s->oidc };
        unsigned ways = 0;

        for (unsigned i = 0; i < SOVD_N_WAYS; i++)
                ways |= has[i] ? 1u << i : 0;
        return ways;
}

unsigned sovd_auth_ways(const struct sovd_auth *auth) {
        return __atomic_load_n(&auth->ways, __ATOMIC_ACQUIRE);
}

int sovd_auth_apply(struct sovd_auth *auth, const struct sovd_auth_settings *settings) {
        struct sovd_known *known, *before;
        struct sovd_client_certs *certificates, *certificates_before;
        uint64_t now = sovd_realtime_usec();
        int r = sovd_known_new(&known, settings, auth->secrets);

        if (r)
                return r;
        r = sovd_client_certs_new(&certificates, &settings->certificates);
        if (!r) {
                r = sovd_jwt_apply(auth->jwt, settings->jwt, settings->oidc); /* the last that can fail */
                if (r)
                        sovd_client_certs_free(certificates);
        }
        if (r) {
                sovd_known_free(known);
                return r;
        }
        (void)pthread_rwlock_wrlock(&auth->lock);
        before = auth->known;
        auth->known = known;
        auth->generation++;
        certificates_before = auth->certificates;
        auth->certificates = certificates;
        (void)pthread_rwlock_unlock(&auth->lock);
        sovd_client_certs_free(certificates_before);
        sovd_known_free(before);
        __atomic_store_n(&auth->ways, ways_of(settings), __ATOMIC_RELEASE);
        __atomic_store_n(&auth->enabled, settings->enabled.value, __ATOMIC_RELEASE);
        __atomic_store_n(&auth->public_metrics, settings->public_metrics.value, __ATOMIC_RELEASE);
        __atomic_store_n(&auth->public_docs, settings->public_docs.value, __ATOMIC_RELEASE);
        sovd_auth_each_ending_key(auth, say_end, &now);
        return 0;
}

/* --- keys that are secrets elsewhere -------------------------------------------------------------------------- */

struct key_source {
        char *notation; /* NULL: it is no secret elsewhere */
        uint64_t generation;
};

/* false: there is no key at this place. */
static bool find_source(struct sovd_auth *auth, size_t i, struct key_source *ret) {
        (void)pthread_rwlock_rdlock(&auth->lock);
        const char *notation = auth->known ? sovd_known_key_source(auth->known, i) : NULL;
        bool found = auth->known && i < sovd_known_count(auth->known);
        *ret = (struct key_source){ notation ? strdup(notation) : NULL, auth->generation };
        (void)pthread_rwlock_unlock(&auth->lock);
        return found;
}

/* Unless the settings are others meanwhile. */
static const char *exchange_key(struct sovd_auth *auth, size_t i, uint64_t generation, const struct sovd_secret *secret) {
        const char *why = NULL;

        (void)pthread_rwlock_wrlock(&auth->lock);
        if (auth->generation == generation)
                why = sovd_known_set_key(auth->known, i, secret);
        (void)pthread_rwlock_unlock(&auth->lock);
        (void)__atomic_add_fetch(&auth->changes, 1, __ATOMIC_RELEASE);
        return why;
}

static void read_keys(void *data) {
        struct sovd_auth *auth = data;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct key_source source;

        if (sovd_arena_new(&arena, 1024)) {
                sovd_log(SOVD_LOG_ERROR, "keys stay as they were: out of memory");
                return;
        }
        for (size_t i = 0; find_source(auth, i, &source); i++) {
                _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
                const char *why = NULL;
                int r = source.notation ? sovd_secrets_read(auth->secrets, source.notation, &secret, arena, &why) : 0;
                if (!r && secret)
                        why = exchange_key(auth, i, source.generation, secret);
                if (r || why)
                        sovd_log(SOVD_LOG_ERROR, "auth.api_keys[%zu].key_from: the key stays as it was: %s", i, why);
                free(source.notation);
        }
}

int sovd_auth_set_secrets(struct sovd_auth *auth, struct sovd_secrets *secrets) {
        int r = sovd_jwt_set_secrets(auth->jwt, secrets);

        auth->secrets = secrets;
        return r ? r : sovd_secrets_watch(secrets, read_keys, auth);
}

bool sovd_auth_is_enabled(const struct sovd_auth *auth) {
        return __atomic_load_n(&auth->enabled, __ATOMIC_ACQUIRE);
}

bool sovd_auth_metrics_are_public(const struct sovd_auth *auth) {
        return __atomic_load_n(&auth->public_metrics, __ATOMIC_ACQUIRE);
}

bool sovd_auth_docs_are_public(const struct sovd_auth *auth) {
        return __atomic_load_n(&auth->public_docs, __ATOMIC_ACQUIRE);
}

/* --- who it is ----------------------------------------------------------------------------------------------- */

static int refuse(struct sovd_auth *auth, struct sovd_call *call, enum sovd_auth_method method, const char *why) {
        sovd_auth_count(auth, method, SOVD_AUTH_REFUSED);
        return sovd_fail(call, SOVD_E_UNAUTHORIZED, "%s", why);
}

static const char *bearer_of(const char *authorization) {
        const size_t n = strlen(SCHEME);

        if (strncasecmp(authorization, SCHEME, n) != 0 || authorization[n] != ' ')
                return NULL;
        authorization += n;
        return authorization + strspn(authorization, " ");
}

/* What the connection says of the client stays. */
static int become(struct sovd_call *call, const struct sovd_principal *known) {
        struct sovd_principal p = { 0 };
        int r = sovd_principal_copy(&p, known, call->arena);

        if (r)
                return r;
        p.certificate = call->principal.certificate;
        call->principal = p;
        return 0;
}

static int identify_key(struct sovd_auth *auth, struct sovd_call *call, const unsigned char *digest) {
        bool is_known, expired = false;
        int r = 0;

        (void)pthread_rwlock_rdlock(&auth->lock);
        const struct sovd_principal *found = auth->known ? sovd_known_digest(auth->known, digest) : NULL;
        is_known = found;
        if (found)
                expired = found->expires_usec && found->expires_usec <= sovd_realtime_usec();
        if (found && !expired)
                r = become(call, found);
        (void)pthread_rwlock_unlock(&auth->lock);
        if (r)
                return r;
        if (!is_known)
                return refuse(auth, call, SOVD_AUTH_API_KEY, "the key or token is not known here");
        sovd_auth_count(auth, SOVD_AUTH_API_KEY, expired ? SOVD_AUTH_EXPIRED : SOVD_AUTH_OK);
        return expired ? sovd_fail(call, SOVD_E_UNAUTHORIZED, "the key has expired") : 0;
}

static int identify_token(struct sovd_auth *auth, struct sovd_call *call, const char *token, const unsigned char *digest) {
        const bool is_signed = sovd_jws_looks_like(token);
        struct sovd_session_owner owner;

        if (auth->sessions && is_signed && sovd_sessions_find(auth->sessions, digest, call->arena, &owner))
                return auth_identify_session(auth, call, &owner);
        if (!is_signed || !sovd_jwt_is_configured(auth->jwt))
                return identify_key(auth, call, digest);
        int r = sovd_jwt_identify(auth->jwt, call, token, digest);
        sovd_auth_count(auth, SOVD_AUTH_JWT, r ? SOVD_AUTH_REFUSED : SOVD_AUTH_OK);
        return r;
}

static int identify_bearer(struct sovd_auth *auth, struct sovd_call *call, const char *authorization) {
        const char *token = bearer_of(authorization);
        unsigned char digest[SOVD_AUTH_SHA256_SIZE];
        int r = token ? sovd_seen_token(digest, token) : SOVD_E_UNAUTHORIZED;

        if (r > 0)
                return refuse(auth, call, SOVD_AUTH_OTHER, "the Authorization field must be a Bearer token");
        return r ? r : identify_token(auth, call, token, digest);
}

static int identify_field(struct sovd_auth *auth, struct sovd_call *call, const char *key) {
        unsigned char digest[SOVD_AUTH_SHA256_SIZE];
        int r = sovd_seen_token(digest, key);

        if (r > 0)
                return refuse(auth, call, SOVD_AUTH_OTHER, "the X-API-Key field has no form that a key can have");
        return r ? r : identify_key(auth, call, digest);
}

static int identify_user(struct sovd_auth *auth, struct sovd_call *call, int64_t uid) {
        const struct sovd_principal *found = NULL;
        bool is_known;

        (void)pthread_rwlock_rdlock(&auth->lock);
        if (auth->known)
                found = sovd_known_user(auth->known, uid);
        is_known = found;
        int r = found ? become(call, found) : 0;
        (void)pthread_rwlock_unlock(&auth->lock);
        if (!r && !is_known && sovd_auth_is_enabled(auth))
                call->principal.anonymous = true;
        if (!r)
                sovd_auth_count(auth, is_known ? SOVD_AUTH_UNIX_USER : SOVD_AUTH_NONE, SOVD_AUTH_OK);
        return r;
}

/* One that no rule matches proves nothing: its client is anonymous. */
static int identify_certificate(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_peer_certificate *certificate) {
        bool is_known = false;

        (void)pthread_rwlock_rdlock(&auth->lock);
        int r = auth->certificates ? sovd_client_certs_identify(auth->certificates, call, certificate, &is_known) : 0;
        (void)pthread_rwlock_unlock(&auth->lock);
        if (!r)
                sovd_auth_count(auth, SOVD_AUTH_CERTIFICATE, is_known ? SOVD_AUTH_OK : SOVD_AUTH_REFUSED);
        return r;
}

int sovd_auth_identify(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_credentials *c) {
        if (c->authorization && c->api_key)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are an Authorization and an X-API-Key field; one proves who asks");
        if (c->authorization)
                return identify_bearer(auth, call, c->authorization);
        if (c->api_key)
                return identify_field(auth, call, c->api_key);
        if (c->uid >= 0)
                return identify_user(auth, call, c->uid);
        if (c->certificate)
                return identify_certificate(auth, call, c->certificate);
        sovd_auth_count(auth, SOVD_AUTH_NONE, SOVD_AUTH_OK);
        return 0;
}

int sovd_auth_issuers_without_keys(struct sovd_auth *auth, struct sovd_arena *arena, struct sovd_strings *ret) {
        return sovd_jwt_without_keys(auth->jwt, arena, ret);
}

/* --- metrics ------------------------------------------------------------------------------------------------- */

void sovd_auth_count(struct sovd_auth *auth, enum sovd_auth_method method, enum sovd_auth_result result) {
        (void)__atomic_add_fetch(&auth->counts[method][result], 1, __ATOMIC_RELAXED);
}

static void write_counts(const struct sovd_auth *auth, struct sovd_json_writer *w) {
        static const char *const results[SOVD_AUTH_N_RESULTS] = { "ok", "refused", "expired" };

        sovd_json_rawf(w, "# HELP sovd_authentications_total Requests by the kind of their credentials.\n"
                          "# TYPE sovd_authentications_total counter\n");
        for (size_t m = 0; m < SOVD_AUTH_N_METHODS; m++)
                for (size_t r = 0; r < SOVD_AUTH_N_RESULTS; r++)
                        sovd_json_rawf(w, "sovd_authentications_total{method=\"%s\",result=\"%s\"} %llu\n",
                                       sovd_auth_method_names[m], results[r],
                                       (unsigned long long)__atomic_load_n(&auth->counts[m][r], __ATOMIC_RELAXED));
}

static void write_end(void *data, const char *name, uint64_t ends_usec) {
        sovd_json_rawf(data, "sovd_api_key_expires_timestamp_seconds{key=\"%s\"} %llu\n", name,
                       (unsigned long long)(ends_usec / SOVD_USEC_PER_SEC));
}

void sovd_auth_write_metrics(struct sovd_auth *auth, struct sovd_json_writer *w) {
        sovd_json_rawf(w, "# HELP sovd_auth_enabled Whether anonymous clients get nothing but what is public.\n"
                          "# TYPE sovd_auth_enabled gauge\nsovd_auth_enabled %d\n", sovd_auth_is_enabled(auth));
        write_counts(auth, w);
        sovd_json_rawf(w, "# HELP sovd_api_key_expires_timestamp_seconds When a key of auth.api_keys ends.\n"
                          "# TYPE sovd_api_key_expires_timestamp_seconds gauge\n");
        sovd_auth_each_ending_key(auth, write_end, w);
        sovd_jwt_write_metrics(auth->jwt, w);
        sovd_sessions_write_metrics(auth->sessions, w);
}

/* --- who was known before -------------------------------------------------------------------------------- */

/* With the lock held. NULL: no more. */
static const struct sovd_principal *find_by_id(const struct sovd_known *known, const char *id) {
        const struct sovd_principal *p;

        for (size_t i = 0; known && (p = sovd_known_key_at(known, i)); i++)
                if (strcmp(p->id, id) == 0)
                        return p;
        for (size_t i = 0; known && (p = sovd_known_user_at(known, i)); i++)
                if (strcmp(p->id, id) == 0)
                        return p;
        return NULL;
}

/* What a session was narrowed to stays, and so does its end: its key says the rest. */
static int take_over(struct sovd_principal *principal, const struct sovd_principal *now, struct sovd_arena *arena) {
        const bool is_session = sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_SESSION]);
        const struct sovd_principal before = *principal;
        int r = sovd_principal_copy(principal, now, arena);

        if (r)
                return r;
        principal->certificate = before.certificate;
        if (!is_session)
                return 0;
        if (before.scopes.set)
                principal->scopes = before.scopes;
        principal->method = before.method;
        principal->token_id = before.token_id;
        principal->expires_usec = before.expires_usec;
        return 0;
}

static int refresh_certificate(struct sovd_auth *auth, struct sovd_principal *principal, struct sovd_arena *arena) {
        (void)pthread_rwlock_rdlock(&auth->lock);
        int r = auth->certificates ? sovd_client_certs_refresh(auth->certificates, principal, arena) : SOVD_E_UNAUTHORIZED;
        (void)pthread_rwlock_unlock(&auth->lock);
        return r;
}

static bool is_ours(const struct sovd_principal *principal) {
        static const enum sovd_auth_method ours[] = { SOVD_AUTH_API_KEY, SOVD_AUTH_UNIX_USER, SOVD_AUTH_SESSION };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ours); i++)
                if (sovd_streq(principal->method, sovd_auth_method_names[ours[i]]))
                        return true;
        return false;
}

int sovd_auth_refresh(struct sovd_auth *auth, struct sovd_principal *principal, struct sovd_arena *arena) {
        if (sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_CERTIFICATE]))
                return refresh_certificate(auth, principal, arena);
        if (sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_JWT]))
                return sovd_jwt_trusts(auth->jwt, principal->id) ? 0 : SOVD_E_UNAUTHORIZED;
        if (!is_ours(principal))
                return 0;
        (void)pthread_rwlock_rdlock(&auth->lock);
        const struct sovd_principal *now = find_by_id(auth->known, principal->id);
        int r = !now || (now->expires_usec && now->expires_usec <= sovd_realtime_usec()) ? SOVD_E_UNAUTHORIZED
                                                                                         : take_over(principal, now, arena);
        (void)pthread_rwlock_unlock(&auth->lock);
        return r;
}

bool sovd_auth_has(struct sovd_auth *auth, const struct sovd_principal *principal) {
        (void)pthread_rwlock_rdlock(&auth->lock);
        bool has = is_ours(principal) && find_by_id(auth->known, principal->id);
        (void)pthread_rwlock_unlock(&auth->lock);
        return has;
}

/* --- what proved it --------------------------------------------------------------------------------------- */

uint64_t sovd_auth_changes(const struct sovd_auth *auth) {
        return __atomic_load_n(&auth->changes, __ATOMIC_ACQUIRE) + sovd_jwt_changes(auth->jwt) +
               (auth->sessions ? sovd_sessions_changes(auth->sessions) : 0);
}

static bool has_same_key(struct sovd_auth *auth, const struct sovd_principal *principal) {
        (void)pthread_rwlock_rdlock(&auth->lock);
        const struct sovd_principal *now = find_by_id(auth->known, principal->id);
        bool same = now && now->proof == principal->proof;
        (void)pthread_rwlock_unlock(&auth->lock);
        return same;
}

bool sovd_auth_proves(struct sovd_auth *auth, const struct sovd_principal *principal) {
        if (sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_JWT]))
                return sovd_jwt_proves(auth->jwt, principal->id, principal->proof);
        if (sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_SESSION]))
                return has_same_key(auth, principal) && auth->sessions && sovd_sessions_has(auth->sessions, principal->token_id);
        return !sovd_streq(principal->method, sovd_auth_method_names[SOVD_AUTH_API_KEY]) || has_same_key(auth, principal);
}
