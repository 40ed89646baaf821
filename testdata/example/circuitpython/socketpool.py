# A stand-in for CircuitPython's socketpool over the computer's sockets: only on 127.0.0.1, on the ports that PORT_443 and
# PORT_80 name.
import os

import usocket


class Socket:
    def __init__(self, real):
        self.real = real
        self.type = SocketPool.SOCK_STREAM
        self.close = real.close
        self.setsockopt = real.setsockopt
        self.listen = real.listen
        self.setblocking = real.setblocking
        self.settimeout = real.settimeout
        self.send = real.send

    def bind(self, address):
        port = int(os.getenv("PORT_" + str(address[1])))
        self.real.bind(usocket.getaddrinfo("127.0.0.1", port)[0][-1])

    def accept(self):
        real, address = self.real.accept()
        return Socket(real), (usocket.inet_ntop(usocket.AF_INET, address[4:8]), address[2] << 8 | address[3])

    def recv_into(self, buffer):
        data = self.real.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class SocketPool:
    AF_INET = usocket.AF_INET
    SOCK_STREAM = usocket.SOCK_STREAM
    SOL_SOCKET = usocket.SOL_SOCKET
    SO_REUSEADDR = usocket.SO_REUSEADDR

    def __init__(self, radio):
        if not radio.connected:
            raise OSError("not connected")

    def socket(self, family, kind):
        return Socket(usocket.socket(family, kind))
