/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/cors.h"
#include "sovd-core/call.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/route.h"
#include <errno.h>
#include <strings.h>

#define HEADERS_MAX 8

#define F(member) offsetof(struct sovd_cors_settings, member)
static const struct sovd_field fields[] = {
        { .name = "origins",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(origins),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 64,
          .doc = "Exactly as browsers send them, like https://tester.example:8443; no patterns." },
        { .name = "credentials",
          .type = SOVD_FIELD_BOOL,
          .offset = F(credentials),
          .def = "false",
          .doc = "Whether their requests may carry what the browser keeps by itself, such as client certificates." },
        { .name = "max_age_secs",
          .type = SOVD_FIELD_INT,
          .offset = F(max_age),
          .min = 0,
          .max = 86400,
          .def = "600",
          .doc = "How long a browser may remember what it was told." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_cors_settings = {
        .name = "cors",
        .size = sizeof(struct sovd_cors_settings),
        .fields = fields,
};

/* What pages may send, and what they may read of an answer beside its type. */
static const char sent[] = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                           "Last-Event-ID, Range, X-API-Key, X-Request-Id, traceparent";
static const char read_too[] = "Allow, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, Location, "
                               "Retry-After, SOVD-Audit-Head, X-Request-Id";

const struct sovd_route sovd_route_preflight = { .id = "preflight",
                                                 .method = SOVD_POST, /* its answer has no version */
                                                 .collection = SOVD_NO_COLLECTION,
                                                 .flags = SOVD_NO_LOCK,
                                                 .success = 204 };

/* --- settings ------------------------------------------------------------------------------------------- */

static const char *check_origin(const char *s) {
        const char *host = strstr(s, "://");
        static const char scheme[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";

        if (strchr(s, '*'))
                return "may be no pattern: each origin that is allowed is named";
        if (strcmp(s, "null") == 0)
                return "null is the origin of every page that has none";
        if (!host || host == s || strspn(s, scheme) != (size_t)(host - s) ||
            !sovd_authority_is_valid(host + 3, strlen(host + 3)))
                return "is no origin like https://tester.example:8443, without a path";
        if (strpbrk(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ%"))
                return "must be in lower case, as browsers send it";
        const char *port = strrchr(host + 3, ':');
        if (port && ((sovd_has_prefix(s, "http:") && strcmp(port, ":80") == 0) ||
                     (sovd_has_prefix(s, "https:") && strcmp(port, ":443") == 0)))
                return "names the port that browsers leave out";
        return NULL;
}

const char *sovd_cors_settings_check(const struct sovd_cors_settings *settings, size_t *ret_index) {
        for (size_t i = 0; settings && i < settings->origins.n; i++) {
                const char *why = check_origin(settings->origins.items[i]);
                *ret_index = i;
                if (why)
                        return why;
        }
        return NULL;
}

/* --- requests ------------------------------------------------------------------------------------------- */

/* The Origin field, if there is exactly one. */
static const char *origin_of(const struct sovd_http_exchange *x) {
        const char *origin = NULL;

        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, "Origin") == 0) {
                        if (origin)
                                return "";
                        origin = x->head.fields[i].value;
                }
        return origin;
}

/* As it stands in the settings, so that nothing of the request is sent back. */
static const char *allowed_origin(const struct sovd_cors_settings *settings, const struct sovd_http_exchange *x) {
        const char *origin = settings ? origin_of(x) : NULL;

        for (size_t i = 0; origin && i < settings->origins.n; i++)
                if (strcmp(settings->origins.items[i], origin) == 0)
                        return settings->origins.items[i];
        return NULL;
}

static size_t add(struct sovd_http_header *list, size_t n, const char *name, const char *value) {
        list[n] = (struct sovd_http_header){ name, value };
        return n + 1;
}

int sovd_cors_begin(const struct sovd_cors_settings *settings, struct sovd_http_exchange *x) {
        const char *origin = allowed_origin(settings, x);
        size_t n = 0;
        if (!settings)
                return 0;

        struct sovd_http_header *list = sovd_arena_calloc(x->arena, HEADERS_MAX, sizeof(*list));
        if (!list)
                return sovd_error_origin(-ENOMEM);
        n = add(list, n, "Vary", "Origin");
        if (origin) {
                n = add(list, n, "Access-Control-Allow-Origin", origin);
                n = add(list, n, "Access-Control-Expose-Headers", read_too);
                if (settings->credentials.value)
                        n = add(list, n, "Access-Control-Allow-Credentials", "true");
        }
        x->more = list;
        return 0;
}

bool sovd_cors_is_preflight(const struct sovd_cors_settings *settings, const struct sovd_http_exchange *x) {
        return strcmp(x->head.method, "OPTIONS") == 0 &&
               sovd_head_field(&x->head, "Access-Control-Request-Method") && allowed_origin(settings, x);
}

int sovd_cors_answer(const struct sovd_cors_settings *settings, struct sovd_http_exchange *x, const char *methods) {
        struct sovd_http_header *list = sovd_arena_calloc(x->arena, HEADERS_MAX, sizeof(*list));
        const char *age = sovd_arena_printf(x->arena, "%lld", (long long)settings->max_age.value);
        size_t n = 0;
        if (!list || !age)
                return sovd_error_origin(-ENOMEM);

        n = add(list, n, "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        n = add(list, n, "Access-Control-Allow-Origin", allowed_origin(settings, x));
        n = add(list, n, "Access-Control-Allow-Methods", methods);
        n = add(list, n, "Access-Control-Allow-Headers", sent);
        n = add(list, n, "Access-Control-Max-Age", age);
        if (settings->credentials.value)
                n = add(list, n, "Access-Control-Allow-Credentials", "true");
        x->more = list;
        return 0;
}

/* Is it the origin under which this server is seen? */
static bool is_own(const char *origin, const char *base) {
        const char *host = strstr(base, "://");
        size_t n = host ? (size_t)(host - base) + 3 + strcspn(host + 3, "/") : 0;

        return n && strlen(origin) == n && strncasecmp(origin, base, n) == 0;
}

int sovd_cors_check_change(const struct sovd_cors_settings *settings, const struct sovd_http_exchange *x,
                           struct sovd_call *call) {
        static const char *const reads[] = { "GET", "HEAD", "OPTIONS" };
        const char *origin = origin_of(x);

        for (size_t i = 0; i < SOVD_N_ELEMENTS(reads); i++)
                if (strcmp(x->head.method, reads[i]) == 0)
                        return 0;
        if (!origin || is_own(origin, call->base) || allowed_origin(settings, x))
                return 0;
        return sovd_fail(call, SOVD_E_FORBIDDEN,
                         "a page of this origin may change nothing here: it is not one of server.cors.origins");
}
