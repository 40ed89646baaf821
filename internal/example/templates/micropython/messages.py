# What @NAME@ measures, and the messages that it sends to the devices that subscribed on its page.
# Change reading(), UNIT, LIMIT and the texts to what your board is for.

import asyncio
import gc
import json
import machine
import os
import time

@updates@import updates
import webpush

UNIT = "°C"
LIMIT = 45  # a message is sent when the reading rises above it
EVERY = 300  # seconds between two readings; a day of them is kept
CONTACT = "@CONTACT@"  # whom a push service can ask if something is wrong with the messages
DEVICES = 8  # so many subscriptions are kept
RETRY = 30000  # milliseconds until a message is tried again; then four times as many, and so on
SOON = 30  # days before the certificate ends, when a message says so


def reading():
    """Here it is the temperature of the chip, in a way that it has."""
    try:
        import esp32
    except ImportError:
        volts = machine.ADC(4).read_u16() * 3.3 / 65535
        return 27 - (volts - 0.706) / 0.001721  # RP2040 datasheet, section 4.9.5
    if hasattr(esp32, "mcu_temperature"):  # C3, S2, S3 and later
        return esp32.mcu_temperature()
    return (esp32.raw_temperature() - 32) / 1.8


def load(name, default):
    try:
        with open(name) as file:
            return json.load(file)
    except (OSError, ValueError):
        return default


def save(name, value):
    """Writes a file so that a power cut leaves the old one or the new one."""
    with open(name + ".new", "w") as file:
        json.dump(value, file)
    os.rename(name + ".new", name)


history = []  # readings, the newest last
queue = []  # messages to send: when, which try, to whom, what, on which topic
some = asyncio.Event()  # there may be something to send
subscriptions = load("subscriptions.json", [])
with open("vapid.key", "rb") as file:
    sender = webpush.Sender(file.read(), CONTACT)


def post(path, body):
    """Does what the page asks for, and returns the status line's text."""
    try:
        value = json.loads(body)
        if path == "/subscribe":
            subscribe(value)
        elif path == "/forget":
            forget(value["endpoint"])
        elif path == "/test":
            test(value["endpoint"])
        else:
            return "404 Not Found"
    except (ValueError, KeyError, TypeError) as error:
        print("refused:", error)
        return "400 Bad Request"
    return "200 OK"


def subscribe(subscription):
    """Keeps a subscription as the page sent it, or raises ValueError. The newest stand last. If there are too many, the
    oldest to which no message ever got through makes room: anybody in the house can send one."""
    new = webpush.check(subscription)
    others = [old for old in subscriptions if old["endpoint"] != new["endpoint"]]
    unproven = [old for old in others if not old.get("reached")]
    if len(others) >= DEVICES and unproven:
        others.remove(unproven[0])
    if len(others) >= DEVICES:
        raise ValueError("the board has %d devices already" % DEVICES)
    keep(others + [new])


def forget(endpoint):
    keep([old for old in subscriptions if old["endpoint"] != endpoint])


def keep(those):
    if those != subscriptions:
        save("subscriptions.json", those)
        subscriptions[:] = those


def test(endpoint):
    """Sends a message to one device, unless another is on its way; what waits to be tried again does not count."""
    devices = [s for s in subscriptions if s["endpoint"] == endpoint]
    if not history or not devices or any(tries == 0 for _, tries, _, _, _ in queue):
        raise ValueError("no test now")
    notify("Messages work: %s %s" % (history[-1], UNIT), "test", devices)


def notify(text, topic=None, devices=subscriptions):
    """Sends a text to devices as soon as possible. Of one topic, a push service only keeps the newest message."""
    # Safari shows a message of this form by itself; the page's service worker does so everywhere else.
    shown = {"title": "@NAME@", "body": text, "navigate": "https://@NAME@/"}
    message = json.dumps({"web_push": 8030, "notification": shown}).encode()
    for subscription in devices:
        if len(queue) < 4 * DEVICES:  # beyond that something is wrong, and memory is short
            queue.append((time.ticks_ms(), 0, subscription, message, topic))
    some.set()


async def deliver(room):
    """Sends what is in the queue, for ever. Room is held while there is a connection."""
    await sender.prepare()
    while True:
        if not queue:
            some.clear()  # before anything else runs: a message that comes meanwhile sets it again
            await sender.ahead()
            await some.wait()
            continue
        entry = min(queue, key=lambda entry: time.ticks_diff(entry[0], time.ticks_ms()))
        if time.ticks_diff(entry[0], time.ticks_ms()) > 0:
            await asyncio.sleep(1)
            continue
        queue.remove(entry)
        if any(old["endpoint"] == entry[2]["endpoint"] for old in subscriptions):
            await attempt(room, *entry)


async def attempt(room, when, tries, subscription, message, topic):
    try:
        status = await sender.send(subscription, message, urgency="high", topic=topic, room=room)
        print("message to", webpush.host_of(subscription["endpoint"]) + ":", status)
    except (OSError, MemoryError) as error:
        status = 500
        print("message not sent:", error)
    gc.collect()
    if status in (404, 410):
        forget(subscription["endpoint"])
    elif 200 <= status < 300 and not subscription.get("reached"):
        keep([dict(old, reached=True) if old["endpoint"] == subscription["endpoint"] else old for old in subscriptions])
    elif (status in (406, 429) or status >= 500) and tries < 5:  # the last time after two hours
        later = time.ticks_add(time.ticks_ms(), RETRY << 2 * tries)
        queue.append((later, tries + 1, subscription, message, topic))


def ends():
    """The last day of the certificate, as YYMMDD: its dates stand in it as YYMMDDHHMMSSZ (RFC 5280, section 4.1.2.5)."""
@fixed@    with open("@CERT@", "rb") as file:
@updates@    with open(updates.live + "/@CERT@", "rb") as file:
        data = file.read()
    at = data.find(b"\x30\x1e\x17\x0d") + 19
    return data[at : at + 6].decode()


def days_left():
    """Whole days until the certificate ends, None while the clock is not set."""
    if time.gmtime()[0] < 2025:
        return None
    day = ends()
    end = time.mktime((2000 + int(day[:2]), int(day[2:4]), int(day[4:]), 0, 0, 0, 0, 0))
    return (end - time.time()) // 86400


def status():
    return {
        "unit": UNIT, "every": EVERY, "readings": history, "days": days_left(), "devices": len(subscriptions),
        "seconds": time.ticks_ms() // 1000,
    }


async def watch():
    """Keeps a day of readings, and sends what is worth a message. A sensor that fails once may work the next time."""
    above = False
    while True:
        try:
            value = round(reading(), 1)
            history.append(value)
            if len(history) > 86400 // EVERY:
                history.pop(0)
            if value > LIMIT and not above:
                notify("%s %s" % (value, UNIT), "limit")
            above = value > LIMIT - (1 if above else 0)  # once, although it goes up and down a little
            warn()
        except Exception as error:
            print("no reading:", error)
        await asyncio.sleep(EVERY)


def warn():
    """Says once that the certificate ends soon."""
    left = days_left()
    if left is not None and left <= SOON and subscriptions and load("warned.json", "") != ends():
        save("warned.json", ends())
@fixed@        notify("My certificate ends in %d days. On your computer: picoca renew @NAME@" % left, "certificate")
@updates@        notify("My certificate ends in %d days. On your computer: picoca renew @NAME@ --push" % left, "certificate")
