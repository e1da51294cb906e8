/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt_claims.h"
#include "sovd-auth/base64url.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

#define SUBJECT_MAX  255 /* OpenID Connect Core 2 */
#define WORD_MAX     128 /* bytes of a role, scope, tenant or jti */
#define WORDS_MAX    128
#define SECONDS_MAX  INT64_C(253402300799) /* the end of the year 9999 */
#define POINTER_STEP 128

struct reading {
        const cJSON *payload;
        const struct sovd_claims_policy *policy;
        uint64_t now_usec;
        struct sovd_arena *arena;
        struct sovd_claims *claims;
        const char *why;
};

static int refuse(struct reading *r, const char *why) {
        r->why = why;
        return SOVD_E_UNAUTHORIZED;
}

static const cJSON *get(const struct reading *r, const char *name) {
        return cJSON_GetObjectItemCaseSensitive(r->payload, name);
}

/* Copies one step of a JSON pointer (RFC 6901 4); returns where the next one begins, NULL: it is not acceptable. */
static const char *take_step(char ret[static POINTER_STEP], const char *p) {
        size_t n = 0;

        for (; *p && *p != '/'; p++) {
                char c = *p;
                if (c == '~') {
                        p++;
                        if (*p != '0' && *p != '1')
                                return NULL;
                        c = *p == '0' ? '~' : '/';
                }
                if (n + 1 == POINTER_STEP)
                        return NULL;
                ret[n++] = c;
        }
        ret[n] = '\0';
        return p;
}

bool sovd_claim_is_valid(const char *claim) {
        char step[POINTER_STEP];

        while (claim && *claim == '/')
                claim = take_step(step, claim + 1);
        return claim;
}

const struct cJSON *sovd_claim_at(const struct cJSON *payload, const char *claim) {
        char step[POINTER_STEP];

        if (*claim != '/')
                return cJSON_GetObjectItemCaseSensitive(payload, claim);
        while (payload && *claim == '/') {
                claim = take_step(step, claim + 1);
                payload = claim && cJSON_IsObject(payload) ? cJSON_GetObjectItemCaseSensitive(payload, step)
                                                           : NULL;
        }
        return payload;
}

/* --- words ----------------------------------------------------------------------------------------------- */

/* The strict reader has seen to it that text is UTF-8. */
static bool is_word(const char *s, size_t max) {
        size_t n = s ? strlen(s) : 0;

        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
                        return false;
        return n > 0 && n <= max;
}

/* RFC 6749 3.3 */
static bool is_scope(const char *s, size_t max) {
        size_t n = strlen(s);

        for (size_t i = 0; i < n; i++)
                if (s[i] < 0x21 || s[i] > 0x7e || s[i] == '"' || s[i] == '\\')
                        return false;
        return n > 0 && n <= max;
}

static bool is_subject(const char *s) {
        size_t n =
                s ? strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@+=|:/") : 0;

        return n > 0 && n <= SUBJECT_MAX && !s[n];
}

static int read_array(struct reading *r, const cJSON *array, bool (*is_good)(const char *s, size_t max),
                      struct sovd_strings *ret) {
        const size_t n = (size_t)cJSON_GetArraySize(array);
        const cJSON *item;

        if (n > WORDS_MAX)
                return refuse(r, "has more than 128 roles or scopes");
        ret->items = sovd_arena_array(r->arena, const char *, n + 1);
        if (!ret->items)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach (item, array) {
                const char *text = cJSON_GetStringValue(item);
                if (!text || !is_good(text, WORD_MAX))
                        return refuse(r, "has a role or scope that is no acceptable text of 1 to 128 bytes");
                ret->items[ret->n++] = text;
        }
        ret->set = true;
        return 0;
}

/* Words with single spaces between them; "" is none. */
static int read_spaced(struct reading *r, const char *text, struct sovd_strings *ret) {
        char *copy = sovd_arena_strdup(r->arena, text), *rest = copy;

        ret->items = sovd_arena_array(r->arena, const char *, WORDS_MAX);
        if (!copy || !ret->items)
                return sovd_error_origin(-ENOMEM);
        for (char *word; *copy && (word = strsep(&rest, " "));) {
                if (ret->n == WORDS_MAX)
                        return refuse(r, "has more than 128 roles or scopes");
                if (!is_scope(word, WORD_MAX))
                        return refuse(r, "has a scope that is not acceptable");
                ret->items[ret->n++] = word;
        }
        ret->set = true;
        return 0;
}

/* --- claims ---------------------------------------------------------------------------------------------- */

/* NumericDate, whole seconds. *ret stays 0 without it. */
static int read_time(struct reading *r, const char *name, uint64_t *ret) {
        const cJSON *node = get(r, name);
        int64_t seconds;

        if (!node)
                return 0;
        if (!sovd_json_get_int(node, &seconds) || seconds < 0 || seconds > SECONDS_MAX)
                return refuse(r, "has a time that is no whole number of seconds (exp, nbf, iat)");
        *ret = (uint64_t)seconds * SOVD_USEC_PER_SEC;
        return 0;
}

static int read_times(struct reading *r) {
        const uint64_t leeway = r->policy->leeway_usec;
        uint64_t exp = 0, nbf = 0, iat = 0;

        int e = read_time(r, "exp", &exp);
        if (!e)
                e = read_time(r, "nbf", &nbf);
        if (!e)
                e = read_time(r, "iat", &iat);
        if (e)
                return e;
        if (!exp)
                return refuse(r, "does not say when it ends (exp)");
        if (r->now_usec >= exp + leeway)
                return refuse(r, "has expired (exp)");
        if (nbf > r->now_usec + leeway)
                return refuse(r, "is not valid yet (nbf)");
        if (iat > r->now_usec + leeway)
                return refuse(r, "was issued in the future (iat)");
        r->claims->principal.expires_usec = exp + leeway;
        return 0;
}

static bool is_audience(const cJSON *aud, const char *ours) {
        const cJSON *item;
        bool found = false;

        if (cJSON_IsString(aud))
                return strcmp(cJSON_GetStringValue(aud), ours) == 0;
        if (!cJSON_IsArray(aud))
                return false;
        cJSON_ArrayForEach (item, aud) {
                if (!cJSON_IsString(item))
                        return false;
                found |= strcmp(cJSON_GetStringValue(item), ours) == 0;
        }
        return found;
}

/* From whom, for whom, and that it is no ID token: those say who signed in, not what the bearer may ask for. */
static int read_parties(struct reading *r) {
        if (!sovd_streq(cJSON_GetStringValue(get(r, "iss")), r->policy->issuer))
                return refuse(r, "is of another issuer (iss)");
        if (!is_audience(get(r, "aud"), r->policy->audience))
                return refuse(r, "is meant for others (aud)");
        if (get(r, "at_hash") || get(r, "c_hash"))
                return refuse(r, "is an ID token, not an access token");
        return 0;
}

static int read_subject(struct reading *r) {
        struct sovd_principal *p = &r->claims->principal;
        const cJSON *jti = get(r, "jti");
        const char *sub = cJSON_GetStringValue(get(r, "sub"));

        if (!is_subject(sub))
                return refuse(r, "does not name its subject in an acceptable way (sub)");
        p->token_id = cJSON_GetStringValue(jti);
        if (jti && !is_word(p->token_id, WORD_MAX))
                return refuse(r, "has an id that is not acceptable (jti)");
        p->id = sovd_arena_printf(r->arena, "jwt:%s:%s", r->policy->name, sub);
        return p->id ? 0 : sovd_error_origin(-ENOMEM);
}

static int read_roles(struct reading *r) {
        const cJSON *roles = sovd_claim_at(r->payload, r->policy->roles_claim);
        struct sovd_principal *p = &r->claims->principal;
        cJSON one = { .type = cJSON_Array };

        if (!roles)
                return 0;
        if (cJSON_IsString(roles)) {
                one.child = cJSON_CreateStringReference(cJSON_GetStringValue(roles));
                int e = one.child ? read_array(r, &one, is_word, &p->roles) : sovd_error_origin(-ENOMEM);
                cJSON_Delete(one.child);
                return e;
        }
        if (!cJSON_IsArray(roles))
                return refuse(r, "has roles that are neither a text nor a list of texts");
        return read_array(r, roles, is_word, &p->roles);
}

/* RFC 9068 2.2.3 says `scope`; some issuers say `scp`, and as a list. */
static int read_scopes(struct reading *r) {
        const cJSON *scope = get(r, "scope") ? get(r, "scope") : get(r, "scp");
        struct sovd_strings *scopes = &r->claims->principal.scopes;

        if (!scope)
                return 0;
        if (cJSON_IsString(scope))
                return read_spaced(r, cJSON_GetStringValue(scope), scopes);
        if (!cJSON_IsArray(scope))
                return refuse(r, "has scopes that are neither a text nor a list of texts");
        return read_array(r, scope, is_scope, scopes);
}

static int read_tenant(struct reading *r) {
        const cJSON *tenant =
                *r->policy->tenant_claim ? sovd_claim_at(r->payload, r->policy->tenant_claim) : NULL;

        r->claims->principal.tenant = cJSON_GetStringValue(tenant);
        if (tenant && !is_word(r->claims->principal.tenant, WORD_MAX))
                return refuse(r, "has a tenant that is not acceptable");
        return 0;
}

/* RFC 8705 3.1. Any other way to bind a token (RFC 9449) is not checked here, so such a token is refused. */
static int read_confirmation(struct reading *r) {
        const cJSON *cnf = get(r, "cnf");
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cnf, "x5t#S256"));
        unsigned char digest[SOVD_BASE64URL_BYTES(43)];
        char *hex;

        if (!cnf)
                return 0;
        if (!cJSON_IsObject(cnf) || cJSON_GetArraySize(cnf) != 1 || !text || strlen(text) != 43 ||
            sovd_base64url_decode(digest, text, 43) != 32)
                return refuse(r, "is bound in another way than to the client's certificate (cnf)");
        hex = sovd_arena_alloc(r->arena, 65);
        if (!hex)
                return sovd_error_origin(-ENOMEM);
        sovd_hex(hex, digest, 32);
        r->claims->confirmation = hex;
        return 0;
}

int sovd_claims_read(struct sovd_claims *ret, const struct cJSON *payload,
                     const struct sovd_claims_policy *policy, uint64_t now_usec, struct sovd_arena *arena,
                     const char **ret_why) {
        static int (*const steps[])(struct reading * r) = { read_parties,     read_times,  read_subject,
                                                            read_roles,       read_scopes, read_tenant,
                                                            read_confirmation };
        struct sovd_claims claims = { .principal = { .method = "jwt" } };
        struct reading reading = { payload, policy, now_usec, arena, &claims, NULL };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(steps); i++) {
                int r = steps[i](&reading);
                if (r) {
                        *ret_why = reading.why;
                        return r;
                }
        }
        for (size_t i = 0; i < claims.principal.roles.n; i++)
                claims.principal.admin |= strcmp(claims.principal.roles.items[i], "admin") == 0;
        *ret = claims;
        return 0;
}
