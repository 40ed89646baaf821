#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "lwip/etharp.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "pico.h"
#include "pico/rand.h"

static err_t output(struct netif *netif, struct pbuf *p) {
    (void)netif;
    char frame[1600];
    u16_t size = pbuf_copy_partial(p, frame, sizeof frame, 0);
    return send(WIRE, frame, size, MSG_NOSIGNAL) == size ? ERR_OK : ERR_IF;
}

// The flags are those of the SDK's Wi-Fi driver.
static err_t init(struct netif *netif) {
    netif->linkoutput = output;
    netif->output = etharp_output;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, "\x02\0\0\0\0", 5);
    netif->hwaddr[5] = ip4_addr4(netif_ip4_addr(netif));
    return ERR_OK;
}

void wire_start(struct netif *netif, int host) {
    ip4_addr_t address, mask, router;
    IP4_ADDR(&address, 192, 168, 7, host);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&router, 192, 168, 7, 1);
    netif_add(netif, &address, &mask, &router, NULL, init, ethernet_input);
    netif_set_default(netif);
    netif_set_link_up(netif);
    netif_set_up(netif);
}

static u32_t ahead; // by so many milliseconds lwIP's clock is ahead of this computer's

// lwIP's timers do not catch up after a leap of their clock, so it goes in steps of the shortest.
void wire_leap(int seconds) {
    for (int step = 0; step < seconds * 1000; step += TCP_TMR_INTERVAL) {
        ahead += TCP_TMR_INTERVAL;
        sys_check_timeouts();
    }
}

void wire_run(struct netif *netif) {
    char frame[1600];
    ssize_t size;
    sys_check_timeouts();
    while ((size = recv(WIRE, frame, sizeof frame, MSG_DONTWAIT)) > 0) {
        // A frame that there is no memory for is lost, as on the board.
        struct pbuf *p = pbuf_alloc(PBUF_RAW, size, PBUF_POOL);
        if (p && (pbuf_take(p, frame, size) != ERR_OK || netif->input(p, netif) != ERR_OK)) {
            pbuf_free(p);
        }
    }
    if (size == 0) {
        exit(0); // the other side is gone
    }
}

u32_t sys_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000 + ahead;
}

sys_prot_t sys_arch_protect(void) {
    return 0; // one thread
}

void sys_arch_unprotect(sys_prot_t level) {
    (void)level;
}

uint64_t get_rand_64(void) {
    uint64_t value;
    if (getrandom(&value, sizeof value, 0) != sizeof value) {
        panic("no random numbers");
    }
    return value;
}

uint32_t get_rand_32(void) {
    return get_rand_64();
}

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("panic: ");
    vprintf(format, arguments);
    printf("\n");
    exit(1);
}
