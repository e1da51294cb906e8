/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: text with dots is taken apart, all else is read as claims. */
#include "sovd-auth/base64url.h"
#include "sovd-auth/jws.h"
#include "sovd-auth/jwt_cache.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW (UINT64_C(1800000000) * SOVD_USEC_PER_SEC)

static void must(bool ok) {
        if (!ok)
                abort();
}

/* Who was let in is somebody, for a time, and comes out of the cache as it went in. */
static void check_claims(struct sovd_claims *claims, struct sovd_arena *arena) {
        static const unsigned char digest[SOVD_TOKEN_DIGEST_SIZE] = { 1 };
        const struct sovd_principal *p = &claims->principal;
        struct sovd_jwt_cache *cache;
        struct sovd_claims same;
        int r;

        must(sovd_has_prefix(p->id, "jwt:a:") && p->id[6] && p->expires_usec > NOW && !p->anonymous);
        must(p->roles.n <= 128 && p->scopes.n <= 128);
        claims->principal.expires_usec = UINT64_MAX; /* the cache looks at the real clock */
        must(sovd_jwt_cache_new(&cache, 1) == 0);
        sovd_jwt_cache_put(cache, digest, 1, claims);
        must(sovd_jwt_cache_get(cache, digest, 1, &same, arena, &r) && r == 0);
        must(sovd_streq(same.principal.id, p->id) && same.principal.admin == p->admin);
        must(!p->tenant || sovd_streq(same.principal.tenant, p->tenant));
        must(!claims->confirmation || sovd_streq(same.confirmation, claims->confirmation));
        for (size_t i = 0; i < p->roles.n; i++)
                must(sovd_streq(same.principal.roles.items[i], p->roles.items[i]));
        for (size_t i = 0; i < p->scopes.n; i++)
                must(sovd_streq(same.principal.scopes.items[i], p->scopes.items[i]));
        sovd_jwt_cache_free(cache);
}

static void read_claims(const struct cJSON *payload, struct sovd_arena *arena) {
        static const struct sovd_claims_policy policies[] = {
                { "a", "i", "u", "roles", "tenant_id", 30 * SOVD_USEC_PER_SEC },
                { "a", "i", "u", "/realm_access/roles", "/a~1b/c~0", 0 },
        };
        struct sovd_claims claims;
        const char *why = NULL;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(policies); i++) {
                int r = sovd_claims_read(&claims, payload, &policies[i], NOW, arena, &why);
                must(r == 0 || (r == SOVD_E_UNAUTHORIZED && why));
                if (!r)
                        check_claims(&claims, arena);
        }
}

static void read_token(const char *text, struct sovd_arena *arena) {
        static const unsigned char secret[64] = { 1 };
        const struct cJSON *payload = NULL;
        const char *why = NULL;
        struct sovd_jwks *set;
        struct sovd_jws jws;
        size_t i = 0;

        int r = sovd_jws_open(&jws, text, arena, &why);
        must(r == 0 || (r == SOVD_E_UNAUTHORIZED && why));
        if (r)
                return;
        must(jws.signature_len > 0 && jws.algorithm > SOVD_JWA_UNKNOWN && jws.algorithm < SOVD_JWA_MAX);
        must(jws.input == text && text[jws.input_len] == '.' && (!jws.kid || sovd_kid_is_valid(jws.kid)));
        must(sovd_jwks_from_secret(&set, secret, sizeof(secret), 0, &why) == 0);
        const struct sovd_jwk *key = sovd_jwks_find(set, jws.algorithm, jws.kid, &i);
        must(!key == (jws.algorithm > SOVD_JWA_HS512));
        if (key)
                (void)sovd_jws_verify(&jws, key);
        sovd_jwks_unref(set);
        if (sovd_jws_payload(&jws, arena, &payload, &why) == 0)
                read_claims(payload, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct sovd_arena *arena;
        struct sovd_json_fault fault;
        struct cJSON *tree;

        if (!arena)
                must(sovd_arena_new(&arena, 65536) == 0);
        if (memchr(data, '.', size) && size && data[0] != '{') {
                char *text = malloc(size + 1);
                must(text);
                memcpy(text, data, size);
                text[size] = '\0';
                read_token(text, arena);
                sovd_arena_reset(arena);
                free(text);
                return 0;
        }
        if (sovd_json_parse_in(arena, &tree, size ? (const char *)data : "", size, NULL, &fault) == 0)
                read_claims(tree, arena);
        sovd_arena_reset(arena);
        return 0;
}
