#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void must(int status, const char *what) {
    if (status < 0) {
        perror(what);
        exit(3);
    }
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int wire_listen(int *port) {
    struct sockaddr_in address = loopback(*port);
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    must(listener, "socket");
    must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "setsockopt");
    must(bind(listener, (struct sockaddr *)&address, size), "bind");
    must(listen(listener, 8), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    *port = ntohs(address.sin_port);
    return listener;
}

static void limit_waits(int socket, int seconds) {
    struct timeval wait = {.tv_sec = seconds};
    must(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), "setsockopt");
    must(setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait), "setsockopt");
}

/* set_up limits reads and writes, and sends what is written at once: mbedTLS writes a flight in pieces. */
static void set_up(int socket, int seconds) {
    int one = 1;
    must(setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "setsockopt");
    limit_waits(socket, seconds);
}

void wire_accept(struct wire *wire, int listener, int seconds) {
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    if (poll(&ready, 1, seconds * 1000) == 0) {
        fprintf(stderr, "accept: nobody came in %d s\n", seconds);
        exit(3);
    }
    *wire = (struct wire){.socket = accept(listener, NULL, NULL)};
    must(wire->socket, "accept");
    set_up(wire->socket, seconds);
}

void wire_connect(struct wire *wire, int port, int seconds) {
    struct sockaddr_in address = loopback(port);
    *wire = (struct wire){.socket = socket(AF_INET, SOCK_STREAM, 0)};
    must(wire->socket, "socket");
    set_up(wire->socket, seconds);
    must(connect(wire->socket, (struct sockaddr *)&address, sizeof address), "connect");
}

void wire_finish(struct wire *wire) {
    unsigned char rest[512];
    shutdown(wire->socket, SHUT_WR);
    limit_waits(wire->socket, 1);
    for (int i = 0; i < 64 && recv(wire->socket, rest, sizeof rest, 0) > 0; i++) {
    }
    close(wire->socket);
}

int wire_send(void *context, const unsigned char *data, size_t size) {
    struct wire *wire = context;
    ssize_t sent = send(wire->socket, data, size, MSG_NOSIGNAL);
    if (sent < 0) {
        return -errno;
    }
    size_t room = sizeof wire->log - wire->logged;
    size_t keep = (size_t)sent < room ? (size_t)sent : room;
    memcpy(wire->log + wire->logged, data, keep);
    wire->logged += keep;
    wire->sent += sent;
    return (int)sent;
}

int wire_receive(void *context, unsigned char *data, size_t size) {
    struct wire *wire = context;
    ssize_t got = recv(wire->socket, data, size, 0);
    if (got < 0) {
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    }
    wire->received += got;
    return (int)got;
}

/* RFC 8446 section 4.2.7 and RFC 8422 section 5.1.1. */
static const char *curve_name(int id) {
    static const struct {
        int id;
        const char *name;
    } curves[] = {{22, "secp256k1"}, {23, "P-256"}, {24, "P-384"}, {25, "P-521"}, {29, "X25519"}};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (curves[i].id == id) {
            return curves[i].name;
        }
    }
    return "other";
}

/* handshake_bytes joins the contents of the plain handshake records at the start of the log: a message may be spread over
 * several records, a record may hold several messages (RFC 5246 section 6.2.1). */
static size_t handshake_bytes(const struct wire *wire, unsigned char *out) {
    enum { HEADER = 5, HANDSHAKE = 22 };
    const unsigned char *at = wire->log, *end = wire->log + wire->logged;
    size_t joined = 0;
    while (end - at >= HEADER && at[0] == HANDSHAKE) {
        size_t size = at[3] << 8 | at[4];
        if ((size_t)(end - at - HEADER) < size) {
            break;
        }
        memcpy(out + joined, at + HEADER, size);
        joined += size;
        at += HEADER + size;
    }
    return joined;
}

struct flight wire_flight(const struct wire *wire) {
    enum { HEADER = 4, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12, NAMED_CURVE = 3 };
    static unsigned char messages[sizeof wire->log];
    struct flight flight = {.curve = ""};
    size_t end = handshake_bytes(wire, messages);
    for (size_t at = 0; at + HEADER <= end;) {
        const unsigned char *message = messages + at;
        size_t size = HEADER + (message[1] << 16 | message[2] << 8 | message[3]);
        if (message[0] == CERTIFICATE) {
            flight.certificate_message_bytes = size;
        }
        if (message[0] == SERVER_KEY_EXCHANGE && at + HEADER + 3 <= end && message[HEADER] == NAMED_CURVE) {
            flight.curve = curve_name(message[HEADER + 1] << 8 | message[HEADER + 2]);
        }
        at += size;
    }
    return flight;
}
