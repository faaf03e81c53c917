#!/bin/sh
# What becomes of results that cannot be written: a full disk is an error, a reader that has seen
# enough is none.
set -u
memscan=${MEMSCAN:-build/memscan}
failed=0

if [ -w /dev/full ]; then
	"$memscan" -h > /dev/full 2> /dev/null
	rc=$?
	[ $rc -eq 5 ] || {
		echo "full disk: exit $rc, not 5"
		failed=1
	}
fi
said=$({ "$memscan" completion bash; } 2>&1 > /dev/full)
case $said in
*'No space left'*) ;;
*)
	echo "full disk: said '$said'"
	failed=1
	;;
esac
noise=$({ "$memscan" completion zsh | head -n 1 > /dev/null; } 2>&1)
[ -z "$noise" ] || {
	echo "closed pipe: said '$noise'"
	failed=1
}
exit $failed
