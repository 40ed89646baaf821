# CPython's names over MicroPython's built-in tls module, as far as a board's program uses them. The firmware has a module
# like this frozen in; the bench's MicroPython has nothing frozen in.
import tls
from tls import CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER


def _content(file):
    if not isinstance(file, str):
        return file
    with open(file, "rb") as f:
        return f.read()


class SSLContext:
    def __init__(self, protocol):
        self._tls = tls.SSLContext(protocol)
        # The firmware's module does so for clients too: a program has to ask for verification.
        self._tls.verify_mode = CERT_NONE

    @property
    def verify_mode(self):
        return self._tls.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._tls.verify_mode = mode

    def load_cert_chain(self, certfile, keyfile):
        self._tls.load_cert_chain(_content(certfile), _content(keyfile))

    def load_verify_locations(self, cafile=None, cadata=None):
        self._tls.load_verify_locations(_content(cafile or cadata))

    def wrap_socket(self, sock, server_side=False, do_handshake_on_connect=True, server_hostname=None):
        return self._tls.wrap_socket(
            sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            server_hostname=server_hostname,
        )
