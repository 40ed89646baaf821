/* Stand-in for lwIP 2.2. */
#ifndef LWIP_NETIF_H
#define LWIP_NETIF_H
struct netif;
typedef struct ip4_addr ip4_addr_t;
extern struct netif *netif_default;
void netif_set_hostname(struct netif *netif, const char *name);
const ip4_addr_t *netif_ip4_addr(struct netif *netif);
char *ip4addr_ntoa(const ip4_addr_t *address);
#endif
