/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/known.h"
#include "sovd-auth/sha256.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-core/principal.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>

#define KEY_MIN 16
#define KEY_MAX 1024
#define ADMIN "admin" /* the role that may keep the gateway itself */

struct known_key {
        unsigned char digest[SOVD_KEY_DIGEST_SIZE];
        const char *from; /* NULL: the digest is in the configuration */
        struct sovd_principal principal;
};
struct known_user {
        int64_t uid;
        struct sovd_principal principal;
};
struct sovd_known {
        struct sovd_arena *arena; /* of all of it */
        struct known_key *keys;
        struct known_user *users;
        size_t n_keys, n_users;
};

/* The prefix keeps a name from looking like the id of another kind of client. */
static int make_principal(struct sovd_principal *ret, struct sovd_principal p, const char *prefix, const char *name,
                          struct sovd_arena *arena) {
        p.id = sovd_arena_printf(arena, "%s:%s", prefix, name);
        if (!p.id)
                return sovd_error_origin(-ENOMEM);
        p.admin = sovd_principal_has_role(&p, ADMIN);
        return sovd_principal_copy(ret, &p, arena);
}

static void read_digest(unsigned char ret[static SOVD_KEY_DIGEST_SIZE], const char *hex) {
        for (size_t i = 0; i < SOVD_KEY_DIGEST_SIZE; i++) {
                const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };
                ret[i] = (unsigned char)strtoul(two, NULL, 16);
        }
}

const char *sovd_known_key_check(const struct sovd_secret *secret) {
        size_t n;
        const char *key = sovd_secret_bytes(secret, &n);
        size_t length = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

        length += strspn(key + length, "=");
        if (n < KEY_MIN)
                return "the key has less than 16 characters";
        return length == n && n <= KEY_MAX ? NULL : "a key has at most 1024 letters, digits and -._~+/, and = at its end";
}

const char *sovd_known_key_source(const struct sovd_known *known, size_t i) {
        return i < known->n_keys ? known->keys[i].from : NULL;
}

size_t sovd_known_count(const struct sovd_known *known) {
        return known->n_keys;
}

static const char *set_digest(struct sovd_known *known, size_t i, const unsigned char digest[static SOVD_KEY_DIGEST_SIZE]) {
        for (size_t k = 0; k < known->n_keys; k++)
                if (k != i && CRYPTO_memcmp(known->keys[k].digest, digest, SOVD_KEY_DIGEST_SIZE) == 0)
                        return "another client has the same key";
        memcpy(known->keys[i].digest, digest, SOVD_KEY_DIGEST_SIZE);
        memcpy(&known->keys[i].principal.proof, digest, sizeof(known->keys[i].principal.proof));
        return NULL;
}

const char *sovd_known_set_key(struct sovd_known *known, size_t i, const struct sovd_secret *secret) {
        unsigned char digest[SOVD_KEY_DIGEST_SIZE];
        const char *why = sovd_known_key_check(secret);
        size_t n;

        if (why)
                return why;
        const char *key = sovd_secret_bytes(secret, &n);
        if (EVP_Digest(key, n, digest, NULL, EVP_sha256(), NULL) != 1)
                return "its digest cannot be made";
        return set_digest(known, i, digest);
}

static int fetch_key(struct sovd_known *known, size_t i, struct sovd_secrets *secrets) {
        struct known_key *key = &known->keys[i];
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
        const char *why = "there is nothing that reads secrets";
        int r = secrets ? sovd_secrets_read(secrets, key->from, &secret, known->arena, &why) : -EINVAL;

        if (!r) {
                why = sovd_known_set_key(known, i, secret);
                r = why ? -EINVAL : 0;
        }
        if (r)
                sovd_log(SOVD_LOG_ERROR, "auth.api_keys[%zu].key_from: %s", i, why);
        return r;
}

static int learn_key(struct sovd_known *known, size_t i, const struct sovd_api_key_settings *settings, struct sovd_secrets *secrets) {
        unsigned char digest[SOVD_KEY_DIGEST_SIZE];

        if (settings->key_sha256) {
                read_digest(digest, settings->key_sha256);
                const char *why = set_digest(known, i, digest);
                if (why)
                        sovd_log(SOVD_LOG_ERROR, "auth.api_keys[%zu].key_sha256: %s", i, why);
                return why ? -EINVAL : 0;
        }
        known->keys[i].from = sovd_arena_strdup(known->arena, settings->key_from);
        return known->keys[i].from ? fetch_key(known, i, secrets) : sovd_error_origin(-ENOMEM);
}

static int learn_keys(struct sovd_known *known, const struct sovd_list *list, struct sovd_secrets *secrets) {
        const struct sovd_api_key_settings *all = list->items;
        int r = 0;

        known->keys = sovd_arena_array(known->arena, struct known_key, list->n + 1);
        if (!known->keys)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < list->n; i++) {
                struct sovd_principal p = { .roles = all[i].roles, .scopes = all[i].scopes, .tenant = all[i].tenant,
                                            .method = sovd_auth_method_names[SOVD_AUTH_API_KEY], .token_id = all[i].name };
                if (all[i].expires && !sovd_timestamp_parse(all[i].expires, &p.expires_usec))
                        return sovd_error_origin(-EINVAL);
                known->n_keys = i + 1;
                r = make_principal(&known->keys[i].principal, p, "key", all[i].name, known->arena);
                if (!r)
                        r = learn_key(known, i, &all[i], secrets);
        }
        return r;
}

int sovd_known_uid(int64_t *ret, const struct sovd_unix_user_settings *user) {
        struct passwd entry, *found = NULL;
        char buf[16384];

        if (user->uid.set) {
                *ret = user->uid.value;
                return 0;
        }
        if (getpwnam_r(user->user, &entry, buf, sizeof(buf), &found) || !found)
                return sovd_error_origin(-ESRCH);
        *ret = found->pw_uid;
        return 0;
}

static int learn_users(struct sovd_known *known, const struct sovd_list *list) {
        const struct sovd_unix_user_settings *all = list->items;
        int r = 0;

        known->users = sovd_arena_array(known->arena, struct known_user, list->n + 1);
        if (!known->users)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < list->n; i++) {
                const struct sovd_principal p = { .roles = all[i].roles, .scopes = all[i].scopes, .tenant = all[i].tenant,
                                                  .method = sovd_auth_method_names[SOVD_AUTH_UNIX_USER] };
                r = sovd_known_uid(&known->users[i].uid, &all[i]);
                if (!r)
                        r = make_principal(&known->users[i].principal, p, "unix", all[i].name, known->arena);
        }
        known->n_users = list->n;
        return r;
}

int sovd_known_new(struct sovd_known **ret, const struct sovd_auth_settings *settings, struct sovd_secrets *secrets) {
        _cleanup_(sovd_known_freep) struct sovd_known *known = calloc(1, sizeof(*known));
        int r = known ? sovd_arena_new(&known->arena, 4096) : sovd_error_origin(-ENOMEM);

        if (!r)
                r = learn_keys(known, &settings->api_keys, secrets);
        if (!r)
                r = learn_users(known, &settings->unix_users);
        if (!r)
                *ret = SOVD_TAKE(known);
        return r;
}

struct sovd_known *sovd_known_free(struct sovd_known *known) {
        if (!known)
                return NULL;
        sovd_arena_free(known->arena);
        free(known);
        return NULL;
}

int sovd_known_digest_of(unsigned char ret[static SOVD_KEY_DIGEST_SIZE], const char *key) {
        return sovd_auth_sha256(ret, key, strlen(key));
}

/* Looks at all of them, so that the time tells nothing about any. */
const struct sovd_principal *sovd_known_digest(const struct sovd_known *known, const unsigned char digest[static SOVD_KEY_DIGEST_SIZE]) {
        const struct sovd_principal *found = NULL;

        for (size_t i = 0; i < known->n_keys; i++)
                if (CRYPTO_memcmp(known->keys[i].digest, digest, SOVD_KEY_DIGEST_SIZE) == 0)
                        found = &known->keys[i].principal;
        return found;
}

const struct sovd_principal *sovd_known_user(const struct sovd_known *known, int64_t uid) {
        for (size_t i = 0; i < known->n_users; i++)
                if (known->users[i].uid == uid)
                        return &known->users[i].principal;
        return NULL;
}

const struct sovd_principal *sovd_known_key_at(const struct sovd_known *known, size_t i) {
        return i < known->n_keys ? &known->keys[i].principal : NULL;
}

const struct sovd_principal *sovd_known_user_at(const struct sovd_known *known, size_t i) {
        return i < known->n_users ? &known->users[i].principal : NULL;
}
