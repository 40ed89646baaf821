# A stand-in for the firmware's os that cuts the power: before step CUT_AT of those that change files, the program is killed.
# A write has two steps, as has a change of names: the second is in the middle of the one, and after the other.
import builtins

from uos import *
from uos import mkdir as _mkdir, remove as _remove, rename as _rename

_open = builtins.open
left = int(getenv("CUT_AT") or "0")


def step(name):
    global left
    left -= 1
    print("step:", name)
    if left == 0:
        print("cut:", name)
        system("kill -9 $PPID")


def mkdir(path):
    step("mkdir " + path)
    _mkdir(path)


def remove(path):
    step("remove " + path)
    _remove(path)


def rename(old, new):
    step("before rename")
    _rename(old, new)
    step("after rename")


class File:

    def __init__(self, name, mode):
        step("open " + name)
        self.name = name
        self.file = _open(name, mode)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        step("close " + self.name)
        self.file.close()

    def write(self, data):
        step("write " + self.name)
        half = len(data) // 2
        self.file.write(data[:half])
        step("half of " + self.name)
        self.file.write(data[half:])


def open(name, mode="r"):
    return File(name, mode) if "w" in mode else _open(name, mode)


builtins.open = open
