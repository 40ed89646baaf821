// lwIP as the SDK's background mode wants it, with an HTTPS server.
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define MEM_LIBC_MALLOC 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE 16000
#define MEMP_NUM_TCP_SEG 32
#define PBUF_POOL_SIZE 24
#define LWIP_ARP 1
#define LWIP_ETHERNET 1
#define LWIP_ICMP 1
#define LWIP_RAW 1
#define LWIP_IPV4 1
#define LWIP_TCP 1
#define LWIP_UDP 1
#define LWIP_DHCP 1
#define LWIP_DNS 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 1
#define TCP_MSS 1460
#define TCP_WND (8 * TCP_MSS)
#define TCP_SND_BUF (8 * TCP_MSS)
#define TCP_SND_QUEUELEN ((4 * (TCP_SND_BUF) + (TCP_MSS - 1)) / (TCP_MSS))
#define LWIP_CHKSUM_ALGORITHM 3

// The name in the network.
#define LWIP_IGMP 1
#define LWIP_MDNS_RESPONDER 1
#define LWIP_NUM_NETIF_CLIENT_DATA 1
#define MEMP_NUM_UDP_PCB 6
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 8)

// TLS.
#define LWIP_ALTCP 1
#define LWIP_ALTCP_TLS 1
#define LWIP_ALTCP_TLS_MBEDTLS 1

// The web server: our files alone, several requests on a connection, as long requests as browsers send.
#define HTTPD_ENABLE_HTTPS 1
#define HTTPD_FSDATA_FILE "nofiles.h"
#define LWIP_HTTPD_CUSTOM_FILES 1
#define LWIP_HTTPD_DYNAMIC_HEADERS 1
#define LWIP_HTTPD_SUPPORT_11_KEEPALIVE 1
#define LWIP_HTTPD_MAX_REQ_LENGTH 4096
#define LWIP_HTTPD_KILL_OLD_ON_CONNECTIONS_EXCEEDED 1
#define HTTPD_ADDITIONAL_CONTENT_TYPES {"webmanifest", HTTP_CONTENT_TYPE("application/manifest+json")}
// httpd looks at each connection every two seconds, and closes it when it was idle at 30 of these looks (httpd_opts.h; by
// default 4, and then each press of the page's button would cost a handshake).
#define HTTPD_MAX_RETRIES 30

// Three connections; a fourth ends the one that was used least recently.
#define HTTPD_USE_MEM_POOL 1
#define MEMP_NUM_PARALLEL_HTTPD_CONNS 3
// TLS takes two of these for each connection (opt.h), the fourth too before it can end another, and two for the listening
// socket.
#define MEMP_NUM_ALTCP_PCB 10
// The same four, and some that are about to end.
#define MEMP_NUM_TCP_PCB 8

#endif
