/* Counts memory as the firmware's allocator does; README.md tells the rule. */
#include "heap.h"

#include <stdint.h>
#include <stdlib.h>

struct heap heap;

/* m_tracked_calloc in py/malloc.c puts two pointers before each block, and the collector (py/gc.c) hands out blocks of
 * four machine words: on a 32-bit board 8 and 16 bytes. */
enum { TRACKING = 8, BLOCK = 16 };

static size_t on_board(size_t size) {
    return (size + TRACKING + BLOCK - 1) / BLOCK * BLOCK;
}

/* What stands before a block here, to know its size when it is freed; padded so that the block stays aligned. */
union record {
    size_t size;
    char aligned[16];
};

void heap_mark(void) {
    heap.peak = heap.held;
}

void *m_tracked_calloc(size_t count, size_t size) {
    if (size && count > SIZE_MAX / 2 / size) {
        return NULL;
    }
    size_t want = count * size;
    if (heap.limit && heap.held + on_board(want) > heap.limit) {
        heap.refused++;
        return NULL;
    }
    union record *record = calloc(1, sizeof *record + want);
    if (!record) {
        return NULL;
    }
    record->size = want;
    heap.held += on_board(want);
    heap.allocations++;
    if (heap.peak < heap.held) {
        heap.peak = heap.held;
    }
    if (heap.largest < want) {
        heap.largest = want;
    }
    return record + 1;
}

void m_tracked_free(void *block) {
    if (!block) {
        return;
    }
    union record *record = (union record *)block - 1;
    heap.held -= on_board(record->size);
    free(record);
}
