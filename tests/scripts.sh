#!/bin/sh
# Run test scripts side by side and keep what each said and how it ended below $BUILD/log,
# where the runner's suite "scripts" finds it. `scripts.sh SCRIPT[:ARGUMENT...]...`
#
# Lines of a script that begin with "result: " are shown even when it passes. With SHOW=bad, what passes is not shown.
set -u
dir=$BUILD/log

# One script; the name's parts after colons are its arguments.
run_one() {
	name=$1
	base=$dir/$(printf %s "$name" | tr /: __)
	limit=300
	[ "$VARIANT" = asan ] && limit=900
	script=${name%%:*}
	shell=sh
	case $(head -n 1 "$script") in *bash*) shell=bash ;; esac
	case $name in *:*) set -- $(printf %s "${name#*:}" | tr : ' ') ;; *) set -- ;; esac

	began=$(date +%s)
	timeout -k 20 $limit $shell "$script" "$@" < /dev/null > "$base.log" 2>&1
	rc=$?
	echo $rc > "$base.rc"
	case $rc in 0) word=ok ;; 77) word=skip ;; *) word=FAIL ;; esac
	[ "${SHOW-}:$rc" != bad:0 ] || return 0
	printf '%-5s %s (%d s)\n%s' $word "$name" $(($(date +%s) - began)) \
		"$(sed -n 's/^result: \(.*\)/      \1/p' "$base.log" | sed '$s/$/\n/')
"  | sed '/^$/d'
}

if [ "${1-}" = --one ]; then
	run_one "$2"
	exit 0
fi

rm -rf "$dir"
mkdir -p "$dir"
for name; do
	echo "$(printf %s "$name" | tr /: __) $name"
done > "$dir/list"
printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-$(nproc)}" sh tests/scripts.sh --one
