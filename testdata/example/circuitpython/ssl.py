# CircuitPython's ssl over MicroPython's tls. As in CircuitPython, files are given by name and read at once, but parsed for
# each connection; wrapping does no handshake, the first recv_into does; a server without load_verify_locations asks for
# client certificates.
import binascii
import errno
import tls


class SSLContext:
    def __init__(self):
        self.ca = None

    def load_cert_chain(self, certfile, keyfile):
        with open(certfile, "rb") as file:
            self.cert = file.read()
        with open(keyfile, "rb") as file:
            self.key = file.read()

    def load_verify_locations(self, *, cadata):
        self.ca = cadata

    def wrap_socket(self, socket, *, server_side):
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if self.ca != "":
            context.verify_mode = tls.CERT_REQUIRED
            context.load_verify_locations(binascii.a2b_base64("".join(self.ca.split("\n")[1:-2])))
        return SSLSocket(socket, context.wrap_socket(socket.real, server_side=server_side, do_handshake_on_connect=False))


class SSLSocket:
    def __init__(self, plain, secure):
        self.plain = plain
        self.secure = secure
        self.settimeout = plain.settimeout
        self.close = secure.close

    def recv_into(self, buffer):
        return self.done(self.secure.readinto(buffer))

    def send(self, data):
        return self.done(self.secure.write(data))

    def done(self, count):
        if count is None:
            raise OSError(errno.EAGAIN)
        return count
