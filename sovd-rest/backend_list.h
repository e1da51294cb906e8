#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backend list - the elements of `backends` in the configuration: what is checked, started, and changed by a reload
 *
 * Part of the composition root: it sees the folders of the backends. All functions are for the main thread.
 */
#include "backends/sovd/sovd_backend.h"
#include "sovd-core/gateway.h"

struct sovd_config_tree;

/* One element, of whatever type. */
struct sovd_backend_settings {
        struct sovd_sovd_options sovd; /* name and type are those of every type */
        const char *scenario;          /* of type sim: its file */
        const char *token_from;        /* of type sovd: where its bearer_token is (base/secret.h) */
        const char *text;              /* what is in it, as it was checked */
        size_t len;
};
extern const struct sovd_schema sovd_schema_backend_settings;

bool sovd_backend_is_sim(const struct sovd_backend_settings *b);

/* Checks element i and reads its files. NULL, or "file:line:column: key: why" in the arena. */
const char *sovd_backend_settings_check(struct sovd_backend_settings *b, const struct sovd_config_tree *tree,
                                        struct sovd_arena *arena, size_t i);

/* Adds all elements of a list that was checked. What fails is logged. */
int sovd_backends_add(struct sovd_gateway *gateway, const struct sovd_list *backends);

/* What a reload makes before it changes anything. */
struct sovd_backend_change {
        struct sovd_backend *made[SOVD_BACKENDS_MAX]; /* for the options at the same place; NULL = unchanged */
        size_t n;
};

/* All that is new or different is made first: when one of them cannot be, the old configuration stays whole. */
int sovd_backend_change_prepare(struct sovd_backend_change *c, const struct sovd_list *old, const struct sovd_list *new);
void sovd_backend_change_drop(struct sovd_backend_change *c);

/* Carries it out. behind: names of backends that are no part of the list and stay behind it; ends with NULL. */
void sovd_backend_change_apply(struct sovd_gateway *gateway, const struct sovd_list *old, const struct sovd_list *new,
                               const struct sovd_backend_change *c, const char *const *behind);
