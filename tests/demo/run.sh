#!/bin/sh
# The demonstration: a web service under load, dumped while it serves. Everything that is started here is
# ended here; the dump stays.
set -u
: "${MEMSCAN:=build/memscan}"
dump=${DEMO_DUMP:-/tmp/memscan-demo-$(id -u).dump}
tmp=$(mktemp -d) || exit 1
service= load=

finish() {
	rc=$?
	for p in $load $service; do
		kill "$p" 2> /dev/null && wait "$p" 2> /dev/null
	done
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# show COMMAND...: as it would be typed, then for real.
show() {
	printf '\n$'
	printf ' %s' "$@"
	printf '\n'
	"$@"
}

# Python itself, not the script of a version manager in front of it; one that this release reads.
for p in ${PYTHON-} python3 python3.11 /usr/bin/python3; do
	python=$("$p" -c 'import sys; v = sys.version_info[:2]; print(sys.executable if v == (3, 11) else "")' 2> /dev/null)
	[ -z "$python" ] || break
done
if [ -z "$python" ]; then
	echo "The demo needs Python 3.11, which this release of memscan reads; PYTHON=... names one." >&2
	exit 1
fi

# Looking into another process takes root where Yama allows it to ancestors only (Ubuntu's default).
as_root=
if [ "$(id -u)" != 0 ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2> /dev/null || echo 0)" != 0 ]; then
	as_root=sudo
fi

mkfifo "$tmp/service" "$tmp/load"
"$python" tests/demo/service.py > "$tmp/service" 2> "$tmp/service.log" &
service=$!
read -r word port < "$tmp/service"
[ "$word" = port ] || { echo "the service did not start:" >&2; cat "$tmp/service.log" >&2; exit 1; }
echo "A web service runs as process $service on 127.0.0.1:$port; visitors arrive."
"$python" tests/demo/load.py "$port" "${DEMO_VISITS:-12000}" > "$tmp/load" &
load=$!
read -r word < "$tmp/load"
[ "$word" = warm ] || { echo "the visitors failed" >&2; exit 1; }

show $as_root "$MEMSCAN" --force --pid "$service" -o "$dump" || exit 1
[ -z "$as_root" ] || sudo chown "$(id -u):$(id -g)" "$dump"
kill -0 "$service" && echo "(The service went on serving: it is dumped, not stopped.)"
show "$MEMSCAN" summary --limit 15 "$dump" || exit 1

# The newest of what should have been forgotten, and what holds it.
session=$("$MEMSCAN" export --format jsonl "$dump" | sed -n '/"type": "__main__.SessionStore"/{s/.*"address": \([0-9]*\).*/\1/p;q;}')
if [ -n "$session" ]; then
	show "$MEMSCAN" show "$dump" "$(printf 0x%x "$session")" || exit 1
fi

cat <<END

There is a __main__.Session for every visit: this service never forgets one.

What to try next, on the dump that stays in $dump:
  $MEMSCAN summary --by module $dump
  $MEMSCAN info $dump
  $MEMSCAN show $dump ADDRESS          any address that show printed, to walk on
  $MEMSCAN export --format jsonl $dump | head
and on a process of your own: $MEMSCAN --pid PID -o heap.dump
END
