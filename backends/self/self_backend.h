#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Self - the gateway as an entity of the vehicle
 *
 * A tester sees the gateway as it sees everything else: an app with data, faults and operations. What the data are, is
 * the caller's to say. Faults are kept by the gateway's fault sink; without one they are not offered.
 */
#include "sovd-core/backend.h"

struct sovd_json_writer;

/* A value: writes itself when it is read. */
struct sovd_self_datum {
        const char *id, *name, *category, *unit; /* unit may be NULL */
        void (*write)(void *data, struct sovd_json_writer *w);
};

struct sovd_self_options {
        const char *name;                     /* of the backend */
        const char *entity_id;                /* of the app */
        const struct sovd_self_datum *values; /* ends with id NULL */
        /* A fault that is there now though it could not be kept: the state cannot be written. false: there is none. In
         * the call's arena. May be NULL. */
        bool (*unwritten)(void *data, struct sovd_call *call, struct sovd_fault_detail *ret);
        void *data;                           /* for both; outlives the backend */
};

/* Strings and values are not copied. */
int sovd_self_backend_new(struct sovd_backend **ret, const struct sovd_self_options *options);
