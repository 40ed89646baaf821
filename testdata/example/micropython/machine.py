# A stand-in for the board's machine module: its clock, and the temperature of the chip, which is what READING says, in degrees Celsius.
import os

from board_rtc import RTC


class ADC:
    def __init__(self, channel):
        pass

    def read_u16(self):
        with open(os.getenv("READING")) as file:
            celsius = float(file.read())
        return int((0.706 - (celsius - 27) * 0.001721) / 3.3 * 65535)
