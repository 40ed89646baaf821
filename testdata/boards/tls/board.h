#ifndef PICOCA_BOARDS_BOARD_H
#define PICOCA_BOARDS_BOARD_H

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/pk.h"
#include "mbedtls/ssl.h"
#include "mbedtls/x509_crt.h"
#include "wire.h"

/* How a firmware calls mbedTLS. */
struct style {
    const char *name;
    /* The length given for a file has the NUL after it counted: always, or only for PEM in a build that reads PEM. */
    int counts_nul;
    /* Each wrapped socket parses the files anew (CircuitPython), or a context parses them once (MicroPython). */
    int loads_per_connection;
    /* MicroPython tells of one fault for all keys, one for all certificates, and why a peer was refused, as ValueError; it
     * has ENOMEM where CircuitPython has a MemoryError. */
    int sums_up;
};

/* style_named returns NULL for an unknown name. */
const struct style *style_named(const char *name);

struct files {
    const char *cert, *key, *ca; /* NULL: not given */
};

/* All that mbedTLS keeps in the firmware's objects for one TLS socket. */
struct board {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
    mbedtls_ctr_drbg_context random;
    mbedtls_entropy_context entropy;
    const struct style *style;
    const char *stage;       /* the step that was done last, or failed */
    size_t heap_credentials; /* what the parsed CA, key and certificate hold */
};

/* The steps, in the firmware's own order. Each returns 0 or mbedTLS's error, and leaves its name in board->stage. */
int board_configure(struct board *board, int endpoint, const char *ca);
int board_load(struct board *board, const struct files *files);
int board_attach(struct board *board, const char *host, struct wire *wire);
int board_handshake(struct board *board);

void board_detach(struct board *board);
void board_free(struct board *board);

#endif
