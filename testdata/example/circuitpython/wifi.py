# A stand-in for CircuitPython's wifi. With ROUTER_IS_LATE the first try fails, as when both start up together.
import builtins
import os


class Radio:
    def __init__(self):
        self.connected = False
        self.hostname = None
        self.ipv4_address = "127.0.0.1"
        self.tries = 0

    def connect(self, ssid, password):
        self.tries += 1
        if self.tries == 1 and os.getenv("ROUTER_IS_LATE"):
            raise ConnectionError("No network with that ssid")
        print("wifi", ssid, "as", self.hostname)
        self.connected = True


class ConnectionError(OSError):
    pass


builtins.ConnectionError = ConnectionError  # which MicroPython does not have
radio = Radio()
