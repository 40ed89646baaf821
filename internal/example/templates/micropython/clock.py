# The clock of a board that checks the dates of its visitors' certificates. A Pico W wakes up in 2021, where they all "start in
# the future". So the board asks the network for the time before it serves the page.
#
# A home whose internet is down needs its page too. Without an answer the board goes by the newest time that has surely passed:
# when its own certificate was made, or what it wrote into the file "time.txt" since. So the clock may be late, but not early: an
# identity that ended meanwhile gets in, and one that began meanwhile does not. The board goes on asking.
@updates@# The owner sets the clock too: picoca push @NAME@, which needs no internet.
#
# Network time has no signature: anyone in your network can invent an answer. One from before the certificate began, which would
# revive old identities, is not believed.

import asyncio
import machine
import ntptime
import time

TRIES = 5  # for the network's time, before the page is served without it
PAUSE = 2  # seconds between them
AGAIN = 300  # seconds between the tries after that: while the board waits for an answer, it does nothing else
DAY = 24 * 3600
@updates@EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0  # what boards count from, in Unix time

@fixed@known = asyncio.Event()  # the network has said what time it is
@updates@known = asyncio.Event()  # the network or the owner has said what time it is
earliest = 0  # when the certificate began


def dates(certificate):
    """When a certificate began, and when picoca made it: a day later, or a 24th of a short life. 0 if that is not known."""
    with open(certificate, "rb") as file:
        data = file.read()
    at = max(data.find(b"\x30\x1e\x17\x0d"), data.find(b"\x30\x20\x17\x0d")) + 4
    if at < 4:
        return 0, 0
    began, later = moment(data, at), DAY
    if data[at + 13] == 0x17:  # or the end is after 2049, and has four digits of the year
        later = min(DAY, (moment(data, at + 15) - began) // 24)
    return began, began + later


def moment(data, at):
    """Dates stand in a certificate as YYMMDDHHMMSSZ (RFC 5280, section 4.1.2.5)."""
    year, month, day, hour, minute, second = [int(data[i : i + 2]) for i in range(at, at + 12, 2)]
    return time.mktime((2000 + year, month, day, hour, minute, second, 0, 0, 0))


def start(certificate):
    """Sets the clock to the newest time that has surely passed."""
    global earliest
    earliest, newest = dates(certificate)
    try:
        with open("time.txt") as file:
            newest = max(newest, int(file.read()))
    except (OSError, ValueError):
        pass  # nothing was written yet, or not to its end
    if time.time() < newest:
        put(newest)


def put(seconds):
    now = time.gmtime(seconds)
    machine.RTC().datetime((now[0], now[1], now[2], now[6] + 1, now[3], now[4], now[5], 0))


async def ask(times):
    """Sets the clock by the network, which needs the internet, or a time server of your own in ntptime.host."""
    for _ in range(times):
        if known.is_set():
            return
        try:
            now = ntptime.time()
            if now < earliest:
                raise ValueError("it is before the certificate began")
            put(now)
            return known.set()
        except (OSError, ValueError) as error:
            print("no time from", ntptime.host, error)
        await asyncio.sleep(PAUSE)


async def keep():
    """Asks until the time is known, and from then on writes it down every day."""
    while not known.is_set():
        await asyncio.sleep(AGAIN)
        await ask(1)
    while True:
        write_down()
        await asyncio.sleep(DAY)


def write_down():
    try:
        with open("time.txt", "w") as file:
            file.write(str(time.time()))
    except OSError as error:  # the memory is full
        print("cannot write the time down:", error)
@updates@
@updates@
@updates@def told(seconds, certificate):
@updates@    """The owner's time, in Unix time: it counts more than the network's, which has no signature."""
@updates@    global earliest
@updates@    earliest, _ = dates(certificate)
@updates@    put(max(earliest, int(seconds) - EPOCH))
@updates@    known.set()
@updates@    write_down()
