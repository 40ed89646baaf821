# A stand-in for the board's network module: a computer is connected already. With ROUTER_IS_LATE it is like an ESP32 whose
# first try fails, and that goes on trying: until disconnect ends that, connect fails again
# (github.com/micropython/micropython/issues/17661).
import os

STA_IF = 0


def hostname(name):
    print("hostname", name)


class WLAN:
    def __init__(self, interface):
        self.connected = self.trying = False
        self.late = os.getenv("ROUTER_IS_LATE")

    def active(self, on):
        pass

    def disconnect(self):
        self.trying = False

    def connect(self, ssid, password):
        if self.trying or self.late:
            self.trying, self.late = True, None
            raise OSError("Wifi Internal Error")
        print("wifi", ssid)
        self.connected = True

    def isconnected(self):
        return self.connected

    def ifconfig(self):
        return ("127.0.0.1",)
