# A stand-in for the chip's own temperature sensor: 0.706 V are 27 degrees.
from board_rtc import RTC


class ADC:
    def __init__(self, channel):
        pass

    def read_u16(self):
        return int(0.706 / 3.3 * 65535)
