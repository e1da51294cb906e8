#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bulk data - files of an entity, in categories (ISO 17978-3 7.20)
 */
#include "sovd-core/base/range.h"
#include "sovd-core/base/source.h"
#include "sovd-core/model/error_body.h"

struct sovd_bulk_categories {
        struct sovd_strings items;
};
struct sovd_bulk_item { /* BulkDataDescriptor */
        const char *id, *mimetype, *name, *translation_id;
        struct sovd_int size; /* bytes */
        const char *creation_date, *last_modified, *hash, *hash_algorithm;
        struct sovd_strings tags;
        const struct cJSON *extra;
};
struct sovd_bulk_list {
        struct sovd_list items; /* struct sovd_bulk_item */
};
struct sovd_bulk_created {
        const char *id;
};
struct sovd_bulk_failure {
        const char *id;
        struct sovd_generic_error *error;
};
struct sovd_bulk_deleted {
        struct sovd_strings deleted_ids;
        struct sovd_list errors; /* struct sovd_bulk_failure */
};

/* Which items a list shows. Times in microseconds since the epoch: 0 and UINT64_MAX let everything through; an item
 * without creation_date passes only when neither is asked for. */
struct sovd_bulk_filter {
        struct sovd_strings tags;
        uint64_t created_after, created_before;
};

/* What a client wants of an item. */
struct sovd_bulk_wish {
        struct sovd_range range;
        const char *if_range; /* the range counts only when the item has this entity tag or date; or NULL */
};

/* An item that is open for reading. */
struct sovd_bulk_content {
        const char *mimetype, *filename;  /* filename or NULL */
        const char *etag, *last_modified; /* as header fields have them; or NULL */
        uint64_t size;                    /* of the whole; UINT64_MAX = not known */
        uint64_t first;                   /* where the stream begins */
        uint64_t length;                  /* bytes in the stream; UINT64_MAX = until its end */
        bool partial;                     /* the wish for a range was honoured */
        bool has_ranges;                  /* a range could be asked for */
        struct sovd_source *stream;       /* owned by whoever opened it; NULL: */
        bool not_ready;                   /* ask again later */
        unsigned retry_after_sec;         /* 0 = not known */
        const char *location;             /* the bytes are at this absolute URI */
};

struct sovd_bulk_upload {
        const char *mimetype, *name, *filename; /* filename or NULL */
        uint64_t size;                          /* UINT64_MAX = not known before the end */
        struct sovd_source *body;               /* the caller's */
};

extern const struct sovd_schema sovd_schema_bulk_categories, sovd_schema_bulk_item, sovd_schema_bulk_list,
        sovd_schema_bulk_created, sovd_schema_bulk_failure, sovd_schema_bulk_deleted;

bool sovd_bulk_filter_matches(const struct sovd_bulk_filter *filter, const struct sovd_bulk_item *item);
