#!/bin/sh
# memscan does nothing to its target but hold it and read it. Seen from three sides: memscan's own system
# calls, the target's memory before and after, and the target's clock and answers.
. tests/live/lib.sh

# ---- what memscan does, as strace sees it ----
start_small
if command -v strace > /dev/null; then
	strace -f -qq -s 200 -o "$TMP/trace" \
		-e trace=ptrace,process_vm_writev,process_madvise,kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,rt_tgsigqueueinfo,open,openat,openat2,creat,execve,truncate,ftruncate,unlink,unlinkat,rename,renameat,renameat2,setpriority,sched_setscheduler,sched_setaffinity,prlimit64,socket,connect \
		"$MEMSCAN" --pid "$target" -o "$TMP/dump" > "$TMP/stdout" 2> "$TMP/err" < /dev/null
	status=$?
	worked
	awk -v dump="$TMP/dump" -v target="$target" '
	function bad(why) { print "FAIL: " why ": " $0; n++ }
	{ sub(/^[0-9]+ +/, "") }
	/^ptrace\(/ {
		calls++
		if ($0 !~ /^ptrace\(PTRACE_(SEIZE|INTERRUPT|DETACH|GETREGS|GETREGSET|GETSIGINFO|GETEVENTMSG|PEEKUSER|PEEKDATA|LISTEN)/)
			bad("ptrace that is no reading")
		if ($0 ~ /PTRACE_SEIZE/ && $0 !~ /PTRACE_SEIZE, [0-9]+, NULL, (0|NULL)/)
			bad("options that would tie the target to memscan")
		if ($0 ~ /PTRACE_DETACH/ && $0 !~ /PTRACE_DETACH, [0-9]+, NULL, (0|NULL|SIG_0)/)
			bad("a signal delivered while letting go")
	}
	/^(process_vm_writev|process_madvise|kill|tkill|tgkill|pidfd_send_signal|rt_sigqueueinfo|rt_tgsigqueueinfo)\(/ { bad("touches a process") }
	# The C library asks its name service daemon who a uid is.
	/^connect\(/ && !/AF_UNIX.*\/nscd\// { bad("connects") }
	/^(setpriority|sched_set[a-z]*)\(/ { bad("no business of memscan") }
	/^prlimit64\(/ && !/^prlimit64\(0,/ { bad("limits of another process") }
	/^(open|openat|creat)\(/ && /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|creat/ {
		if (index($0, "\"" dump) == 0 && $0 !~ /"\/dev\/(null|tty)"/)
			bad("opened for writing")
		writes++
	}
	/^(unlink|unlinkat|rename|renameat|renameat2|truncate)\(/ && index($0, "\"" dump) == 0 { bad("files of others") }
	/^execve\(/ { if (++execs > 1) bad("starts programs") }
	END {
		if (calls < 3) { print "FAIL: the trace has no ptrace calls"; n++ }
		if (writes < 1) { print "FAIL: the trace has no output"; n++ }
		exit n > 0
	}' "$TMP/trace" || fail "memscan did more than it may"
else
	echo "skip: memscan's system calls: strace is not installed"
fi
unharmed

# ---- the target's memory, byte by byte, and its clock ----
"$PYTHON" -S $live/harmless.py "$MEMSCAN" "$tools/allow" "$TMP/dump2" || fail "the target was disturbed"
done_testing
