#!/bin/sh
# --cache on dumps of a process: every command that may use one prints the same without, with none yet, and with one.
# What is wrong with a cache is the matter of tests/cli/cache.sh.
. tests/live/lib.sh

start_small
for i in old new; do
	dump
	[ $status = 0 ] || fail "exit status $status"
	mv "$TMP/dump" "$TMP/$i.dump"
done
unharmed
stop_target

old=$TMP/old.dump new=$TMP/new.dump
while read -r command; do
	rm -f "$TMP"/*.cache
	eval "run $command"
	[ $status = 0 ] || fail "$command: exit status $status"
	mv "$TMP/stdout" "$TMP/without"
	for i in none one; do
		eval "run $command --cache"
		cmp -s "$TMP/stdout" "$TMP/without" || fail "$command, with $i: something else is printed"
		! grep -q cache "$TMP/err" || fail "$command, with $i: something is wrong with it"
	done
	[ -s "$new.cache" ] || fail "$command made no cache"
done << END
retained --depth 5 "$new"
retained --json "$new" dict
retained --by type "$new"
leaks --min 1 "$new"
leaks --json "$new"
path "$new" dict
path --json "$new" function
path --all --limit 5 "$new" module
top --by retained --json "$new"
find --json "$new" "retained > 10K"
summary --json "$new" "retained > 10K"
dups "$new" "retained > 60"
waste "$new" "retained > 60"
refs "$new" "retained > 10K"
referrers "$new" "retained > 10K"
diff "$old" "$new"
diff --objects --retained --json "$old" "$new"
trend "$old" "$new" "$new"
END
echo "result: the same with a cache and without"
done_testing
