#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors - who has to act on one
 *
 * Every function that can fail returns int:
 *   0          success
 *   negative   -errno: ours, never matched on, passed up as it is; becomes a 500 without detail
 *   positive   enum sovd_error: the client's answer, with a message set by sovd_fail() (call.h)
 *
 * One table (error.c) gives each positive error its HTTP status, its error_code (ISO 17978-3, Table 18) and,
 * where the standard has no code, its vendor_code. The OpenAPI document is made from the same table.
 */
#include "sovd-core/base/util.h"
#include <errno.h> /* the values of negative results */

enum sovd_error {
        SOVD_E_BAD_REQUEST = 1,   /* a value, a member or the framing is wrong */
        SOVD_E_BAD_VALUE,         /* a write was refused for its value: the body is a DataError too */
        SOVD_E_SIGNATURE,         /* a payload's signature is missing or wrong: the body is a DataError too */
        SOVD_E_FORBIDDEN,         /* the resource may not be used like this */
        SOVD_E_NO_ENTITY,         /* no such component, app, area or function */
        SOVD_E_NOT_FOUND,         /* no such resource */
        SOVD_E_METHOD,            /* the path exists, the method does not; carries Allow */
        SOVD_E_NOT_ACCEPTABLE,    /* the client accepts nothing that can be sent */
        SOVD_E_TIMEOUT,           /* the client did not send its request in time */
        SOVD_E_CONFLICT,          /* the state does not allow it */
        SOVD_E_LENGTH_REQUIRED,   /* a body without Content-Length or chunked coding */
        SOVD_E_PRECONDITION,      /* If-Match names another version */
        SOVD_E_TOO_LARGE,         /* the body is over the limit */
        SOVD_E_URI_TOO_LONG,      /* the target is over the limit */
        SOVD_E_MEDIA_TYPE,        /* the body is of a type that is not read here */
        SOVD_E_RANGE,             /* no byte of the range exists; carries Content-Range */
        SOVD_E_EXPECTATION,       /* Expect asks for what is not offered */
        SOVD_E_MISDIRECTED,       /* the Host is not one that is served here */
        SOVD_E_HEAD_TOO_LARGE,    /* too many or too long header fields */
        SOVD_E_INTERNAL,          /* ours, logged */
        SOVD_E_NOT_IMPLEMENTED,   /* the backend does not offer it */
        SOVD_E_BAD_ANSWER,        /* the backend's answer cannot be understood */
        SOVD_E_UPSTREAM,          /* the backend answered with an error of its own */
        SOVD_E_OVERLOAD,          /* a limit of ours is reached; carries Retry-After */
        SOVD_E_UNAVAILABLE,       /* the backend is not reachable now; carries Retry-After */
        SOVD_E_NOT_RESPONDING,    /* the backend did not answer within the deadline */
        SOVD_E_HTTP_VERSION,      /* not HTTP/1.0 or HTTP/1.1 */
        SOVD_E_UPDATE_AUTOMATED,  /* the update package cannot be installed automatically */
        SOVD_E_UPDATE_PREPARING,  /* an update is being prepared */
        SOVD_E_UPDATE_EXECUTING,  /* an update is being executed */
        SOVD_E_UPDATE_RUNNING,    /* an update runs */
        SOVD_E_UNAUTHORIZED,      /* the credentials are not known here; carries WWW-Authenticate */
        SOVD_E_LOCK_BROKEN,       /* another client broke the lock that this one held */
        SOVD_E_STORAGE,           /* the state cannot be read or written now; carries Retry-After */
        SOVD_E_NO_SPACE,          /* there is no space for the change to last; carries Retry-After */
        SOVD_E_TOO_MANY,          /* the client asks too often; carries Retry-After */
        SOVD_E_AUDIT,             /* a change cannot be put on record, so it is not made; carries Retry-After */
        SOVD_E_SWITCHED_OFF,      /* an admin has switched off what is asked for; carries Retry-After */
        SOVD_E_MAX
};

struct sovd_error_info {
        unsigned status;         /* HTTP status */
        const char *error_code;  /* of the standard's closed list */
        const char *vendor_code; /* set when error_code is vendor-specific, else NULL */
        const char *summary;     /* one sentence for documentation */
};

/* The table's row of a positive error; that of SOVD_E_INTERNAL for anything else. Never NULL. */
const struct sovd_error_info *sovd_error_info(int error);

/* Marks the origin of a negative error in the trace log and returns it. */
#define sovd_error_origin(r) sovd_error_trace_at((r), __FILE__, __LINE__, __func__)

/* Turns a positive error that this caller does not expect into -ENOTRECOVERABLE; negatives pass. */
#define sovd_error_fold(r) sovd_error_fold_at((r), __FILE__, __LINE__, __func__)

int sovd_error_trace_at(int r, const char *file, int line, const char *func);
int sovd_error_fold_at(int r, const char *file, int line, const char *func);
