/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/known.h"
#include "sovd-core/base/log.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-core/principal.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>

#define ADMIN "admin" /* the role that may keep the gateway itself */

struct known_key {
        unsigned char digest[SOVD_KEY_DIGEST_SIZE];
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

static int learn_keys(struct sovd_known *known, const struct sovd_list *list) {
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
                read_digest(known->keys[i].digest, all[i].key_sha256);
                r = make_principal(&known->keys[i].principal, p, "key", all[i].name, known->arena);
        }
        known->n_keys = list->n;
        return r;
}

static int find_uid(int64_t *ret, const struct sovd_unix_user_settings *user, struct sovd_arena *arena) {
        struct passwd entry, *found = NULL;
        const size_t size = 16384;
        char *buf = sovd_arena_alloc(arena, size);

        if (user->uid.set)
                return *ret = user->uid.value, 0;
        if (!buf)
                return sovd_error_origin(-ENOMEM);
        int r = getpwnam_r(user->user, &entry, buf, size, &found);
        if (!found) {
                sovd_log(SOVD_LOG_ERROR, "auth.unix_users: this machine knows no user %s%s%s", user->user,
                         r ? ": " : "", r ? strerror(r) : "");
                return -ESRCH;
        }
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
                r = find_uid(&known->users[i].uid, &all[i], known->arena);
                if (!r)
                        r = make_principal(&known->users[i].principal, p, "unix", all[i].name, known->arena);
        }
        known->n_users = list->n;
        return r;
}

int sovd_known_new(struct sovd_known **ret, const struct sovd_auth_settings *settings) {
        _cleanup_(sovd_known_freep) struct sovd_known *known = calloc(1, sizeof(*known));
        int r = known ? sovd_arena_new(&known->arena, 4096) : sovd_error_origin(-ENOMEM);

        if (!r)
                r = learn_keys(known, &settings->api_keys);
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

/* Looks at all of them, so that the time tells nothing about any. */
int sovd_known_key(const struct sovd_known *known, const char *key, const struct sovd_principal **ret) {
        unsigned char digest[SOVD_KEY_DIGEST_SIZE];
        const struct sovd_principal *found = NULL;

        if (EVP_Digest(key, strlen(key), digest, NULL, EVP_sha256(), NULL) != 1)
                return sovd_error_origin(-EIO);
        for (size_t i = 0; i < known->n_keys; i++)
                if (CRYPTO_memcmp(known->keys[i].digest, digest, sizeof(digest)) == 0)
                        found = &known->keys[i].principal;
        *ret = found;
        return 0;
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
