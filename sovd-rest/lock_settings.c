/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/lock_settings.h"
#include "sovd-core/base/error.h"
#include "sovd-core/locks.h"
#include <sys/types.h>

#define ENTITIES_MAX 1000
#define REQUIRED_DOC "Collections that a client may change only while it holds a lock that covers them."
#define BREAKABLE_DOC                                                                                        \
        "Another client may break a lock with break_lock; an anonymous one breaks only those of anonymous "  \
        "ones."

#define F(member) offsetof(struct sovd_lock_entity_settings, member)
static const struct sovd_field entity_fields[] = {
        { .name = "entity",
          .type = SOVD_FIELD_STRING,
          .offset = F(entity),
          .flags = SOVD_REQUIRED,
          .min = 3,
          .max = 256,
          .doc = "Collection and id, like components/bms." },
        { .name = "required",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(required),
          .min = 0,
          .max = 64,
          .doc = REQUIRED_DOC },
        { .name = "breakable", .type = SOVD_FIELD_BOOL, .offset = F(breakable), .doc = BREAKABLE_DOC },
        { 0 }
};
#undef F
static const struct sovd_schema entity_schema = { .name = "lock_entity",
                                                  .size = sizeof(struct sovd_lock_entity_settings),
                                                  .fields = entity_fields };

#define F(member) offsetof(struct sovd_lock_settings, member)
static const struct sovd_field fields[] = {
        { .name = "required",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(required),
          .min = 0,
          .max = 64,
          .def = "[\"status\",\"clear-data\",\"scripts\"]",
          .doc = REQUIRED_DOC },
        { .name = "breakable",
          .type = SOVD_FIELD_BOOL,
          .offset = F(breakable),
          .def = "true",
          .doc = BREAKABLE_DOC },
        { .name = "entities",
          .type = SOVD_FIELD_LIST,
          .offset = F(entities),
          .of = &entity_schema,
          .min = 0,
          .max = ENTITIES_MAX,
          .doc = "What is different for single entities; what an item leaves out stays." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_locks_settings = {
        .name = "locks",
        .size = sizeof(struct sovd_lock_settings),
        .fields = fields,
        .doc = "When a change needs a lock, and whose locks may be broken.",
};

static ssize_t unknown_scope(const struct sovd_strings *names) {
        for (size_t i = 0; i < names->n; i++) {
                int scope = sovd_name_find(sovd_collection_names, names->items[i]);
                if (scope < 0 || scope == SOVD_COLLECTION_LOCKS)
                        return (ssize_t)i;
        }
        return -1;
}

static unsigned mask_of(const struct sovd_strings *names) {
        unsigned scopes = 0;

        for (size_t i = 0; i < names->n; i++)
                scopes |= 1u << sovd_name_find(sovd_collection_names, names->items[i]);
        return scopes;
}

static bool is_entity(const char *s) {
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                size_t n = strlen(sovd_entity_type_paths[type]);
                if (strncmp(s, sovd_entity_type_paths[type], n) == 0 && s[n] == '/')
                        return sovd_id_is_valid(s + n + 1);
        }
        return false;
}

static const char *check_entity(const struct sovd_lock_entity_settings *all, size_t i,
                                struct sovd_arena *arena, const char **ret_pointer) {
        const ssize_t k = unknown_scope(&all[i].required);

        *ret_pointer = sovd_arena_printf(arena, "/entities/%zu/entity", i);
        if (!is_entity(all[i].entity))
                return "must be a collection and an id, like components/bms";
        for (size_t j = 0; j < i; j++)
                if (strcmp(all[i].entity, all[j].entity) == 0)
                        return "another item is for this entity";
        *ret_pointer = sovd_arena_printf(arena, "/entities/%zu/required/%zd", i, k);
        return k >= 0 ? "is no collection that can be locked" : NULL;
}

const char *sovd_lock_settings_check(const struct sovd_lock_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer) {
        const ssize_t k = unknown_scope(&settings->required);
        const char *why = NULL;

        *ret_pointer = sovd_arena_printf(arena, "/required/%zd", k);
        if (k >= 0)
                return "is no collection that can be locked";
        for (size_t i = 0; !why && i < settings->entities.n; i++)
                why = check_entity(settings->entities.items, i, arena, ret_pointer);
        return why;
}

int sovd_lock_settings_apply(const struct sovd_lock_settings *settings, struct sovd_locks *locks) {
        const struct sovd_lock_entity_settings *all = settings->entities.items;
        const struct sovd_lock_rule others = { .required = mask_of(&settings->required),
                                               .breakable = settings->breakable.value };
        _cleanup_(sovd_freep) struct sovd_lock_rule *rules = calloc(settings->entities.n + 1, sizeof(*rules));
        if (!rules)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < settings->entities.n; i++)
                rules[i] = (struct sovd_lock_rule){
                        .entity = all[i].entity,
                        .required = all[i].required.set ? mask_of(&all[i].required) : others.required,
                        .breakable = all[i].breakable.set ? all[i].breakable.value : others.breakable,
                };
        return sovd_locks_set_rules(locks, &others, rules, settings->entities.n);
}
