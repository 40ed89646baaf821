# A stand-in for CircuitPython's wifi: the first try fails, as it may when the router starts up.
class Radio:
    def __init__(self):
        self.connected = False
        self.hostname = None
        self.ipv4_address = "127.0.0.1"
        self.tries = 0

    def connect(self, ssid, password):
        self.tries += 1
        if self.tries == 1:
            raise ConnectionError("No network with that ssid")
        print("wifi", ssid, "as", self.hostname)
        self.connected = True


class ConnectionError(OSError):
    pass


import builtins

builtins.ConnectionError = ConnectionError  # which MicroPython does not have
radio = Radio()
