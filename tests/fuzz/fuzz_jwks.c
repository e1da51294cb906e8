/* SPDX-License-Identifier: Apache-2.0 */
/* What an issuer publishes: JWK sets, a key in PEM ('-' first), and addresses ('h' first). */
#include "sovd-auth/key_fetch.h"
#include "sovd-core/base/error.h"
#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
        if (!ok)
                abort();
}

static void check_key(const struct sovd_jwk *k) {
        must(k->key && !k->secret && k->kind != SOVD_KEY_SECRET);
        must(k->algorithms && !(k->algorithms & ~sovd_jwa_of_kind(k->kind)));
        must(!k->kid || sovd_kid_is_valid(k->kid));
        if (k->kind == SOVD_KEY_RSA)
                must(EVP_PKEY_get_bits(k->key) >= 2048 && EVP_PKEY_get_bits(k->key) <= 8192);
}

static void check_set(struct sovd_jwks *set) {
        static const unsigned char signature[256] = { 1 };

        must(set->n >= 1 && set->n <= SOVD_JWKS_KEYS_MAX && set->n + set->n_left_out <= SOVD_JWKS_KEYS_MAX);
        must(!set->n_left_out == !set->why_left_out);
        for (size_t i = 0; i < set->n; i++)
                check_key(&set->keys[i]);
        for (unsigned a = SOVD_JWA_UNKNOWN + 1; a < SOVD_JWA_MAX; a++) {
                size_t i = 0, n = 0;
                const struct sovd_jwk *k;
                while ((k = sovd_jwks_find(set, (enum sovd_jwa)a, "a", &i)) && n++ < 4) {
                        must(sovd_streq(k->kid, "a") || k->any_kid);
                        must(!sovd_jwa_verify((enum sovd_jwa)a, k->key, NULL, 0, "x", 1, signature, a == SOVD_JWA_ES256 ? 64 : 256));
                }
        }
}

/* Not by http to another machine, whoever reads the address. */
static void check_url(const char *url) {
        if (sovd_key_url_check(url))
                return;
        must(!strchr(url, '@') && !strchr(url, '#') && !strchr(url, '\\') && !strchr(url, ' '));
        if (sovd_has_prefix(url, "http://"))
                must(sovd_has_prefix(url + 7, "127.") || sovd_has_prefix(url + 7, "localhost") || sovd_has_prefix(url + 7, "[::1]"));
        else
                must(sovd_has_prefix(url, "https://") && url[8] && url[8] != '/' && url[8] != ':');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct sovd_arena *arena;
        struct sovd_jwks *set = NULL;
        const char *why = NULL;
        int r;

        if (!arena)
                must(sovd_arena_new(&arena, 65536) == 0);
        char *text = malloc(size + 1);
        must(text);
        memcpy(text, data, size);
        text[size] = '\0';
        if (size && text[0] == 'h') {
                check_url(text);
                free(text);
                return 0;
        }
        if (size && text[0] == '-')
                r = sovd_jwks_from_pem(&set, text, size, 0, &why);
        else
                r = sovd_jwks_from_json(&set, text, size, 0, arena, &why);
        must(r == 0 || (r == SOVD_E_BAD_REQUEST && why));
        if (!r)
                check_set(set);
        sovd_jwks_unref(set);
        sovd_arena_reset(arena);
        free(text);
        return 0;
}
