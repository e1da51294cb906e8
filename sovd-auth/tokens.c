/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/tokens.h"
#include "sovd-core/call.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <strings.h>

#define TOKENS_MAX  256
#define DIGEST_SIZE 32
#define SCHEME      "Bearer"

#define F(member) offsetof(struct sovd_token_settings, member)
static const struct sovd_field token_fields[] = {
        { .name = "name",
          .type = SOVD_FIELD_STRING,
          .offset = F(name),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 64,
          .doc = "Of the client; locks and limits go by it." },
        { .name = "token",
          .type = SOVD_FIELD_STRING,
          .offset = F(token),
          .flags = SOVD_REQUIRED | SOVD_SECRET,
          .min = 16,
          .max = 1024,
          .doc = "What it sends as Authorization: Bearer, at least 16 characters." },
        { .name = "admin",
          .type = SOVD_FIELD_BOOL,
          .offset = F(admin),
          .def = "false",
          .doc = "Whether this client may keep the gateway itself: what is under /x-admin." },
        { 0 }
};
#undef F
static const struct sovd_schema token_schema = { .name = "token",
                                                 .size = sizeof(struct sovd_token_settings),
                                                 .fields = token_fields };
static const struct sovd_field auth_fields[] = { { .name = "tokens",
                                                   .type = SOVD_FIELD_LIST,
                                                   .offset = offsetof(struct sovd_auth_settings, tokens),
                                                   .of = &token_schema,
                                                   .min = 0,
                                                   .max = TOKENS_MAX,
                                                   .doc = "Clients that are known by a token." },
                                                 { 0 } };
const struct sovd_schema sovd_schema_auth_settings = {
        .name = "auth",
        .size = sizeof(struct sovd_auth_settings),
        .fields = auth_fields,
        .doc = "Who asks. A client without credentials is known by its address only.",
};

static struct sovd_token_settings demo_tokens[] = {
        { .name = "demo-tester-a", .token = "demo-tester-a" },
        { .name = "demo-tester-b", .token = "demo-tester-b" },
        { .name = "demo-admin", .token = "demo-admin-of-this-machine", .admin = { .value = true, .set = true } },
};
const struct sovd_auth_settings sovd_auth_demo_settings = {
        .tokens = { .items = demo_tokens, .n = SOVD_N_ELEMENTS(demo_tokens), .set = true },
};

/* token68 of RFC 9110 11.2: what can stand behind "Bearer". */
static bool is_token(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

        return n > 0 && s[n + strspn(s + n, "=")] == '\0';
}

static bool is_name(const char *s) {
        return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@")] == '\0';
}

const char *sovd_auth_settings_check(const struct sovd_auth_settings *settings, size_t *ret_index,
                                     const char **ret_member) {
        const struct sovd_token_settings *all = settings->tokens.items;

        for (size_t i = 0; i < settings->tokens.n; i++) {
                *ret_index = i;
                *ret_member = "name";
                if (!is_name(all[i].name))
                        return "may have letters, digits and -._@ only";
                for (size_t k = 0; k < i; k++)
                        if (strcmp(all[i].name, all[k].name) == 0)
                                return "another token has this name";
                *ret_member = "token";
                if (!is_token(all[i].token))
                        return "may have letters, digits and -._~+/ only, and = at its end";
                for (size_t k = 0; k < i; k++)
                        if (strcmp(all[i].token, all[k].token) == 0)
                                return "another client has the same token";
        }
        return NULL;
}

/* --- the tokens in force ------------------------------------------------------------------------------------- */

struct known {
        char *id; /* of the principal */
        bool admin;
        unsigned char digest[DIGEST_SIZE];
};

struct sovd_tokens {
        pthread_mutex_t mutex; /* leaf; all below */
        struct known *known;
        size_t n;
};

static void free_known(struct known *known, size_t n) {
        for (size_t i = 0; known && i < n; i++)
                free(known[i].id);
        free(known);
}

int sovd_tokens_new(struct sovd_tokens **ret) {
        struct sovd_tokens *tokens = calloc(1, sizeof(*tokens));
        if (!tokens)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&tokens->mutex, NULL);
        *ret = tokens;
        return 0;
}

struct sovd_tokens *sovd_tokens_free(struct sovd_tokens *tokens) {
        if (!tokens)
                return NULL;
        free_known(tokens->known, tokens->n);
        (void)pthread_mutex_destroy(&tokens->mutex);
        free(tokens);
        return NULL;
}

static int digest_of(unsigned char ret[static DIGEST_SIZE], const char *token) {
        return EVP_Digest(token, strlen(token), ret, NULL, EVP_sha256(), NULL) == 1 ? 0
                                                                                    : sovd_error_origin(-EIO);
}

/* The prefix keeps a name from looking like the id of an anonymous client. */
static int learn(struct known *known, const struct sovd_token_settings *settings) {
        static const char prefix[] = "token:";

        known->id = malloc(sizeof(prefix) + strlen(settings->name));
        if (!known->id)
                return sovd_error_origin(-ENOMEM);
        (void)strcpy(stpcpy(known->id, prefix), settings->name);
        known->admin = settings->admin.value;
        return digest_of(known->digest, settings->token);
}

int sovd_tokens_set(struct sovd_tokens *tokens, const struct sovd_auth_settings *settings) {
        const struct sovd_token_settings *all = settings->tokens.items;
        const size_t n = settings->tokens.n;
        struct known *known = calloc(n + 1, sizeof(*known));
        int r = known ? 0 : sovd_error_origin(-ENOMEM);

        for (size_t i = 0; !r && i < n; i++)
                r = learn(&known[i], &all[i]);
        if (r) {
                free_known(known, n);
                return r;
        }

        (void)pthread_mutex_lock(&tokens->mutex);
        struct known *before = tokens->known;
        size_t n_before = tokens->n;
        tokens->known = known;
        tokens->n = n;
        (void)pthread_mutex_unlock(&tokens->mutex);
        free_known(before, n_before);
        return 0;
}

/* Looks at all of them, so that the time tells nothing about any. */
static const struct known *find(const struct sovd_tokens *tokens,
                                const unsigned char digest[static DIGEST_SIZE]) {
        const struct known *found = NULL;

        for (size_t i = 0; i < tokens->n; i++)
                if (CRYPTO_memcmp(tokens->known[i].digest, digest, DIGEST_SIZE) == 0)
                        found = &tokens->known[i];
        return found;
}

static const char *token_of(const char *authorization) {
        const size_t n = strlen(SCHEME);

        if (strncasecmp(authorization, SCHEME, n) != 0 || authorization[n] != ' ')
                return NULL;
        authorization += n;
        authorization += strspn(authorization, " ");
        return is_token(authorization) ? authorization : NULL;
}

int sovd_tokens_identify(struct sovd_tokens *tokens, struct sovd_call *call, const char *authorization) {
        unsigned char digest[DIGEST_SIZE];
        const char *token = token_of(authorization), *id = NULL;
        bool admin = false;

        if (!token)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "the Authorization field must be a Bearer token");
        int r = digest_of(digest, token);
        if (r)
                return r;

        (void)pthread_mutex_lock(&tokens->mutex);
        const struct known *known = find(tokens, digest);
        if (known)
                id = sovd_arena_strdup(call->arena, known->id), admin = known->admin;
        (void)pthread_mutex_unlock(&tokens->mutex);
        if (!known)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "the token is not known here");
        if (!id)
                return sovd_error_origin(-ENOMEM);
        call->principal = (struct sovd_principal){ .id = id, .admin = admin };
        return 0;
}
