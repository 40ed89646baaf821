// What the Pico SDK is to the example, on this computer. The program runs as it would on the board, with the network at
// file descriptor 3 and a board's heap.
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "lwip/init.h"
#include "lwip/sys.h"
#include "pico/cyw43_arch.h"
#include "pico/stdlib.h"
#include "wire.h"

static struct netif wifi;

// SIGUSR1 lets 12 seconds pass at once. It is asked for, since a handler would run on the stack that is measured.
static sigset_t leap;

static bool leap_is_due(void) {
    return sigtimedwait(&leap, NULL, &(struct timespec){0}) == SIGUSR1;
}

bool stdio_init_all(void) {
    sigemptyset(&leap);
    sigaddset(&leap, SIGUSR1);
    sigprocmask(SIG_BLOCK, &leap, NULL);
    return setvbuf(stdout, NULL, _IOLBF, 0) == 0;
}

absolute_time_t get_absolute_time(void) {
    return (absolute_time_t)sys_now() * 1000;
}

uint32_t to_ms_since_boot(absolute_time_t t) {
    return t / 1000;
}

// A stack for the network's work alone, filled with a pattern that tells how much of it was ever in use.
enum { STACK = 32768, PATTERN = 0x5a };

static char stack[STACK];
static ucontext_t program, network;

// What was sent before the signal arrives before the leap.
static void work(void) {
    bool leap = leap_is_due();
    wire_run(&wifi);
    if (leap) {
        wire_leap(12);
        printf("leapt\n");
    }
}

static void tell_stack(void) {
    static int most;
    int left = 0;
    while (left < STACK && stack[left] == PATTERN) {
        left++;
    }
    if (STACK - left > most) {
        printf("stack %d\n", most = STACK - left);
    }
}

// On the board the network's work interrupts the program, here it is done while the program sleeps.
void sleep_ms(uint32_t ms) {
    for (uint32_t began = sys_now(); sys_now() - began < ms;) {
        struct pollfd wire = {.fd = WIRE, .events = POLLIN};
        poll(&wire, 1, 10);
        getcontext(&network);
        network.uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK};
        network.uc_link = &program;
        makecontext(&network, work, 0);
        swapcontext(&program, &network);
        tell_stack();
    }
}

int cyw43_arch_init(void) {
    memset(stack, PATTERN, STACK);
    lwip_init();
    return 0;
}

void cyw43_arch_enable_sta_mode(void) {
    wire_start(&wifi, 2);
}

int cyw43_arch_wifi_connect_timeout_ms(const char *ssid, const char *password, uint32_t auth, uint32_t timeout_ms) {
    printf("wifi %s %s %u %u\n", ssid, password, auth, timeout_ms);
    return 0;
}

void cyw43_arch_lwip_begin(void) {}
void cyw43_arch_lwip_end(void) {}

// The heap. __StackLimit, which the Makefile sets, is its size: the SDK's malloc panics where there is no memory left.
// mallinfo is our own, for this computer's counts what was given back and is kept at hand, too.
extern char __StackLimit;
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);

static size_t held;

void *__wrap_calloc(size_t count, size_t size) {
    void *block = __real_calloc(count, size);
    held += malloc_usable_size(block) + sizeof(size_t);
    if (!block || held > (size_t)&__StackLimit) {
        panic("Out of memory");
    }
    return block;
}

void __wrap_free(void *block) {
    if (block) {
        held -= malloc_usable_size(block) + sizeof(size_t);
        __real_free(block);
    }
}

struct mallinfo __wrap_mallinfo(void) {
    return (struct mallinfo){.uordblks = held};
}
