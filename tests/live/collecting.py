"""The heap of basic.py in the midst of a collection: an object of a garbage cycle is finalized and does not return."""
import gc

import truth

serve = truth.serve


class Last:
    def __init__(self):
        self.itself = self
        self.items = [self, {self: []}]

    def __del__(self):
        serve()


def collect():
    gc.collect()
    garbage = [Last()]
    garbage.append(garbage)
    garbage = None
    gc.collect()


truth.serve = collect
import basic  # noqa: E402, F401: it builds and serves
