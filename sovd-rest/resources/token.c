/* SPDX-License-Identifier: Apache-2.0 */
/* /token (ISO 17978-3 7.23): forms of OAuth 2.0 come in, JSON goes out. */
#include "sovd-auth/auth.h"
#include "sovd-auth/sessions.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/target.h"
#include <errno.h>
#include <strings.h>

#define FORM           "application/x-www-form-urlencoded"
#define FORM_BYTES_MAX 8192

struct token {
        const char *access_token, *token_type, *refresh_token, *scope;
        struct sovd_int expires_in;
};
#define F(member) offsetof(struct token, member)
static const struct sovd_field token_fields[] = {
        { .name = "access_token", .type = SOVD_FIELD_STRING, .offset = F(access_token), .flags = SOVD_REQUIRED },
        { .name = "token_type", .type = SOVD_FIELD_STRING, .offset = F(token_type), .flags = SOVD_REQUIRED },
        { .name = "expires_in", .type = SOVD_FIELD_INT, .offset = F(expires_in), .flags = SOVD_REQUIRED,
          .doc = "Seconds for which the access token is good." },
        { .name = "refresh_token", .type = SOVD_FIELD_STRING, .offset = F(refresh_token),
          .doc = "Good for one exchange; shown a second time, it ends the session." },
        { .name = "scope", .type = SOVD_FIELD_STRING, .offset = F(scope) },
        { 0 }
};
#undef F
static const struct sovd_schema token_schema = { .name = "Token", .size = sizeof(struct token), .fields = token_fields };

/* --- the form ------------------------------------------------------------------------------------------------ */

/* A member of the form and where it goes; ends with name == NULL. */
struct member {
        const char *name, **place;
};

static bool is_form(const struct sovd_call *call) {
        const char *type = sovd_call_header(call, "Content-Type");
        size_t n = type ? strcspn(type, "; \t") : 0;

        return n == strlen(FORM) && strncasecmp(type, FORM, n) == 0;
}

/* In forms a plus sign is a blank, in queries it is not. */
static const char *as_query(struct sovd_call *call) {
        char *text = sovd_arena_alloc(call->arena, 3 * call->raw_len + 1), *out = text;

        for (const char *in = call->raw; text && *in; in++)
                if (*in == '+')
                        out = stpcpy(out, "%20");
                else
                        *out++ = *in;
        return text;
}

static int take(struct sovd_call *call, const struct sovd_query_item *item, const struct member *members) {
        for (const struct member *m = members; m->name; m++) {
                if (item->key || strcmp(m->name, item->name) != 0)
                        continue;
                if (*m->place)
                        return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form has %s twice", m->name);
                *m->place = item->value;
        }
        return 0; /* others are ignored (RFC 6749 3.2) */
}

static int read_form(struct sovd_call *call, const struct member *members) {
        struct sovd_query_item items[SOVD_QUERY_MAX];
        const char *reason = NULL;
        size_t n = 0;

        if (!is_form(call))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "the body must be " FORM);
        if (call->raw_len > FORM_BYTES_MAX || strlen(call->raw) != call->raw_len)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form has more than %d bytes, or a NUL", FORM_BYTES_MAX);
        const char *query = as_query(call);
        if (!query)
                return sovd_error_origin(-ENOMEM);
        int r = sovd_query_parse(items, &n, query, call->arena, &reason);
        if (r > 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form cannot be read: %s", reason);
        for (size_t i = 0; !r && i < n; i++)
                r = take(call, &items[i], members);
        return r;
}

/* --- requests ------------------------------------------------------------------------------------------------ */

/* The key in the head of the request, when it is by one that the client is known. */
static const char *shown_key(const struct sovd_call *call) {
        const char *field = sovd_call_header(call, "X-API-Key");

        if (!sovd_streq(call->principal.method, "api-key"))
                return NULL;
        if (!field) {
                field = sovd_call_header(call, "Authorization");
                field += field ? strlen("Bearer") : 0;
                field += field ? strspn(field, " ") : 0;
        }
        return field;
}

static int token_create(struct sovd_call *call) {
        struct token *token = sovd_arena_new0(call->arena, struct token);
        struct sovd_token_request request = { 0 };
        const struct member members[] = { { "grant_type", &request.grant_type },       { "client_id", &request.client_id },
                                          { "client_secret", &request.client_secret }, { "scope", &request.scope },
                                          { "refresh_token", &request.refresh_token }, { NULL, NULL } };
        struct sovd_granted granted;
        if (!token)
                return sovd_error_origin(-ENOMEM);

        int r = read_form(call, members);
        if (!r)
                r = sovd_auth_grant(sovd_rest_of(call)->auth, call, &request, shown_key(call), &granted);
        if (r == SOVD_E_UNAUTHORIZED) /* a guess costs what it costs in the head of a request */
                return sovd_admission_failed(sovd_rest_of(call)->admission, call, SOVD_CREDENTIAL_API_KEY, r);
        if (r)
                return r;
        *token = (struct token){ granted.access, "Bearer", granted.refresh, granted.scope, SOVD_INT((int64_t)granted.expires_sec) };
        call->out = token;
        return 0;
}

static int token_revoke(struct sovd_call *call) {
        const char *token = NULL, *hint = NULL;
        const struct member members[] = { { "token", &token }, { "token_type_hint", &hint }, { NULL, NULL } };
        int r = read_form(call, members);

        if (!r && (!token || !*token))
                r = sovd_fail(call, SOVD_E_BAD_REQUEST, "the form needs token");
        return r ? r : sovd_auth_revoke(sovd_rest_of(call)->auth, call, token);
}

#define FORM_ROUTE .method = SOVD_POST, .collection = SOVD_NO_COLLECTION, .flags = SOVD_PUBLIC | SOVD_NO_LOCK | SOVD_RAW_BODY

const struct sovd_route sovd_routes_token[] = {
        { .id = "token-create", .path = "/token", .handler = token_create, .out = &token_schema, .success = 200,
          .summary = "Get an access token for a key, or the next one", .clause = "ISO 17978-3 7.23; RFC 6749 4.4, 6", FORM_ROUTE },
        { .id = "token-revoke", .path = "/token/revoke", .handler = token_revoke, .success = 204,
          .summary = "End the session of a token", .clause = "RFC 7009", FORM_ROUTE },
        { 0 }
};
