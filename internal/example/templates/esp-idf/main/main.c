// @NAME@: a web app over HTTPS, from ESP-IDF 5.1 or later on an ESP32.
// Write your Wi-Fi's name and password into sdkconfig.defaults; CMakeLists.txt says how to build.
//
// Three things that go wrong most often:
// 1. Formats. For PEM the length counts the NUL at its end, which EMBED_TXTFILES adds. Without it mbedTLS says -0x2180 for a
//    certificate, and -0x3D00 for a key.
// 2. The listening socket. Each open connection holds about 40 KB for TLS. So this program allows two, of which the one that was
//    used least recently is dropped when another comes; the page needs one.
@simple@// 3. The clock. The board wakes up in 1970. For serving HTTPS that does not matter: a browser goes by its own clock. Once the
@simple@//    board checks certificates of others, it does where CONFIG_MBEDTLS_HAVE_TIME_DATE is set: set it first, with esp_netif_sntp.
@mutual@// 3. The clock. The board wakes up in 1970, and checks its visitors' certificates: where CONFIG_MBEDTLS_HAVE_TIME_DATE is set,
@mutual@//    none of them is valid yet. So it sets the clock from the network before anything else.

#include <string.h>

#include "esp_event.h"
#include "esp_https_server.h"
#include "esp_log.h"
#include "esp_netif.h"
@mutual@#include "esp_netif_sntp.h"
#include "esp_system.h"
#include "esp_timer.h"
@local@#include "mdns.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"

// The files of this folder, as the build embeds them.
#define EMBEDDED(name)                                               \
    extern const char name##_start[] asm("_binary_" #name "_start"); \
    extern const char name##_end[] asm("_binary_" #name "_end")

EMBEDDED(index_html);
EMBEDDED(app_webmanifest);
EMBEDDED(icon_png);
EMBEDDED(sw_js);
@trust@EMBEDDED(@SYMBOL@);
EMBEDDED(servercert_pem);
EMBEDDED(prvtkey_pem);
@mutual@EMBEDDED(cacert_pem);

struct page {
    const char *path, *type, *start, *end;
};

// What can be asked for, beside /status.
static const struct page pages[] = {
    {"/", "text/html", index_html_start, index_html_end},
    {"/app.webmanifest", "application/manifest+json", app_webmanifest_start, app_webmanifest_end},
    {"/icon.png", "image/png", icon_png_start, icon_png_end},
    {"/sw.js", "text/javascript", sw_js_start, sw_js_end},
};

// What a phone needs to trust your CA. It can be asked for over plain HTTP too.
static const struct page trust[] = {
@trust@    {"@PATH@", "@TYPE@", @SYMBOL@_start, @SYMBOL@_end},
};

static esp_err_t send_page(httpd_req_t *request) {
    const struct page *page = request->user_ctx;
    httpd_resp_set_type(request, page->type);
    httpd_resp_set_hdr(request, "Cache-Control", "no-cache");
    return httpd_resp_send(request, page->start, page->end - page->start);
}

static esp_err_t send_status(httpd_req_t *request) {
    char status[64];
    snprintf(status, sizeof status, "{\"seconds\": %lld, \"free\": %lu}", (long long)(esp_timer_get_time() / 1000000),
             (unsigned long)esp_get_free_heap_size());
    httpd_resp_set_type(request, "application/json");
    httpd_resp_set_hdr(request, "Cache-Control", "no-cache");
    return httpd_resp_sendstr(request, status);
}

static void serve(httpd_handle_t server, const struct page *pages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        httpd_uri_t uri = {.uri = pages[i].path, .method = HTTP_GET, .handler = send_page, .user_ctx = (void *)&pages[i]};
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &uri));
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

// Plain HTTP answers all else with where HTTPS is.
static esp_err_t redirect(httpd_req_t *request, httpd_err_code_t error) {
    (void)error;
    httpd_resp_set_status(request, "301 Moved Permanently");
    httpd_resp_set_hdr(request, "Location", "https://@NAME@/");
    return httpd_resp_send(request, NULL, 0);
}

static void serve_https(void) {
    httpd_ssl_config_t config = HTTPD_SSL_CONFIG_DEFAULT();
    config.httpd.max_open_sockets = 2;
    config.httpd.lru_purge_enable = true;
    config.httpd.max_uri_handlers = COUNT(pages) + COUNT(trust) + 1;
    config.servercert = (const uint8_t *)servercert_pem_start;
    config.servercert_len = servercert_pem_end - servercert_pem_start;
    config.prvtkey_pem = (const uint8_t *)prvtkey_pem_start;
    config.prvtkey_len = prvtkey_pem_end - prvtkey_pem_start;
@mutual@    // Only devices with a certificate of your CA get in.
@mutual@    config.cacert_pem = (const uint8_t *)cacert_pem_start;
@mutual@    config.cacert_len = cacert_pem_end - cacert_pem_start;
    httpd_handle_t server;
    ESP_ERROR_CHECK(httpd_ssl_start(&server, &config));
    serve(server, pages, COUNT(pages));
    serve(server, trust, COUNT(trust));
    httpd_uri_t status = {.uri = "/status", .method = HTTP_GET, .handler = send_status};
    ESP_ERROR_CHECK(httpd_register_uri_handler(server, &status));
}

static void serve_http(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    config.max_open_sockets = 2;
    config.lru_purge_enable = true;
    config.max_uri_handlers = COUNT(trust);
    httpd_handle_t server;
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    serve(server, trust, COUNT(trust));
    ESP_ERROR_CHECK(httpd_register_err_handler(server, HTTPD_404_NOT_FOUND, redirect));
}

void app_main(void) {
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
@local@    ESP_ERROR_CHECK(mdns_init());
@local@    ESP_ERROR_CHECK(mdns_hostname_set("@HOST@")); // @HOST@.local
@dns@    // The router's DNS must answer for @NAME@.
@address@    // The router must always give this board @NAME@.
    ESP_ERROR_CHECK(example_connect());
@mutual@    esp_sntp_config_t sntp = ESP_NETIF_SNTP_DEFAULT_CONFIG("pool.ntp.org");
@mutual@    ESP_ERROR_CHECK(esp_netif_sntp_init(&sntp));
@mutual@    while (esp_netif_sntp_sync_wait(pdMS_TO_TICKS(10000)) != ESP_OK) {
@mutual@        ESP_LOGI("app", "no time from the network yet");
@mutual@    }
    serve_https();
    serve_http();
    ESP_LOGI("app", "https://@NAME@/");
}
