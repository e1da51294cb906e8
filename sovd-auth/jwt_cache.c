/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt_cache.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>

#define GROUP         8
#define KEEP_MAX_USEC (60 * SOVD_USEC_PER_SEC)

struct entry {
        unsigned char digest[SOVD_TOKEN_DIGEST_SIZE];
        uint64_t until_usec;       /* monotonic */
        uint64_t used;             /* the higher, the later */
        struct sovd_claims claims; /* its strings are in the block */
        char *block;               /* NULL: the place is free */
        size_t block_size;
};

struct sovd_jwt_cache {
        pthread_mutex_t mutex; /* leaf; all below */
        struct entry *entries;
        size_t n_groups; /* 0: it keeps none */
        uint64_t generation, clock;
        uint64_t hits, misses, evictions;
        size_t n;
};

/* --- what an entry holds, in one block ------------------------------------------------------------------- */

/* Measures with at == NULL, else copies to *at and goes on. */
static size_t put_text(const char **text, char **at) {
        size_t n = *text ? strlen(*text) + 1 : 0;

        if (n && *at) {
                memcpy(*at, *text, n);
                *text = *at;
                *at += n;
        }
        return n;
}

/* Pointers come first, so that they are aligned. */
static size_t put_list(struct sovd_strings *list, char **at) {
        size_t n = list->n * sizeof(*list->items);

        if (*at) {
                if (n)
                        memcpy(*at, list->items, n);
                list->items = (const char **)(void *)*at;
                *at += n;
        }
        return n;
}

static size_t put_words(struct sovd_strings *list, char **at) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                const char *word = list->items[i];
                n += put_text(*at ? &list->items[i] : &word, at);
        }
        return n;
}

static size_t put_claims(struct sovd_claims *claims, char *block) {
        struct sovd_principal *p = &claims->principal;
        size_t n = put_list(&p->roles, &block) + put_list(&p->scopes, &block);

        n += put_words(&p->roles, &block) + put_words(&p->scopes, &block);
        return n + put_text(&p->id, &block) + put_text(&p->tenant, &block) + put_text(&p->token_id, &block) +
               put_text(&claims->confirmation, &block);
}

/* --- places ---------------------------------------------------------------------------------------------- */

static struct entry *group_of(struct sovd_jwt_cache *c, const unsigned char *digest) {
        uint64_t h;

        memcpy(&h, digest, sizeof(h));
        return &c->entries[h % c->n_groups * GROUP];
}

static void drop(struct sovd_jwt_cache *c, struct entry *e) {
        if (!e->block)
                return;
        free(e->block);
        *e = (struct entry){ 0 };
        c->n--;
}

/* Keys changed: nothing that the old ones proved counts any longer. A late request with old keys finds and leaves nothing. */
static bool is_current(struct sovd_jwt_cache *c, uint64_t generation) {
        if (generation > c->generation) {
                for (size_t i = 0; i < c->n_groups * GROUP; i++)
                        drop(c, &c->entries[i]);
                c->generation = generation;
        }
        return generation == c->generation && c->n_groups;
}

static struct entry *find(struct sovd_jwt_cache *c, const unsigned char *digest) {
        struct entry *group = group_of(c, digest);

        for (size_t i = 0; i < GROUP; i++)
                if (group[i].block && CRYPTO_memcmp(group[i].digest, digest, SOVD_TOKEN_DIGEST_SIZE) == 0)
                        return &group[i];
        return NULL;
}

/* The clock of the world can jump, and the other one does not know the token's end: both must say that it is good. */
static bool is_over(const struct entry *e) {
        return sovd_now_usec() >= e->until_usec || sovd_realtime_usec() >= e->claims.principal.expires_usec;
}

static struct entry *make_room(struct sovd_jwt_cache *c, const unsigned char *digest) {
        struct entry *group = group_of(c, digest), *oldest = group;

        for (size_t i = 0; i < GROUP; i++) {
                if (group[i].block && is_over(&group[i]))
                        drop(c, &group[i]);
                if (!group[i].block)
                        return &group[i];
                if (group[i].used < oldest->used)
                        oldest = &group[i];
        }
        drop(c, oldest);
        c->evictions++;
        return oldest;
}

/* --- calls ----------------------------------------------------------------------------------------------- */

int sovd_jwt_cache_new(struct sovd_jwt_cache **ret, size_t max) {
        struct sovd_jwt_cache *c = calloc(1, sizeof(*c));
        if (!c)
                return sovd_error_origin(-ENOMEM);

        c->n_groups = (max + GROUP - 1) / GROUP;
        c->entries = calloc(c->n_groups * GROUP + 1, sizeof(*c->entries));
        if (!c->entries) {
                free(c);
                return sovd_error_origin(-ENOMEM);
        }
        (void)pthread_mutex_init(&c->mutex, NULL);
        *ret = c;
        return 0;
}

struct sovd_jwt_cache *sovd_jwt_cache_free(struct sovd_jwt_cache *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_groups * GROUP; i++)
                free(c->entries[i].block);
        free(c->entries);
        (void)pthread_mutex_destroy(&c->mutex);
        free(c);
        return NULL;
}

static bool copy_out(const struct entry *e, struct sovd_claims *ret, struct sovd_arena *arena) {
        struct sovd_claims copy = e->claims;
        char *block = sovd_arena_alloc(arena, e->block_size);

        if (!block)
                return false;
        (void)put_claims(&copy, block);
        *ret = copy;
        return true;
}

bool sovd_jwt_cache_get(struct sovd_jwt_cache *c, const unsigned char digest[static SOVD_TOKEN_DIGEST_SIZE],
                        uint64_t generation, struct sovd_claims *ret, struct sovd_arena *arena, int *ret_r) {
        bool found = false;

        *ret_r = 0;
        (void)pthread_mutex_lock(&c->mutex);
        struct entry *e = is_current(c, generation) ? find(c, digest) : NULL;
        if (e && is_over(e))
                drop(c, e), e = NULL;
        if (e) {
                e->used = ++c->clock;
                found = copy_out(e, ret, arena);
                *ret_r = found ? 0 : -ENOMEM;
        }
        c->hits += e ? 1 : 0;
        c->misses += e ? 0 : 1;
        (void)pthread_mutex_unlock(&c->mutex);
        return found;
}

void sovd_jwt_cache_put(struct sovd_jwt_cache *c, const unsigned char digest[static SOVD_TOKEN_DIGEST_SIZE],
                        uint64_t generation, const struct sovd_claims *claims) {
        struct entry fresh = { .claims = *claims };

        fresh.block_size = put_claims(&fresh.claims, NULL);
        fresh.block = malloc(fresh.block_size);
        if (!fresh.block)
                return;
        (void)put_claims(&fresh.claims, fresh.block);
        memcpy(fresh.digest, digest, sizeof(fresh.digest));
        fresh.until_usec = sovd_now_usec() + KEEP_MAX_USEC;

        (void)pthread_mutex_lock(&c->mutex);
        if (is_current(c, generation) && !find(c, digest)) {
                struct entry *place = make_room(c, digest);
                fresh.used = ++c->clock;
                *place = fresh;
                c->n++;
                fresh.block = NULL;
        }
        (void)pthread_mutex_unlock(&c->mutex);
        free(fresh.block);
}

void sovd_jwt_cache_count(struct sovd_jwt_cache *c, struct sovd_jwt_cache_counters *ret) {
        (void)pthread_mutex_lock(&c->mutex);
        *ret = (struct sovd_jwt_cache_counters){ c->hits, c->misses, c->evictions, c->n,
                                                 c->n_groups * GROUP };
        (void)pthread_mutex_unlock(&c->mutex);
}
