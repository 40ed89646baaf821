/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_err.h"
#include <stdint.h>
uint32_t esp_get_free_heap_size(void);
