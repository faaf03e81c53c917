#!/bin/sh
# Of several processes one is no Python, another ends or comes into being meanwhile: that is said, and the others are dumped.
. tests/live/lib.sh
export SHIM_MEET=$TMP/meet SHIM_DO=meet
mkfifo "$TMP/meet.at" "$TMP/meet.go"
exec 9<> "$TMP/meet.at"

# dumped N: so many dumps there are.
dumped() {
	[ "$(ls "$TMP" | grep -c '^heap\.[0-9]*\.dump$')" = "$1" ] || fail "not $1 dumps: $(ls "$TMP")"
	for f in "$TMP"/heap.*; do
		"$MEMSCAN" info "$f" > "$TMP/info" || fail "$f cannot be read"
	done
}

# group ARGUMENT...: the target and its children.
group() {
	rm -f "$TMP"/heap.*
	run --pid "$target" --children -o "$TMP/heap.dump" "$@"
}

# A child for each line asked for: "spawn cat", "fork".
start_small "
import os, subprocess
spawned = []
def spawn(name):
    spawned.append(subprocess.Popen([name], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    if name == 'cat':
        # It is what it is going to be when it answers.
        spawned[-1].stdin.write(b'x\n')
        spawned[-1].stdin.flush()
        spawned[-1].stdout.readline()
forked = []
def fork():
    r, w = os.pipe()
    back, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(w)
        os.write(there, b'x')
        os.read(r, 1)
        os._exit(0)
    os.read(back, 1)
    forked.append(pid)
    fork.ends = getattr(fork, 'ends', []) + [(r, w, back, there)]
def kill(pid):
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    forked.remove(pid)
"
ask "run fork()"
ask "run fork()"
group
[ $status = 0 ] || fail "exit status $status"
dumped 3

# One that is no Python.
ask "run spawn('cat')"
group
[ $status = 4 ] || fail "with cat: exit status $status"
grep -q 'pid [0-9]*: not a CPython process (.*cat)' "$TMP/err" || fail "cat is not said to be no Python"
grep -q '1 of 4 processes were not dumped' "$TMP/err" || fail "not said how many were not dumped"
dumped 3
group -q
grep -q 'not a CPython process' "$TMP/err" || fail "--quiet hides a failure"
group --dry-run
[ $status = 4 ] || fail "with cat: exit status $status of --dry-run"
ask "run spawned[0].stdin.close(); spawned[0].wait()"

# One that is named, and is not there.
sh -c 'exit 0' &
gone=$!
wait $gone
rm -f "$TMP"/heap.*
run --pid "$target,$gone" -o "$TMP/heap.dump"
[ $status = 4 ] || fail "one that is not there: exit status $status"
grep -q "there is no process $gone" "$TMP/err" || fail "not said that there is no process $gone"
dumped 1
run --pid "$gone" --children -o "$TMP/heap.dump"
[ $status = 4 ] || fail "nothing there: exit status $status"

# meanwhile CODE: what the target does when memscan has come to its first ptrace(), all being listed.
meanwhile() {
	rm -f "$TMP"/heap.*
	(
		SHIM_AT=ptrace:1 LD_PRELOAD=$tools/shim.so "$MEMSCAN" --pid "$target" --children -o "$TMP/heap.dump" \
			2> "$TMP/err" > "$TMP/stdout" < /dev/null 9>&-
		echo $? > "$TMP/status"
		echo ended >&9
	) &
	keeper=$!
	read -r line <&9
	if [ "$line" = ended ]; then
		fail "memscan did not come to where it stops a process"
		return
	fi
	ask "run $1"
	echo go > "$TMP/meet.go"
	read -r line <&9
	# Not while a FIFO is opened: that is broken off by the end of a child.
	wait $keeper
	status=$(cat "$TMP/status")
}

meanwhile "kill(forked[0])"
[ $status = 3 ] || fail "one ended: exit status $status"
grep -q 'ended before it was its turn' "$TMP/err" || fail "not said that one ended"
dumped 2
meanwhile "fork()"
[ $status = 0 ] || fail "one came into being: exit status $status"
grep -q 'a child of [0-9]*, came into being' "$TMP/err" || fail "not said that one came into being"
dumped 2

# memscan may be a child itself; it is not among them.
rm -f "$TMP"/heap.*
ask "run subprocess.check_call(['$MEMSCAN', '-q', '--pid', str(os.getpid()), '--children', '-o', '$TMP/heap.dump'])"
[ "$answer" = done ] || fail "memscan as a child of its target failed"
dumped 3
ask "run [kill(pid) for pid in list(forked)]"
[ "$answer" = done ] || fail "the children could not be ended"
stop_target
done_testing
