# A stand-in for the firmware's ntptime: the first try fails, as it may on a board; the second sets the clock, which the
# test stopped in 2021, to this computer's.
import os

host = "the test"
tries = 0


def settime():
    global tries
    tries += 1
    if tries == 1:
        raise OSError(110)
    os.unsetenv("PICOW_TIME")
    print("clock set")
