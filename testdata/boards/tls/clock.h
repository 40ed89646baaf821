#ifndef PICOCA_BOARDS_CLOCK_H
#define PICOCA_BOARDS_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The names under which the firmware's mbedTLS asks the board for time and entropy. */
time_t rp2_rtctime_seconds(time_t *out);
int64_t mbedtls_ms_time(void);
int mbedtls_hardware_poll(void *unused, unsigned char *out, size_t want, size_t *got);

#endif
