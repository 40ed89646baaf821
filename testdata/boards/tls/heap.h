#ifndef PICOCA_BOARDS_HEAP_H
#define PICOCA_BOARDS_HEAP_H

#include <stddef.h>

/* What mbedTLS takes from the board's heap. Sizes are in bytes of whole garbage-collector blocks, except largest. */
struct heap {
    size_t held;    /* now */
    size_t peak;    /* the most that was held since heap_mark */
    size_t limit;   /* an allocation that would hold more is refused; 0: none is */
    size_t largest; /* the largest single request, as asked for: the board must have it in one piece */
    unsigned allocations;
    unsigned refused;
};

extern struct heap heap;

/* heap_mark starts the search for a peak anew. */
void heap_mark(void);

/* The names under which the firmware's mbedTLS takes memory. */
void *m_tracked_calloc(size_t count, size_t size);
void m_tracked_free(void *block);

#endif
