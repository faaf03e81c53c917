#!/bin/sh
# Manual pages without a complaint of mandoc's.
ls man/*.[1-9] > /dev/null 2>&1 || { echo "skip: there are no manual pages"; exit 77; }
command -v mandoc > /dev/null || { echo "skip: mandoc is not installed"; exit 77; }
mandoc -Tlint -Wwarning man/*.[1-9]
