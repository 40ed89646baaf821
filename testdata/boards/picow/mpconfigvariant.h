// The unix port with what counts on a Pico W: its feature level, its number format, and TLS memory inside the Python heap.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_TRACKED_ALLOC (1)
// Code for the board's processor, not for this one.
#define MICROPY_EMIT_X86 (0)
#define MICROPY_EMIT_X64 (0)
// The Pico W's TLS configuration leaves AES-CTR out.
#define MICROPY_PY_CRYPTOLIB_CTR (0)
// What the prompt says of the board; the unix port's own words come from a header that shared/runtime/pyexec.c does not include.
#define MICROPY_BANNER_MACHINE "Raspberry Pi Pico W, on this computer"
// repl.c looks for Ctrl-C while a board's main.py runs.
extern int board_program;
void board_poll(void);
#define MICROPY_VM_HOOK_LOOP if (board_program) { board_poll(); }
#include "variants/mpconfigvariant_common.h"
