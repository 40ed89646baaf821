# @NAME@: a web app over HTTPS, from CircuitPython 9 or later on a Pico W, Pico 2 W or ESP32.
# Write your Wi-Fi's name and password into settings.toml, and copy all files of this folder to the drive CIRCUITPY.
#
# Three things that go wrong most often:
# 1. Formats. CircuitPython takes the names of two files, and looks into them only when the first connection comes. A key
#    must be SEC1 ("EC PRIVATE KEY") or PKCS#1 ("RSA PRIVATE KEY"). For all else the error is -15616, for a certificate that
#    it cannot read -8576. @CERT@ and @KEY@ are right.
# 2. The listening socket. Wrap the accepted socket, as this program does, not the listening one: that takes the memory of
#    two TLS connections, 56 KB instead of 31 KB, and a Pico W runs out (MemoryError, or OSError 16). For the same reason
#    this program serves one connection at a time, and the others wait for their turn without TLS.
@simple@# 3. The clock. A board wakes up in the past, and that does not matter: a browser goes by its own clock, and CircuitPython
@simple@#    never looks at the dates of a certificate. So it also takes an expired one, if you let it check its visitors'.
@mutual@# 3. The clock. A board wakes up in the past, and CircuitPython never looks at the dates of a certificate. So it lets in its
@mutual@#    visitors at once, and also those whose certificates have expired: to lock one out, make a new CA.

import errno
import gc
import io
import json
import os
import time

@local@import mdns
import socketpool
import ssl
import wifi

# What can be asked for. Nothing else on the drive can be, above all not the key and settings.toml.
FILES = {
    "/": ("index.html", "text/html"),
    "/app.webmanifest": ("app.webmanifest", "application/manifest+json"),
    "/icon.png": ("icon.png", "image/png"),
    "/sw.js": ("sw.js", "text/javascript"),
@trust@    "@PATH@": ("@FILE@", "@TYPE@"),
}

# How many seconds a connection may be idle. The longer, the more requests need no handshake.
KEEP = 60  # when no one else waits
SPARE = 10  # when only the same device waits: browsers open connections ahead that they may never use
GIVE_WAY = 2  # when another device waits, and then it ends in any case after
TURN = 15

@local@HOST = "@HOST@"  # the mDNS server keeps no copy of the name: it must not be collected
@dns@HOST = "@HOST@"  # the router learns it, and its DNS must answer for @NAME@
@address@HOST = "@HOST@"  # the router learns it, and must always give this board @NAME@


def stay_connected():
    while not wifi.radio.connected:
        try:
            wifi.radio.hostname = HOST
            wifi.radio.connect(os.getenv("CIRCUITPY_WIFI_SSID"), os.getenv("CIRCUITPY_WIFI_PASSWORD"))
        except ConnectionError as error:
            print("no Wi-Fi:", error)
            time.sleep(5)


@local@def announce():
@local@    """Makes the board's name @HOST@.local known in the network."""
@local@    server = mdns.Server(wifi.radio)
@local@    server.hostname = HOST
@local@    server.advertise_service(service_type="_https", protocol="_tcp", port=443)
@local@    return server
@local@
@local@
def load_certificate():
    context = ssl.SSLContext()
    context.load_cert_chain("@CERT@", "@KEY@")
@simple@    # Without this line a server asks its visitors for a certificate.
@simple@    context.load_verify_locations(cadata="")
@mutual@    # Only devices with a certificate of your CA get in.
@mutual@    with open("@CA@") as file:
@mutual@        context.load_verify_locations(cadata=file.read())
    return context


def listen(port):
    listener = pool.socket(pool.AF_INET, pool.SOCK_STREAM)
    listener.setsockopt(pool.SOL_SOCKET, pool.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(4)
    listener.setblocking(False)
    return listener


def accept(listener):
    """A connection and its client's address, or None."""
    try:
        socket, (address, _) = listener.accept()
        return socket, address
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return None
        raise


class Connection:
    """One client, from the handshake on."""

    def __init__(self, socket, address):
        self.address = address
        self.began = time.monotonic()
        self.piece = bytearray(1024)
        self.received = b""
        self.socket = socket

    def patience(self):
        if not waiting:
            return KEEP
        if all(address == self.address for _, address in waiting):
            return SPARE
        return GIVE_WAY if time.monotonic() - self.began < TURN else 0

    def receive(self):
        """The next bytes; b"" when the client is gone, or has to make room. The first call does the handshake."""
        self.socket.settimeout(0)
        began = time.monotonic()
        while time.monotonic() - began < self.patience():
            look_after_others()  # may take seconds, after which this client may have said something
            try:
                count = self.socket.recv_into(self.piece)
                return bytes(memoryview(self.piece)[:count])
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            time.sleep(0.01)
        return b""

    def converse(self):
        """Answers the requests, one after the other, until the connection ends."""
        while True:
            while b"\r\n\r\n" not in self.received:
                more = self.receive()
                if not more or len(self.received) > 4096:
                    return
                self.received += more
            request, self.received = self.received.split(b"\r\n\r\n", 1)
            method, path, version = request.split(b"\r\n", 1)[0].decode().split(" ")
            last = method not in ("GET", "HEAD") or version != "HTTP/1.1" or b"connection: close" in request.lower()
            self.socket.settimeout(TURN)
            self.answer(method, path.split("?")[0], last)
            if last:
                return

    def answer(self, method, path, last):
        if method not in ("GET", "HEAD"):
            return self.reply(method, "405 Method Not Allowed", "text/plain", io.BytesIO(b"405\n"), last)
        if path == "/status":
            gc.collect()
            status = {"seconds": int(time.monotonic()), "free": gc.mem_free()}
            body = io.BytesIO(json.dumps(status).encode())
            return self.reply(method, "200 OK", "application/json", body, last)
        if path not in FILES:
            return self.reply(method, "404 Not Found", "text/plain", io.BytesIO(b"404\n"), last)
        name, kind = FILES[path]
        with open(name, "rb") as file:
            self.reply(method, "200 OK", kind, file, last)

    def reply(self, method, status, kind, body, last):
        size = body.seek(0, 2)
        body.seek(0)
        lines = (
            "HTTP/1.1 " + status,
            "Content-Type: " + kind,
            "Content-Length: " + str(size),
            "Cache-Control: no-cache",
            "Connection: " + ("close" if last else "keep-alive"),
            "\r\n",
        )
        self.send("\r\n".join(lines).encode())
        while method != "HEAD" and (count := body.readinto(self.piece)):  # a file at once might not fit
            self.send(memoryview(self.piece)[:count])

    def send(self, data):
        data = memoryview(data)
        while len(data):
            data = data[self.socket.send(data):]


class Plain(Connection):
    """Plain HTTP answers two things: what a phone needs to trust your CA, and for all else where HTTPS is. Meanwhile the
    board does nothing else: the whole may take five seconds."""

    def converse(self):
        self.socket.settimeout(1)
        head = self.receive()
        method, path, _ = head.decode().split(" ", 2)
        while b"\r\n\r\n" not in head:  # to its end: a connection that is closed with something unread loses the answer
            head = head[-3:] + self.receive()
        path = path.split("?")[0]
        if path.startswith("/trust") and path in FILES:
            return self.answer(method, path, True)
        self.send(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://@NAME@/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def receive(self):
        count = self.socket.recv_into(self.piece)
        if not count:
            raise OSError(errno.ECONNRESET)
        self.hurry()
        return bytes(memoryview(self.piece)[:count])

    def send(self, data):
        data = memoryview(data)
        while len(data):
            self.hurry()
            data = data[self.socket.send(data):]

    def hurry(self):
        if time.monotonic() - self.began > 5:
            raise OSError(errno.ETIMEDOUT)


def answer_plain(socket):
    try:
        Plain(socket, None).converse()
    except (OSError, ValueError, MemoryError):
        pass
    socket.close()


def look_after_others():
    """Answers plain HTTP, and accepts other connections, which then wait."""
    other = accept(http)
    if other:
        answer_plain(other[0])
    if len(waiting) < 4:
        other = accept(https)
        if other:
            waiting.append(other)


def next_in_line(last):
    """The connection that has waited longest, of another device than the last one if there is one."""
    for i, (_, address) in enumerate(waiting):
        if address != last:
            return waiting.pop(i)
    return waiting.pop(0)


def serve(plain, address):
    connection = None
    try:
        connection = Connection(context.wrap_socket(plain, server_side=True), address)
        connection.converse()
    except (OSError, ValueError, MemoryError) as error:
        # Usual: a client that hangs up in the handshake, because it does not trust your CA yet.
        print(address, "ended:", error)
    if connection:
        connection.socket.close()
    plain.close()


stay_connected()
pool = socketpool.SocketPool(wifi.radio)
@local@server = announce()
context = load_certificate()
https = listen(443)
http = listen(80)
waiting = []  # accepted connections with their addresses, without TLS
last = None
print("https://@NAME@/ at", wifi.radio.ipv4_address)
while True:
    stay_connected()
    look_after_others()
    if waiting:
        plain, last = next_in_line(last)
        serve(plain, last)
        plain = None
        gc.collect()  # so that the next one finds its memory in one piece
    time.sleep(0.01)
