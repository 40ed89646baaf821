# A stand-in for the firmware's ntptime: the first try fails, as it may on a board, or as many as NTP_FAILS says. Then it is the
# time of this computer, or what NTP_SAYS.
import os
import utime

from machine import RTC

host = "the test"
tries = 0


def time():
    global tries
    tries += 1
    if tries <= int(os.getenv("NTP_FAILS") or 1):
        raise OSError(110)
    return int(os.getenv("NTP_SAYS") or utime.time())


def settime():
    now = utime.gmtime(time())
    RTC().datetime((now[0], now[1], now[2], now[6] + 1, now[3], now[4], now[5], 0))
