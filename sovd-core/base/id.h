#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ids - unguessable names for what the gateway creates
 */
#include "sovd-core/base/util.h"

/* 128 random bits as 32 lower-case hex digits and a NUL. */
#define SOVD_ID_SIZE 33

/* Fills buf with a fresh id from the kernel's random numbers. -errno when there are none: then refuse. */
int sovd_id_new(char buf[static SOVD_ID_SIZE]);

/* n_hex random hex digits and a NUL (buf has n_hex + 1 bytes), for trace ids: from a per-thread generator,
 * quick, not a secret. */
void sovd_id_trace(char *buf, size_t n_hex);

/* What ends an id for a server that decodes a path before it takes it apart. Where it matters which resource is meant, an id
 * with one of them is none. */
#define SOVD_ID_ENDS "/\\?#;"

/* May s be an id of an entity or a resource? 1 to 128 bytes of valid UTF-8 without control characters, '/',
 * '\\' or a leading '$'; neither "." nor "..". (The standard sets no grammar; ids travel percent-encoded.) */
bool sovd_id_is_valid(const char *s);

/* Is s one of the names that the routes need for themselves (ISO 17978-3; reference list of reserved ids)? For
 * entities and for what the gateway's own files name, where no such name is of use. */
bool sovd_id_is_reserved(const char *s);

/* Is s needed by the routes below this collection ("data", "faults", …)? A value may well be called "status". */
bool sovd_id_is_reserved_in(const char *s, const char *collection);
