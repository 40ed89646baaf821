# A stand-in for CircuitPython's mdns: it prints what would be announced.
class Server:
    def __init__(self, radio):
        self.hostname = None

    def advertise_service(self, *, service_type, protocol, port):
        print("mdns", self.hostname + ".local", service_type + "." + protocol, port)
