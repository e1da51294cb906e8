#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Filters of faults - what the query of a request says about the faults that it wants
 */
#include "sovd-rest/page.h"
#include "sovd-core/model/faults.h"

/* Kinds of cursors: where a list by time ended, one by code and memory, and one of the history. */
enum { SOVD_CURSOR_TIME = 't', SOVD_CURSOR_CODE = 'c', SOVD_CURSOR_EVENT = 'e' };

/* What the queries of all routes of faults know together: one that a route lacks is refused there. Ends with NULL. */
extern const char *const sovd_fault_query_names[];

/* severity; *ret stays as it is without it. SOVD_E_BAD_REQUEST: nothing can be below it. */
int sovd_fault_severity_take(struct sovd_call *call, struct sovd_int *ret);

/* status, severity, scope and tags; what the query does not say lets everything through. */
int sovd_fault_filter_take(struct sovd_call *call, struct sovd_fault_filter *filter);

/* The history of the faults of an entity, from its backend or, when that keeps none, from what the gateway has seen of
 * it. SOVD_E_NOT_IMPLEMENTED when there is neither. */
int sovd_fault_history_read(struct sovd_call *call, const struct sovd_entity *e,
                            const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret);

/* Does the backend of its faults keep them itself? */
bool sovd_faults_are_elsewhere(const struct sovd_entity *e);

/* from, to, limit and after; *ret_after: the cursor as it came. */
int sovd_fault_page_take(struct sovd_call *call, size_t limit, struct sovd_fault_filter *filter,
                         struct sovd_cursor *ret_after);

/* The parameter `entity` of what is about the whole vehicle; *ret stays as it is without it. SOVD_E_BAD_REQUEST;
 * SOVD_E_NO_ENTITY; SOVD_E_NOT_FOUND: it has no faults. */
#define SOVD_FAULT_ENTITY_QUERY { "entity", SOVD_QUERY_STRING, "Only this one, like apps/nav." }
int sovd_fault_entity_take(struct sovd_call *call, const struct sovd_entity **ret);
