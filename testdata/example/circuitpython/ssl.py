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
        self.blocking = True
        self.close = secure.close

    def settimeout(self, seconds):
        self.blocking = seconds is None
        self.plain.settimeout(seconds)

    def recv_into(self, buffer):
        if not self.blocking:
            return self.done(self.secure.readinto(buffer))
        # It waits for the first byte. MicroPython would wait for a full buffer.
        buffer = memoryview(buffer)
        count = self.done(self.secure.readinto(buffer[:1]))
        if count:
            self.plain.setblocking(False)
            count += self.secure.readinto(buffer[1:]) or 0
            self.plain.setblocking(True)
        return count

    def send(self, data):
        return self.done(self.secure.write(data))

    def done(self, count):
        if count is None:
            raise OSError(errno.EAGAIN)
        return count
