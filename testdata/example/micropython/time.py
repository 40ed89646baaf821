# The board's clock is TLS's: where PICOW_TIME stopped it, until that is unset.
import os

from utime import *
from utime import gmtime as _gmtime, time as _time


def time():
    return int(os.getenv("PICOW_TIME") or _time())


def gmtime(seconds=None):
    return _gmtime(time() if seconds is None else seconds)
