#!/bin/sh
# Without a stop, how torn the dump is is counted: nothing of a target that waits, something of each kind in
# a target that never rests.
. tests/live/lib.sh

# number NAME: of the last dump.
number() {
	"$MEMSCAN" info --json "$TMP/dump" | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}

# none_torn ARGUMENT...: nothing changed.
none_torn() {
	dump --no-stop "$@"
	grep -q 'nothing changed meanwhile' "$TMP/err" || fail "$*: that nothing changed is not said"
	worked
	for what in torn_pages torn_containers gone_objects torn_links; do
		n=$(number $what)
		[ "${n:-0}" = 0 ] || fail "$*: $what of a target that waits is $n"
	done
	[ -n "$n" ] || fail "$*: torn_links is not in the dump"
}

start_small "import gc; gc.disable(); keep = [[i] for i in range(1000)]"
ask "answer 6"
none_torn
none_torn --snapshot disk
none_torn --snapshot none
unharmed
stop_target

start_small "
import threading
big = [[i, {i: i}, {i}] for i in range(20000)]
def fill():
    n = 0
    while True:
        n += 1
        for v in big:
            v.append([n])
            v[1][n] = n
            v[2].add(n)
            if len(v) > 20:
                del v[3:]
                v[1].clear()
                v[2].clear()
t = threading.Thread(target=fill)
t.daemon = True
t.start()
"
# torn ARGUMENT...: dump until each kind that can be counted was met.
torn() {
	pages=0 changed=0 gone=0 links=0
	for i in $(seq 100); do
		dump --no-stop "$@"
		[ $status = 0 ] || [ $status = 6 ] || { fail "$*: exit status $status"; return; }
		n=$(number torn_pages)
		pages=$((pages + ${n:-0}))
		changed=$((changed + $(number torn_containers)))
		gone=$((gone + $(number gone_objects)))
		links=$((links + $(number torn_links)))
		! grep -q 'torn, as it was not held' "$TMP/err" || said=yes
		[ $changed = 0 ] || [ $gone = 0 ] || break
	done
	echo "result: --no-stop $*: $i dumps: $pages pages, $changed lists, dicts and sets, $gone objects, $links links"
	[ "${said-}" = yes ] || fail "$*: nothing was said"
	[ $changed -gt 0 ] || fail "$*: no list, dict or set changed"
	[ $gone -gt 0 ] || fail "$*: no object went"
}
torn
[ $pages -gt 0 ] || fail "no page changed"
torn --snapshot none
ask "answer 6"
[ "${answer%% *}" = 42 ] || fail "the target answers '$answer'"
done_testing
