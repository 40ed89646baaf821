/* Stand-in for ESP-IDF 5, as far as the example uses it: enough for a compiler, not for a linker. */
#pragma once
typedef int esp_err_t;
#define ESP_OK 0
#define ESP_ERROR_CHECK(x) ((x) == ESP_OK ? (void)0 : __builtin_trap())
