// Stand-in for the Pico SDK's random numbers.
#pragma once
#include <stdint.h>

uint32_t get_rand_32(void);
uint64_t get_rand_64(void);
