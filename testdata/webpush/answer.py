# Does with webpush.py what each line of standard input asks for, in JSON, and prints the result, a line each.
import asyncio
import json
import sys

import webpush


async def encrypt(table, ask):
    pair = salt = None
    if "private" in ask:
        d = webpush.number(webpush.unbase64url(ask["private"]))
        pair, salt = (d, await webpush.public(d, table)), webpush.unbase64url(ask["salt"])
    body = await webpush.encrypt(webpush.unbase64url(ask["data"]), ask["subscription"], table, pair, salt)
    return webpush.base64url(body)


async def sign(table, ask):
    d = webpush.number(webpush.unbase64url(ask["private"]))
    return webpush.base64url(await webpush.sign(d, webpush.unbase64url(ask["data"]), table))


async def token(table, ask):
    sender = webpush.Sender(webpush.unbase64url(ask["private"]), ask["contact"])
    sender.table = table
    sender.public = await webpush.public(sender.key, table)
    return await sender.token(ask["origin"], ask["now"])


async def check(table, ask):
    try:
        return webpush.check(ask["subscription"])
    except ValueError as error:
        return "ValueError: " + str(error)


async def main():
    table = await webpush.comb(webpush.G)
    for line in sys.stdin:
        ask = json.loads(line)
        print(json.dumps(await globals()[ask["op"]](table, ask)))


asyncio.run(main())
