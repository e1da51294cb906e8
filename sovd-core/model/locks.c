/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/locks.h"

#define EXPIRATION(body)                                                                                     \
        {                                                                                                    \
                .name = "lock_expiration", .type = SOVD_FIELD_INT,                                           \
                .offset = offsetof(body, lock_expiration), .flags = SOVD_REQUIRED, .min = 1,                 \
                .max = INT32_MAX, .doc = "Seconds from now until the lock ends."                             \
        }

#define F(member) offsetof(struct sovd_lock_request, member)
static const struct sovd_field request_fields[] = {
        EXPIRATION(struct sovd_lock_request),
        { .name = "scopes",
          .type = SOVD_FIELD_STRINGS,
          .offset = F(scopes),
          .min = 0,
          .max = 64,
          .doc = "Names of the collections to lock; none or an empty list locks all of them." },
        { .name = "break_lock",
          .type = SOVD_FIELD_BOOL,
          .offset = F(break_lock),
          .doc = "Takes the place of other clients' locks when they may be broken." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_lock_request = {
        .name = "LockRequest",
        .size = sizeof(struct sovd_lock_request),
        .fields = request_fields,
};

static const struct sovd_field extension_fields[] = { EXPIRATION(struct sovd_lock_extension), { 0 } };
const struct sovd_schema sovd_schema_lock_extension = {
        .name = "LockExtension",
        .size = sizeof(struct sovd_lock_extension),
        .fields = extension_fields,
};

static const struct sovd_field created_fields[] = { { .name = "id",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = offsetof(struct sovd_lock_created, id),
                                                      .flags = SOVD_REQUIRED },
                                                    { 0 } };
const struct sovd_schema sovd_schema_lock_created = {
        .name = "LockCreated",
        .size = sizeof(struct sovd_lock_created),
        .fields = created_fields,
};

#define OWNED(body)                                                                                          \
        {                                                                                                    \
                .name = "owned", .type = SOVD_FIELD_BOOL, .offset = offsetof(body, owned),                   \
                .flags = SOVD_REQUIRED, .doc = "true when the lock is of the client that asks."              \
        }
#define SCOPES(body)                                                                                         \
        {                                                                                                    \
                .name = "scopes", .type = SOVD_FIELD_STRINGS, .offset = offsetof(body, scopes),              \
                .doc = "The collections that are locked; left out when all of them are."                     \
        }

static const struct sovd_field reference_fields[] = { { .name = "id",
                                                        .type = SOVD_FIELD_STRING,
                                                        .offset = offsetof(struct sovd_lock_reference, id),
                                                        .flags = SOVD_REQUIRED },
                                                      OWNED(struct sovd_lock_reference),
                                                      SCOPES(struct sovd_lock_reference),
                                                      { 0 } };
static const struct sovd_schema reference_schema = {
        .name = "Lock",
        .size = sizeof(struct sovd_lock_reference),
        .fields = reference_fields,
};

static const struct sovd_field list_fields[] = { { .name = "items",
                                                   .type = SOVD_FIELD_LIST,
                                                   .offset = offsetof(struct sovd_lock_list, items),
                                                   .flags = SOVD_REQUIRED,
                                                   .of = &reference_schema },
                                                 { 0 } };
const struct sovd_schema sovd_schema_lock_list = {
        .name = "LockList",
        .size = sizeof(struct sovd_lock_list),
        .fields = list_fields,
};

static const struct sovd_field detail_fields[] = { { .name = "lock_expiration",
                                                     .type = SOVD_FIELD_STRING,
                                                     .offset = offsetof(struct sovd_lock_detail,
                                                                        lock_expiration),
                                                     .flags = SOVD_REQUIRED,
                                                     .format = "date-time",
                                                     .doc = "When the lock ends unless it is extended." },
                                                   OWNED(struct sovd_lock_detail),
                                                   SCOPES(struct sovd_lock_detail),
                                                   { 0 } };
const struct sovd_schema sovd_schema_lock_detail = {
        .name = "LockDetails",
        .size = sizeof(struct sovd_lock_detail),
        .fields = detail_fields,
};
