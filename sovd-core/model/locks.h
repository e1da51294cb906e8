#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks - a client's exclusive right to change an entity, as bodies show it (ISO 17978-3 7.17)
 *
 * Requests give the time that a lock is wanted for in seconds from now, answers give the moment of its end.
 */
#include "sovd-core/base/schema.h"

struct sovd_lock_request {
        struct sovd_int lock_expiration; /* seconds from now */
        struct sovd_strings scopes;      /* names of collections; none = all */
        struct sovd_bool break_lock;
};
struct sovd_lock_extension {
        struct sovd_int lock_expiration;
};
struct sovd_lock_created {
        const char *id;
};
struct sovd_lock_reference {
        const char *id;
        struct sovd_bool owned;
        struct sovd_strings scopes; /* not there when everything is locked */
};
struct sovd_lock_list {
        struct sovd_list items; /* struct sovd_lock_reference */
};
struct sovd_lock_detail {
        const char *lock_expiration; /* RFC 3339 */
        struct sovd_bool owned;
        struct sovd_strings scopes;
};

extern const struct sovd_schema sovd_schema_lock_request, sovd_schema_lock_extension,
        sovd_schema_lock_created, sovd_schema_lock_list, sovd_schema_lock_detail;
