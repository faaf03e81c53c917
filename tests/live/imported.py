"""A program that did nothing but import what programs import: imported.py"""
import sys

for name in ("json", "re", "threading", "subprocess", "logging", "unittest", "email.message", "decimal", "ctypes", "asyncio",
             "http.client", "argparse", "dataclasses", "xml.dom.minidom", "pickle", "socket", "collections", "concurrent.futures"):
    try:
        __import__(name)
    except ImportError:
        pass
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
