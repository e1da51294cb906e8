#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks in the ISO dialect - ops of the contract; see sovd-core/backend.h
 */
#include "sovd-core/call.h"
#include "sovd-core/model/locks.h"

int iso_lock_acquire(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_lock_request *request, const char **ret_id);
int iso_lock_extend(struct sovd_call *call, const struct sovd_entity *e, const char *id, int64_t seconds);
int iso_lock_release(struct sovd_call *call, const struct sovd_entity *e, const char *id);
