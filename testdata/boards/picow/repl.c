// A board's prompt in place of the unix port's: shared/runtime/pyexec.c, which has the raw REPL that programs talk to, and around
// it what a board does at a soft reset: main.py runs until it ends or Ctrl-C comes.
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/pyexec.h"

int board_program = 0; // main.py is running

// board_poll looks for Ctrl-C while main.py runs, as a board's interrupt for its serial port does. A signal, as the unix port
// uses, would end the whole process if it came a little later or twice.
void board_poll(void) {
    struct pollfd in = {.fd = 0, .events = POLLIN};
    char c;
    if (poll(&in, 1, 0) == 1 && read(0, &c, 1) == 1 && c == CHAR_CTRL_C) {
        board_program = 0;
        mp_sched_keyboard_interrupt();
    }
}

static void raw_terminal(void) {
    struct termios t;
    tcgetattr(0, &t);
    t.c_iflag &= ~(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    t.c_oflag &= ~OPOST;
    t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS8;
    t.c_lflag = 0;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(0, TCSANOW, &t);
}

int board_repl(void);
int board_repl(void) {
    raw_terminal();
    for (;;) {
        if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
            board_program = 1;
            pyexec_file_if_exists("main.py");
            board_program = 0;
        }
        while ((pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl()) == 0) {
        }
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
    }
}
