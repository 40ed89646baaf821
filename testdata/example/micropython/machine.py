# A stand-in for the board's machine module: its clock, and the temperature of the chip, which is what READING says, in degrees Celsius.
import os
import utime


class ADC:
    def __init__(self, channel):
        pass

    def read_u16(self):
        with open(os.getenv("READING")) as file:
            celsius = float(file.read())
        return int((0.706 - (celsius - 27) * 0.001721) / 3.3 * 65535)


class RTC:
    """The board's clock: it stands where it was set, unless that is the computer's time, up to an hour."""

    def datetime(self, new):
        seconds = utime.mktime((new[0], new[1], new[2], new[4], new[5], new[6], 0, 0, 0))
        if abs(utime.time() - seconds) < 3600:
            os.unsetenv("PICOW_TIME")
            print("clock set")
        else:
            os.putenv("PICOW_TIME", str(int(seconds)))
            print("clock at %d-%02d-%02d" % new[:3])
