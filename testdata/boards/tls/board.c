#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "mbedtls/version.h"

static const struct style styles[] = {
    {"circuitpython", 1, 1, 0},    /* shared-module/ssl/SSLSocket.c, 9.0 to 10.2 */
    {"micropython", 0, 0, 1},      /* extmod/modtls_mbedtls.c, from 1.24 on */
    {"micropython-1.23", 1, 0, 1}, /* the same before its asn1_get_data came */
};

const struct style *style_named(const char *name) {
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        if (!strcmp(styles[i].name, name)) {
            return &styles[i];
        }
    }
    return NULL;
}

/* A file's bytes with a NUL after them, as Python's bytes objects have. They are not counted as heap: the firmware frees
 * them, or the next collection does, before the handshake needs its peak. */
struct content {
    unsigned char *bytes;
    size_t size;
};

static struct content read_file(const char *name) {
    enum { MOST = 1 << 17 };
    struct content content = {.bytes = calloc(1, MOST + 1)};
    FILE *file = fopen(name, "rb");
    if (!file || !content.bytes) {
        perror(name);
        exit(3);
    }
    content.size = fread(content.bytes, 1, MOST, file);
    fclose(file);
    return content;
}

static size_t told_size(const struct board *board, struct content content) {
    if (board->style->counts_nul) {
        return content.size + 1;
    }
#if defined(MBEDTLS_PEM_PARSE_C)
    if (strstr((const char *)content.bytes, "-----BEGIN ")) {
        return content.size + 1;
    }
#endif
    return content.size;
}

static int parse_certificate(struct board *board, mbedtls_x509_crt *into, const char *name) {
    size_t before = heap.held;
    struct content content = read_file(name);
    int status = mbedtls_x509_crt_parse(into, content.bytes, told_size(board, content));
    free(content.bytes);
    board->heap_credentials += heap.held - before;
    return status;
}

static int parse_key(struct board *board, const char *name) {
    size_t before = heap.held;
    struct content content = read_file(name);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    int status = mbedtls_pk_parse_key(&board->key, content.bytes, told_size(board, content), NULL, 0,
                                      mbedtls_ctr_drbg_random, &board->random);
#else
    int status = mbedtls_pk_parse_key(&board->key, content.bytes, told_size(board, content), NULL, 0);
#endif
    free(content.bytes);
    board->heap_credentials += heap.held - before;
    return status;
}

static int seed(struct board *board) {
    board->stage = "seed";
    return mbedtls_ctr_drbg_seed(&board->random, mbedtls_entropy_func, &board->entropy, (const unsigned char *)"upy", 4);
}

int board_configure(struct board *board, int endpoint, const char *ca) {
    mbedtls_ssl_init(&board->ssl);
    mbedtls_ssl_config_init(&board->config);
    mbedtls_x509_crt_init(&board->ca);
    mbedtls_x509_crt_init(&board->cert);
    mbedtls_pk_init(&board->key);
    mbedtls_ctr_drbg_init(&board->random);
    mbedtls_entropy_init(&board->entropy);
    board->heap_credentials = 0;
    int status = seed(board);
    if (status) {
        return status;
    }
    board->stage = "configure";
    status = mbedtls_ssl_config_defaults(&board->config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (status) {
        return status;
    }
    mbedtls_ssl_conf_rng(&board->config, mbedtls_ctr_drbg_random, &board->random);
    mbedtls_ssl_conf_authmode(&board->config, ca ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (!ca) {
        return 0;
    }
    board->stage = "ca";
    status = parse_certificate(board, &board->ca, ca);
    mbedtls_ssl_conf_ca_chain(&board->config, &board->ca, NULL);
    return status;
}

int board_load(struct board *board, const struct files *files) {
    if (!files->cert) {
        return 0;
    }
    board->stage = "key";
    int status = parse_key(board, files->key);
    if (status) {
        return status;
    }
    board->stage = "certificate";
    status = parse_certificate(board, &board->cert, files->cert);
    if (status) {
        return status;
    }
    board->stage = "pair";
    return mbedtls_ssl_conf_own_cert(&board->config, &board->cert, &board->key);
}

int board_attach(struct board *board, const char *host, struct wire *wire) {
    board->stage = "setup";
    int status = mbedtls_ssl_setup(&board->ssl, &board->config);
    if (!status && host) {
        board->stage = "host";
        status = mbedtls_ssl_set_hostname(&board->ssl, host);
    }
    mbedtls_ssl_set_bio(&board->ssl, wire, wire_send, wire_receive, NULL);
    return status;
}

/* A function of its own by this name: valgrind counts instructions inside it only. */
__attribute__((noinline)) int board_handshake(struct board *board) {
    board->stage = "handshake";
    return mbedtls_ssl_handshake(&board->ssl);
}

void board_detach(struct board *board) {
    mbedtls_ssl_free(&board->ssl);
    mbedtls_ssl_init(&board->ssl);
}

void board_free(struct board *board) {
    mbedtls_pk_free(&board->key);
    mbedtls_x509_crt_free(&board->cert);
    mbedtls_x509_crt_free(&board->ca);
    mbedtls_ssl_free(&board->ssl);
    mbedtls_ssl_config_free(&board->config);
    mbedtls_ctr_drbg_free(&board->random);
    mbedtls_entropy_free(&board->entropy);
}
