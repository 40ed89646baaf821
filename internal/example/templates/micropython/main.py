# @NAME@: a web app over HTTPS, from MicroPython 1.22 or later on a Pico W, Pico 2 W or ESP32.
# Write your Wi-Fi's name and password into secrets.py, and copy all files of this folder to the board.
@updates@# The certificate, its key and what phones get at /trust are in the folder a; updates.py has them replaced without a cable.
#
# Three things that go wrong most often:
# 1. Formats. MicroPython before 1.29 reads keys and certificates as DER only, and a key as SEC1 ("EC PRIVATE KEY") or
#    PKCS#1 ("RSA PRIVATE KEY"). For anything else it says "invalid key" or "invalid cert". cert.der and key.der are right.
# 2. The listening socket. TLS belongs on the accepted connection. It takes about 27 KB of memory, of which 16.7 KB must be
#    in one piece; so this program serves one connection at a time, and the others wait for their turn without TLS.
# 3. The clock. A Pico W starts at 2021-01-01. For serving HTTPS that does not matter: a browser goes by its own clock.
@untimed@#    Once the board checks certificates of others, they "start in the future": call ntptime.settime() first.
@mutual@#    But this program checks the certificates of its visitors, and in 2021 they "start in the future". So it sets the
@mutual@#    clock first: see clock.py. A handshake takes a Pico W 1.6 to 1.7 s then, instead of 0.5 to 0.6 s.
@push@#    The board checks the certificates of push services, and in 2021 they "start in the future". So it sets the clock from
@push@#    the network, and sends no message before.

import asyncio
import gc
@updates@
@updates@gc.threshold(20000)  # or what stays would lie scattered among the garbage of loading: TLS needs 16.7 KB in one piece
@updates@
@fixed@@mutual@
@fixed@@mutual@gc.threshold(20000)  # or what stays would lie scattered among the garbage of loading: TLS needs 16.7 KB in one piece
@fixed@@mutual@
import io
import json
import network
@push@@simple@import ntptime
import ssl
import time

@mutual@import clock
@push@import messages
import secrets
@updates@import updates

# What can be asked for. Nothing else in this folder can be, above all not key.der and secrets.py.
FILES = {
    "/": ("index.html", "text/html"),
    "/app.webmanifest": ("app.webmanifest", "application/manifest+json"),
    "/icon.png": ("icon.png", "image/png"),
    "/sw.js": ("sw.js", "text/javascript"),
@fixed@@trust@    "@PATH@": ("@FILE@", "@TYPE@"),
}

# How many seconds a connection may be idle. The longer, the more requests need no handshake.
KEEP = 60  # when no one else waits
SPARE = 10  # when only the same device waits: browsers open connections ahead that they may never use
GIVE_WAY = 2  # when another device waits, and then it ends in any case after
TURN = 15
MANY = 8  # connections of one device that may wait: each takes memory, which the one with TLS needs

waiting = []  # the addresses of the connections that wait
turn = asyncio.Lock()  # held by the one that is served
wifi = network.WLAN(network.STA_IF)


async def stay_connected():
@local@    network.hostname("@HOST@")  # before connecting: @HOST@.local is this name
@dns@    network.hostname("@HOST@")  # before connecting: the router learns it, and its DNS must answer for @NAME@
@address@    network.hostname("@HOST@")  # before connecting: the router learns it, and must always give this board @NAME@
    wifi.active(True)
    while True:
        if not wifi.isconnected():
            try:
                wifi.disconnect()  # an ESP32 that is still trying says "Wifi Internal Error" to the next connect
                await asyncio.sleep(1)
                wifi.connect(secrets.WIFI_SSID, secrets.WIFI_PASSWORD)
            except OSError as error:
                print("no Wi-Fi:", error)
        await asyncio.sleep(15)


@push@@simple@async def set_clock():
@push@@simple@    # It needs the internet, or a time server of your own in ntptime.host.
@push@@simple@    while True:
@push@@simple@        try:
@push@@simple@            return ntptime.settime()
@push@@simple@        except OSError as error:
@push@@simple@            print("no time from", ntptime.host, error)
@push@@simple@            await asyncio.sleep(2)
@push@@simple@
@push@@simple@
@fixed@def load_certificate():
@updates@def load_certificate(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
@fixed@    context.load_cert_chain("@CERT@", "@KEY@")
@updates@    context.load_cert_chain(folder + "/@CERT@", folder + "/@KEY@")
@mutual@    # Only devices with a certificate of your CA get in.
@mutual@@fixed@    context.load_verify_locations(cafile="@CA@")
@mutual@@updates@    context.load_verify_locations(cafile=folder + "/@CA@")
@mutual@    context.verify_mode = ssl.CERT_REQUIRED
    return context


def patience(address, began):
    if not waiting:
        return KEEP
    if all(other == address for other in waiting):
        return SPARE
    return GIVE_WAY if time.ticks_diff(time.ticks_ms(), began) < TURN * 1000 else 0


async def receive(stream, address, began):
    """The next bytes of a connection; b"" when its client is gone, or it has to make room."""
    idle = 0
    while idle < patience(address, began):
        try:
            return await asyncio.wait_for(stream.read(512), 1)
        except asyncio.TimeoutError:
            idle += 1
    return b""


async def converse(stream, address):
    """Answers the requests of one connection, one after the other, until it ends."""
    began = time.ticks_ms()
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            more = await receive(stream, address, began)
            if not more or len(received) > 4096:
                return
            received += more
        request, received = received.split(b"\r\n\r\n", 1)
        method, path, version = request.split(b"\r\n", 1)[0].decode().split(" ")
@push@        if method == "POST":
@push@            result, received = await post(stream, address, began, path, request, received)
@push@            await asyncio.wait_for(send(stream, method, result, "text/plain", io.BytesIO(result.encode()), False), TURN)
@push@            continue
        last = method not in ("GET", "HEAD") or version != "HTTP/1.1" or b"connection: close" in request.lower()
        await asyncio.wait_for(answer(stream, method, path.split("?")[0], last), TURN)
        if last:
            return


@push@async def post(stream, address, began, path, request, received):
@push@    """Does what a page asks for in JSON, which another site's page cannot send. Returns the status, and what came after it."""
@push@    fields = {}
@push@    for line in request.decode().lower().split("\r\n")[1:]:
@push@        name, _, value = line.partition(":")
@push@        fields[name] = value.strip()
@push@    size = int(fields.get("content-length", "0"))
@push@    if fields.get("content-type") != "application/json" or size > 2048:
@push@        raise ValueError("a request that the page does not send")
@push@    while len(received) < size:
@push@        more = await receive(stream, address, began)
@push@        if not more:
@push@            raise ValueError("half a request")
@push@        received += more
@push@    return messages.post(path, received[:size]), received[size:]
@push@
@push@
async def answer(stream, method, path, last):
    if method not in ("GET", "HEAD"):
        return await send(stream, method, "405 Method Not Allowed", "text/plain", io.BytesIO(b"405\n"), last)
    if path == "/status":
        gc.collect()
@nopush@        status = {"seconds": time.ticks_ms() // 1000, "free": gc.mem_free()}
@push@        status = messages.status()
        body = io.BytesIO(json.dumps(status).encode())
        return await send(stream, method, "200 OK", "application/json", body, last)
@fixed@    found = FILES.get(path)
@updates@    found = FILES.get(path) or updates.public(path)
    if not found:
        return await send(stream, method, "404 Not Found", "text/plain", io.BytesIO(b"404\n"), last)
    name, kind = found
    with open(name, "rb") as file:
        await send(stream, method, "200 OK", kind, file, last)


async def send(stream, method, status, kind, body, last):
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
    stream.write("\r\n".join(lines).encode())
    await stream.drain()
    piece = bytearray(1024)  # a file at once might not fit
    while method != "HEAD" and (count := body.readinto(piece)):
        stream.write(memoryview(piece)[:count])
        await stream.drain()


async def serve(plain, _):
    address = plain.get_extra_info("peername")[0]
    if waiting.count(address) >= MANY:
        plain.s.close()
        return
    waiting.append(address)
    await turn.acquire()
    waiting.remove(address)
    tls = None
    try:
@fixed@        tls = context.wrap_socket(plain.s, server_side=True, do_handshake_on_connect=False)
@updates@        tls = updates.context.wrap_socket(plain.s, server_side=True, do_handshake_on_connect=False)
        await converse(asyncio.StreamReader(tls), address)
    except Exception as error:  # whatever it is, the next visitor must have a turn
        # Usual: a client that hangs up in the handshake, because it does not trust your CA yet.
        print(address, "ended:", error)
    finally:
        if tls:
            tls.close()  # not left to the garbage collector: its memory is needed now
        plain.s.close()
        tls = plain = None
        gc.collect()  # so that the next one finds its memory in one piece
        turn.release()


@room@class Room:
@room@    """Takes the place of a visitor: memory is only sure to be enough for one connection with TLS."""
@room@
@room@    async def __aenter__(self):
@room@        waiting.append("board")
@room@        await turn.acquire()
@room@        waiting.remove("board")
@room@
@room@    async def __aexit__(self, *error):
@room@        gc.collect()
@room@        turn.release()
@room@
@room@
async def plain(stream, _):
    """Plain HTTP answers two things: what a phone needs to trust your CA, and for all else where HTTPS is."""
    try:
        await asyncio.wait_for(answer_plain(stream), 10)
    except Exception:  # whatever it is, the connection must end
        pass
    stream.close()
    await stream.wait_closed()


async def answer_plain(stream):
    head = await stream.read(512)
    method, path, _ = head.decode().split(" ", 2)
    while b"\r\n\r\n" not in head:  # to its end: a connection that is closed with something unread loses the answer
        more = await stream.read(512)
        if not more:
            return
        head = head[-3:] + more
    path = path.split("?")[0]
@fixed@    if path.startswith("/trust") and path in FILES:
@updates@    if updates.public(path):
        return await answer(stream, method, path, True)
    stream.write(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://@NAME@/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await stream.drain()


async def main():
    asyncio.create_task(stay_connected())
    while not wifi.isconnected():
        await asyncio.sleep(1)
    await asyncio.start_server(plain, "0.0.0.0", 80)
@updates@    await asyncio.start_server(updates.serve, "0.0.0.0", updates.PORT)
@mutual@    await clock.ask(clock.TRIES)
@mutual@    asyncio.create_task(clock.keep())
    await asyncio.start_server(serve, "0.0.0.0", 443)
    print("https://@NAME@/ at", wifi.ifconfig()[0])
@push@    asyncio.create_task(messages.watch())
@push@@simple@    await set_clock()
@push@@mutual@    await clock.known.wait()
@push@    asyncio.create_task(messages.deliver(Room()))
    while True:
        await asyncio.sleep(3600)


@fixed@context = load_certificate()
@updates@updates.start(load_certificate, Room())
@mutual@@fixed@clock.start("@CERT@")
@mutual@@updates@clock.start(updates.live + "/@CERT@")
@push@# The computations leave much garbage. If it were only collected once memory is full, what stays would lie scattered, and a
@push@# visitor's connection needs 16.7 KB in one piece.
@push@gc.threshold(40000)
asyncio.run(main())
