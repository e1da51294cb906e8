/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/bulk_data.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/timestamp.h"
#include <stdio.h>
#include <time.h>
#include <sys/mman.h>

const char *sim_bulk_item_id(const struct bulk_item *item) {
        return item->source ? item->source->named.id : item->id;
}

const char *sim_bulk_category(const struct bulk_state *state) {
        return state->source ? state->source->category : SIM_LOG_CATEGORY;
}

struct bulk_item *sim_bulk_item_free(struct bulk_item *item) {
        if (!item)
                return NULL;
        if (item->bytes)
                (void)munmap((void *)(uintptr_t)item->bytes, item->size);
        free(item->name);
        free(item->filename);
        free(item->mimetype);
        free(item->recording);
        free(item);
        return NULL;
}

void sim_bulk_remove(struct bulk_state *state, struct bulk_item *item) {
        struct bulk_item **p = &state->items;

        while (*p != item)
                p = &(*p)->next;
        *p = item->next;
        state->n_items--;
        if (!item->source && !item->recording)
                state->used -= item->size;
        (void)sim_bulk_item_free(item);
}

int sim_bulk_has_place(struct sovd_call *call, const struct bulk_state *state) {
        if (state->n_items < SIM_BULK_ITEMS_MAX)
                return 0;
        return sovd_fail(call, SOVD_E_CONFLICT,
                         "category '%s' has %d items, the most that it keeps; delete some first",
                         sim_bulk_category(state), SIM_BULK_ITEMS_MAX);
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

/* Bytes that look random and depend on nothing but the item and where they stand. */
static void generate(uint64_t seed, uint64_t offset, char *buf, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint64_t at = offset + i, z = seed + (at / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);
                z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
                z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
                buf[i] = (char)((z ^ (z >> 31)) >> (at % 8 * 8));
        }
}

static uint64_t seed_of(const struct sim_bulk_item *source) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (const char *p = source->named.id; *p; p++)
                h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        return h;
}

int sim_bulk_bytes(const struct bulk_item *item, const struct recording *recording, uint64_t offset,
                   char *buf, size_t n) {
        if (recording)
                sim_recording_bytes(recording, offset, buf, n);
        else if (!item->source)
                memcpy(buf, item->bytes ? item->bytes + offset : "", n);
        else if (item->source->content)
                memcpy(buf, item->source->content + offset, n);
        else
                generate(seed_of(item->source), offset, buf, n);
        return 0;
}

/* --- at the start --------------------------------------------------------------------------------------- */

static int hash_item(struct bulk_item *item) {
        _cleanup_(sovd_sha256_freep) struct sovd_sha256 *sha = NULL;
        char piece[4096];

        int r = sovd_sha256_new(&sha);
        for (uint64_t at = 0; !r && at < item->size; at += sizeof(piece)) {
                size_t n = (size_t)SOVD_MIN((uint64_t)sizeof(piece), item->size - at);
                r = sim_bulk_bytes(item, NULL, at, piece, n);
                if (!r)
                        sovd_sha256_add(sha, piece, n);
        }
        return r ? r : sovd_sha256_end(sha, item->hash);
}

static int add_item(struct bulk_state *state, const struct sim_bulk_item *source, struct bulk_item ***last) {
        struct bulk_item *item = calloc(1, sizeof(*item));
        if (!item)
                return sovd_error_origin(-ENOMEM);

        item->source = source;
        item->size = source->content ? strlen(source->content) : (uint64_t)source->size_bytes.value;
        item->created_usec = source->created_usec ? source->created_usec : sovd_realtime_usec();
        **last = item;
        *last = &item->next;
        state->n_items++;
        return hash_item(item);
}

int sim_bulk_init(struct sim *sim, struct sim_unit *unit) {
        const struct sim_entity *e = unit->entity;
        const struct sim_bulk *all = e->bulk_data.items;

        unit->n_bulk = e->bulk_data.n + (e->communication_logs ? 1 : 0);
        unit->bulk = sovd_arena_array(sim->arena, struct bulk_state, unit->n_bulk + 1);
        if (!unit->bulk)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < e->bulk_data.n; i++) {
                const struct sim_bulk_item *items = all[i].items.items;
                struct bulk_item **last = &unit->bulk[i].items;
                unit->bulk[i].source = &all[i];
                for (size_t n = 0; n < all[i].items.n; n++) {
                        int r = add_item(&unit->bulk[i], &items[n], &last);
                        if (r)
                                return r;
                }
        }
        return 0;
}

void sim_bulk_done(struct sim_unit *unit) {
        for (size_t i = 0; unit->bulk && i < unit->n_bulk; i++)
                while (unit->bulk[i].items)
                        sim_bulk_remove(&unit->bulk[i], unit->bulk[i].items);
}

/* --- lists ---------------------------------------------------------------------------------------------- */

struct bulk_state *sim_bulk_find(struct sovd_call *call, const struct sim_call *c, const char *category) {
        for (size_t i = 0; i < c->unit->n_bulk; i++)
                if (strcmp(sim_bulk_category(&c->unit->bulk[i]), category) == 0)
                        return &c->unit->bulk[i];
        (void)sim_no_resource(call, c->unit, "category of bulk data", category);
        return NULL;
}

int sim_bulk_categories(struct sovd_call *call, const struct sovd_entity *e,
                        struct sovd_bulk_categories *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        ret->items.items = sovd_arena_array(call->arena, const char *, c.unit->n_bulk + 1);
        for (size_t i = 0; ret->items.items && i < c.unit->n_bulk; i++)
                ret->items.items[ret->items.n++] = sim_bulk_category(&c.unit->bulk[i]);
        sim_leave(&c);
        return ret->items.items ? 0 : sovd_error_origin(-ENOMEM);
}

static uint64_t ready_in_usec(const struct sim *sim, const struct bulk_item *item) {
        return item->source ? sovd_clock_left_usec(sim->start_usec + sim_usec(item->source->ready_after_secs))
                            : 0;
}

static const char *timestamp(struct sovd_arena *arena, uint64_t usec) {
        char buf[SOVD_TIMESTAMP_SIZE];

        return sovd_arena_strdup(arena, sovd_clock_format(buf, usec));
}

static const char *mimetype_of(const struct bulk_item *item) {
        return item->source ? item->source->mimetype : item->mimetype;
}

static uint64_t size_of(const struct bulk_item *item) {
        return item->recording ? sim_recording_size(item->recording) : item->size;
}

/* Copies: an item may be gone when the answer is written. */
static struct sovd_bulk_item describe(const struct sim *sim, const struct bulk_item *item,
                                      struct sovd_arena *arena) {
        const char *name = item->source ? item->source->named.name : item->name;
        struct sovd_bulk_item d = {
                .id = sovd_arena_strdup(arena, sim_bulk_item_id(item)),
                .mimetype = sovd_arena_strdup(arena, mimetype_of(item)),
                .name = sovd_arena_strdup(arena, name),
                .creation_date = timestamp(arena, item->created_usec),
        };

        if (item->source) {
                d.translation_id = item->source->named.translation_id;
                d.tags = item->source->named.tags;
        }
        if (ready_in_usec(sim, item))
                return d; /* its bytes are not there yet */
        d.size = SOVD_INT((int64_t)size_of(item));
        if (*item->hash) {
                d.hash = sovd_arena_strdup(arena, item->hash);
                d.hash_algorithm = "sha-256";
        }
        return d;
}

int sim_bulk_list(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                  const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret) {
        struct sovd_bulk_item *items = NULL;
        struct sim_call c;
        size_t n = 0;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        sim_comm_logs_update(&c);
        const struct bulk_state *state = sim_bulk_find(call, &c, category);
        if (!state)
                r = SOVD_E_NOT_FOUND;
        else if (!(items = SIM_ITEMS(call, struct sovd_bulk_item, state->n_items)))
                r = sovd_error_origin(-ENOMEM);
        for (const struct bulk_item *item = r ? NULL : state->items; item; item = item->next) {
                items[n] = describe(c.sim, item, call->arena);
                n += sovd_bulk_filter_matches(filter, &items[n]);
        }
        sim_leave(&c);
        ret->items = (struct sovd_list){ .items = items, .n = n };
        return r;
}

/* --- download ------------------------------------------------------------------------------------------- */

struct reader {
        struct sovd_source base;
        struct sim *sim;
        struct bulk_item *item;      /* stays while n_readers counts this one */
        struct recording *recording; /* as it was at the beginning; or NULL; owned */
        uint64_t at, left;
};

static int reader_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                       size_t *ret_n) {
        struct reader *reader = (struct reader *)stream;
        size_t n = (size_t)SOVD_MIN((uint64_t)size, reader->left);
        (void)deadline_usec;

        int r = sim_bulk_bytes(reader->item, reader->recording, reader->at, buf, n);
        if (r)
                return r;
        reader->at += n;
        reader->left -= n;
        *ret_n = n;
        return 0;
}

static void reader_close(struct sovd_source *stream) {
        struct reader *reader = (struct reader *)stream;

        (void)pthread_mutex_lock(&reader->sim->mutex);
        reader->item->n_readers--;
        (void)pthread_mutex_unlock(&reader->sim->mutex);
        free(reader->recording);
        free(reader);
}

static struct reader *reader_new(struct sim *sim, struct bulk_item *item,
                                 const struct sovd_bulk_content *content) {
        struct reader *reader = calloc(1, sizeof(*reader));
        if (!reader)
                return NULL;

        if (item->recording) {
                reader->recording = malloc(sizeof(*reader->recording));
                if (!reader->recording) {
                        free(reader);
                        return NULL;
                }
                *reader->recording = *item->recording;
        }
        reader->base.read = reader_read;
        reader->base.close = reader_close;
        reader->sim = sim;
        reader->item = item;
        reader->at = content->first;
        reader->left = content->length;
        item->n_readers++;
        return reader;
}

static const char *http_date(struct sovd_arena *arena, uint64_t usec) {
        time_t sec = (time_t)(usec / SOVD_USEC_PER_SEC);
        char buf[40];
        struct tm tm;

        (void)gmtime_r(&sec, &tm);
        (void)strftime(buf, sizeof(buf), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        return sovd_arena_strdup(arena, buf);
}

static int describe_content(struct sovd_call *call, const struct bulk_item *item,
                            struct sovd_bulk_content *ret) {
        uint64_t size = size_of(item);

        *ret = (struct sovd_bulk_content){
                .mimetype = sovd_arena_strdup(call->arena, mimetype_of(item)),
                .filename = sovd_arena_strdup(call->arena, item->source     ? item->source->named.name
                                                           : item->filename ? item->filename
                                                                            : item->name),
                .size = size,
                .length = size,
                .has_ranges = true,
        };
        /* A recording only ever grows: its size names the version. */
        if (item->recording)
                ret->etag = sovd_call_printf(call, "\"%s-%llx\"", item->id, (unsigned long long)size);
        else
                ret->etag = sovd_call_printf(call, "\"sha256-%.32s\"", item->hash);
        if (!item->recording)
                ret->last_modified = http_date(call->arena, item->created_usec);
        return ret->mimetype && ret->filename && *ret->etag ? 0 : sovd_error_origin(-ENOMEM);
}

/* RFC 9110 13.1.5: a range of another version would not fit to what the client has. */
static int choose_range(struct sovd_call *call, const struct sovd_bulk_wish *wish,
                        struct sovd_bulk_content *ret) {
        if (!wish->range.set || (wish->if_range && !sovd_streq(wish->if_range, ret->etag) &&
                                 !sovd_streq(wish->if_range, ret->last_modified)))
                return 0;
        if (!sovd_range_resolve(&wish->range, ret->size, &ret->first, &ret->length))
                return sovd_fail_range(call, ret->size);
        ret->partial = true;
        return 0;
}

static struct bulk_item *find_item(struct sovd_call *call, const struct sim_call *c,
                                   const struct bulk_state *state, const char *id) {
        for (struct bulk_item *item = state ? state->items : NULL; item; item = item->next)
                if (strcmp(sim_bulk_item_id(item), id) == 0)
                        return item;
        if (state)
                (void)sim_no_resource(call, c->unit, "bulk data item", id);
        return NULL;
}

static int open_item(struct sovd_call *call, struct sim *sim, struct bulk_item *item,
                     const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret) {
        uint64_t ready_in = ready_in_usec(sim, item);

        if (ready_in) {
                *ret = (struct sovd_bulk_content){
                        .not_ready = true,
                        .retry_after_sec = (unsigned)((ready_in + SOVD_USEC_PER_SEC - 1) / SOVD_USEC_PER_SEC),
                };
                return 0;
        }
        int r = describe_content(call, item, ret);
        if (!r)
                r = choose_range(call, wish, ret);
        if (r)
                return r;
        struct reader *reader = reader_new(sim, item, ret);
        if (!reader)
                return sovd_error_origin(-ENOMEM);
        ret->stream = &reader->base;
        return 0;
}

int sim_bulk_open(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id,
                  const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        sim_comm_logs_update(&c);
        struct bulk_item *item = find_item(call, &c, sim_bulk_find(call, &c, category), id);
        r = item ? open_item(call, c.sim, item, wish, ret) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

/* --- deleting ------------------------------------------------------------------------------------------- */

static int check_writable(struct sovd_call *call, const struct bulk_state *state) {
        if (!state->source || state->source->writable.value)
                return 0;
        return sovd_fail(call, SOVD_E_FORBIDDEN, "category '%s' is read-only", state->source->category);
}

/* NULL: it may go. Else why not (in the arena or static). */
static const char *kept_by(struct sovd_call *call, const struct bulk_item *item) {
        if (item->log)
                return sovd_call_printf(call, "it belongs to communication log '%s': delete that",
                                        item->log->id);
        return item->n_readers ? "it is being downloaded" : NULL;
}

int sim_bulk_delete(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                    const char *id) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        struct bulk_state *state = sim_bulk_find(call, &c, category);
        struct bulk_item *item = find_item(call, &c, state, id);
        const char *why = item ? kept_by(call, item) : NULL;
        r = item ? check_writable(call, state) : SOVD_E_NOT_FOUND;
        if (!r && why)
                r = sovd_fail(call, SOVD_E_CONFLICT, "item '%.128s' cannot be deleted: %s", id, why);
        else if (!r)
                sim_bulk_remove(state, item);
        sim_leave(&c);
        return r;
}

/* What cannot go is reported with its reason. */
static int delete_all(struct sovd_call *call, struct bulk_state *state, struct sovd_bulk_deleted *ret) {
        const char **ids = sovd_arena_array(call->arena, const char *, state->n_items + 1);
        struct sovd_bulk_failure *failures = SIM_ITEMS(call, struct sovd_bulk_failure, state->n_items);
        struct sovd_generic_error *errors = SIM_ITEMS(call, struct sovd_generic_error, state->n_items);
        size_t n = 0, n_failures = 0;
        if (!ids || !failures || !errors)
                return sovd_error_origin(-ENOMEM);

        for (struct bulk_item *item = state->items, *next; item; item = next) {
                const char *id = sovd_arena_strdup(call->arena, sim_bulk_item_id(item));
                const char *why = kept_by(call, item);
                next = item->next;
                if (!id)
                        return sovd_error_origin(-ENOMEM);
                if (!why) {
                        ids[n++] = id;
                        sim_bulk_remove(state, item);
                        continue;
                }
                errors[n_failures] = (struct sovd_generic_error){
                        .error_code = sovd_error_info(SOVD_E_CONFLICT)->error_code, .message = why
                };
                failures[n_failures] = (struct sovd_bulk_failure){ .id = id, .error = &errors[n_failures] };
                n_failures++;
        }
        ret->deleted_ids = (struct sovd_strings){ .items = ids, .n = n };
        ret->errors = (struct sovd_list){ .items = failures, .n = n_failures };
        return 0;
}

int sim_bulk_delete_all(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                        struct sovd_bulk_deleted *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_BULK_DATA);
        if (r)
                return r;
        struct bulk_state *state = sim_bulk_find(call, &c, category);
        r = state ? check_writable(call, state) : SOVD_E_NOT_FOUND;
        if (!r)
                r = delete_all(call, state, ret);
        sim_leave(&c);
        return r;
}
