/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jws.h"
#include "sovd-auth/base64url.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <strings.h>

#define HEADER_DEPTH  4
#define HEADER_NODES  64
#define PAYLOAD_DEPTH 12
#define PAYLOAD_NODES 1024

static int refuse(const char **ret_why, const char *why) {
        *ret_why = why;
        return SOVD_E_UNAUTHORIZED;
}

bool sovd_jws_looks_like(const char *token) {
        const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;

        return second && !strchr(second + 1, '.');
}

/* RFC 8725 3.11, RFC 9068 4: an access token, and no other sort of signed object. */
static bool is_access_token(const cJSON *typ) {
        static const char *const good[] = { "JWT", "at+jwt", "application/jwt", "application/at+jwt" };
        const char *text = cJSON_GetStringValue(typ);

        for (size_t i = 0; text && i < SOVD_N_ELEMENTS(good); i++)
                if (strcasecmp(text, good[i]) == 0)
                        return true;
        return !typ;
}

/* Members that would change what is verified, or with what. */
static const char *check_members(const cJSON *header) {
        static const struct {
                const char *name, *why;
        } refused[] = {
                { "crit", "says that something is critical which is not known here (crit)" },
                { "jwk", "brings a key of its own (jwk)" },
                { "jku", "brings an address of keys (jku)" },
                { "x5u", "brings an address of certificates (x5u)" },
                { "x5c", "brings certificates of its own (x5c)" },
                { "b64", "is not in the usual encoding (b64)" },
                { "zip", "is compressed (zip)" },
                { "enc", "is encrypted (enc)" },
                { "cty", "carries another token (cty)" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(refused); i++)
                if (cJSON_GetObjectItemCaseSensitive(header, refused[i].name))
                        return refused[i].why;
        if (!is_access_token(cJSON_GetObjectItemCaseSensitive(header, "typ")))
                return "is of another type than JWT or at+jwt (typ)";
        return NULL;
}

static int parse_object(cJSON **ret, const char *part, size_t n, const struct sovd_json_limits *limits,
                        struct sovd_arena *arena) {
        struct sovd_json_fault fault;
        size_t len;
        const char *text = (const char *)sovd_base64url_decode_in(arena, part, n, &len);
        int r = text ? sovd_json_parse_in(arena, ret, text, len, limits, &fault) : SOVD_E_BAD_REQUEST;

        return r ? r : cJSON_IsObject(*ret) ? 0 : SOVD_E_BAD_REQUEST;
}

static int read_header(struct sovd_jws *jws, const char *part, size_t n, struct sovd_arena *arena,
                       const char **ret_why) {
        const struct sovd_json_limits limits = { .max_depth = HEADER_DEPTH, .max_nodes = HEADER_NODES };
        cJSON *header;

        int r = parse_object(&header, part, n, &limits, arena);
        if (r)
                return r < 0 ? r
                             : refuse(ret_why, "has a header that is no acceptable JSON object in base64url");
        const char *why = check_members(header);
        if (why)
                return refuse(ret_why, why);

        const cJSON *kid = cJSON_GetObjectItemCaseSensitive(header, "kid");
        jws->kid = cJSON_GetStringValue(kid);
        if (kid && (!jws->kid || !sovd_kid_is_valid(jws->kid)))
                return refuse(ret_why, "names its key in a way that is not acceptable (kid)");
        jws->algorithm = sovd_jwa_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header, "alg")));
        return jws->algorithm
                       ? 0
                       : refuse(ret_why, "is signed with an algorithm that is not accepted here (alg)");
}

int sovd_jws_open(struct sovd_jws *ret, const char *token, struct sovd_arena *arena, const char **ret_why) {
        size_t len = strnlen(token, SOVD_TOKEN_MAX + 1);
        struct sovd_jws jws = { .input = token };

        if (len > SOVD_TOKEN_MAX)
                return refuse(ret_why, "has more than 8192 bytes");
        if (!sovd_jws_looks_like(token))
                return refuse(ret_why, "does not have three parts");
        const char *first = strchr(token, '.'), *second = strchr(first + 1, '.');
        jws.payload = first + 1;
        jws.payload_len = (size_t)(second - first) - 1;
        jws.input_len = (size_t)(second - token);
        int r = read_header(&jws, token, (size_t)(first - token), arena, ret_why);
        if (r)
                return r;
        jws.signature =
                sovd_base64url_decode_in(arena, second + 1, len - jws.input_len - 1, &jws.signature_len);
        if (!jws.signature || !jws.signature_len)
                return refuse(ret_why, "has no signature in base64url");
        *ret = jws;
        return 0;
}

bool sovd_jws_verify(const struct sovd_jws *jws, const struct sovd_jwk *key) {
        return (key->algorithms & SOVD_JWA_BIT(jws->algorithm)) != 0 &&
               sovd_jwa_verify(jws->algorithm, key->key, key->secret, key->secret_len, jws->input,
                               jws->input_len, jws->signature, jws->signature_len);
}

int sovd_jws_payload(const struct sovd_jws *jws, struct sovd_arena *arena, const struct cJSON **ret,
                     const char **ret_why) {
        const struct sovd_json_limits limits = { .max_depth = PAYLOAD_DEPTH, .max_nodes = PAYLOAD_NODES };
        cJSON *tree;
        int r = parse_object(&tree, jws->payload, jws->payload_len, &limits, arena);

        if (r)
                return r < 0 ? r
                             : refuse(ret_why,
                                      "has a payload that is no acceptable JSON object in base64url");
        *ret = tree;
        return 0;
}
