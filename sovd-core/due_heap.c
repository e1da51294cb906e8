/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/due_heap.h"
#include "sovd-core/base/error.h"

static void set(struct sovd_due_heap *heap, size_t i, struct sovd_due *node) {
        heap->items[i] = node;
        node->place = i + 1;
}

static void rise(struct sovd_due_heap *heap, size_t i) {
        struct sovd_due *node = heap->items[i];

        while (i && heap->items[(i - 1) / 2]->when_usec > node->when_usec) {
                set(heap, i, heap->items[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
        set(heap, i, node);
}

static void sink(struct sovd_due_heap *heap, size_t i) {
        struct sovd_due *node = heap->items[i];

        for (size_t child; (child = 2 * i + 1) < heap->n; i = child) {
                if (child + 1 < heap->n && heap->items[child + 1]->when_usec < heap->items[child]->when_usec)
                        child++;
                if (heap->items[child]->when_usec >= node->when_usec)
                        break;
                set(heap, i, heap->items[child]);
        }
        set(heap, i, node);
}

static void settle(struct sovd_due_heap *heap, size_t i) {
        struct sovd_due *node = heap->items[i];

        rise(heap, i);
        sink(heap, node->place - 1);
}

static int grow(struct sovd_due_heap *heap) {
        size_t size = heap->size ? heap->size * 2 : 16;

        if (heap->n < heap->size)
                return 0;
        struct sovd_due **items = realloc(heap->items, size * sizeof(*items));
        if (!items)
                return sovd_error_origin(-ENOMEM);
        heap->items = items;
        heap->size = size;
        return 0;
}

int sovd_due_put(struct sovd_due_heap *heap, struct sovd_due *node, uint64_t when_usec) {
        if (!node->place) {
                int r = grow(heap);
                if (r)
                        return r;
                set(heap, heap->n++, node);
        }
        node->when_usec = when_usec;
        settle(heap, node->place - 1);
        return 0;
}

void sovd_due_remove(struct sovd_due_heap *heap, struct sovd_due *node) {
        size_t i = node->place - 1;

        if (!node->place)
                return;
        node->place = 0;
        if (i == --heap->n)
                return;
        set(heap, i, heap->items[heap->n]);
        settle(heap, i);
}

struct sovd_due *sovd_due_first(const struct sovd_due_heap *heap) {
        return heap->n ? heap->items[0] : NULL;
}

void sovd_due_done(struct sovd_due_heap *heap) {
        free(heap->items);
        *heap = (struct sovd_due_heap){ 0 };
}
