#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * View - the entities of one server while they are collected, and to compare with the ones before
 *
 * An id comes once per type; looking one up costs the same with 10 and with 20,000. Not thread-safe.
 */
#include "sovd-core/model/entity.h"
#include <sys/types.h>

/* What the strings of one view may take, lists of them included. Each is kept up to three times: here, in the
 * gateway's tree, and in the view before while it is replaced. */
#define VIEW_BYTES_MAX ((size_t)16 << 20)

struct view {
        struct sovd_arena *arena; /* strings of the entities */
        size_t n_bytes;           /* taken of it */
        struct sovd_entity_spec *entities;
        const char **paths; /* path on the server, encoded; NULL = /{collection}/{id} */
        size_t n, size, max;
        uint32_t *slots;  /* open addressing; index + 1, 0 = free */
        size_t n_slots;   /* a power of two */
        bool updates;     /* the server offers updates */
        size_t n_skipped; /* entities, relations and texts left out: a bad id, or too many */
};

int view_new(struct view **ret, size_t max);
struct view *view_free(struct view *view);
SOVD_DEFINE_CLEANUP(struct view *, view_free)

/* Adds an entity (strings copied; name NULL = id), or finds the one that is there. *ret is valid until the
 * next add. *ret = NULL: it was left out and counted. -ENOMEM. */
int view_add(struct view *view, enum sovd_entity_type type, const char *id, const char *name,
             struct sovd_entity_spec **ret);

/* Position of an entity, or -1; an id may be NULL, here and in view_add: there is no such entity. */
ssize_t view_find(const struct view *view, enum sovd_entity_type type, const char *id);

/* Appends a copy of s; beyond 20,000, or when there is no room, it is left out and counted. -ENOMEM. */
int view_append(struct view *view, struct sovd_strings *strings, const char *s);

/* Copies into the arena; *to becomes NULL when s is. When there is no room *to stays as it is, and that is
 * counted. -ENOMEM. */
int view_copy(struct view *view, const char **to, const char *s);

/* Same entities in the same order with the same members? Paths count too. */
bool view_equals(const struct view *a, const struct view *b);
