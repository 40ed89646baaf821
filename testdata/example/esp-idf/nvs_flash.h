/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_err.h"
esp_err_t nvs_flash_init(void);
