# CircuitPython's ssl with CircuitPython's mbedTLS: the bench's tls-circuitpython front stands before this program and does
# the TLS of each connection when wrap_socket asks for it. testdata/boards/tls/front.h has the rules.
import errno
import struct


class SSLContext:
    def __init__(self):
        self.ca = "ask"  # a server without load_verify_locations asks for client certificates

    def load_cert_chain(self, certfile, keyfile):
        self.files = certfile + " " + keyfile

    def load_verify_locations(self, *, cadata):
        self.ca = "-"
        if cadata:
            self.ca = "visitors.pem"
            with open(self.ca, "w") as file:
                file.write(cadata)

    def wrap_socket(self, socket, *, server_side):
        socket.send((self.files + " " + self.ca + "\n").encode())
        return SSLSocket(socket)


class SSLSocket:
    """The first recv_into waits for the end of the handshake."""

    def __init__(self, plain):
        self.plain = plain
        self.result = b""
        self.settimeout = plain.settimeout
        self.close = plain.close
        self.send = plain.send

    def recv_into(self, buffer):
        while len(self.result) < 4:
            piece = bytearray(4 - len(self.result))
            count = self.plain.recv_into(piece)
            if not count:
                raise OSError(errno.ECONNRESET)
            self.result += piece[:count]
        (error,) = struct.unpack("i", self.result)
        if error:
            raise OSError(error)
        return self.plain.recv_into(buffer)
