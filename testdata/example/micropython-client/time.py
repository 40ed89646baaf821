# A second of the program takes a hundredth. The clock is TLS's: where PICOW_TIME stopped it, until that is unset.
import os

from utime import *
from utime import gmtime as _gmtime, sleep as _sleep


def sleep(seconds):
    _sleep(seconds / 100)


def gmtime():
    stopped = os.getenv("PICOW_TIME")
    return _gmtime(int(stopped)) if stopped else _gmtime()
