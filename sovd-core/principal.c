/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/principal.h"
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
        const char **const texts[] = { &p.id, &p.tenant, &p.method, &p.token_id, &p.certificate };

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
