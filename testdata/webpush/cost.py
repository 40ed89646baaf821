# Makes tokens, or encrypts messages of 100 bytes: cost.py token|encrypt TIMES.
import asyncio
import sys

import webpush

KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}


async def main():
    sender = webpush.Sender(bytes(range(1, 33)), "mailto:you@example.com")
    await sender.prepare()
    for _ in range(int(sys.argv[2])):
        if sys.argv[1] == "token":
            sender.tokens.clear()
            await sender.token("https://updates.push.services.mozilla.com", 1800000000)
        else:
            await webpush.encrypt(bytes(100), {"keys": KEYS}, sender.table)


asyncio.run(main())
