# A stand-in for the RTC of the machine modules here and in micropython-client.
import os
import utime


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
