/* Stand-in for ESP-IDF 5. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "esp_err.h"
typedef void *httpd_handle_t;
typedef enum { HTTP_GET = 1 } httpd_method_t;
typedef enum { HTTPD_404_NOT_FOUND = 5 } httpd_err_code_t;
typedef struct httpd_req {
    httpd_handle_t handle;
    void *user_ctx;
} httpd_req_t;
typedef struct {
    const char *uri;
    httpd_method_t method;
    esp_err_t (*handler)(httpd_req_t *request);
    void *user_ctx;
} httpd_uri_t;
typedef struct {
    uint16_t server_port, max_open_sockets, max_uri_handlers;
    bool lru_purge_enable;
} httpd_config_t;
#define HTTPD_DEFAULT_CONFIG() {.server_port = 80}
typedef esp_err_t (*httpd_err_handler_func_t)(httpd_req_t *request, httpd_err_code_t error);
esp_err_t httpd_start(httpd_handle_t *server, const httpd_config_t *config);
esp_err_t httpd_register_uri_handler(httpd_handle_t server, const httpd_uri_t *uri);
esp_err_t httpd_register_err_handler(httpd_handle_t server, httpd_err_code_t error, httpd_err_handler_func_t handler);
esp_err_t httpd_resp_set_type(httpd_req_t *request, const char *type);
esp_err_t httpd_resp_set_status(httpd_req_t *request, const char *status);
esp_err_t httpd_resp_set_hdr(httpd_req_t *request, const char *field, const char *value);
esp_err_t httpd_resp_send(httpd_req_t *request, const char *body, ssize_t size);
esp_err_t httpd_resp_sendstr(httpd_req_t *request, const char *text);
