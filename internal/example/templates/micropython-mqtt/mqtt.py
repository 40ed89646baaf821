# What a program needs of MQTT 3.1.1 to publish: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
import socket
import struct

TIMEOUT = 20  # seconds that the broker may take to answer


class Client:
    """One connection to a broker. Whatever goes wrong raises OSError or ValueError: make a new one then."""

    def __init__(self, context, broker, address, port, name, keep_alive, will_topic, will):
        self.last = 0
        self.plain = socket.socket()
        try:
            self.plain.settimeout(TIMEOUT)
            self.plain.connect(socket.getaddrinfo(address, port)[0][-1])
            # The handshake. The broker must have a certificate for its name, wherever it is.
            self.stream = context.wrap_socket(self.plain, server_hostname=broker)
            # Section 3.1: a new session, with a will that the broker keeps for those who come later.
            body = text("MQTT") + struct.pack("!BBH", 4, 0x26, keep_alive) + text(name) + text(will_topic) + text(will)
            self.send(0x10, body)
            answer = self.receive(4)
            if answer[3]:
                raise OSError("the broker refuses: %d" % answer[3])  # 5: not authorized
        except Exception:
            self.close()
            raise

    def publish(self, topic, message, retain=False):
        """Returns when the broker has the message."""
        self.last = self.last % 0xFFFF + 1
        number = struct.pack("!H", self.last)
        self.send(0x33 if retain else 0x32, text(topic) + number + message.encode())
        self.expect(b"\x40\x02" + number)

    def ping(self):
        """Must come more often than every keep_alive seconds, if nothing else does."""
        self.send(0xC0, b"")
        self.expect(b"\xd0\x00")

    def close(self):
        """Without a goodbye: the broker publishes the will."""
        self.plain.close()

    def send(self, kind, body):
        head, size = bytearray((kind,)), len(body)
        while size > 0x7F:
            head.append(size & 0x7F | 0x80)
            size >>= 7
        head.append(size)
        self.stream.write(head + body)

    def receive(self, count):
        answer = self.stream.read(count)
        if not answer or len(answer) < count:
            raise OSError("the broker closed the connection")
        return answer

    def expect(self, want):
        answer = self.receive(len(want))
        if answer != want:
            raise OSError("the broker answers %r" % answer)


def text(words):
    data = words.encode()
    return struct.pack("!H", len(data)) + data
