/* The board's clock and random numbers. Also compiled into the real MicroPython. */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

/* A Pico W without network time starts at 2021-01-01 00:00: PICOW_TIME=1609459200 shows what it sees. The clock stands
 * still then; without the variable it is the computer's. */
time_t rp2_rtctime_seconds(time_t *out) {
    const char *fixed = getenv("PICOW_TIME");
    time_t now = fixed ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
    if (out) {
        *out = now;
    }
    return now;
}

int64_t mbedtls_ms_time(void) {
    return (int64_t)rp2_rtctime_seconds(NULL) * 1000;
}

int mbedtls_hardware_poll(void *unused, unsigned char *out, size_t want, size_t *got) {
    (void)unused;
    FILE *random = fopen("/dev/urandom", "rb");
    if (!random) {
        return -1;
    }
    *got = fread(out, 1, want, random);
    fclose(random);
    return *got == want ? 0 : -1;
}
