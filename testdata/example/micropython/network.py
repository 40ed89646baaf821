# A stand-in for the board's network module: a computer is connected already.
STA_IF = 0


def hostname(name):
    print("hostname", name)


class WLAN:
    def __init__(self, interface):
        self.connected = False

    def active(self, on):
        pass

    def connect(self, ssid, password):
        print("wifi", ssid)
        self.connected = True

    def isconnected(self):
        return self.connected

    def ifconfig(self):
        return ("127.0.0.1",)
