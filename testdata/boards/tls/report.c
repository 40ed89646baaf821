#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "heap.h"
#include "mbedtls/error.h"
#include "mbedtls/version.h"

static void print_text(const char *name, const char *text) {
    printf("\"%s\":\"", name);
    for (const char *c = text ? text : ""; *c; c++) {
        if (*c == '\n') {
            fputs("; ", stdout);
        } else if (*c != '"' && *c != '\\') {
            putchar(*c);
        }
    }
    fputs("\",", stdout);
}

/* python_error writes what a program in Python sees. Two codes become a ValueError, and want of memory, where it is TLS that
 * finds it, an error of its own: common_hal_ssl_sslcontext_wrap_socket and do_handshake in CircuitPython's
 * shared-module/ssl/SSLSocket.c, mbedtls_raise_error in MicroPython's extmod/modtls_mbedtls.c. */
static void python_error(char *text, size_t size, const struct outcome *outcome, const char *verify) {
    int sums_up = outcome->style && outcome->style->sums_up, error = outcome->error;
    if (sums_up && !strcmp(outcome->stage, "key")) {
        error = MBEDTLS_ERR_PK_BAD_INPUT_DATA;
    } else if (sums_up && (!strcmp(outcome->stage, "certificate") || !strcmp(outcome->stage, "ca"))) {
        error = MBEDTLS_ERR_X509_BAD_INPUT_DATA;
    }
    if (sums_up && error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && *verify) {
        snprintf(text, size, "ValueError: %.*s", (int)strcspn(verify, "\n"), verify);
    } else if (error == MBEDTLS_ERR_SSL_ALLOC_FAILED) {
        snprintf(text, size, sums_up ? "OSError: %d" : "MemoryError", ENOMEM);
    } else if (error == MBEDTLS_ERR_PK_BAD_INPUT_DATA) {
        snprintf(text, size, "ValueError: invalid key");
    } else if (error == MBEDTLS_ERR_X509_BAD_INPUT_DATA) {
        snprintf(text, size, "ValueError: invalid cert");
    } else {
        snprintf(text, size, "OSError: %d", error > -256 ? -error : error);
    }
}

static void print_outcome(const struct outcome *outcome) {
    char message[256] = "", verify[512] = "", python[600] = "";
    if (outcome->error <= -256) {
        mbedtls_strerror(outcome->error, message, sizeof message);
    } else if (outcome->error) { /* the socket's: the firmware, too, raises these as errno */
        snprintf(message, sizeof message, "%s", strerror(-outcome->error));
    }
    /* All ones: no certificate was looked at. Skipped: none was asked for. */
    if (outcome->verify_flags != UINT32_MAX && outcome->verify_flags != MBEDTLS_X509_BADCERT_SKIP_VERIFY) {
        mbedtls_x509_crt_verify_info(verify, sizeof verify, "", outcome->verify_flags);
    }
    if (outcome->error) {
        python_error(python, sizeof python, outcome, verify);
    }
    printf("\"ok\":%s,", outcome->error ? "false" : "true");
    print_text("stage", outcome->stage);
    printf("\"error\":%d,", outcome->error);
    print_text("message", message);
    print_text("python", python);
    print_text("verify", verify);
}

static void print_connection(const struct connection *connection) {
    putchar('{');
    print_outcome(&connection->outcome);
    printf("\"heap_ready\":%zu,\"heap_peak\":%zu,\"heap_held\":%zu,\"heap_closed\":%zu,", connection->heap_ready,
           connection->heap_peak, connection->heap_held, connection->heap_closed);
    printf("\"certificate_message_bytes\":%zu,\"bytes_sent\":%zu,\"bytes_received\":%zu,",
           connection->certificate_message_bytes, connection->bytes_sent, connection->bytes_received);
    print_text("protocol", connection->protocol);
    print_text("cipher_suite", connection->cipher_suite);
    print_text("curve", connection->curve);
    printf("\"answered\":%s,\"cpu_ms\":%.2f}", connection->answered ? "true" : "false", connection->cpu_ms);
}

int report_print(const struct report *report) {
    struct outcome whole = report->outcome;
    for (int i = 0; i < report->count && !whole.error; i++) {
        whole = report->connections[i].outcome;
    }
    putchar('{');
    print_text("command", report->command);
    print_text("style", report->style);
    print_text("library", "mbedTLS " MBEDTLS_VERSION_STRING);
    print_outcome(&whole);
    printf("\"heap_credentials\":%zu,\"heap_listener\":%zu,\"heap_end\":%zu,", report->heap_credentials,
           report->heap_listener, heap.held);
    printf("\"largest_block\":%zu,\"allocations\":%u,\"refused_allocations\":%u,", heap.largest, heap.allocations,
           heap.refused);
    printf("\"object_bytes\":%zu,\"connections\":[", offsetof(struct board, style));
    for (int i = 0; i < report->count; i++) {
        if (i) {
            putchar(',');
        }
        print_connection(&report->connections[i]);
    }
    puts("]}");
    fflush(stdout);
    return !whole.error;
}
