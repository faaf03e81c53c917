#!/bin/sh
# hosts.sh: programs that Python is embedded in. In each of them basic.py builds its heap and the interpreter
# describes it; the dump has to say the same of every object.
. tests/live/lib.sh
export HOST_DIR=$TMP HOST_LIVE=$PWD/$live
mkfifo "$TMP/to" "$TMP/from"
code="exec(compile(open('$HOST_LIVE/inside.py').read(), 'inside.py', 'exec'))"

# inside NAME COMMAND...: start the host, which runs inside.py, dump it and compare. That it has ended comes
# through the FIFO, too, so that nobody waits for a host that did not come up.
inside() {
	name=$1
	shift
	if ! command -v "$1" > /dev/null; then
		echo "skip: $1 is not installed"
		return
	fi
	rm -f "$TMP/truth" "$TMP/pid"
	exec 7<> "$TMP/to" 8<> "$TMP/from"
	(
		exec 7>&- 8>&-
		"$tools/allow" "$@" < /dev/null > "$TMP/log" 2>&1 &
		echo $! > "$TMP/pid"
		wait $!
		echo ended > "$TMP/from"
	) &
	keeper=$!
	read -r answer <&8
	target=$(cat "$TMP/pid")
	pids="$pids $target"
	if [ "$answer" != ready ]; then
		fail "$name did not get ready"
		sed 's/^/    /' "$TMP/log"
		exec 7>&- 8>&-
		return
	fi
	blocked
	dump --values none
	[ $status = 0 ] || fail "$name: exit status $status"
	mv "$TMP/truth" "$TMP/before"
	ask again
	cmp -s "$TMP/truth" "$TMP/before" || fail "$name: its own account of its heap is not the same afterwards"
	exec 7>&-
	wait $keeper
	exec 8>&-
	[ -f "$TMP/dump" ] || return
	"$MEMSCAN" export --format jsonl "$TMP/dump" | python3 $live/compare.py "$name" "$TMP/truth" ||
		fail "the dump of $name is not exact"
}

# No test runs a program that has Python in it, but is another of the same name.
has_python() {
	"$1" --version 2> /dev/null | grep -q '+python3'
}

inside gdb gdb -q -nx -batch -ex "python $code"

vim=vim
for v in vim.nox vim.gtk3 vim; do
	has_python $v && vim=$v && break
done
if has_python $vim; then
	inside vim $vim -es -u NONE -i NONE -c "py3 $code" -c 'qa!'
else
	echo "skip: vim: there is none with +python3"
fi

if [ -e /usr/lib/uwsgi/plugins/python3_plugin.so ]; then
	inside uwsgi uwsgi --plugin python3 --socket 127.0.0.1:0 --wsgi-file "$HOST_LIVE/inside.py"
else
	echo "skip: uwsgi: there is no plugin for Python 3"
fi

# A server of its own, which listens on the loopback device alone, as one process.
modules=/usr/lib/apache2/modules
if [ -e $modules/mod_wsgi.so ]; then
	# An address that nobody else has: its port cannot be taken before the server does.
	address=127.$(($$ >> 16 & 127 | 128)).$(($$ >> 8 & 255)).$(($$ & 255))
	port=$(python3 -c 'import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' $address)
	cat > "$TMP/apache.conf" <<- END
		ServerRoot "$TMP"
		PidFile "$TMP/apache.pid"
		DefaultRuntimeDir "$TMP"
		Mutex file:$TMP
		ErrorLog "$TMP/apache.log"
		ServerName localhost
		Listen $address:$port
		LoadModule mpm_event_module $modules/mod_mpm_event.so
		LoadModule authz_core_module $modules/mod_authz_core.so
		LoadModule wsgi_module $modules/mod_wsgi.so
		WSGIImportScript $HOST_LIVE/inside.py process-group=%{GLOBAL} application-group=%{GLOBAL}
	END
	PATH=$PATH:/usr/sbin
	inside mod_wsgi apache2 -X -f "$TMP/apache.conf"
else
	echo "skip: mod_wsgi: it is not installed"
fi

# A program that loads the library by itself, and one that is linked with it.
library=$(ldconfig -p 2> /dev/null | sed -n 's/.*libpython3\.11\.so\.1\.0 .*=> //p' | head -n 1)
if [ -n "$library" ]; then
	inside "a host that loads libpython" "$tools/host" global "$library" home /usr site init run "$code"
	if ${CC:-cc} -D_GNU_SOURCE -Wl,--no-as-needed -o "$TMP/linked" $live/host.c "$library" -ldl 2> "$TMP/err"; then
		inside "a host linked with libpython" "$TMP/linked" linked home /usr site init run "$code"
	else
		fail "a host cannot be linked"
	fi
else
	echo "skip: there is no libpython3.11"
fi
done_testing
