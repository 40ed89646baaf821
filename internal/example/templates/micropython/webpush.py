# Web Push (RFC 8030) from a board, in plain Python: the token that names the sender (VAPID, RFC 8292) and the encryption of
# the text (aes128gcm, RFC 8291). It needs MicroPython 1.22 or later, a clock that is set, and about 20 KB of memory.
#
#     sender = webpush.Sender(key, "mailto:you@example.com")     # key: the 32 bytes of vapid.key
#     await sender.prepare()                                     # once, about 2 s on a Pico W
#     status = await sender.send(subscription, b"text")          # what the page's PushSubscription.toJSON() gave
#
# All long computations let other tasks run in between, so the board goes on serving. They do not take the same time for
# all keys: somebody who could measure the board's computing time to the microsecond, thousands of times, could learn about
# the key. In a home the key is only worth the right to send messages to the devices that subscribed here.

import asyncio
import json
import os
import ssl
import time
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from cryptolib import aes

# The push services, by the end of their host names: where browsers let others leave messages. The board connects to no
# other host, whatever somebody in the house claims to be a subscription. The names are of the files with the roots that
# the service's certificate may have; no service promises to keep them, so the files can be replaced.
SERVICES = {
    "fcm.googleapis.com": ("gts-root-r1.der", "gts-root-r4.der"),  # Chrome, Edge on Android
    "updates.push.services.mozilla.com": ("gts-root-r1.der", "isrg-root-x1.der", "digicert-global-root-g2.der"),  # Firefox
    "web.push.apple.com": ("usertrust-rsa.der",),  # Safari
    ".notify.windows.com": ("digicert-global-root-g2.der", "microsoft-rsa-2017.der", "microsoft-ecc-2017.der"),  # Edge
}

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.-"  # of a host's name
MOST = 3993  # bytes of a text: push services take 4,096 in all (RFC 8291 section 4)
PATIENCE = 60  # seconds for a connection to a push service
TOKEN = 12 * 3600  # seconds that a token is used; RFC 8292 section 2 allows 24 hours
EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0  # what boards count from, in Unix time

# P-256 (SEC 2, section 2.4.2): y * y = x * x * x - 3 * x + B, modulo P; G generates a group of N points.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def number(data):
    return int.from_bytes(data, "big")


def octets(n):
    return n.to_bytes(32, "big")


def inverse(a, modulus):
    u, v, x, y = a % modulus, modulus, 1, 0
    while u > 1:
        q = v // u
        u, v, x, y = v - q * u, u, y - q * x, x
    return x % modulus


# Points are x / z**2, y / z**3 (Jacobian coordinates): adding them needs no division. z = 0 is the point at infinity.
def double(x, y, z, p=P):
    d = z * z % p
    g = y * y % p
    b = x * g % p
    a = 3 * (x - d) * (x + d) % p
    u = (a * a - 8 * b) % p
    return u, (a * (4 * b - u) - 8 * g * g) % p, 2 * y * z % p


def add(x, y, z, u, v, p=P):
    """The sum of two points, of which the second has z = 1."""
    if not z:
        return u, v, 1
    zz = z * z % p
    h = (u * zz - x) % p
    r = (v * z * zz - y) % p
    if not h:
        return (0, 1, 0) if r else double(x, y, z)
    hh = h * h % p
    k = h * hh % p
    w = x * hh % p
    u = (r * r - k - 2 * w) % p
    return u, (r * (w - u) - y * k) % p, z * h % p


def affine(x, y, z):
    z = inverse(z, P)
    zz = z * z % P
    return x * zz % P, y * zz * z % P


def point(data):
    """The point of an uncompressed public key (SEC 1, section 2.3.4). Only points on the curve may be multiplied."""
    if len(data) != 65 or data[0] != 4:
        raise ValueError("not a P-256 key")
    x, y = number(data[1:33]), number(data[33:])
    if x >= P or y >= P or (y * y - x * x * x + 3 * x - B) % P:
        raise ValueError("not a point on P-256")
    return x, y


async def comb(q):
    """The table for times(q): the sums of q, 2**52 * q, 2**104 * q, 2**156 * q and 2**208 * q, in 31 times 64 bytes."""
    table = [q]
    x, y = q
    for i in range(1, 5):
        z = 1
        for j in range(52):
            x, y, z = double(x, y, z)
            if not j & 7:
                await asyncio.sleep(0)
        x, y = affine(x, y, z)
        table.append((x, y))
        for u, v in table[: len(table) - 1]:
            table.append(affine(*add(u, v, 1, x, y)))
            await asyncio.sleep(0)
    return b"".join([octets(x) + octets(y) for x, y in table])


async def times(k, table):
    """k times the point of a table (Lim and Lee's comb): bits that are 52 apart are done together."""
    k = k.to_bytes(33, "big")
    x, y, z = 0, 1, 0
    for i in range(51, -1, -1):
        if z:
            x, y, z = double(x, y, z)
        j = 0
        for n in range(5):
            bit = i + 52 * n
            j |= (k[32 - (bit >> 3)] >> (bit & 7) & 1) << n
        if j:
            j = 64 * j - 64
            x, y, z = add(x, y, z, number(table[j : j + 32]), number(table[j + 32 : j + 64]))
        if not i & 7:
            await asyncio.sleep(0)
    return affine(x, y, z)


def odd_multiples(q):
    """q, 3 * q, 5 * q and 7 * q. Their three z are inverted together: an inverse takes as long as seven doublings."""
    u, v = affine(*double(q[0], q[1], 1))
    three = add(q[0], q[1], 1, u, v)
    five = add(*three, u, v)
    seven = add(*five, u, v)
    both = three[2] * five[2] % P
    rest = inverse(both * seven[2], P)
    seventh, rest = rest * both % P, rest * seven[2] % P
    odd = [q]
    for (x, y, _), z in ((three, rest * five[2] % P), (five, rest * three[2] % P), (seven, seventh)):
        zz = z * z % P
        odd.append((x * zz % P, y * zz * z % P))
    return odd


async def times_any(k, q):
    """k times a point that has no table: in non-adjacent form of width 4, each bit costs a doubling, each fifth an addition."""
    odd = odd_multiples(q)
    digits = bytearray(258)
    n = 0
    while k:
        if k & 1:
            digit = k & 15
            digits[n] = digit
            k -= digit - 16 if digit > 8 else digit
        k >>= 1
        n += 1
    x, y, z = 0, 1, 0
    while n:
        n -= 1
        if z:
            x, y, z = double(x, y, z)
        digit = digits[n]
        if digit > 8:
            u, v = odd[(16 - digit) >> 1]
            x, y, z = add(x, y, z, u, P - v)
        elif digit:
            x, y, z = add(x, y, z, *odd[digit >> 1])
        if not n & 7:
            await asyncio.sleep(0)
    return affine(x, y, z)


def hmac(key, *parts):
    """HMAC with SHA-256 (RFC 2104). Keys are at most 64 bytes."""
    key = key + bytes(64 - len(key))
    inner = sha256(bytes([b ^ 0x36 for b in key]))
    for part in parts:
        inner.update(part)
    outer = sha256(bytes([b ^ 0x5C for b in key]))
    outer.update(inner.digest())
    return outer.digest()


def nonce(d, digest):
    """The number that must never be used twice, from the key and the message (RFC 6979, section 3.2), not from chance."""
    seed = octets(d) + octets(number(digest) % N)
    k, v = bytes(32), b"\1" * 32
    for step in (b"\0", b"\1"):
        k = hmac(k, v, step, seed)
        v = hmac(k, v)
    while True:
        v = hmac(k, v)
        if 0 < number(v) < N:
            return number(v)
        k = hmac(k, v, b"\0")
        v = hmac(k, v)


async def sign(d, message, table):
    """ECDSA with SHA-256, as a JSON Web Signature has it (RFC 7518, section 3.4)."""
    digest = sha256(message).digest()
    k = nonce(d, digest)
    r = (await times(k, table))[0] % N
    return octets(r) + octets(inverse(k, N) * (number(digest) + r * d) % N)


def gcm(key, iv, data):
    """AES-128-GCM (NIST SP 800-38D) without additional data: the ciphertext, and the tag."""
    blocks = (len(data) + 15) // 16
    counters = b"".join([iv + i.to_bytes(4, "big") for i in range(1, blocks + 2)])
    stream = aes(key, 1).encrypt(bytes(16) + counters)  # 1 is ECB: cryptolib has no CTR
    out = bytearray(data)
    for i in range(len(out)):
        out[i] ^= stream[32 + i]
    out = bytes(out)
    mac = ghash(number(stream[:16]), out + bytes(-len(out) % 16) + (8 * len(out)).to_bytes(16, "big"))
    return out + (mac ^ number(stream[16:32])).to_bytes(16, "big")


def ghash(h, data):
    """GHASH, four bits at a time: a table of the 16 multiples of h, and one of what falls out at the end."""
    multiples, rest = [0] * 16, []
    multiples[8] = h
    for i in (4, 2, 1):
        h = h >> 1 ^ (0xE1 << 120 if h & 1 else 0)
        multiples[i] = h
    for i in (2, 4, 8):
        for j in range(1, i):
            multiples[i + j] = multiples[i] ^ multiples[j]
    for i in range(16):
        for _ in range(4):
            i = i >> 1 ^ (0xE100 if i & 1 else 0)
        rest.append(i << 112)
    y = 0
    for i in range(0, len(data), 16):
        block = (y ^ number(data[i : i + 16])).to_bytes(16, "big")
        y = 0
        for j in range(15, -1, -1):
            y = y >> 4 ^ rest[y & 15] ^ multiples[block[j] & 15]
            y = y >> 4 ^ rest[y & 15] ^ multiples[block[j] >> 4]
    return y


def base64url(data):
    return b2a_base64(data).decode().rstrip("\n=").replace("+", "-").replace("/", "_")


def unbase64url(text):
    return a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


def random_key():
    while True:
        d = number(os.urandom(32))
        if 0 < d < N:
            return d


async def encrypt(data, subscription, table, pair=None, salt=None):
    """The body of a message for a subscription (RFC 8291, section 3; one record of RFC 8188)."""
    keys = subscription["keys"]
    theirs = unbase64url(keys["p256dh"])
    d, ours = pair or await key_pair(table)
    salt = salt or os.urandom(16)
    shared = octets((await times_any(d, point(theirs)))[0])
    secret = hmac(hmac(unbase64url(keys["auth"]), shared), b"WebPush: info\0", theirs, ours, b"\1")
    secret = hmac(salt, secret)
    key = hmac(secret, b"Content-Encoding: aes128gcm\0\1")[:16]
    iv = hmac(secret, b"Content-Encoding: nonce\0\1")[:12]
    return salt + b"\0\0\x10\0\x41" + ours + gcm(key, iv, data + b"\2")


async def key_pair(table):
    d = random_key()
    return d, await public(d, table)


async def public(d, table):
    x, y = await times(d, table)
    return b"\4" + octets(x) + octets(y)


def host_of(endpoint):
    """The host of an endpoint's URL, which must be a push service's."""
    if not endpoint.startswith("https://"):
        raise ValueError("not an https URL")
    host = endpoint[8:].split("/", 1)[0]
    if service_of(host) is None:
        raise ValueError("not a push service: " + host)
    return host


def service_of(host):
    """The name of the push service, None if it is none: only a name may stand before the end of one."""
    for name in SERVICES:
        if host == name or name[0] == "." and host.endswith(name) and all(c in LETTERS for c in host):
            return name
    return None


def check(subscription):
    """Returns what is needed of a subscription that a page sent, or raises ValueError: anybody in the house can send one."""
    try:
        endpoint, keys = subscription["endpoint"], subscription["keys"]
        p256dh, auth = keys["p256dh"], keys["auth"]
        if len(p256dh) > 88 or len(auth) > 24:  # 65 and 16 bytes; a2b_base64 passes over what is no base64
            raise ValueError("keys are too long")
        host_of(endpoint)
        if len(endpoint) > 1000 or not all(33 <= ord(c) < 127 for c in endpoint):
            raise ValueError("endpoint is too long, or not a URL")
        point(unbase64url(p256dh))
        if len(unbase64url(auth)) != 16:
            raise ValueError("auth is not 16 bytes")
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a subscription")
    return {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}


class Sender:
    """Sends messages, signed with one VAPID key. Browsers bind a subscription to that key: keep it."""

    def __init__(self, key, contact):
        self.key = number(key)
        self.contact = contact
        self.tokens = {}  # by origin: the Authorization header, and when it ends
        self.pair = None  # a key for the next message, made ahead

    async def prepare(self):
        self.table = await comb(G)
        self.public = await public(self.key, self.table)

    async def token(self, origin, now):
        header, ends = self.tokens.get(origin, (None, 0))
        if ends - now < 600 or ends - now > TOKEN:  # soon over, or the clock was set back
            ends = now + TOKEN
            claims = json.dumps({"aud": origin, "exp": ends, "sub": self.contact})
            text = base64url(b'{"typ":"JWT","alg":"ES256"}') + "." + base64url(claims.encode())
            signature = await sign(self.key, text.encode(), self.table)
            header = "vapid t=" + text + "." + base64url(signature) + ", k=" + base64url(self.public)
            if len(self.tokens) >= 8:  # there are not so many services
                self.tokens.clear()
            self.tokens[origin] = header, ends
        return header

    async def ahead(self):
        """Makes the key of the next message, which then needs a third less time. For idle moments."""
        if not self.pair:
            self.pair = await key_pair(self.table)

    async def send(self, subscription, data=b"", ttl=86400, urgency="normal", topic=None, room=None):
        """Leaves a message with the subscription's push service, and returns the status of its answer: 201 is good, 404 and
        410 mean that the subscription has ended, 429 and 5xx that it can be tried again later. Without data the page's
        service worker shows a text of its own. Raises OSError if the service cannot be reached or is not whom it should be. Room is
        an asynchronous context manager in which the connection is open, for boards that have memory for few."""
        if len(data) > MOST:
            raise ValueError("text is longer than " + str(MOST) + " bytes")
        endpoint = subscription["endpoint"]
        host = host_of(endpoint)
        now = time.time() + EPOCH
        if now < 1700000000:
            raise OSError("the clock is not set")
        lines = ["POST " + endpoint[8 + len(host) :] + " HTTP/1.1", "Host: " + host, "TTL: " + str(ttl), "Urgency: " + urgency]
        lines.append("Authorization: " + await self.token("https://" + host, now))
        if topic:
            lines.append("Topic: " + topic)
        body = b""
        if data:
            pair, self.pair = self.pair, None  # never for two messages
            body = await encrypt(data, subscription, self.table, pair)
            lines.append("Content-Encoding: aes128gcm")
            lines.append("Content-Type: application/octet-stream")
        lines.append("Content-Length: " + str(len(body)))
        lines.append("Connection: close\r\n\r\n")
        head = "\r\n".join(lines).encode()
        if room is None:
            return await post(host, head, body)
        async with room:
            return await post(host, head, body)


def context_for(host):
    """A TLS client that trusts the roots of one push service only. Each root is loaded by itself: of several in one file
    MicroPython takes the first, without a word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for name in SERVICES[service_of(host)]:
        with open(name, "rb") as file:
            context.load_verify_locations(cadata=file.read())
    return context


async def post(host, head, body):
    try:
        return await asyncio.wait_for(exchange(host, head, body), PATIENCE)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise OSError(host + ": " + (str(error) or "no answer within %d s" % PATIENCE))


async def exchange(host, head, body):
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port or 443), ssl=context_for(host), server_hostname=name)
    try:
        writer.write(head)
        writer.write(body)
        await writer.drain()
        words = (await reader.readline()).split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
            raise OSError("answer is not HTTP")
        return int(words[1])
    finally:
        writer.close()
        await writer.wait_closed()
