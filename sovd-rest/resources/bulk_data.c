/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/multipart.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/respond_stream.h"
#include "sovd-rest/rest.h"

static const struct sovd_query_param list_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only items with one of these tags." },
        { "created-after", SOVD_QUERY_STRING, "Only items that were created after this date-time." },
        { "created-before", SOVD_QUERY_STRING, "Only items that were created before this date-time." },
        { 0 }
};

static const struct sovd_backend_ops *ops_of(const struct sovd_call *call) {
        return sovd_ops(call, SOVD_COLLECTION_BULK_DATA);
}

static int categories_list(struct sovd_call *call) {
        struct sovd_bulk_categories *categories = sovd_arena_new0(call->arena, struct sovd_bulk_categories);
        if (!categories)
                return sovd_error_origin(-ENOMEM);

        call->out = categories;
        return ops_of(call)->bulk_categories(call, call->entity, categories);
}

static int take_time(struct sovd_call *call, const char *name, uint64_t *ret) {
        const char *text = sovd_call_query(call, name);

        if (!text || sovd_timestamp_parse(text, ret))
                return 0;
        return sovd_fail(call, SOVD_E_BAD_REQUEST,
                         "query parameter '%s' must be a date-time like 2026-01-31T12:00:00Z", name);
}

static int items_list(struct sovd_call *call) {
        struct sovd_bulk_list *list = sovd_arena_new0(call->arena, struct sovd_bulk_list);
        struct sovd_bulk_filter filter = { .created_before = UINT64_MAX };
        if (!list || !sovd_call_query_all(call, "tags", &filter.tags))
                return sovd_error_origin(-ENOMEM);

        int r = take_time(call, "created-after", &filter.created_after);
        if (!r)
                r = take_time(call, "created-before", &filter.created_before);
        if (r)
                return r;

        call->out = list;
        return ops_of(call)->bulk_list(call, call->entity, call->params[0], &filter, list);
}

/* --- download ------------------------------------------------------------------------------------------- */

static int item_read(struct sovd_call *call) {
        struct sovd_bulk_content *content = sovd_arena_new0(call->arena, struct sovd_bulk_content);
        struct sovd_bulk_wish wish = { .if_range = sovd_call_header(call, "If-Range") };
        if (!content)
                return sovd_error_origin(-ENOMEM);

        if (!sovd_call_is_head(call)) /* RFC 9110 14.2: ranges are a matter of GET alone */
                wish.range = sovd_range_parse(sovd_call_header(call, "Range"));
        int r = sovd_transfer_begin(call);
        if (r)
                return r;
        r = ops_of(call)->bulk_open(call, call->entity, call->params[0], call->params[1], &wish, content);
        if (r)
                sovd_transfer_end(call, false);
        call->out = content;
        return r;
}

/* --- upload --------------------------------------------------------------------------------------------- */

static int take_disposition(struct sovd_call *call, bool is_needed, struct sovd_bulk_upload *upload) {
        const char *field = sovd_call_header(call, "Content-Disposition"), *reason;
        struct sovd_disposition d = { 0 };

        if (!field)
                return is_needed
                               ? sovd_fail(call, SOVD_E_BAD_REQUEST,
                                           "an upload needs the header Content-Disposition with a name, like "
                                           "attachment; name=\"map\"")
                               : 0;
        int r = sovd_disposition_parse(field, call->arena, &d, &reason);
        if (r > 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "Content-Disposition is not usable: %s", reason);
        if (!r && !d.name && is_needed)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "Content-Disposition needs a name, like attachment; name=\"map\"");
        upload->name = d.name;
        upload->filename = d.filename;
        return r;
}

static int check_type(struct sovd_call *call, const char *type) {
        if (!type)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "an upload needs the header Content-Type");
        if (!sovd_media_type_is_valid(type))
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "Content-Type is not a media type of at most 255 characters");
        if (strncasecmp(type, "multipart/", 10) == 0 && !sovd_media_type_is(type, "multipart/form-data"))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE,
                                 "of multipart types only multipart/form-data is read: signatures are not "
                                 "checked here");
        return 0;
}

static uint64_t length_of(const struct sovd_call *call) {
        const char *field = sovd_call_header(call, "Content-Length");
        uint64_t length;

        return field && sovd_digits_parse(&field, &length) ? length : UINT64_MAX;
}

/* The file of a form: its own name and type count. */
static int open_form(struct sovd_call *call, const char *type, struct sovd_bulk_upload *upload) {
        struct sovd_multipart *form;
        const char *reason;

        int r = sovd_multipart_open(&form, call->body, type, call->deadline_usec, call->arena, &reason);
        if (r > 0)
                return sovd_fail(call, (enum sovd_error)r, "%s", reason);
        if (r)
                return r;
        if (!upload->name)
                upload->name = form->disposition.name;
        if (!upload->filename)
                upload->filename = form->disposition.filename;
        upload->mimetype = form->content_type;
        upload->size = UINT64_MAX;
        upload->body = &form->base;
        return 0;
}

static int prepare(struct sovd_call *call, struct sovd_bulk_upload *upload) {
        const char *type = sovd_call_header(call, "Content-Type");

        int r = check_type(call, type);
        if (r)
                return r;
        bool is_form = sovd_media_type_is(type, "multipart/form-data");
        *upload = (struct sovd_bulk_upload){ .mimetype = type, .size = length_of(call), .body = call->body };
        r = take_disposition(call, !is_form, upload);
        return r || !is_form ? r : open_form(call, type, upload);
}

static int write_item(struct sovd_call *call, struct sovd_bulk_created *created) {
        struct sovd_bulk_upload upload;

        int r = prepare(call, &upload);
        if (!r)
                r = sovd_call_did(call, ops_of(call)->bulk_write(call, call->entity, call->params[0], &upload, created));
        if (r > 0 && !call->failure.error)
                return sovd_fail(call, (enum sovd_error)r, "nothing was stored: %s",
                                 upload.body->problem ? upload.body->problem : "the upload broke off");
        return r;
}

static int item_write(struct sovd_call *call) {
        struct sovd_bulk_created *created = sovd_arena_new0(call->arena, struct sovd_bulk_created);
        if (!created)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->bulk_write)
                return sovd_not_offered(call, "uploads");

        int r = sovd_transfer_begin(call);
        if (r)
                return r;
        r = write_item(call, created);
        sovd_transfer_end(call, call->body->problem);
        if (r)
                return r;
        call->out = created;
        call->location =
                sovd_call_printf(call, "%s/bulk-data/%s/%s", sovd_entity_href(call, call->entity),
                                 sovd_encoded(call, call->params[0]), sovd_encoded(call, created->id));
        return 0;
}

/* --- deleting ------------------------------------------------------------------------------------------- */

static int item_delete(struct sovd_call *call) {
        if (!ops_of(call)->bulk_delete)
                return sovd_not_offered(call, "deleting bulk data");
        return sovd_call_did(call, ops_of(call)->bulk_delete(call, call->entity, call->params[0], call->params[1]));
}

static int items_delete(struct sovd_call *call) {
        struct sovd_bulk_deleted *deleted = sovd_arena_new0(call->arena, struct sovd_bulk_deleted);
        if (!deleted)
                return sovd_error_origin(-ENOMEM);
        if (!ops_of(call)->bulk_delete_all)
                return sovd_not_offered(call, "deleting a category of bulk data");

        call->out = deleted;
        int r = sovd_call_did(call, ops_of(call)->bulk_delete_all(call, call->entity, call->params[0], deleted));
        if (r || deleted->deleted_ids.n || !deleted->errors.n)
                return r;
        const struct sovd_bulk_failure *first = deleted->errors.items;
        call->acted = false;
        return sovd_fail(call, SOVD_E_CONFLICT, "none of %zu items could be deleted; '%.128s': %s",
                         deleted->errors.n, first->id, first->error->message);
}

#define BULK                                                                                                 \
        .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_BULK_DATA, .clause = "ISO 17978-3 7.20"
const struct sovd_route sovd_routes_bulk_data[] = {
        { .id = "bulk-categories-list",
          .method = SOVD_GET,
          .path = "/{entity}/bulk-data",
          .handler = categories_list,
          .flags = SOVD_INCLUDE_SCHEMA,
          .out = &sovd_schema_bulk_categories,
          .success = 200,
          .summary = "List the categories of bulk data of an entity",
          BULK },
        { .id = "bulk-list",
          .method = SOVD_GET,
          .path = "/{entity}/bulk-data/{category}",
          .handler = items_list,
          .flags = SOVD_INCLUDE_SCHEMA,
          .query = list_query,
          .out = &sovd_schema_bulk_list,
          .success = 200,
          .summary = "List the bulk data of a category",
          BULK },
        { .id = "bulk-upload",
          .method = SOVD_POST,
          .path = "/{entity}/bulk-data/{category}",
          .handler = item_write,
          .flags = SOVD_STREAM_BODY,
          .out = &sovd_schema_bulk_created,
          .success = 201,
          .summary = "Upload an item of bulk data",
          BULK },
        { .id = "bulk-delete-all",
          .method = SOVD_DELETE,
          .path = "/{entity}/bulk-data/{category}",
          .handler = items_delete,
          .out = &sovd_schema_bulk_deleted,
          .success = 200,
          .summary = "Delete the bulk data of a category",
          BULK },
        { .id = "bulk-read",
          .method = SOVD_GET,
          .path = "/{entity}/bulk-data/{category}/{bulk-data-id}",
          .handler = item_read,
          .flags = SOVD_STREAM_OUT,
          .success = 200,
          .success_other = 206,
          .summary = "Download an item of bulk data, or a range of it",
          BULK },
        { .id = "bulk-delete",
          .method = SOVD_DELETE,
          .path = "/{entity}/bulk-data/{category}/{bulk-data-id}",
          .handler = item_delete,
          .success = 204,
          .summary = "Delete an item of bulk data",
          BULK },
        { 0 }
};
