#!/bin/sh
# The end of `make check`: unit tests and verdicts on the scripts in one Check run, whose summary is the
# last thing printed. A suite that ran no test at all is a failure too. `verdict.sh [SUITE...]`
set -u
xml=$BUILD/check.xml
rm -f "$xml"
MEMSCAN_SCRIPTS=$BUILD/log MEMSCAN_CHECK_XML=$xml "$BUILD/check" "$@" || exit 1
awk '
/<suite>/ { n = 0; title = "?" }
/<title>/ { title = $0; gsub(/ *<[^>]*> */, "", title) }
/<test / { n++ }
/<\/suite>/ { suites++; if (n == 0) { print "suite " title " ran nothing"; bad = 1 } }
END { if (suites == 0) { print "no suite ran"; bad = 1 }; exit bad }' "$xml"
