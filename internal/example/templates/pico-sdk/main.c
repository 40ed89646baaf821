// @NAME@: a web app over HTTPS, from the Pico SDK on a Pico W or Pico 2 W.
// Write your Wi-Fi's name and password into secrets.h; CMakeLists.txt says how to build.
//
// Three things that go wrong most often:
// 1. Formats. mbedTLS counts the NUL at the end of a PEM text as part of it, and does not tell when it is missing. The DER in
//    picoca_cert.h has exactly its own length.
// 2. The listening socket. Each open connection holds 22 KB for TLS, and a handshake some more. lwipopts.h allows three, and
//    the one that was used least recently is dropped when another comes; the page needs one.
// 3. The clock. The board wakes up without one. For serving HTTPS that does not matter: a browser goes by its own clock. Once the
//    board checks certificates of others, it does: set it first, with SNTP, and compile MBEDTLS_HAVE_TIME_DATE.

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "lwip/altcp_tls.h"
#include "lwip/apps/fs.h"
#include "lwip/apps/httpd.h"
@local@#include "lwip/apps/mdns.h"
#include "lwip/memp.h"
#include "pico/cyw43_arch.h"
#include "pico/stdlib.h"
#include "picoca_cert.h"
#include "secrets.h"

extern const char index_html[], index_html_end[], app_webmanifest[], app_webmanifest_end[];
extern const char icon_png[], icon_png_end[], sw_js[], sw_js_end[];

// What can be asked for; httpd looks for / under this name.
static const struct {
    const char *path, *start, *end;
} files[] = {
    {"/index.html", index_html, index_html_end},
    {"/app.webmanifest", app_webmanifest, app_webmanifest_end},
    {"/icon.png", icon_png, icon_png_end},
    {"/sw.js", sw_js, sw_js_end},
};

// httpd's places for connections. httpd_init, for plain HTTP, makes them ready; httpd_inits does not (lwIP 2.2, httpd.c).
LWIP_MEMPOOL_PROTOTYPE(HTTPD_STATE);

static unsigned free_memory(void) {
    extern char __StackLimit, __bss_end__; // of the linker: the heap lies between
    return &__StackLimit - &__bss_end__ - mallinfo().uordblks;
}

static int give(struct fs_file *file, const char *start, int size) {
    memset(file, 0, sizeof *file);
    file->data = start;
    file->len = file->index = size;
    file->flags = FS_FILE_FLAGS_HEADER_PERSISTENT; // httpd writes the headers, and keeps the connection
    return 1;
}

// httpd asks here for each file.
int fs_open_custom(struct fs_file *file, const char *path) {
    static char status[64];
    if (!strcmp(path, "/status")) {
        unsigned seconds = to_ms_since_boot(get_absolute_time()) / 1000;
        int size = snprintf(status, sizeof status, "{\"seconds\": %u, \"free\": %u}", seconds, free_memory());
        return give(file, status, size);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!strcmp(path, files[i].path)) {
            return give(file, files[i].start, files[i].end - files[i].start);
        }
    }
    return 0;
}

void fs_close_custom(struct fs_file *file) {
    (void)file;
}

int main(void) {
    stdio_init_all();
    if (cyw43_arch_init()) {
        panic("no Wi-Fi chip");
    }
    cyw43_arch_enable_sta_mode();
@local@    netif_set_hostname(netif_default, "@HOST@");
@dns@    netif_set_hostname(netif_default, "@HOST@"); // the router learns it, and its DNS must answer for @NAME@
@address@    netif_set_hostname(netif_default, "@HOST@"); // the router learns it, and must always give this board @NAME@
    while (cyw43_arch_wifi_connect_timeout_ms(WIFI_SSID, WIFI_PASSWORD, CYW43_AUTH_WPA2_AES_PSK, 30000)) {
        printf("no Wi-Fi yet\n");
    }
    cyw43_arch_lwip_begin();
@local@    mdns_resp_init();
@local@    mdns_resp_add_netif(netif_default, "@HOST@"); // @HOST@.local
    struct altcp_tls_config *tls = altcp_tls_create_config_server_privkey_cert(
        picoca_key_der, picoca_key_der_len, NULL, 0, picoca_cert_der, picoca_cert_der_len);
    if (!tls) {
        panic("mbedTLS does not load the certificate or its key");
    }
    LWIP_MEMPOOL_INIT(HTTPD_STATE);
    httpd_inits(tls);
    cyw43_arch_lwip_end();
    printf("https://@NAME@/ at %s\n", ip4addr_ntoa(netif_ip4_addr(netif_default)));
    // TLS does its work in interrupts of this loop, and takes about 5 KB of its stack. The SDK keeps 4 KB for that, and below
    // them 4 KB for core 1 (memmap_default.ld). If you start core 1, give it a stack elsewhere.
    while (true) {
        sleep_ms(1000);
    }
}
