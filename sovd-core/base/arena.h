#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arena - memory with the life of one request
 *
 * Everything that a request needs is taken from its arena and given back in one call. The first block is kept
 * between requests, so a keep-alive connection allocates nothing in the steady state. Not thread-safe: one
 * arena belongs to one thread at a time.
 */
#include "sovd-core/base/util.h"
#include <stdarg.h>

struct sovd_arena;

/* Makes an arena whose first block has block_size bytes; when it is full, blocks of as many follow, of 1 KiB at least. -ENOMEM. */
int sovd_arena_new(struct sovd_arena **ret, size_t block_size);

/* n bytes, zeroed and aligned for any type; NULL when memory is out. Owned by the arena. */
void *sovd_arena_alloc(struct sovd_arena *arena, size_t n);
#define sovd_arena_new0(arena, type)       ((type *)sovd_arena_alloc((arena), sizeof(type)))
#define sovd_arena_array(arena, type, n)   ((type *)sovd_arena_calloc((arena), (n), sizeof(type)))

/* n * size zeroed bytes; NULL when memory is out or the product overflows. */
void *sovd_arena_calloc(struct sovd_arena *arena, size_t n, size_t size);

/* Copies; NULL when memory is out (or s is NULL). */
char *sovd_arena_strdup(struct sovd_arena *arena, const char *s);
char *sovd_arena_strndup(struct sovd_arena *arena, const char *s, size_t n);
char *sovd_arena_printf(struct sovd_arena *arena, const char *format, ...) _printf_(2, 3);
char *sovd_arena_vprintf(struct sovd_arena *arena, const char *format, va_list args) _printf_(2, 0);

/* Calls f(p) at the next reset, in reverse order of registration. -ENOMEM: then f(p) was called at once. */
int sovd_arena_defer(struct sovd_arena *arena, void (*f)(void *p), void *p);

/* Ends the life of all that was taken; keeps the first block. */
void sovd_arena_reset(struct sovd_arena *arena);

struct sovd_arena *sovd_arena_free(struct sovd_arena *arena);
SOVD_DEFINE_CLEANUP(struct sovd_arena *, sovd_arena_free)
