#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fields with parameters - Content-Disposition and Content-Type as uploads carry them (RFC 6266, 8187, 7578)
 */
#include "sovd-core/base/arena.h"

#define SOVD_DISPOSITION_NAME_MAX 255 /* bytes of name and filename */

struct sovd_disposition {
        const char *type; /* "form-data", "attachment"; in the arena */
        const char *name,
                *filename; /* or NULL; valid UTF-8 without control characters; filename without a path */
};

/* 0; SOVD_E_BAD_REQUEST with *reason (static text); -ENOMEM. */
int sovd_disposition_parse(const char *field, struct sovd_arena *arena, struct sovd_disposition *ret,
                           const char **reason);

/* attachment; filename="…"; filename*=UTF-8''… NULL: no memory. */
const char *sovd_disposition_format(struct sovd_arena *arena, const char *filename);

/* A parameter of a field such as multipart/form-data; boundary=x, its quotes taken off. *ret NULL: not there.
 * -ENOMEM; SOVD_E_BAD_REQUEST: the field is malformed. */
int sovd_field_parameter(const char *field, const char *name, struct sovd_arena *arena, const char **ret);

/* Is this a media type, as Content-Type has it: token/token and parameters, no control characters, 255 bytes? */
bool sovd_media_type_is_valid(const char *type);

/* Does the media type, whatever its parameters, equal `plain`, which has none? Case does not count. */
bool sovd_media_type_is(const char *type, const char *plain);
