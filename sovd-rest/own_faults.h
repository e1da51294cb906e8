#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Own faults - what is wrong with the gateway itself and with its ways to others
 *
 * Each condition is looked at once a second and reported to the fault sink as the table says; it heals when the condition
 * ends. Looking needs no thread: the main loop calls sovd_own_faults_tick(). What is reported about which backend and
 * which app follows the configuration.
 */
#include "sovd-core/base/schema.h"

struct sovd_call;
struct sovd_fault_detail;
struct sovd_gateway;
struct sovd_own_faults;
struct sovd_tls;

struct sovd_own_faults_options {
        struct sovd_gateway *gateway; /* with a fault sink and the state */
        const char *entity_id;        /* of the app that has the faults; copied */
        const char *damaged;          /* the state was damaged at the start and is kept at this path; or NULL; copied */
};

int sovd_own_faults_new(struct sovd_own_faults **ret, const struct sovd_own_faults_options *options);
struct sovd_own_faults *sovd_own_faults_free(struct sovd_own_faults *own);
SOVD_DEFINE_CLEANUP(struct sovd_own_faults *, sovd_own_faults_free)

/* Whose keys are looked at. Before the first tick. */
struct sovd_auth;
void sovd_own_faults_set_auth(struct sovd_own_faults *own, struct sovd_auth *auth);

/* The server's TLS, which is looked at as well; NULL = it has none. Before the first tick. */
void sovd_own_faults_set_tls(struct sovd_own_faults *own, struct sovd_tls *tls);

/* Looks, when it is time; returns when to be called again (monotonic). Main thread only. */
uint64_t sovd_own_faults_tick(struct sovd_own_faults *own);

/* The codes of what is wrong now; *ret_serious: one of them is an error or worse. From any thread. -ENOMEM. */
int sovd_own_faults_active(struct sovd_own_faults *own, struct sovd_arena *arena, struct sovd_strings *ret,
                           bool *ret_serious);

/* The fault that the state cannot be written, while it cannot: it is in no file yet. data is struct sovd_own_faults. From
 * any thread. */
bool sovd_own_faults_unwritten(void *data, struct sovd_call *call, struct sovd_fault_detail *ret);
