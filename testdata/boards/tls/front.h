#ifndef PICOCA_BOARDS_FRONT_H
#define PICOCA_BOARDS_FRONT_H

#include "board.h"

/* front_run does the TLS of a program that has none of its own, for so many connections. Each one that comes to listener is
 * passed on to port to, from the same address. The program decides when its turn comes: it then writes a line "CERT KEY CA", of
 * file names, CA "-" for none, and gets four bytes back, mbedTLS's error of the handshake in the host's byte order, 0 when it
 * is done. From then on it reads and writes plain text. Each connection that was asked for ends with a line of JSON. */
void front_run(const struct style *style, int listener, int to, int connections, int seconds);

#endif
