#ifndef PICOCA_BOARDS_WIRE_H
#define PICOCA_BOARDS_WIRE_H

#include <stddef.h>

/* One TCP connection on loopback, with the first bytes that went out kept for a look at the handshake. */
struct wire {
    int socket;
    size_t sent, received;
    size_t logged;
    unsigned char log[1 << 14];
};

/* What this side's handshake messages tell. */
struct flight {
    size_t certificate_message_bytes; /* with its 4 bytes of header; 0: no such message */
    const char *curve;                /* of the ECDHE exchange, as server; "" without one */
};

/* wire_listen opens a socket on 127.0.0.1; port 0 takes a free one, and *port says which. It ends the program on failure,
 * as all functions here do whose failure is no finding about TLS. */
int wire_listen(int *port);

/* wire_accept and wire_connect wait at most the given seconds, then and for each later read and write. */
void wire_accept(struct wire *wire, int listener, int seconds);
void wire_connect(struct wire *wire, int port, int seconds);

/* wire_finish says goodbye and waits a moment for the other side to do so, so that no unread byte resets the connection. */
void wire_finish(struct wire *wire);

struct flight wire_flight(const struct wire *wire);

/* The callbacks for mbedtls_ssl_set_bio. They fail with the negative errno, as the firmware's do. */
int wire_send(void *wire, const unsigned char *data, size_t size);
int wire_receive(void *wire, unsigned char *data, size_t size);

#endif
