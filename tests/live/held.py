"""A target that knows what holds what: held.py ACCOUNT. Each question has one answer; the account has the addresses."""
import gc
import json
import sys
import threading
import types

gc.disable()


class Session(object):
    def __init__(self, number):
        self.number = number
        self.orders = [[number], ["order %d" % number], {"of": number}, bytearray(64)]


class Node(object):
    __slots__ = ("next", "value")


class Ring(object):
    pass


def module(name):
    sys.modules[name] = types.ModuleType(name)
    return sys.modules[name]


def chain(n):
    head = None
    for i in range(n):
        node = Node()
        node.next, node.value = head, None
        head = node
    return head


def last(node):
    while node.next is not None:
        node = node.next
    return node


def garbage():
    a, b = Ring(), Ring()
    a.other, b.other = b, a
    a.payload = ["payload of garbage"]
    return id(a.payload)


def hold(ready, wait, account):
    secret = Session(-1)
    account["local"] = id(secret)
    ready.set()
    wait.wait()
    return secret


def main():
    account, cache, other = {}, module("app.cache"), module("app.other")
    cache._store = {}
    for i in range(300):
        cache._store["user:%d" % i] = Session(i)
    account["item"] = id(cache._store["user:17"].orders[3])
    account["store"] = id(cache._store)
    cache.first = shared = Ring()
    other.second = [shared]
    account["shared"], account["second"] = id(shared), id(other.second)
    del shared
    cache.head = chain(100)
    cache.head.value = Ring()
    last(cache.head).value = end = bytearray(8)
    account["end"] = id(end)
    del end
    account["garbage"] = garbage()
    ready, wait = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, name="worker-3", args=(ready, wait, account))
    thread.daemon = True
    thread.start()
    ready.wait()
    with open(sys.argv[1], "w") as f:
        json.dump(account, f)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


main()
