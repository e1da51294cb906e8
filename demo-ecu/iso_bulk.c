/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - bulk data: lists, uploads, downloads with ranges
 */
#include <stdio.h>
#include <time.h>
#include "demo-ecu/bulk.h"
#include "demo-ecu/iso.h"

#define SEG_ITEM 6
#define PIECE    65536

static bool category_exists(struct call *call) {
        if (bulk_has(call->component->id))
                for (size_t i = 0; bulk_categories[i]; ++i)
                        if (equal(bulk_categories[i], call_resource(call)))
                                return true;
        call_fail(call, PROBLEM_NO_RESOURCE, "there is no category '%.64s'", call_resource(call));
        return false;
}

void iso_list_bulk_categories(struct call *call) {
        if (!bulk_has(call->component->id)) {
                call_fail(call, PROBLEM_NO_RESOURCE, "this component has no bulk data");
                return;
        }
        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; bulk_categories[i]; ++i)
                json_string(&call->out, NULL, bulk_categories[i]);
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

void iso_list_bulk(struct call *call) {
        struct bulk_item items[BULK_ITEMS_MAX];
        size_t n;

        if (!category_exists(call))
                return;
        n = bulk_list(call->server->bulk, call_resource(call), items);
        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; i < n; ++i) {
                json_begin(&call->out, NULL, '{');
                json_string(&call->out, "id", items[i].id);
                json_string(&call->out, "mimetype", items[i].type);
                json_string(&call->out, "name", items[i].name);
                json_integer(&call->out, "size", (long long)items[i].n_data);
                json_string(&call->out, "creation_date", items[i].created);
                json_end(&call->out, '}');
        }
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

/* --- upload --------------------------------------------------------------------------------------------- */

/* The text between the quotes of name="…"; escapes are not known here. */
static bool take_name(struct call *call, char *name, size_t n_name) {
        const char *header = call->io->header(call->io->user, "Content-Disposition");
        const char *start = header ? strstr(header, " name=\"") : NULL;
        size_t n = start ? strcspn(start + 7, "\"") : 0;

        if (!n || n >= n_name) {
                call_fail(call, PROBLEM_BAD_REQUEST, "Content-Disposition needs a name");
                return false;
        }
        memcpy(name, start + 7, n);
        name[n] = '\0';
        return true;
}

static bool grow(struct bulk_item *item, size_t *n_alloc) {
        size_t n = *n_alloc ? 2 * *n_alloc : 1024 * 1024;
        char *data = realloc(item->data, n);

        if (!data)
                return false;
        item->data = data;
        *n_alloc = n;
        return true;
}

static bool read_item(struct call *call, struct bulk_item *item) {
        size_t n_alloc = 0;

        for (;;) {
                int n;

                if (n_alloc - item->n_data < PIECE && !grow(item, &n_alloc)) {
                        call_fail(call, PROBLEM_FAILURE, "out of memory");
                        return false;
                }
                n = call->io->read(call->io->user, item->data + item->n_data, PIECE);
                if (n == 0)
                        return true;
                if (n < 0) {
                        call_fail(call, PROBLEM_BAD_REQUEST, "the body ended early");
                        return false;
                }
                item->n_data += (size_t)n;
                if (item->n_data > BULK_BYTES_MAX) {
                        call_fail(call, PROBLEM_TOO_LARGE, "an item may have %d bytes", BULK_BYTES_MAX);
                        return false;
                }
        }
}

void iso_upload_bulk(struct call *call) {
        struct bulk_item item = { 0 };
        time_t now = time(NULL);
        struct tm tm;

        if (!category_exists(call) || !take_name(call, item.name, sizeof(item.name)))
                return;
        if (!call->content_type[0]) {
                call_fail(call, PROBLEM_BAD_REQUEST, "Content-Type is missing");
                return;
        }
        copy_text(item.category, sizeof(item.category), call_resource(call));
        copy_text(item.type, sizeof(item.type), call->content_type);
        gmtime_r(&now, &tm);
        strftime(item.created, sizeof(item.created), "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (read_item(call, &item)) {
                if (bulk_add(call->server->bulk, &item, &call->problem)) {
                        call_refuse(call);
                } else {
                        json_begin(&call->out, NULL, '{');
                        json_string(&call->out, "id", item.id);
                        json_end(&call->out, '}');
                        call->status = 201;
                        snprintf(call->location, sizeof(call->location), "%s/%s", call->path, item.id);
                }
        }
        free(item.data);
}

/* --- download ------------------------------------------------------------------------------------------- */

/* 200, 206 or 416; only "bytes=FIRST-LAST", "bytes=FIRST-" and "bytes=-LAST" are known. */
static int choose_range(struct call *call, const char *etag, size_t size, size_t *first, size_t *n) {
        const char *range = call->io->header(call->io->user, "Range"),
                   *if_range = call->io->header(call->io->user, "If-Range");
        unsigned long long from = 0, to = 0;
        int used = 0;

        *first = 0;
        *n = size;
        if (!range || strchr(range, ',') || (if_range && !equal(if_range, etag)))
                return 200;
        if (sscanf(range, "bytes=-%llu%n", &to, &used) == 1 && !range[used]) {
                *first = to < size ? size - (size_t)to : 0;
                *n = size - *first;
        } else if (sscanf(range, "bytes=%llu-%llu%n", &from, &to, &used) == 2 && !range[used]) {
                *first = from < size ? (size_t)from : size;
                *n = to >= from && from < size ? (size_t)((to < size ? to + 1 : size) - from) : 0;
        } else if (sscanf(range, "bytes=%llu-%n", &from, &used) == 1 && used && !range[used]) {
                *first = from < size ? (size_t)from : size;
                *n = size - *first;
        } else {
                return 200;
        }
        return *n ? 206 : 416;
}

static void send_item(struct call *call, const struct bulk_item *item) {
        char head[1024], etag[64], range[96] = "";
        size_t first, n, n_head;
        int status;

        snprintf(etag, sizeof(etag), "\"%s-%zu\"", item->id, item->n_data);
        status = choose_range(call, etag, item->n_data, &first, &n);
        if (status == 206)
                snprintf(range, sizeof(range), "Content-Range: bytes %zu-%zu/%zu\r\n", first, first + n - 1,
                         item->n_data);
        if (status == 416) {
                n = 0;
                snprintf(range, sizeof(range), "Content-Range: bytes */%zu\r\n", item->n_data);
        }
        n_head = (size_t)snprintf(
                head, sizeof(head),
                "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n"
                "Content-Disposition: attachment; filename=\"%s\"\r\n%sContent-Length: %zu\r\n\r\n",
                status, status == 200 ? "OK" : "Partial", item->type, etag, item->name, range, n);
        call->status = status;
        call->answered = true;
        if (!call->io->write(call->io->user, head, n_head) || call->head)
                return;
        while (n) {
                size_t n_piece = n < PIECE ? n : PIECE;

                if (!call->io->write(call->io->user, item->data + first, n_piece))
                        return;
                first += n_piece;
                n -= n_piece;
        }
}

void iso_download_bulk(struct call *call) {
        const struct bulk_item *item;

        if (!category_exists(call))
                return;
        item = bulk_acquire(call->server->bulk, call_resource(call), call->segments[SEG_ITEM]);
        if (!item) {
                call_fail(call, PROBLEM_NO_RESOURCE, "there is no item '%.64s'", call->segments[SEG_ITEM]);
                return;
        }
        send_item(call, item);
        bulk_release(call->server->bulk, item);
}

/* --- deleting ------------------------------------------------------------------------------------------- */

void iso_delete_bulk_item(struct call *call) {
        if (!category_exists(call))
                return;
        if (bulk_delete(call->server->bulk, call_resource(call), call->segments[SEG_ITEM], &call->problem))
                call_refuse(call);
        else
                call->status = 204;
}

void iso_delete_bulk(struct call *call) {
        struct bulk_item items[BULK_ITEMS_MAX];
        bool deleted[BULK_ITEMS_MAX];
        size_t n;

        if (!category_exists(call))
                return;
        n = bulk_list(call->server->bulk, call_resource(call), items);
        for (size_t i = 0; i < n; ++i)
                deleted[i] =
                        bulk_delete(call->server->bulk, items[i].category, items[i].id, &call->problem) == 0;
        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "deleted_ids", '[');
        for (size_t i = 0; i < n; ++i)
                if (deleted[i])
                        json_string(&call->out, NULL, items[i].id);
        json_end(&call->out, ']');
        json_begin(&call->out, "errors", '[');
        for (size_t i = 0; i < n; ++i)
                if (!deleted[i]) {
                        json_begin(&call->out, NULL, '{');
                        json_string(&call->out, "id", items[i].id);
                        json_begin(&call->out, "error", '{');
                        iso_write_error(&call->out, "precondition-not-fulfilled", NULL,
                                        "it is being downloaded");
                        json_end(&call->out, '}');
                        json_end(&call->out, '}');
                }
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}
