#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Problem - why a request was refused, before a dialect words it
 *
 * Functions that can refuse return 0 or the kind of the problem they filled in.
 */
#include "demo-ecu/util.h"

enum problem_kind {
        PROBLEM_NONE,
        PROBLEM_BAD_REQUEST, /* the request itself */
        PROBLEM_BAD_VALUE,   /* a member of the body; `path` points at it */
        PROBLEM_READ_ONLY,
        PROBLEM_NO_ENTITY,
        PROBLEM_NO_RESOURCE,
        PROBLEM_BAD_METHOD,
        PROBLEM_CONFLICT,
        PROBLEM_LOCK_BROKEN,
        PROBLEM_TOO_LARGE,
        PROBLEM_BAD_TYPE,
        PROBLEM_FAILURE,  /* ours */
        PROBLEM_INJECTED, /* any status a test asked for */
        PROBLEM_N_KINDS,
};

struct problem {
        enum problem_kind kind;
        int status;    /* of PROBLEM_INJECTED only */
        char path[64]; /* JSON pointer, else empty */
        char message[320];
};

int problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...) _printf_(3, 4);
