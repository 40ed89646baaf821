/* MicroPython's TLS configuration asks MicroPython's own configuration one thing: is DTLS in? It is on an rp2 board since
 * 1.26, and makes the connection's structures larger. This file stands in for the rest, which is of no use here. */
#define MICROPY_PY_SSL_DTLS (1)
