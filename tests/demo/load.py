"""Visitors for service.py: load.py PORT VISITS. Prints "warm" when half of them have been served.

Several connections at a time, each kept open for some visits; every visit is a new session, for these
visitors do not send back what the service gives them to be recognised by. After VISITS it
goes on visiting known pages, slowly enough not to fill the memory, until it is ended.
"""
import http.client
import itertools
import random
import sys
import threading
import time

CONNECTIONS = 6
SECONDS = 300  # then it is over, whatever happens


def visit(connection, number):
    path = random.choice(("/product/%d" % (number % 997), "/search/tag%d" % (number % 9), "/order/%d,%d,3" % (number, number + 5)))
    headers = {"X-Customer": str(number % 500), "User-Agent": "Browser/%d (visitor %d)" % (number % 7, number)}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status


def visitor(port, numbers, visits, warm, failed):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        deadline = time.monotonic() + SECONDS
        for number in numbers:
            if visit(connection, number) != 200:
                raise RuntimeError("the service answered with an error")
            if number == visits // 2:
                warm.set()
            if time.monotonic() > deadline:
                return
            if number > visits:
                connection.request("GET", "/", headers={"X-Session": "", "X-Customer": "0"})
                connection.getresponse().read()
                threading.Event().wait(0.05)
    except Exception as e:
        failed.append(e)
        warm.set()


def main():
    port, visits = int(sys.argv[1]), int(sys.argv[2])
    numbers, warm, failed = itertools.count(), threading.Event(), []
    for i in range(CONNECTIONS):
        threading.Thread(target=visitor, args=(port, numbers, visits, warm, failed)).start()
    warm.wait()
    if failed:
        sys.exit("load.py: %s" % failed[0])
    print("warm", flush=True)


if __name__ == "__main__":
    main()
