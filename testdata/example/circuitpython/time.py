# MicroPython's time, and what CircuitPython has in its place.
from utime import *


def monotonic():
    return ticks_ms() / 1000
