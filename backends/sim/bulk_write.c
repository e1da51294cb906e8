/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: into an anonymous file in memory, which becomes an item when its last byte is there. */
#include "backends/sim/bulk_data.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <sys/mman.h>
#include <unistd.h>

struct upload {
        struct sovd_call *call;
        const struct sovd_bulk_upload *request;
        struct sim *sim;
        struct bulk_state *state;
        struct bulk_item *item;
        struct sovd_sha256 *sha;
        int fd;
};

static int over_quota(struct upload *u, uint64_t n, uint64_t used) {
        const struct sim_bulk *source = u->state->source;
        unsigned long long quota = (unsigned long long)source->quota_bytes.value,
                           others = used - u->item->size;

        if (n > quota)
                return sovd_fail(u->call, SOVD_E_TOO_LARGE, "category '%s' holds at most %llu bytes",
                                 source->category, quota);
        return sovd_fail(
                u->call, SOVD_E_CONFLICT,
                "category '%s' holds at most %llu bytes, and %llu are in use; delete something first",
                source->category, quota, others);
}

/* Takes room for n more bytes of the item. */
static int reserve(struct upload *u, uint64_t n) {
        struct bulk_state *state = u->state;
        int r = 0;

        (void)pthread_mutex_lock(&u->sim->mutex);
        if (n > (uint64_t)state->source->quota_bytes.value - state->used)
                r = over_quota(u, u->item->size + n, state->used);
        else
                state->used += n;
        (void)pthread_mutex_unlock(&u->sim->mutex);
        if (!r)
                u->item->size += n;
        return r;
}

static int write_file(int fd, const char *buf, size_t n) {
        while (n) {
                ssize_t part = write(fd, buf, n);
                if (part < 0 && errno == EINTR)
                        continue;
                if (part <= 0)
                        return sovd_error_origin(part ? -errno : -EIO);
                buf += part;
                n -= (size_t)part;
        }
        return 0;
}

static int take_piece(struct upload *u, char *piece, size_t *ret_n) {
        struct sovd_source *body = u->request->body;

        int r = body->read(body, piece, SOVD_SOURCE_PIECE, u->call->deadline_usec, ret_n);
        if (!r)
                r = reserve(u, *ret_n);
        if (!r)
                r = write_file(u->fd, piece, *ret_n);
        if (!r)
                sovd_sha256_add(u->sha, piece, *ret_n);
        return r;
}

static int take_all(struct upload *u) {
        _cleanup_(sovd_freep) char *piece = malloc(SOVD_SOURCE_PIECE);
        size_t n = SOVD_SOURCE_PIECE;
        int r = 0;
        if (!piece)
                return sovd_error_origin(-ENOMEM);

        while (!r && n == SOVD_SOURCE_PIECE)
                r = take_piece(u, piece, &n);
        return r ? r : sovd_sha256_end(u->sha, u->item->hash);
}

static int map(struct upload *u) {
        if (!u->item->size)
                return 0;
        const void *bytes = mmap(NULL, u->item->size, PROT_READ, MAP_SHARED, u->fd, 0);
        if (bytes == MAP_FAILED)
                return sovd_error_origin(-errno);
        u->item->bytes = bytes;
        return 0;
}

/* Visible from here on. */
static int commit(struct upload *u, struct sovd_bulk_created *ret) {
        struct bulk_item **last = &u->state->items;

        ret->id = sovd_arena_strdup(u->call->arena, u->item->id);
        if (!ret->id)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&u->sim->mutex);
        int r = sim_bulk_has_place(u->call, u->state);
        if (!r) {
                while (*last)
                        last = &(*last)->next;
                *last = u->item;
                u->state->n_items++;
                u->item = NULL;
        }
        (void)pthread_mutex_unlock(&u->sim->mutex);
        return r;
}

static void give_up(struct upload *u) {
        if (!u->item)
                return;
        (void)pthread_mutex_lock(&u->sim->mutex);
        u->state->used -= u->item->size;
        (void)pthread_mutex_unlock(&u->sim->mutex);
        u->item = sim_bulk_item_free(u->item);
}

static int new_item(struct upload *u) {
        struct bulk_item *item = u->item = calloc(1, sizeof(*item));
        if (!item)
                return sovd_error_origin(-ENOMEM);

        u->fd = memfd_create("sovd-bulk", MFD_CLOEXEC);
        if (u->fd < 0)
                return sovd_error_origin(-errno);
        item->name = strdup(u->request->name);
        item->mimetype = strdup(u->request->mimetype);
        if (u->request->filename)
                item->filename = strdup(u->request->filename);
        item->created_usec = sovd_realtime_usec();
        if (!item->name || !item->mimetype || (u->request->filename && !item->filename))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_id_new(item->id);
        return r ? r : sovd_sha256_new(&u->sha);
}

/* A size that is told is checked before a byte is taken. */
static int check(struct upload *u, const struct sim_call *c, const char *category) {
        u->state = sim_bulk_find(u->call, c, category);
        if (!u->state)
                return SOVD_E_NOT_FOUND;
        const struct sim_bulk *source = u->state->source;
        if (!source || !source->writable.value)
                return sovd_fail(u->call, SOVD_E_FORBIDDEN, "category '%s' is read-only", category);
        if (u->request->size != UINT64_MAX && u->request->size > (uint64_t)source->quota_bytes.value)
                return sovd_fail(u->call, SOVD_E_TOO_LARGE, "category '%s' holds at most %llu bytes",
                                 category, (unsigned long long)source->quota_bytes.value);
        return sim_bulk_has_place(u->call, u->state);
}

int sim_bulk_write(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                   const struct sovd_bulk_upload *request, struct sovd_bulk_created *ret) {
        struct upload u = { .call = call, .request = request, .fd = -1 };
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        r = check(&u, &c, category);
        sim_leave(&c);
        if (r)
                return r;

        u.sim = c.sim;
        r = new_item(&u);
        if (!r)
                r = take_all(&u);
        if (!r)
                r = map(&u);
        if (!r)
                r = commit(&u, ret);
        give_up(&u);
        if (u.fd >= 0)
                (void)close(u.fd);
        (void)sovd_sha256_free(u.sha);
        return r;
}
