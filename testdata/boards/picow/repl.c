// A board's prompt in place of the unix port's: shared/runtime/pyexec.c, which has the raw REPL that programs talk to, around it
// what a board does at a soft reset: main.py runs until Ctrl-C.
#include <termios.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/pyexec.h"

// terminal passes every byte through, except that Ctrl-C may be a signal. Nothing that has arrived is dropped.
static void terminal(bool signal) {
    struct termios t;
    tcgetattr(0, &t);
    t.c_iflag &= ~(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    t.c_oflag &= ~OPOST;
    t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS8;
    t.c_lflag = signal ? ISIG : 0;
    t.c_cc[VINTR] = CHAR_CTRL_C;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(0, TCSANOW, &t);
}

int board_repl(void);
int board_repl(void) {
    for (;;) {
        terminal(true);
        if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
            pyexec_file_if_exists("main.py");
        }
        terminal(false);
        while ((pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl()) == 0) {
        }
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
    }
}
