# Renewal without a cable: picoca on the owner's computer sends a new certificate with its key over HTTPS, on a port of its own.
#
# The pair in use is in one of the folders a and b, and the file "live" names that folder. A new pair goes into the other one.
# Then this port shows the new certificate, and the page the previous one, until the owner has seen that the new pair works and
# says so: only then "live" changes, in one step. Whatever happens before, the board goes on with the pair that it had. If the
# live pair does not load at a start, the other one is used.
#
# What phones get at /trust is in these folders too, so that a new root comes with the pair that it signed.
#
# Only the owner gets in. A certificate of your CA is not enough: every phone may have one. The owner's certificate is signed
# by its own key, and is the only one that this port trusts, byte for byte. It is valid at any time, so no clock is needed.

import asyncio
import binascii
import gc
import hashlib
import os
import ssl
import time
@mutual@
@mutual@import clock

PORT = @UPDATES@
FILES = ("@CERT@", "@KEY@", "picoca-root.der", "owner.der")  # the root is for --mutual-tls
PUBLIC = {".html": "text/html; charset=utf-8", ".mobileconfig": "application/x-apple-aspen-config", ".crt": "application/x-x509-ca-cert"}
LARGEST = 4096  # bytes of a file
PAGE = 65536  # bytes of one for phones
PIECE = 2048  # bytes of a file in memory
IDLE = 15  # seconds that the owner may be silent
LIMIT = 60  # seconds for a whole update, and again until the new pair must have been seen

live = "a"  # the folder of the pair in use
context = None  # the page's, with that pair
trial = None  # the folder of a new pair that this port shows, and until when
load = room = None


def start(load_certificate, one_at_a_time):
    """Makes the page's context from the live pair; if that is damaged, from the other one."""
    global live, context, load, room
    load, room = load_certificate, one_at_a_time
    try:
        with open("live") as file:
            live = "b" if file.read(1) == "b" else "a"
    except OSError:
        pass  # the first start
    try:
        context = usable(live)
    except (OSError, ValueError) as error:
        print("the pair in", live, "is damaged:", error)
        live = other()
        context = usable(live)


def other():
    return "b" if live == "a" else "a"


def usable(folder):
    """The page's context, if the pair in a folder loads and belongs together: nothing else says so before a handshake fails."""
    new = load(folder)
    with open(folder + "/@CERT@", "rb") as file:
        certificate = file.read()
    with open(folder + "/@KEY@", "rb") as file:
        key = file.read()
    # The public key ends an EC key (SEC 1, appendix C.4); in an RSA key the modulus begins there (RFC 8017, appendix A.1.2).
    if key[-64:] not in certificate and key[12:76] not in certificate:
        raise ValueError("key and certificate do not belong together")
    return new


def owners_only(folder):
    """A context with the pair in a folder that lets in only the owner named there."""
    new = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    new.load_cert_chain(folder + "/@CERT@", folder + "/@KEY@")
    new.load_verify_locations(cafile=folder + "/owner.der")
    new.verify_mode = ssl.CERT_REQUIRED
    return new


def on_trial():
    """The folder of the new pair while it can be made live."""
    return trial[0] if trial and time.ticks_diff(trial[1], time.ticks_ms()) > 0 else None


async def serve(plain, _):
    async with room:  # memory is only sure to be enough for one connection with TLS
        tls = None
        try:
            folder = on_trial() or live
            tls = owners_only(folder).wrap_socket(plain.s, server_side=True, do_handshake_on_connect=False)
            await asyncio.wait_for(converse(asyncio.StreamReader(tls), folder), LIMIT)
        except asyncio.TimeoutError:
            print("update ended: it took too long")
        except Exception as error:  # whatever it is, the board must go on
            print("update ended:", error)
        if tls:
            tls.close()
        plain.s.close()
        tls = plain = None
        gc.collect()


def public(path):
    """The file that phones get at a path, and its type; None if there is none."""
    name = "trust.html" if path == "/trust" else path[7:] if path.startswith("/trust/") else ""
    if name not in pages(live):
        return None
    return live + "/" + name, PUBLIC[suffix(name)]


def suffix(name):
    return name[max(name.rfind("."), 0) :]


def pages(folder):
    return sorted(name for name in os.listdir(folder) if suffix(name) in PUBLIC)


def digest(folder):
    """The SHA-256 of all that phones get, by which the owner sees whether it is out of date."""
    hash = hashlib.sha256()
    for name in pages(folder):
        hash.update(("%s %d\n" % (name, os.stat(folder + "/" + name)[6])).encode())
        with open(folder + "/" + name, "rb") as file:
            while piece := file.read(PIECE):
                hash.update(piece)
    return binascii.hexlify(hash.digest()).decode()


class Body:
    """What a request sends, piece by piece: the page for phones might not fit into memory."""

    def __init__(self, stream, size, piece):
        self.stream, self.left, self.piece = stream, size, piece[:size]

    async def read(self):
        """The next piece, b"" at the end."""
        piece, self.piece = self.piece, b""
        if not piece and self.left:
            piece = await asyncio.wait_for(self.stream.read(min(PIECE, self.left)), IDLE)
            if not piece:
                raise EOFError("half a request")
        self.left -= len(piece)
        return piece

    async def text(self):
        """All of it, for what is short."""
        all = b""
        while piece := await self.read():
            all += piece
        return all.decode()


async def converse(stream, folder):
    """Does what the owner asks for. Each request is answered before the next one comes."""
    while True:
        head = b""
        while b"\r\n\r\n" not in head:
            more = await asyncio.wait_for(stream.read(512), IDLE)
            if not more or len(head) > 1024:
                return
            head += more
        head, piece = head.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        size = 0
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                size = int(value)
        if size > (PAGE if suffix(path) in PUBLIC else LARGEST):
            raise ValueError("a file of %d bytes" % size)
        body = Body(stream, size, piece)
        try:
            status, text = await answer(method, path[1:], body, folder)
        except (OSError, ValueError, MemoryError) as error:
            status, text = "409 Conflict", str(error)
        while await body.read():  # or the answer would be lost with the connection
            pass
        stream.write(("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text)).encode())
        await stream.drain()


async def answer(method, name, body, folder):
    if method == "PUT" and (name in FILES or "/" not in name and suffix(name) in PUBLIC):
        await store(name, body)
    elif method == "GET" and name == "trust":
        return "200 OK", digest(folder)
    elif method == "POST" and name == "try":
        try_out((await body.text()).split())
    elif method == "POST" and name == "live" and folder in (live, on_trial()):
        make_live(folder)
@mutual@        seconds = await body.text()
@mutual@        if seconds:
@mutual@            clock.told(seconds, live + "/@CERT@")
    else:
        return "404 Not Found", "no such request now"
    return "200 OK", ""


async def store(name, body):
    global trial
    trial = None
    if other() not in os.listdir():
        os.mkdir(other())
    with open(other() + "/" + name, "wb") as file:
        while piece := await body.read():
            file.write(piece)


def try_out(names):
    """From now on this port shows the new pair, if it loads and belongs together. Its folder has the named files and no others."""
    global trial
    for name in os.listdir(other()):
        if names and name not in names:
            os.remove(other() + "/" + name)
    for name in names:
        os.stat(other() + "/" + name)
    usable(other())
    owners_only(other())
    trial = (other(), time.ticks_add(time.ticks_ms(), LIMIT * 1000))


def make_live(folder):
    """Uses the pair from now on, if that isn't so already: the owner may not have heard of it."""
    global live, context, trial
    if folder == live:
        return
    new = usable(folder)
    with open("live.new", "w") as file:
        file.write(folder)
    os.rename("live.new", "live")  # a power cut leaves the old file or the new one
    live, context, trial = folder, new, None
    print("new certificate in", folder)
