// Stand-in for the Pico SDK: what lwIP's port and mbedTLS's entropy want of it.
#pragma once
#include <sys/param.h> // MIN

void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
