/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>

#define NEXT_MIN ((size_t)1024)

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define poison(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define poison(p, n)   ((void)(p))
#define unpoison(p, n) ((void)(p))
#endif

struct block {
        struct block *next; /* older block */
        size_t size;        /* bytes in data */
        size_t used;
        alignas(max_align_t) char data[];
};

struct deferred {
        struct deferred *next;
        void (*f)(void *p);
        void *p;
};

struct sovd_arena {
        struct block *last;  /* the block that is filled; the first block is the end of the list */
        struct deferred *deferred;
};

static struct block *block_new(size_t size, struct block *next) {
        struct block *b = malloc(sizeof(*b) + size);
        if (!b)
                return NULL;

        b->next = next;
        b->size = size;
        b->used = 0;
        poison(b->data, size);
        return b;
}

int sovd_arena_new(struct sovd_arena **ret, size_t block_size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = calloc(1, sizeof(*arena));
        if (!arena)
                return sovd_error_origin(-ENOMEM);

        arena->last = block_new(block_size, NULL);
        if (!arena->last)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(arena);
        return 0;
}

void *sovd_arena_alloc(struct sovd_arena *arena, size_t n) {
        size_t rounded = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (rounded < n)
                return NULL;

        if (arena->last->size - arena->last->used < rounded) {
                struct block *b = block_new(SOVD_MAX(rounded, SOVD_MAX(arena->last->size, NEXT_MIN)), arena->last);
                if (!b)
                        return NULL;
                arena->last = b;
        }

        char *p = arena->last->data + arena->last->used;
        arena->last->used += rounded;
        unpoison(p, n);
        memset(p, 0, n);
        return p;
}

void *sovd_arena_calloc(struct sovd_arena *arena, size_t n, size_t size) {
        size_t bytes;

        if (__builtin_mul_overflow(n, size, &bytes))
                return NULL;
        return sovd_arena_alloc(arena, bytes);
}

char *sovd_arena_strndup(struct sovd_arena *arena, const char *s, size_t n) {
        char *copy = sovd_arena_alloc(arena, n + 1);
        if (copy)
                memcpy(copy, s, n);
        return copy;
}

char *sovd_arena_strdup(struct sovd_arena *arena, const char *s) {
        return s ? sovd_arena_strndup(arena, s, strlen(s)) : NULL;
}

char *sovd_arena_vprintf(struct sovd_arena *arena, const char *format, va_list args) {
        va_list copy;

        va_copy(copy, args);
        int n = vsnprintf(NULL, 0, format, copy);
        va_end(copy);
        if (n < 0)
                return NULL;

        char *s = sovd_arena_alloc(arena, (size_t)n + 1);
        if (s)
                (void)vsnprintf(s, (size_t)n + 1, format, args);
        return s;
}

char *sovd_arena_printf(struct sovd_arena *arena, const char *format, ...) {
        va_list args;

        va_start(args, format);
        char *s = sovd_arena_vprintf(arena, format, args);
        va_end(args);
        return s;
}

int sovd_arena_defer(struct sovd_arena *arena, void (*f)(void *p), void *p) {
        struct deferred *d = sovd_arena_new0(arena, struct deferred);
        if (!d) {
                f(p);
                return sovd_error_origin(-ENOMEM);
        }

        *d = (struct deferred){ .next = arena->deferred, .f = f, .p = p };
        arena->deferred = d;
        return 0;
}

void sovd_arena_reset(struct sovd_arena *arena) {
        for (struct deferred *d = arena->deferred; d; d = d->next)
                d->f(d->p);
        arena->deferred = NULL;

        while (arena->last->next) {
                struct block *b = arena->last;
                arena->last = b->next;
                free(b);
        }
        arena->last->used = 0;
        poison(arena->last->data, arena->last->size);
}

struct sovd_arena *sovd_arena_free(struct sovd_arena *arena) {
        if (!arena)
                return NULL;

        if (arena->last)
                sovd_arena_reset(arena);
        free(arena->last);
        free(arena);
        return NULL;
}
