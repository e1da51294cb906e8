/* SPDX-License-Identifier: Apache-2.0 */
/* /authorize and /token (ISO 17978-3 7.23): OAuth 2.0, in forms or JSON; JSON goes out. */
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

/* --- what is asked for ---------------------------------------------------------------------------------------- */

#define F(member) offsetof(struct sovd_token_request, member)
#define TEXT(word, place) .name = word, .type = SOVD_FIELD_STRING, .offset = place
static const struct sovd_field request_fields[] = {
        { TEXT("grant_type", F(grant_type)), .doc = "client_credentials, or refresh_token at /token. Not needed at /authorize." },
        { TEXT("client_id", F(client_id)), .doc = "The name of an API key." },
        { TEXT("client_secret", F(client_secret)), .doc = "The key itself." },
        { TEXT("scope", F(scope)), .doc = "Words with blanks between." },
        { TEXT("refresh_token", F(refresh_token)), .doc = "Of the answer of before." },
        { TEXT("response_type", F(response_type)), .doc = "Not offered: see docs/authentication.md." },
        { 0 }
};
#undef F
static const struct sovd_schema request_schema = { .name = "TokenRequest", .size = sizeof(struct sovd_token_request), .fields = request_fields };

struct revocation {
        const char *token, *hint;
};
static const struct sovd_field revocation_fields[] = {
        { TEXT("token", offsetof(struct revocation, token)), .flags = SOVD_REQUIRED, .doc = "An access token or a refresh token." },
        { TEXT("token_type_hint", offsetof(struct revocation, hint)) },
        { 0 }
};
static const struct sovd_schema revocation_schema = { .name = "TokenRevocation", .size = sizeof(struct revocation), .fields = revocation_fields };

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

static int take(struct sovd_call *call, const struct sovd_query_item *item, const struct sovd_field *fields, char *to) {
        for (const struct sovd_field *f = fields; f->name; f++) {
                const char **place = (const char **)(void *)(to + f->offset);
                if (item->key || strcmp(f->name, item->name) != 0)
                        continue;
                if (*place)
                        return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form has %s twice", f->name);
                *place = item->value;
        }
        return 0; /* others are ignored (RFC 6749 3.2) */
}

/* The body into a zeroed struct of the schema, which has texts only: of a form, or of JSON, which was decoded already. */
static int read_request(struct sovd_call *call, const struct sovd_schema *schema, void *ret) {
        struct sovd_query_item items[SOVD_QUERY_MAX];
        const char *reason = NULL;
        size_t n = 0;

        if (call->in) {
                memcpy(ret, call->in, schema->size);
                return 0;
        }
        if (!is_form(call))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "the body must be " FORM " or application/json");
        if (call->raw_len > FORM_BYTES_MAX || strlen(call->raw) != call->raw_len)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form has more than %d bytes, or a NUL", FORM_BYTES_MAX);
        const char *query = as_query(call);
        if (!query)
                return sovd_error_origin(-ENOMEM);
        int r = sovd_query_parse(items, &n, query, call->arena, &reason);
        if (r > 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the form cannot be read: %s", reason);
        for (size_t i = 0; !r && i < n; i++)
                r = take(call, &items[i], schema->fields, ret);
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

static int grant(struct sovd_call *call, const struct sovd_token_request *request, const char *shown) {
        struct token *token = sovd_arena_new0(call->arena, struct token);
        struct sovd_granted granted;
        if (!token)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_auth_grant(sovd_rest_of(call)->auth, call, request, shown, &granted);
        if (r == SOVD_E_UNAUTHORIZED) /* a guess costs what it costs in the head of a request */
                return sovd_admission_failed(sovd_rest_of(call)->admission, call, SOVD_CREDENTIAL_API_KEY, r);
        if (r)
                return r;
        *token = (struct token){ granted.access, "Bearer", granted.refresh, granted.scope, SOVD_INT((int64_t)granted.expires_sec) };
        call->out = token;
        return 0;
}

static int token_create(struct sovd_call *call) {
        struct sovd_token_request request = { 0 };
        int r = read_request(call, &request_schema, &request);

        return r ? r : grant(call, &request, shown_key(call));
}

/* The one flow that needs nobody in front of it. A code for somebody else would need clients that are registered, and a
 * page of this server that asks a person. */
static int check_flow(struct sovd_call *call, const struct sovd_token_request *request, const char *shown) {
        if (request->response_type)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "response_type is not offered: this server has no page where a person could agree; "
                                                           "send client_id and client_secret, or ask the identity provider");
        if (request->grant_type && strcmp(request->grant_type, "client_credentials") != 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "grant_type at /authorize is client_credentials, or absent; the others are for /token");
        if (!shown && (!request->client_id || !request->client_secret))
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "the credentials are missing: client_id and client_secret, or an API key in the head");
        return 0;
}

static int authorize(struct sovd_call *call) {
        struct sovd_token_request request = { 0 };
        const char *shown = shown_key(call);
        int r = read_request(call, &request_schema, &request);

        if (!r)
                r = check_flow(call, &request, shown);
        request.grant_type = "client_credentials";
        return r ? r : grant(call, &request, shown);
}

static int token_revoke(struct sovd_call *call) {
        struct revocation revocation = { 0 };
        int r = read_request(call, &revocation_schema, &revocation);

        if (!r && (!revocation.token || !*revocation.token))
                r = sovd_fail(call, SOVD_E_BAD_REQUEST, "the body needs token");
        return r ? r : sovd_auth_revoke(sovd_rest_of(call)->auth, call, revocation.token);
}

#define PUBLIC_ROUTE .method = SOVD_POST, .collection = SOVD_NO_COLLECTION, .flags = SOVD_PUBLIC | SOVD_NO_LOCK | SOVD_RAW_BODY | SOVD_NEVER_OFF

const struct sovd_route sovd_routes_token[] = {
        { .id = "authorize", .path = "/authorize", .handler = authorize, .in = &request_schema, .out = &token_schema, .success = 200,
          .summary = "Get an access token for a key", .clause = "ISO 17978-3 7.23; RFC 6749 4.4", PUBLIC_ROUTE },
        { .id = "token-create", .path = "/token", .handler = token_create, .in = &request_schema, .out = &token_schema, .success = 200,
          .summary = "Get an access token for a key, or the next one", .clause = "ISO 17978-3 7.23; RFC 6749 4.4, 6", PUBLIC_ROUTE },
        { .id = "token-revoke", .path = "/token/revoke", .handler = token_revoke, .in = &revocation_schema, .success = 204,
          .summary = "End the session of a token", .clause = "RFC 7009", PUBLIC_ROUTE },
        { 0 }
};
