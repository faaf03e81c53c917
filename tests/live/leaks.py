"""A target with one of each leak: leaks.py ACCOUNT DIRECTORY-OF-LEAKER. The account has the addresses."""
import gc
import json
import sys

gc.collect()
gc.disable()

KEPT = []
CACHE = {}


class Session(object):
    def __init__(self, number):
        self.number = number
        self.data = bytearray(2000)


class Finalized(object):
    def __del__(self):
        pass


class Ring(object):
    pass


class Victim(object):
    pass


class Local(object):
    pass


def ring(cls):
    a, b = cls(), cls()
    a.other, b.other = b, a
    return [id(a), id(b)]


def raise_in_frame():
    local_of_frame = Local()
    local_of_frame.bulk = bytearray(300000)
    raise ValueError("kept")


def counting():
    bulk_of_generator = bytearray(400000)
    yield 1
    yield len(bulk_of_generator)


# A finished coroutine's frame, where there are coroutines.
FINISHED_COROUTINE = """
async def served():
    bulk_of_coroutine = bytearray(500000)
    return len(bulk_of_coroutine)

def finish():
    c = served()
    f = c.cr_frame
    try:
        c.send(None)
    except StopIteration:
        pass
    assert c.cr_frame is None
    return f
"""


def generator_frame():
    g = counting()
    f = g.gi_frame
    list(g)
    assert g.gi_frame is None
    return f


def ended():
    bulk = bytearray(200000)
    return sys._getframe()


def main():
    account = {}
    account["leaks"] = []
    sys.path.insert(0, sys.argv[2])
    try:
        import leaker
    except ImportError:
        leaker = None
    for i in range(3000):
        CACHE["session:%d" % i] = Session(i)
    account["cache"] = id(CACHE)
    account["finalized"] = [i for _ in range(5) for i in ring(Finalized)]
    account["ring"] = [i for _ in range(7) for i in ring(Ring)]
    try:
        raise_in_frame()
    except ValueError:
        KEPT.append(sys.exc_info()[2])
    account["traceback"] = id(KEPT[0])
    KEPT.append(ended())
    account["frame"] = id(KEPT[1])
    KEPT.append(generator_frame())
    if sys.version_info >= (3, 5):
        namespace = {}
        exec(FINISHED_COROUTINE, namespace)
        KEPT.append(namespace["finish"]())
    account["frames"] = [id(f) for f in KEPT[1:]]
    gc.garbage.append(["uncollectable"])
    if leaker is not None:
        victim = Victim()
        KEPT.append(victim)
        for _ in range(1000):
            leaker.keep(victim)
        for _ in range(1500):
            leaker.make()
        account["victim"] = id(victim)
    with open(sys.argv[1], "w") as f:
        json.dump(account, f)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


main()
