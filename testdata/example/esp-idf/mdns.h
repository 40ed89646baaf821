/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_err.h"
esp_err_t mdns_init(void);
esp_err_t mdns_hostname_set(const char *name);
