/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/view.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <errno.h>

/* Longest list of tags or of relations of one kind. */
#define STRINGS_MAX 20000

int view_new(struct view **ret, size_t max) {
        _cleanup_(view_freep) struct view *view = calloc(1, sizeof(*view));
        if (!view)
                return sovd_error_origin(-ENOMEM);

        view->max = max;
        int r = sovd_arena_new(&view->arena, 4096);
        if (r)
                return r;

        *ret = SOVD_TAKE(view);
        return 0;
}

struct view *view_free(struct view *view) {
        if (!view)
                return NULL;

        sovd_arena_free(view->arena);
        free(view->entities);
        free(view->paths);
        free(view->slots);
        free(view);
        return NULL;
}

static size_t slot_of(const struct view *view, enum sovd_entity_type type, const char *id) {
        uint64_t h = UINT64_C(0xcbf29ce484222325) + (uint64_t)type; /* FNV-1a */

        for (const char *p = id; *p; p++)
                h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);

        size_t i = (size_t)(h ^ (h >> 32)) & (view->n_slots - 1);
        for (; view->slots[i]; i = (i + 1) & (view->n_slots - 1)) {
                const struct sovd_entity_spec *e = &view->entities[view->slots[i] - 1];
                if (e->type == type && strcmp(e->id, id) == 0)
                        break;
        }
        return i;
}

ssize_t view_find(const struct view *view, enum sovd_entity_type type, const char *id) {
        return id && view->n_slots ? (ssize_t)view->slots[slot_of(view, type, id)] - 1 : -1;
}

/* Doubles the arrays; the slots stay at most half full. */
static int grow(struct view *view) {
        size_t size = view->size ? view->size * 2 : 16;

        struct sovd_entity_spec *entities = reallocarray(view->entities, size, sizeof(*entities));
        if (!entities)
                return sovd_error_origin(-ENOMEM);
        view->entities = entities;

        const char **paths = reallocarray(view->paths, size, sizeof(*paths));
        if (!paths)
                return sovd_error_origin(-ENOMEM);
        view->paths = paths;

        uint32_t *slots = calloc(size * 2, sizeof(*slots));
        if (!slots)
                return sovd_error_origin(-ENOMEM);
        free(view->slots);
        view->slots = slots;
        view->n_slots = size * 2;
        view->size = size;
        for (size_t i = 0; i < view->n; i++)
                view->slots[slot_of(view, view->entities[i].type, view->entities[i].id)] = (uint32_t)i + 1;
        return 0;
}

/* Takes room for so many bytes, or counts what is left out. The arena aligns, so small strings cost more than
 * their bytes. */
static bool take_room(struct view *view, size_t n) {
        n = (n + 15) & ~(size_t)15;
        if (n > VIEW_BYTES_MAX - view->n_bytes) {
                view->n_skipped++;
                return false;
        }
        view->n_bytes += n;
        return true;
}

int view_copy(struct view *view, const char **to, const char *s) {
        if (!s) {
                *to = NULL;
                return 0;
        }
        if (!take_room(view, strlen(s) + 1))
                return 0;
        *to = sovd_arena_strdup(view->arena, s);
        return *to ? 0 : sovd_error_origin(-ENOMEM);
}

int view_add(struct view *view, enum sovd_entity_type type, const char *id, const char *name,
             struct sovd_entity_spec **ret) {
        ssize_t known = view_find(view, type, id);
        struct sovd_entity_spec e = { .type = type };

        *ret = NULL;
        if (known >= 0) {
                *ret = &view->entities[known];
                return 0;
        }
        if (view->n >= view->max || !sovd_id_is_valid(id) || sovd_id_is_reserved(id)) {
                view->n_skipped++;
                return 0;
        }

        int r = view->n == view->size ? grow(view) : 0;
        if (!r)
                r = view_copy(view, &e.id, id);
        if (!r)
                r = view_copy(view, &e.name, name ? name : id);
        if (r || !e.id)
                return r;
        if (!e.name)
                e.name = e.id;

        view->slots[slot_of(view, type, id)] = (uint32_t)view->n + 1;
        view->paths[view->n] = NULL;
        view->entities[view->n] = e;
        *ret = &view->entities[view->n++];
        return 0;
}

/* Doubles the list when it is full: when it has 0 or a power of two. */
static int make_place(struct view *view, struct sovd_strings *strings, bool *ret) {
        size_t size = strings->n ? strings->n * 2 : 1;

        *ret = strings->n < STRINGS_MAX;
        view->n_skipped += !*ret;
        if (!*ret || (strings->n & (strings->n - 1)))
                return 0;
        *ret = take_room(view, size * sizeof(const char *));
        if (!*ret)
                return 0;

        const char **items = sovd_arena_array(view->arena, const char *, size);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < strings->n; i++)
                items[i] = strings->items[i];
        strings->items = items;
        return 0;
}

int view_append(struct view *view, struct sovd_strings *strings, const char *s) {
        const char *copy = NULL;
        bool has_place = false;

        int r = make_place(view, strings, &has_place);
        if (!r && has_place)
                r = view_copy(view, &copy, s);
        if (!r && copy)
                strings->items[strings->n++] = copy;
        return r;
}

/* NULL equals NULL. */
static bool same(const char *a, const char *b) {
        return a == b || sovd_streq(a, b);
}

static bool same_strings(const struct sovd_strings *a, const struct sovd_strings *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return true;
}

static bool same_entity(const struct sovd_entity_spec *a, const struct sovd_entity_spec *b) {
        for (int k = 0; k < SOVD_N_RELATIONS; k++)
                if (!same_strings(&a->relations[k], &b->relations[k]))
                        return false;
        return a->type == b->type && a->collections == b->collections && same(a->id, b->id) &&
               same(a->name, b->name) && same(a->translation_id, b->translation_id) &&
               same(a->category, b->category) && same(a->description, b->description) &&
               same(a->variant, b->variant) && same_strings(&a->tags, &b->tags);
}

bool view_equals(const struct view *a, const struct view *b) {
        if (a->n != b->n || a->updates != b->updates)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!same_entity(&a->entities[i], &b->entities[i]) || !same(a->paths[i], b->paths[i]))
                        return false;
        return true;
}
