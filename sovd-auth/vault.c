/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/vault.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/json_reader.h"
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>

#define ANSWER_MAX ((size_t)4 * SOVD_SECRET_BYTES_MAX)
#define LEASE_MAX  ((int64_t)10 * 365 * 86400)

#define F(member) offsetof(struct sovd_vault_settings, member)
static const struct sovd_field vault_fields[] = {
        { .name = "address", .type = SOVD_FIELD_STRING, .offset = F(address), .flags = SOVD_REQUIRED, .min = 8, .max = 1024,
          .format = "uri", .doc = "Where Vault is: https://HOST:PORT; http:// only to this machine." },
        { .name = "token", .type = SOVD_FIELD_STRING, .offset = F(token), .flags = SOVD_REQUIRED, .min = 1, .max = 4095,
          .doc = "Where its token is: a file, `credential:NAME` or `env:NAME`. Read anew for each call, so it may be exchanged." },
        { .name = "mount", .type = SOVD_FIELD_STRING, .offset = F(mount), .min = 1, .max = 256, .def = "secret",
          .doc = "Where its key-value store (version 2) is mounted." },
        { .name = "namespace", .type = SOVD_FIELD_STRING, .offset = F(ns), .min = 1, .max = 256,
          .doc = "Sent as X-Vault-Namespace." },
        { .name = "ca_file", .type = SOVD_FIELD_STRING, .offset = F(ca_file), .min = 1, .max = 4095,
          .doc = "PEM file with the only trusted authorities; without it, the system's." },
        { .name = "refresh_secs", .type = SOVD_FIELD_NUMBER, .offset = F(refresh), .min = 1, .max = 86400, .def = "300",
          .doc = "How often secrets are read again." },
        { .name = "timeout_secs", .type = SOVD_FIELD_NUMBER, .offset = F(timeout), .min = 1, .max = 10, .def = "5",
          .doc = "How long one call to Vault may take." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_vault_settings = {
        .name = "vault", .size = sizeof(struct sovd_vault_settings), .fields = vault_fields,
        .doc = "HashiCorp Vault, for secrets that are written vault:PATH#FIELD.",
};

struct sovd_vault {
        struct sovd_arena *memory; /* of the strings */
        struct sovd_vault_settings settings;
        struct sovd_http_pool *pool;
};

/* --- settings ------------------------------------------------------------------------------------------------ */

/* Tokens do not travel in the clear but to this machine. */
static bool is_private(const char *address) {
        char host[64];
        struct in_addr ip;

        if (sovd_has_prefix(address, "https://"))
                return true;
        if (!sovd_has_prefix(address, "http://"))
                return false;
        address += strlen("http://");
        if (sovd_has_prefix(address, "[::1]"))
                return address[5] == '\0' || address[5] == ':' || address[5] == '/';
        size_t n = strcspn(address, ":/");
        if (n >= sizeof(host))
                return false;
        *stpncpy(host, address, n) = '\0';
        return strcmp(host, "localhost") == 0 || (inet_pton(AF_INET, host, &ip) == 1 && ntohl(ip.s_addr) >> 24 == 127);
}

static bool is_path(const char *s) {
        return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/")] == '\0' && *s != '/' &&
               s[strlen(s) - 1] != '/' && !strstr(s, "//") && !strstr(s, "..");
}

static struct sovd_http_pool_options pool_options(const struct sovd_vault_settings *s) {
        return (struct sovd_http_pool_options){ .base_url = s->address, .max_in_flight = 4, .max_answer = ANSWER_MAX,
                                                .max_waiting = 16, .ca_file = s->ca_file, .forgets = true };
}

const char *sovd_vault_settings_check(const struct sovd_vault_settings *s, const char **ret_member) {
        const struct sovd_http_pool_options options = pool_options(s);
        const char *member, *why;

        *ret_member = "address";
        if (!is_private(s->address))
                return "must begin with https://, or with http:// and a loopback address";
        why = sovd_http_pool_options_check(&options, &member);
        if (why)
                return why;
        *ret_member = "token";
        if (sovd_has_prefix(s->token, SOVD_SECRET_VAULT))
                return "cannot be in Vault itself";
        why = sovd_secret_check(s->token);
        if (why)
                return why;
        *ret_member = "mount";
        if (!is_path(s->mount))
                return "may have letters, digits and -._/ only";
        *ret_member = "namespace";
        return s->ns && !is_path(s->ns) ? "may have letters, digits and -._/ only" : NULL;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static bool copy(struct sovd_vault *vault, const char **text) {
        if (*text)
                *text = sovd_arena_strdup(vault->memory, *text);
        return *text;
}

int sovd_vault_new(struct sovd_vault **ret, const struct sovd_vault_settings *settings) {
        _cleanup_(sovd_vault_freep) struct sovd_vault *vault = calloc(1, sizeof(*vault));
        const struct sovd_http_pool_options options = pool_options(settings);
        int r = vault ? sovd_arena_new(&vault->memory, 1024) : sovd_error_origin(-ENOMEM);

        if (r)
                return r;
        vault->settings = *settings;
        if (!copy(vault, &vault->settings.address) || !copy(vault, &vault->settings.token) || !copy(vault, &vault->settings.mount) ||
            (settings->ns && !copy(vault, &vault->settings.ns)))
                return sovd_error_origin(-ENOMEM);
        r = sovd_http_pool_new(&vault->pool, &options);
        if (!r)
                *ret = SOVD_TAKE(vault);
        return r;
}

struct sovd_vault *sovd_vault_free(struct sovd_vault *vault) {
        if (!vault)
                return NULL;
        sovd_http_pool_free(vault->pool);
        sovd_arena_free(vault->memory);
        free(vault);
        return NULL;
}

void sovd_vault_stop(struct sovd_vault *vault) {
        sovd_http_pool_stop(vault->pool);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

struct exchange {
        struct sovd_vault *vault;
        struct sovd_arena *arena;
        const char *why;
        cJSON *json; /* of the answer; wiped and freed by done() */
};

_printf_(3, 4)
static int fail(struct exchange *x, int error, const char *format, ...) {
        va_list args;

        va_start(args, format);
        x->why = sovd_arena_vprintf(x->arena, format, args);
        va_end(args);
        return error;
}

static void wipe(const char *text, size_t n) {
        explicit_bzero((void *)(uintptr_t)text, n);
}

static void wipe_tree(const cJSON *node) {
        for (; node; node = node->next) {
                if (node->valuestring)
                        wipe(node->valuestring, strlen(node->valuestring));
                wipe_tree(node->child);
        }
}

static int done(struct exchange *x, int r, const char **ret_why) {
        wipe_tree(x->json);
        cJSON_Delete(x->json);
        if (r)
                *ret_why = x->why ? x->why : "out of memory";
        return r;
}

static const char *result_text(int result) {
        static const char *const texts[SOVD_HTTP_N_RESULTS] = {
                [SOVD_HTTP_BUSY] = "no call is free", [SOVD_HTTP_REFUSED] = "it cannot be reached",
                [SOVD_HTTP_TIMEOUT] = "it did not answer in time", [SOVD_HTTP_LOST] = "the connection broke",
                [SOVD_HTTP_BROKEN] = "what came is not HTTP", [SOVD_HTTP_TOO_LARGE] = "its answer is too large",
                [SOVD_HTTP_TLS] = "its certificate is not accepted, or there is no TLS",
        };

        return result > 0 && result < SOVD_HTTP_N_RESULTS ? texts[result] : strerror(abs(result));
}

static int judge(struct exchange *x, const struct sovd_http_answer *answer) {
        struct sovd_json_fault fault;

        if (answer->status == 403)
                return fail(x, -EPERM, "Vault does not let us: the token is not good for this, or not any more (403)");
        if (answer->status == 404)
                return fail(x, -ENOENT, "Vault has no such secret (404)");
        if (answer->status != 200)
                return fail(x, answer->status < 500 ? -EPERM : -EAGAIN, "Vault answers with status %u", answer->status);
        int r = sovd_json_parse(&x->json, answer->body, answer->body_len, NULL, &fault);
        return r == SOVD_E_BAD_REQUEST ? fail(x, -EBADMSG, "Vault's answer is no acceptable JSON: %s", fault.reason) : r;
}

static int send_with(struct exchange *x, const char *method, const char *target, const struct sovd_secret *token) {
        const struct sovd_vault_settings *s = &x->vault->settings;
        size_t n;
        const char *bytes = sovd_secret_bytes(token, &n);
        const char *line = strlen(bytes) == n ? sovd_arena_printf(x->arena, "X-Vault-Token: %s", bytes) : NULL;
        const char *ns = s->ns ? sovd_arena_printf(x->arena, "X-Vault-Namespace: %s", s->ns) : NULL;
        const char *const headers[] = { line, "X-Vault-Request: true", ns, NULL };
        const struct sovd_http_request request = {
                .method = method, .target = target, .headers = headers,
                .body = strcmp(method, "POST") == 0 ? "{}" : NULL, .body_len = strcmp(method, "POST") == 0 ? 2 : 0,
                .deadline_usec = sovd_now_usec() + (uint64_t)(s->timeout.value * (double)SOVD_USEC_PER_SEC),
        };
        struct sovd_http_answer answer;

        if (!line || (s->ns && !ns))
                return fail(x, -EINVAL, "the token is no text of one line");
        int r = sovd_http_call(x->vault->pool, &request, &answer, x->arena);
        wipe(line, strlen(line));
        if (r == -EINVAL)
                return fail(x, r, "the token is no text of one line");
        if (r != SOVD_HTTP_OK)
                return fail(x, r < 0 ? r : -EAGAIN, "Vault: %s", result_text(r));
        r = judge(x, &answer);
        wipe(answer.body, answer.body_len);
        return r;
}

/* The token is read each time: whoever exchanges it needs not tell. */
static int call(struct exchange *x, const char *method, const char *target) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *token = NULL;
        const char *why;

        if (!target)
                return fail(x, -ENOMEM, "out of memory");
        int r = sovd_secret_read(&token, x->vault->settings.token, x->arena, &why);
        return r ? fail(x, r, "the token of Vault: %s", why) : send_with(x, method, target, token);
}

static const cJSON *member(const cJSON *object, const char *name) {
        return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

int sovd_vault_read(struct sovd_vault *vault, const char *place, struct sovd_secret **ret, struct sovd_arena *arena,
                    const char **ret_why) {
        struct exchange x = { .vault = vault, .arena = arena };
        const char *mark = strchr(place, '#');
        int r = call(&x, "GET", sovd_arena_printf(arena, "/v1/%s/data/%.*s", vault->settings.mount, (int)(mark - place), place));

        if (!r) {
                const cJSON *field = member(member(member(x.json, "data"), "data"), mark + 1);
                r = cJSON_IsString(field) ? sovd_secret_new(ret, field->valuestring, strlen(field->valuestring))
                                          : fail(&x, -ENOENT, "the secret of Vault has no field %s with a text", mark + 1);
                if (r && !x.why)
                        (void)fail(&x, r, "the field %s is empty or too long", mark + 1);
        }
        return done(&x, r, ret_why);
}

int sovd_vault_renew(struct sovd_vault *vault, uint64_t *ret_secs, struct sovd_arena *arena, const char **ret_why) {
        struct exchange x = { .vault = vault, .arena = arena };
        int64_t secs = 0;
        int r = call(&x, "POST", "/v1/auth/token/renew-self");

        if (!r && (!sovd_json_get_int(member(member(x.json, "auth"), "lease_duration"), &secs) || secs < 0))
                r = fail(&x, -EBADMSG, "Vault does not say how long its token lives");
        if (!r)
                *ret_secs = (uint64_t)SOVD_MIN(secs, LEASE_MAX);
        return done(&x, r, ret_why);
}
