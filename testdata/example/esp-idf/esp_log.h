/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_err.h"
#define ESP_LOGI(tag, format, ...) printf(format "\n", ##__VA_ARGS__)
