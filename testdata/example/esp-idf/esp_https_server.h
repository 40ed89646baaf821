/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_http_server.h"
typedef struct {
    httpd_config_t httpd;
    const uint8_t *servercert, *cacert_pem, *prvtkey_pem;
    size_t servercert_len, cacert_len, prvtkey_len;
} httpd_ssl_config_t;
#define HTTPD_SSL_CONFIG_DEFAULT() {.httpd = {.server_port = 0}}
esp_err_t httpd_ssl_start(httpd_handle_t *server, httpd_ssl_config_t *config);
