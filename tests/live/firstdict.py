"""A heap whose first dict with keys that are not all str is a large one.

Up to 3.10 what a dict reports depends on which look-up function it has, and the first dict with each function tells
that of the function. Here the first ones are reached from sys before any other. All their keys are str,
but they have been asked for one that is not.
"""
import sys

for entries in (3000, 30000):
    large = dict((str(i), None) for i in range(entries))
    large.get(0)
    setattr(sys, "large_%d" % entries, large)
sys.large_ints = dict.fromkeys(range(5000))

import truth

truth.serve()
