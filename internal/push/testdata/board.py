# A board's raw REPL on standard input and output, in Python: what pyexec.c of MicroPython answers, byte for byte. The files are
# those of the current folder. The first argument is the board's ID.
import builtins, errno, io, os, sys, types

machine = types.ModuleType("machine")
machine.unique_id = lambda: bytes.fromhex(sys.argv[1])


def reset():
    builtins.open("was-reset", "w").close()
    raise SystemExit


machine.reset = reset
sys.modules["machine"] = machine
sys.modules["sys"] = types.SimpleNamespace(implementation=types.SimpleNamespace(name="micropython"))  # what the board says it is
out = os.fdopen(1, "wb", 0)


def byte():
    b = os.read(0, 1)
    if not b:
        os._exit(0)
    return b


def run(code, names):
    printed, errors = io.StringIO(), ""
    sys.stdout = printed
    try:
        exec(code, names)
    except SystemExit:
        return None
    except BaseException as e:
        text = "%s: %s" % (type(e).__name__, e)
        if isinstance(e, OSError):
            text = "OSError: [Errno %d] %s" % (e.errno, errno.errorcode[e.errno])
        errors = "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n" + text + "\r\n"
    finally:
        sys.stdout = sys.__stdout__
    return printed.getvalue().replace("\n", "\r\n").encode() + b"\x04" + errors.encode() + b"\x04>"


def raw(names):
    out.write(b"raw REPL; CTRL-B to exit\r\n>")
    line = b""
    while True:
        b = byte()
        if b == b"\x01":
            out.write(b"raw REPL; CTRL-B to exit\r\n>")
            line = b""
        elif b == b"\x02":
            return
        elif b == b"\x03":
            line = b""
        elif b == b"\x04":
            out.write(b"OK")
            answer = run(line.decode(), names)
            if answer is None:
                out.write(b"MPY: soft reboot\r\n")
                return
            out.write(answer)
            line = b""
        else:
            line += b


names = {}
while True:
    out.write(b">>> ")
    b = byte()
    if b == b"\x01":
        out.write(b"\r\n")
        raw(names)
    elif b == b"\x04":
        names = {}
        builtins.open("starts", "a").write("x")
        out.write(b"MPY: soft reboot\r\n")
