// The cable between board and gateway, and what lwIP wants of a computer.
#pragma once
#include "lwip/netif.h"

#define WIRE 3 // the file descriptor: one end of a pair of SOCK_SEQPACKET sockets, a packet is a frame

// wire_start gives this side its address in 192.168.7.0/24 and makes it the default interface.
void wire_start(struct netif *netif, int host);
// wire_run does the work that is due and takes in the frames that have come. It waits for neither.
void wire_run(struct netif *netif);
// wire_leap lets seconds of lwIP's time pass at once, with all that is due in them.
void wire_leap(int seconds);
