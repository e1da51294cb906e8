/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/principal.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/schema.h"
#include <cjson/cJSON.h>
#include <errno.h>

static bool copy_text(const char **text, struct sovd_arena *arena) {
        if (*text)
                *text = sovd_arena_strdup(arena, *text);
        return *text;
}

static bool copy_all(struct sovd_strings *list, struct sovd_arena *arena) {
        const char **items = sovd_arena_array(arena, const char *, list->n + 1);
        if (!items)
                return false;

        for (size_t i = 0; i < list->n; i++) {
                items[i] = list->items[i];
                if (!copy_text(&items[i], arena))
                        return false;
        }
        list->items = items;
        return true;
}

int sovd_principal_copy(struct sovd_principal *ret, const struct sovd_principal *from, struct sovd_arena *arena) {
        struct sovd_principal p = *from;
        const char **const texts[] = { &p.id, &p.tenant, &p.method, &p.token_id, &p.certificate, &p.chain };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                if (*texts[i] && !copy_text(texts[i], arena))
                        return sovd_error_origin(-ENOMEM);
        if (!copy_all(&p.roles, arena) || !copy_all(&p.scopes, arena))
                return sovd_error_origin(-ENOMEM);
        *ret = p;
        return 0;
}

bool sovd_principal_has_role(const struct sovd_principal *principal, const char *role) {
        for (size_t i = 0; i < principal->roles.n; i++)
                if (strcmp(principal->roles.items[i], role) == 0)
                        return true;
        return false;
}

/* --- one piece ------------------------------------------------------------------------------------------- */

static size_t size_of(const struct sovd_strings *list) {
        size_t size = list->n * sizeof(*list->items);

        for (size_t i = 0; i < list->n; i++)
                size += strlen(list->items[i]) + 1;
        return size;
}

static const char *put(char **to, const char *text) {
        const char *copy = *to;

        if (!text)
                return NULL;
        *to = stpcpy(*to, text) + 1;
        return copy;
}

struct sovd_principal *sovd_principal_dup(const struct sovd_principal *from) {
        const char *const texts[] = { from->id, from->tenant, from->method, from->token_id, from->certificate, from->chain };
        const size_t n_words = from->roles.n + from->scopes.n;
        size_t size = sizeof(*from) + size_of(&from->roles) + size_of(&from->scopes);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                size += texts[i] ? strlen(texts[i]) + 1 : 0;

        struct {
                struct sovd_principal principal;
                const char *words[];
        } *block = malloc(size);
        if (!block)
                return NULL;
        struct sovd_principal *p = &block->principal;
        char *to = (char *)(block->words + n_words);

        *p = *from;
        p->roles.items = block->words;
        p->scopes.items = block->words + from->roles.n;
        for (size_t i = 0; i < n_words; i++)
                block->words[i] = put(&to, i < from->roles.n ? from->roles.items[i] : from->scopes.items[i - from->roles.n]);
        p->id = put(&to, from->id);
        p->tenant = put(&to, from->tenant);
        p->method = put(&to, from->method);
        p->token_id = put(&to, from->token_id);
        p->certificate = put(&to, from->certificate);
        p->chain = put(&to, from->chain);
        return p;
}

/* --- as text --------------------------------------------------------------------------------------------- */

struct said {
        struct sovd_strings roles, scopes;
        const char *tenant, *method, *token_id, *chain;
        struct sovd_bool admin, has_scopes;
};
#define F(member) offsetof(struct said, member)
static const struct sovd_field said_fields[] = {
        { .name = "roles", .type = SOVD_FIELD_STRINGS, .offset = F(roles) },
        { .name = "scopes", .type = SOVD_FIELD_STRINGS, .offset = F(scopes) },
        { .name = "has_scopes", .type = SOVD_FIELD_BOOL, .offset = F(has_scopes) }, /* an empty list is not written */
        { .name = "tenant", .type = SOVD_FIELD_STRING, .offset = F(tenant) },
        { .name = "method", .type = SOVD_FIELD_STRING, .offset = F(method) },
        { .name = "token_id", .type = SOVD_FIELD_STRING, .offset = F(token_id) },
        { .name = "chain", .type = SOVD_FIELD_STRING, .offset = F(chain) },
        { .name = "admin", .type = SOVD_FIELD_BOOL, .offset = F(admin) },
        { 0 }
};
#undef F
static const struct sovd_schema said_schema = { .name = "principal", .size = sizeof(struct said), .fields = said_fields };

void sovd_principal_write(const struct sovd_principal *p, struct sovd_json_writer *w) {
        const struct said said = { .roles = p->roles,
                                   .scopes = p->scopes,
                                   .has_scopes = SOVD_BOOL(p->scopes.set),
                                   .tenant = p->tenant,
                                   .method = p->method,
                                   .token_id = p->token_id,
                                   .chain = p->chain,
                                   .admin = SOVD_BOOL(p->admin) };

        sovd_schema_encode(&said_schema, &said, w);
}

int sovd_principal_read(struct sovd_principal *p, const char *text, struct sovd_arena *arena) {
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct said said;
        struct cJSON *json;

        int r = sovd_json_parse_in(arena, &json, text, strlen(text), NULL, &fault);
        if (!r)
                r = sovd_schema_decode(&said_schema, json, &said, arena, SOVD_DECODE_CLOSED, &error);
        if (r)
                return r;
        p->roles = said.roles;
        p->scopes = said.scopes;
        p->scopes.set = said.has_scopes.value || said.scopes.set;
        p->tenant = said.tenant;
        p->method = said.method;
        p->token_id = said.token_id;
        p->chain = said.chain;
        p->admin = said.admin.value;
        return 0;
}
