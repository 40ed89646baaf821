/* A board's TLS on this computer: loads files, serves and connects as the firmware does, and counts what that takes.
 * README.md, one folder up, has the options and the fields of the result. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "front.h"
#include "heap.h"
#include "report.h"
#include "wire.h"

static const char usage[] =
    "usage: parse|serve|connect|front --style circuitpython|micropython|micropython-1.23\n"
    "  [--cert FILE --key FILE] [--ca FILE] [--limit BYTES] [--timeout SECONDS] [--connections N]\n"
    "  serve: [--port N] [--listener]   connect: --port N [--host NAME] [--mqtt]   front: [--port N] --to N\n";

struct options {
    const char *command, *host;
    const struct style *style;
    struct files files;
    int port, to, connections, timeout, listener, mqtt;
};

static void fail_usage(const char *what, const char *value) {
    fprintf(stderr, "%s \"%s\"\n%s", what, value, usage);
    exit(2);
}

static int number(const char *name, const char *value, int least, int most) {
    char *end;
    long parsed = strtol(value, &end, 10);
    if (!*value || *end || parsed < least || parsed > most) {
        fail_usage(name, value);
    }
    return (int)parsed;
}

/* set_option stores one option that has a value; it returns 0 for an unknown one. */
static int set_option(struct options *options, const char *name, const char *value) {
    if (!strcmp(name, "--cert")) {
        options->files.cert = value;
    } else if (!strcmp(name, "--key")) {
        options->files.key = value;
    } else if (!strcmp(name, "--ca")) {
        options->files.ca = value;
    } else if (!strcmp(name, "--host")) {
        options->host = value;
    } else if (!strcmp(name, "--style")) {
        options->style = style_named(value);
    } else if (!strcmp(name, "--port")) {
        options->port = number(name, value, 0, 65535);
    } else if (!strcmp(name, "--to")) {
        options->to = number(name, value, 1, 65535);
    } else if (!strcmp(name, "--connections")) {
        options->connections = number(name, value, 1, 1000);
    } else if (!strcmp(name, "--timeout")) {
        options->timeout = number(name, value, 1, 600);
    } else if (!strcmp(name, "--limit")) {
        heap.limit = number(name, value, 1, 1 << 30);
    } else {
        return 0;
    }
    return 1;
}

static struct options parse_options(int count, char **words) {
    struct options options = {.command = count > 1 ? words[1] : "", .connections = 1, .timeout = 20};
    for (int i = 2; i < count; i++) {
        if (!strcmp(words[i], "--listener")) {
            options.listener = 1;
        } else if (!strcmp(words[i], "--mqtt")) {
            options.mqtt = 1;
        } else if (i + 1 < count && set_option(&options, words[i], words[i + 1])) {
            i++;
        } else {
            fail_usage("unknown option, or one without its value:", words[i]);
        }
    }
    if (!options.style) {
        fail_usage("missing or unknown", "--style");
    }
    if (!options.files.cert != !options.files.key) {
        fail_usage("want both or none of", "--cert --key");
    }
    /* MicroPython's wrapped sockets have no accept method: there is no listening TLS socket to measure. */
    if (options.listener && !options.style->loads_per_connection) {
        fail_usage("only circuitpython has", "--listener");
    }
    return options;
}

/* open_socket takes one socket to the point where the handshake can begin, in the firmware's order: CircuitPython sets the
 * connection up before it parses key and certificate. */
static int open_socket(struct board *board, const struct options *options, int endpoint, struct wire *wire) {
    int status = board_configure(board, endpoint, options->files.ca);
    if (!status && board->style->loads_per_connection) {
        status = board_attach(board, options->host, wire);
        return status ? status : board_load(board, &options->files);
    }
    return status ? status : board_load(board, &options->files);
}

static double cpu_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* shake does the handshake and notes its figures. */
static void shake(struct board *board, struct wire *wire, struct connection *figures) {
    figures->heap_ready = heap.held;
    double start = cpu_ms();
    int error = board_handshake(board);
    figures->cpu_ms = cpu_ms() - start;
    figures->heap_held = heap.held;
    figures->heap_peak = heap.peak;
    figures->outcome = (struct outcome){board->style, board->stage, error, mbedtls_ssl_get_verify_result(&board->ssl)};
    figures->bytes_sent = wire->sent;
    figures->bytes_received = wire->received;
    struct flight flight = wire_flight(wire);
    figures->certificate_message_bytes = flight.certificate_message_bytes;
    figures->curve = flight.curve;
    if (!error) {
        figures->protocol = mbedtls_ssl_get_version(&board->ssl);
        figures->cipher_suite = mbedtls_ssl_get_ciphersuite(&board->ssl);
    }
}

/* read_until reads until so many bytes have come, the buffer is full, or the other side has ended. */
static int read_until(struct board *board, const char *bytes, size_t size) {
    char buffer[2048];
    size_t filled = 0;
    while (filled < sizeof buffer && !memmem(buffer, filled, bytes, size)) {
        int got = mbedtls_ssl_read(&board->ssl, (unsigned char *)buffer + filled, sizeof buffer - filled);
        if (got <= 0) {
            break;
        }
        filled += got;
    }
    return memmem(buffer, filled, bytes, size) != NULL;
}

static int write_all(struct board *board, const char *bytes, size_t size) {
    return mbedtls_ssl_write(&board->ssl, (const unsigned char *)bytes, size) == (int)size;
}

/* MQTT 3.1.1, sections 3.1 and 3.2: CONNECT of the client "board" with a clean session, and the broker's consent. */
static const char mqtt_connect[] = "\x10\x11\0\4MQTT\4\2\0\x3c\0\5board", mqtt_accepted[] = "\x20\2\0\0";

/* exchange sends or answers one HTTP request, or asks a broker to let the board in. */
static int exchange(struct board *board, int endpoint, int mqtt) {
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello from the board\n";
    if (mqtt) {
        return write_all(board, mqtt_connect, sizeof mqtt_connect - 1) &&
               read_until(board, mqtt_accepted, sizeof mqtt_accepted - 1);
    }
    if (endpoint == MBEDTLS_SSL_IS_CLIENT) {
        return write_all(board, request, sizeof request - 1) && read_until(board, "HTTP/1.", 7);
    }
    return read_until(board, "\r\n\r\n", 4) && write_all(board, answer, sizeof answer - 1);
}

/* talk does all of one connection whose context is ready, or is made here when the firmware makes one for each. */
static void talk(struct board *board, const struct options *options, int endpoint, struct wire *wire,
                 struct connection *figures) {
    heap_mark();
    int error = board->style->loads_per_connection ? open_socket(board, options, endpoint, wire)
                                                   : board_attach(board, options->host, wire);
    if (error) {
        figures->outcome = (struct outcome){board->style, board->stage, error, 0};
        figures->heap_peak = heap.peak;
    } else {
        shake(board, wire, figures);
        if (!figures->outcome.error) {
            figures->answered = exchange(board, endpoint, options->mqtt);
            mbedtls_ssl_close_notify(&board->ssl);
        }
    }
    wire_finish(wire);
    board_detach(board);
}

/* run does the connections, then frees everything, so that the report's last word is what leaked. */
static void run(const struct options *options, int endpoint, int listener, struct report *report) {
    static struct board board;
    static struct wire wire;
    int per_connection = options->style->loads_per_connection, error = 0;
    board.style = options->style;
    if (!per_connection) {
        error = open_socket(&board, options, endpoint, NULL);
        report->outcome = (struct outcome){board.style, board.stage, error, 0};
    }
    for (int i = 0; i < options->connections && !error; i++) {
        if (endpoint == MBEDTLS_SSL_IS_SERVER) {
            wire_accept(&wire, listener, options->timeout);
        } else {
            wire_connect(&wire, options->port, options->timeout);
        }
        report->count = i + 1;
        talk(&board, options, endpoint, &wire, &report->connections[i]);
        report->heap_credentials = board.heap_credentials;
        if (per_connection) {
            board_free(&board);
        }
        report->connections[i].heap_closed = heap.held;
    }
    if (!per_connection) {
        board_free(&board);
    }
}

/* listen_on prints the port before the first connection. */
static int listen_on(struct options *options) {
    int listener = wire_listen(&options->port);
    printf("{\"port\":%d}\n", options->port);
    fflush(stdout);
    return listener;
}

/* A listening TLS socket of CircuitPython is a second, complete one. */
static void serve(struct options *options, struct report *report) {
    static struct board listening;
    static struct wire unused;
    listening.style = options->style;
    if (options->listener) {
        int error = open_socket(&listening, options, MBEDTLS_SSL_IS_SERVER, &unused);
        report->outcome = (struct outcome){listening.style, listening.stage, error, 0};
        report->heap_listener = heap.held;
    }
    if (!report->outcome.error) {
        int listener = listen_on(options);
        run(options, MBEDTLS_SSL_IS_SERVER, listener, report);
        close(listener);
    }
    if (options->listener) {
        board_free(&listening);
    }
}

static void parse(const struct options *options, struct report *report) {
    static struct board board;
    static struct wire unused;
    board.style = options->style;
    int error = open_socket(&board, options, MBEDTLS_SSL_IS_SERVER, &unused);
    report->outcome = (struct outcome){board.style, board.stage, error, 0};
    report->heap_credentials = board.heap_credentials;
    board_free(&board);
}

int main(int count, char **words) {
    struct options options = parse_options(count, words);
    struct report report = {.command = options.command, .style = options.style->name};
    report.connections = calloc(options.connections, sizeof *report.connections);
    alarm(options.timeout * (options.connections + 1)); /* the last guard: waits have limits of their own */
    if (!strcmp(options.command, "parse")) {
        parse(&options, &report);
    } else if (!strcmp(options.command, "serve")) {
        serve(&options, &report);
    } else if (!strcmp(options.command, "connect")) {
        run(&options, MBEDTLS_SSL_IS_CLIENT, -1, &report);
    } else if (!strcmp(options.command, "front")) {
        front_run(options.style, listen_on(&options), options.to, options.connections, options.timeout);
        return 0;
    } else {
        fail_usage("unknown command", options.command);
    }
    return !report_print(&report);
}
