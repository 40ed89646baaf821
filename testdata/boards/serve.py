# Serves HTTPS with asyncio on the real MicroPython, as a board's program does, for COUNT connections:
#   MICROPYPATH=lib micropython -X heapsize=190k serve.py CERT KEY PORT COUNT [CA]
# Prints lines of JSON: one when it listens, one for each connection. Waits five minutes at most.
import gc, json, ssl, sys

# By name: asyncio loads its parts when they are first used, and code that is not frozen counts as heap.
from asyncio import Event, run, start_server, wait_for


def in_use():
    gc.collect()
    return gc.mem_alloc()


def load(cert, key, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if ca:
        context.load_verify_locations(cafile=ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


PAGE = b"hello from the board\n"
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(PAGE)


class Counted:
    def __init__(self, count):
        self.left = count
        self.before = in_use()
        self.done = Event()

    async def serve(self, reader, writer):
        line = {"ok": False}
        try:
            await self.answer(reader, writer)
            line["heap_held"] = in_use() - self.before
            line["ok"] = True
            writer.close()
            await writer.wait_closed()
        except Exception as e:
            line["error"] = repr(e)
        print(json.dumps(line))
        self.left -= 1
        if not self.left:
            self.done.set()

    async def answer(self, reader, writer):
        while (await reader.readline()).strip():
            pass
        writer.write(HEAD + PAGE)
        await writer.drain()


async def main(cert, key, port, count, ca=None):
    counted = Counted(int(count))
    context = load(cert, key, ca)
    await start_server(counted.serve, "127.0.0.1", int(port), ssl=context)
    print(json.dumps({"listening": True, "heap_free": gc.mem_free()}))
    await wait_for(counted.done.wait(), 300)


run(main(*sys.argv[1:]))
