# The computer's own sockets; every host is this computer, on the port that PORT_8883 names.
import os

from usocket import *
from usocket import getaddrinfo as _getaddrinfo


def getaddrinfo(host, port, *rest):
    return _getaddrinfo("127.0.0.1", int(os.getenv("PORT_" + str(port))), *rest)
