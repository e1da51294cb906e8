/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens of the gateway's own: client credentials and refresh (RFC 6749 4.4, 6), and revocation (RFC 7009). */
#include "sovd-auth/auth.h"
#include "sovd-auth/auth_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/principal.h"
#include <errno.h>

#define SCOPE_BYTES_MAX 1024

void sovd_auth_set_sessions(struct sovd_auth *auth, struct sovd_sessions *sessions) {
        auth->sessions = sessions;
}

/* Who has the key with this digest, if it is good now. Copied into the arena. 0, SOVD_E_UNAUTHORIZED, -ENOMEM. */
static int find_owner(struct sovd_auth *auth, const unsigned char digest[static SOVD_KEY_DIGEST_SIZE], struct sovd_arena *arena,
                      struct sovd_principal *ret) {
        int r = SOVD_E_UNAUTHORIZED;

        (void)pthread_rwlock_rdlock(&auth->lock);
        const struct sovd_principal *found = auth->known ? sovd_known_digest(auth->known, digest) : NULL;
        if (found && (!found->expires_usec || found->expires_usec > sovd_realtime_usec()))
                r = sovd_principal_copy(ret, found, arena);
        (void)pthread_rwlock_unlock(&auth->lock);
        return r;
}

/* --- scopes -------------------------------------------------------------------------------------------------- */

static bool has(const struct sovd_strings *all, const char *word) {
        for (size_t i = 0; i < all->n; i++)
                if (strcmp(all->items[i], word) == 0)
                        return true;
        return false;
}

/* The words of the text; NULL: no memory. */
static bool split(const char *text, struct sovd_arena *arena, struct sovd_strings *ret) {
        char *own = sovd_arena_strdup(arena, text), *rest = NULL;
        const char **items = sovd_arena_array(arena, const char *, strlen(text) / 2 + 2);

        *ret = (struct sovd_strings){ .items = items, .set = true };
        if (!own || !items)
                return false;
        for (char *word = strtok_r(own, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
                items[ret->n++] = word;
        return true;
}

/* Of the words, those that the key has too; with a key that is good for everything, all of them. */
static bool narrow(struct sovd_principal *p, const char *text, struct sovd_arena *arena) {
        struct sovd_strings words;
        size_t n = 0;

        if (!split(text, arena, &words))
                return false;
        for (size_t i = 0; i < words.n; i++)
                if (!p->scopes.set || has(&p->scopes, words.items[i]))
                        words.items[n++] = words.items[i];
        words.n = n;
        p->scopes = words;
        return true;
}

int auth_identify_session(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_session_owner *owner) {
        struct sovd_principal p;
        int r = find_owner(auth, owner->key, call->arena, &p);

        if (r == SOVD_E_UNAUTHORIZED) {
                sovd_auth_count(auth, SOVD_AUTH_SESSION, SOVD_AUTH_REFUSED);
                return sovd_fail(call, r, "the key that the token was given out for is not good any more");
        }
        if (!r && owner->scopes && !narrow(&p, owner->scopes, call->arena))
                r = sovd_error_origin(-ENOMEM);
        if (r)
                return r;
        p.certificate = call->principal.certificate;
        p.token_id = owner->id;
        p.method = sovd_auth_method_names[SOVD_AUTH_SESSION];
        p.expires_usec = owner->ends_usec;
        call->principal = p;
        sovd_auth_count(auth, SOVD_AUTH_SESSION, SOVD_AUTH_OK);
        return 0;
}

/* --- grants -------------------------------------------------------------------------------------------------- */

static bool is_scope(const char *s) {
        return strlen(s) <= SCOPE_BYTES_MAX &&
               s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@: ")] == '\0';
}

/* The key is told by its name and itself. One message for everything that is wrong with them. */
static int check_client(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request,
                        unsigned char digest[static SOVD_KEY_DIGEST_SIZE], struct sovd_principal *ret) {
        if (!request->client_id || !request->client_secret)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "an API key is needed: client_id and client_secret, or the X-API-Key field");
        int r = sovd_known_digest_of(digest, request->client_secret);
        if (!r)
                r = find_owner(auth, digest, call->arena, ret);
        if (!r && strcmp(ret->token_id, request->client_id) != 0)
                r = SOVD_E_UNAUTHORIZED;
        if (r >= 0)
                sovd_auth_count(auth, SOVD_AUTH_API_KEY, r ? SOVD_AUTH_REFUSED : SOVD_AUTH_OK);
        return r == SOVD_E_UNAUTHORIZED ? sovd_fail(call, r, "client_id and client_secret are not those of a key that is good now") : r;
}

/* The client that asks: by the key in the request's head, which was looked at, or in its body. */
static int find_client(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request,
                       const char *shown, struct sovd_session_owner *owner, struct sovd_principal *ret) {
        if (!shown)
                return check_client(auth, call, request, owner->key, ret);
        if (request->client_id || request->client_secret)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are credentials in the head and in the body; one proves who asks");
        int r = sovd_known_digest_of(owner->key, shown);
        if (!r)
                r = find_owner(auth, owner->key, call->arena, ret);
        return r == SOVD_E_UNAUTHORIZED ? sovd_fail(call, r, "tokens are given out for API keys only") : r;
}

static int check_scope(struct sovd_call *call, const struct sovd_principal *p, const char *scope) {
        struct sovd_strings words;

        if (!is_scope(scope) || !scope[strspn(scope, " ")])
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "scope must be words of letters, digits and -._@: with blanks between");
        if (!split(scope, call->arena, &words))
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; p->scopes.set && i < words.n; i++)
                if (!has(&p->scopes, words.items[i]))
                        return sovd_fail(call, SOVD_E_FORBIDDEN, "the key has not the scope %s", words.items[i]);
        return 0;
}

/* For the audit log. */
static void tell_whose(struct sovd_call *call, const struct sovd_principal *p) {
        call->session_of = p->id;
        call->session_tenant = p->tenant;
}

/* Of a session that has ended, if its key is good still. */
static void tell_owner(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_session_owner *owner) {
        struct sovd_principal p;

        if (call->session && !find_owner(auth, owner->key, call->arena, &p))
                tell_whose(call, &p);
}

static int grant_key(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request, const char *shown,
                     struct sovd_granted *ret) {
        struct sovd_session_owner owner = { .scopes = request->scope };
        struct sovd_principal p;

        if (request->refresh_token)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "refresh_token does not belong to the grant client_credentials");
        int r = find_client(auth, call, request, shown, &owner, &p);
        if (!r && request->scope)
                r = check_scope(call, &p, request->scope);
        if (!r && request->scope && !narrow(&p, request->scope, call->arena))
                r = sovd_error_origin(-ENOMEM);
        if (r)
                return r;
        tell_whose(call, &p);
        return sovd_sessions_open(auth->sessions, call, &p, &owner, ret);
}

static int grant_refresh(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request,
                         struct sovd_granted *ret) {
        struct sovd_session_owner owner;
        struct sovd_principal p;

        if (!request->refresh_token || request->scope)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the grant refresh_token needs refresh_token, and has the scope of before");
        int r = sovd_sessions_find_refresh(auth->sessions, call, request->refresh_token, &owner);
        if (r == SOVD_E_UNAUTHORIZED)
                tell_owner(auth, call, &owner);
        if (!r)
                r = find_owner(auth, owner.key, call->arena, &p);
        if (!r)
                tell_whose(call, &p);
        if (!r && owner.scopes && !narrow(&p, owner.scopes, call->arena))
                r = sovd_error_origin(-ENOMEM);
        if (!r)
                r = sovd_sessions_refresh(auth->sessions, call, &p, &owner, request->refresh_token, ret);
        if (r == SOVD_E_UNAUTHORIZED) {
                sovd_auth_count(auth, SOVD_AUTH_SESSION, SOVD_AUTH_REFUSED);
                return sovd_fail(call, r, "the refresh token is not known here, was used, or its key is not good any more");
        }
        return r;
}

int sovd_auth_grant(struct sovd_auth *auth, struct sovd_call *call, const struct sovd_token_request *request, const char *shown,
                    struct sovd_granted *ret) {
        if (!auth->sessions)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "this gateway gives no tokens out (auth.mint)");
        if (sovd_streq(request->grant_type, "client_credentials"))
                return grant_key(auth, call, request, shown, ret);
        if (sovd_streq(request->grant_type, "refresh_token"))
                return grant_refresh(auth, call, request, ret);
        return sovd_fail(call, SOVD_E_BAD_REQUEST, "grant_type must be client_credentials or refresh_token");
}

int sovd_auth_revoke(struct sovd_auth *auth, struct sovd_call *call, const char *token) {
        if (!auth->sessions)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "this gateway gives no tokens out (auth.mint)");
        struct sovd_session_owner owner;
        int r = sovd_sessions_revoke(auth->sessions, call, token, &owner);

        tell_owner(auth, call, &owner);
        return r;
}
