#!/bin/sh
# Each published header compiles alone, twice over, with nothing before it.
rc=0
for h in include/memscan/*.h; do
	printf '#include "memscan/%s"\n#include "memscan/%s"\n' "${h##*/}" "${h##*/}" |
		${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -Iinclude -Wall -Wextra -Wundef -Wstrict-prototypes -Werror -fsyntax-only -x c - ||
		{ echo "$h does not stand alone"; rc=1; }
done
exit $rc
