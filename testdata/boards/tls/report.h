#ifndef PICOCA_BOARDS_REPORT_H
#define PICOCA_BOARDS_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "board.h"

/* Where something ended, and how. */
struct outcome {
    const struct style *style; /* by which the firmware tells of it */
    const char *stage;
    int error;             /* mbedTLS's: negative; 0: none */
    uint32_t verify_flags; /* why the peer's certificate was refused */
};

/* One connection's figures; README.md explains each. */
struct connection {
    struct outcome outcome;
    size_t heap_ready, heap_peak, heap_held, heap_closed;
    size_t certificate_message_bytes, bytes_sent, bytes_received;
    const char *protocol, *cipher_suite, *curve;
    int answered;
    double cpu_ms;
};

struct report {
    const char *command, *style;
    struct outcome outcome; /* of what came before the first connection */
    size_t heap_credentials, heap_listener;
    struct connection *connections;
    int count;
};

/* report_print writes the report as one line of JSON. It returns 1 when all went well, else 0. */
int report_print(const struct report *report);

#endif
