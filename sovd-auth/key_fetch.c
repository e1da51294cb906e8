/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/key_fetch.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include "sovd-core/base/json_reader.h"
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>

#define WELL_KNOWN      "/.well-known/openid-configuration"
#define CONNECT_USEC    (3 * SOVD_USEC_PER_SEC)
#define URL_MAX         2048
#define DISCOVERY_DEPTH 8

struct sovd_key_fetch {
        struct sovd_key_fetch_options options;
        pthread_mutex_t mutex;       /* leaf; all below */
        struct sovd_http_pool *pool; /* of the call under way, or NULL */
        bool stopped;
};

/* --- addresses ------------------------------------------------------------------------------------------- */

static size_t scheme_of(const char *url) {
        return sovd_has_prefix(url, "https://") ? 8 : sovd_has_prefix(url, "http://") ? 7 : 0;
}

static bool is_this_machine(const char *host, size_t n) {
        char text[64];
        struct in_addr address;

        if (n >= sizeof(text))
                return false;
        memcpy(text, host, n);
        text[n] = '\0';
        if (strcmp(text, "localhost") == 0 || strcmp(text, "[::1]") == 0)
                return true;
        return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* Name, address or [address], and perhaps a port: nothing that two parsers could read in two ways. */
static bool split_authority(const char *s, size_t n, size_t *ret_host) {
        size_t host = 0, port;

        if (n && s[0] == '[') {
                const char *end = memchr(s, ']', n);
                host = end ? (size_t)(end - s) + 1 : 0;
                if (!end || strspn(s + 1, "0123456789abcdefABCDEF:.") + 2 != host)
                        return false;
        } else
                while (host < n && (isalnum((unsigned char)s[host]) || s[host] == '-' || s[host] == '.'))
                        host++;
        for (port = host; port < n && (port == host ? s[port] == ':' : isdigit((unsigned char)s[port]));
             port++)
                ;
        *ret_host = host;
        return host > 0 && port == n && port - host <= 6 && port - host != 1;
}

const char *sovd_key_url_check(const char *url) {
        size_t scheme = scheme_of(url), len = strlen(url), host;

        for (size_t i = 0; i < len; i++)
                if (url[i] <= ' ' || url[i] >= 0x7f || strchr("\"<>\\^`{|}#@", url[i]))
                        return "has a character that no such address has";
        if (!scheme || len > URL_MAX)
                return "must be an https:// address of at most 2048 characters";
        if (!split_authority(url + scheme, strcspn(url + scheme, "/?"), &host))
                return "has no acceptable host";
        if (scheme == 7 && !is_this_machine(url + scheme, host))
                return "must be https:// unless it is on this machine";
        return NULL;
}

/* --- one call -------------------------------------------------------------------------------------------- */

static bool enter(struct sovd_key_fetch *f, struct sovd_http_pool *pool) {
        (void)pthread_mutex_lock(&f->mutex);
        bool may = !f->stopped;
        f->pool = may ? pool : NULL;
        (void)pthread_mutex_unlock(&f->mutex);
        return may;
}

/* From here on the pool is not stopped by others, and may go. */
static void leave(struct sovd_key_fetch *f) {
        (void)pthread_mutex_lock(&f->mutex);
        f->pool = NULL;
        (void)pthread_mutex_unlock(&f->mutex);
}

static int fail(const char **ret_why, const char *why) {
        *ret_why = why;
        return SOVD_E_UNAVAILABLE;
}

static int judge(const struct sovd_http_answer *answer, int result, struct sovd_arena *arena,
                 const char **ret_why) {
        static const char *const results[SOVD_HTTP_N_RESULTS] = {
                [SOVD_HTTP_BUSY] = "it was stopped",
                [SOVD_HTTP_REFUSED] = "the server cannot be reached",
                [SOVD_HTTP_TIMEOUT] = "the server did not answer in time",
                [SOVD_HTTP_LOST] = "the connection broke",
                [SOVD_HTTP_BROKEN] = "the answer is no HTTP",
                [SOVD_HTTP_TOO_LARGE] = "the answer has more than 65536 bytes",
                [SOVD_HTTP_TLS] = "there is no TLS with a certificate that is trusted",
        };

        if (result < 0)
                return result;
        if (result != SOVD_HTTP_OK)
                return fail(ret_why, results[result]);
        if (answer->status != 200)
                return fail(ret_why, sovd_arena_printf(arena, "the answer's status is %u", answer->status));
        return 0;
}

static int get(struct sovd_key_fetch *f, const char *url, uint64_t deadline_usec, struct sovd_arena *arena,
               struct sovd_http_answer *answer, const char **ret_why) {
        static const char *const headers[] = { "Accept: application/json", NULL };
        const size_t scheme = scheme_of(url), n = scheme + strcspn(url + scheme, "/?");
        const char *target = url[n] == '/' ? url + n : sovd_arena_printf(arena, "/%s", url + n);
        struct sovd_http_pool_options options = { .base_url = sovd_arena_strndup(arena, url, n),
                                                  .max_in_flight = 1,
                                                  .connect_timeout_usec = CONNECT_USEC,
                                                  .max_answer = SOVD_JWKS_BYTES_MAX,
                                                  .ca_file = f->options.ca_file };
        const struct sovd_http_request request = {
                .method = "GET", .target = target, .headers = headers, .deadline_usec = deadline_usec
        };
        struct sovd_http_pool *pool = NULL;

        if (!target || !options.base_url)
                return sovd_error_origin(-ENOMEM);
        int r = sovd_http_pool_new(&pool, &options);
        if (r)
                return r == -EINVAL ? fail(ret_why, "the address cannot be used") : r;
        if (enter(f, pool)) {
                int result = sovd_http_call(pool, &request, answer, arena);
                leave(f);
                r = judge(answer, result, arena, ret_why);
        } else
                r = fail(ret_why, "it was stopped");
        sovd_http_pool_free(pool);
        return r;
}

/* --- a fetch --------------------------------------------------------------------------------------------- */

/* OpenID Connect Discovery 1.0, 4.3: a document that names another issuer is somebody else's. */
static int read_discovery(const char *text, size_t len, const char *issuer, struct sovd_arena *arena,
                          const char **ret_url, const char **ret_why) {
        const struct sovd_json_limits limits = { .max_depth = DISCOVERY_DEPTH };
        struct sovd_json_fault fault;
        cJSON *tree;

        int r = sovd_json_parse_in(arena, &tree, text, len, &limits, &fault);
        if (r)
                return r > 0 ? fail(ret_why, "the discovery document is no acceptable JSON") : r;
        if (!sovd_streq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "issuer")), issuer))
                return fail(ret_why, "the discovery document is of another issuer");
        *ret_url = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "jwks_uri"));
        if (!*ret_url || sovd_key_url_check(*ret_url) || scheme_of(*ret_url) < scheme_of(issuer))
                return fail(ret_why, "the discovery document has no acceptable jwks_uri"); /* nor one that is less safe */
        return 0;
}

static int discover(struct sovd_key_fetch *f, uint64_t deadline_usec, struct sovd_arena *arena,
                    const char **ret_url, const char **ret_why) {
        const char *issuer = f->options.issuer_url;
        size_t n = strlen(issuer);
        struct sovd_http_answer answer;

        n -= n && issuer[n - 1] == '/' ? 1 : 0;
        const char *url = sovd_arena_printf(arena, "%.*s" WELL_KNOWN, (int)n, issuer);
        if (!url)
                return sovd_error_origin(-ENOMEM);
        int r = get(f, url, deadline_usec, arena, &answer, ret_why);
        return r ? r : read_discovery(answer.body, answer.body_len, issuer, arena, ret_url, ret_why);
}

int sovd_key_fetch_now(struct sovd_key_fetch *f, uint64_t deadline_usec, struct sovd_arena *arena,
                       struct sovd_jwks **ret, const char **ret_why) {
        const char *url = f->options.jwks_url;
        struct sovd_http_answer answer;

        int r = url ? 0 : discover(f, deadline_usec, arena, &url, ret_why);
        if (!r)
                r = get(f, url, deadline_usec, arena, &answer, ret_why);
        if (!r)
                r = sovd_jwks_from_json(ret, answer.body, answer.body_len,
                                        f->options.algorithms ? f->options.algorithms : SOVD_JWA_ALL, arena,
                                        ret_why);
        return r == SOVD_E_BAD_REQUEST ? SOVD_E_UNAVAILABLE : r;
}

int sovd_key_fetch_new(struct sovd_key_fetch **ret, const struct sovd_key_fetch_options *options) {
        struct sovd_key_fetch *f = calloc(1, sizeof(*f));
        if (!f)
                return sovd_error_origin(-ENOMEM);

        f->options = *options;
        (void)pthread_mutex_init(&f->mutex, NULL);
        *ret = f;
        return 0;
}

void sovd_key_fetch_stop(struct sovd_key_fetch *f) {
        (void)pthread_mutex_lock(&f->mutex);
        f->stopped = true;
        if (f->pool)
                sovd_http_pool_stop(
                        f->pool); /* under our lock, so that the pool is there; it knows nothing of us */
        (void)pthread_mutex_unlock(&f->mutex);
}

struct sovd_key_fetch *sovd_key_fetch_free(struct sovd_key_fetch *f) {
        if (!f)
                return NULL;
        (void)pthread_mutex_destroy(&f->mutex);
        free(f);
        return NULL;
}
