/* Stand-in for ESP-IDF 5. */
#pragma once
#include "esp_err.h"
#include <stdint.h>
int64_t esp_timer_get_time(void);
