#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Own entity - the gateway as an app of the vehicle, in the daemon
 *
 * Part of the composition root: puts backends/self/ behind the gateway, gives it values, and looks after the gateway's own
 * faults. Main thread only.
 */
#include "sovd-core/base/util.h"

struct sovd_own_entity;
struct sovd_rest;

#define SOVD_OWN_BACKEND "self" /* its name; no other backend may have it */

struct sovd_own_options {
        struct sovd_rest *rest; /* with its gateway, which has its fault sink; outlives the entity */
        const char *entity_id;  /* "" = the gateway is no entity; outlives the entity */
        const char *damaged;    /* where the damaged state of before is kept, or NULL */
};

/* Adds the backend behind all others. *ret is NULL when the gateway is no entity. */
int sovd_own_entity_start(struct sovd_own_entity **ret, const struct sovd_own_options *options);

/* The server listens: its TLS can be looked at. */
void sovd_own_entity_listening(struct sovd_own_entity *own);

/* Looks after the faults; returns when to be called again (monotonic). own may be NULL. */
uint64_t sovd_own_entity_tick(struct sovd_own_entity *own);

/* After the gateway was freed. */
struct sovd_own_entity *sovd_own_entity_free(struct sovd_own_entity *own);
