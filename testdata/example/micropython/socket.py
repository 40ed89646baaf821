# The computer's own sockets, presented like a board's: only on 127.0.0.1, listening on the ports that PORT_443 and PORT_80
# name, and a client's address is text.
import io
import os
import select

from usocket import *
from usocket import getaddrinfo as _getaddrinfo, inet_ntop as _text, socket as _socket


def getaddrinfo(host, port, *rest):
    return _getaddrinfo("127.0.0.1", int(os.getenv("PORT_" + str(port)) or port), *rest)


def socket(*arguments):
    """asyncio gives arguments for the socket of a client."""
    return _socket(*arguments) if arguments else Listening()


class Listening(io.IOBase):

    def __init__(self):
        self.real = _socket()
        self.poll = select.poll()
        self.poll.register(self.real, select.POLLIN)
        self.setblocking = self.real.setblocking
        self.setsockopt = self.real.setsockopt
        self.bind = self.real.bind
        self.listen = self.real.listen

    def ioctl(self, request, flags):
        if request != 3:  # anything but "is it ready": there is no such thing
            return -22
        ready = self.poll.poll(0)
        return ready[0][1] if ready else 0

    def accept(self):
        connection, address = self.real.accept()
        return connection, (_text(AF_INET, address[4:8]), address[2] << 8 | address[3])
