/* Stand-in for lwIP 2.2. */
#include "lwip/netif.h"
void mdns_resp_init(void);
signed char mdns_resp_add_netif(struct netif *netif, const char *hostname);
