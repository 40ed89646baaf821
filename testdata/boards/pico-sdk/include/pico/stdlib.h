// Stand-in for the Pico SDK, as far as the example uses it.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pico.h"

typedef uint64_t absolute_time_t;

bool stdio_init_all(void);
absolute_time_t get_absolute_time(void);
uint32_t to_ms_since_boot(absolute_time_t t);
void sleep_ms(uint32_t ms);
