#!/bin/sh
# --cache: the same is printed without it, with none yet, and with one; whatever is wrong with the file
# is told and does no harm.
set -u
memscan=${MEMSCAN:-build/memscan}
build=${BUILD:-build/release}
python3 -c pass 2> /dev/null || { echo "skip: python3 is not installed"; exit 77; }
# In memory, if it can be: each cache is flushed to the disk.
dir=$(mktemp -d -p /dev/shm 2> /dev/null || mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
	failed=1
	echo "FAIL: $*"
	[ ! -s "$dir/err" ] || head -5 "$dir/err"
}

# run ARGUMENT...: into $dir/out and $dir/err; a sanitizer's complaint, a signal and a usage error are failures.
run() {
	"$memscan" "$@" > "$dir/out" 2> "$dir/err"
	rc=$?
	[ $rc -eq 0 ] || fail "memscan $*: exit status $rc"
	! grep -q 'ERROR: \(Address\|Undefined\)\|runtime error:' "$dir/err" || fail "memscan $*: a sanitizer complained"
}

"$build/tests/bench/synth" 3000 3 "$dir/a.dump" || fail "no dump was made"
"$build/tests/bench/synth" 3001 3 "$dir/b.dump" || fail "no dump was made"
cp tests/data/golden.dump "$dir/golden.dump"
cache=$dir/a.dump.cache

# Each command three times: without, with none yet, with one.
for d in "$dir/a.dump" "$dir/golden.dump"; do
	for c in "retained --depth 3 $d" "retained --by type $d" "leaks $d" "leaks --refcounts $d" "path $d list or dict" \
		"top --by retained --json $d" "find --json $d retained > 100" "summary $d retained > 100" "diff --retained $d $d" \
		"trend $d $d $d" "path --all --limit 3 $d list or dict" \
		"path --avoid list $d dict" "retained --no-guess $d" "retained --json $d retained > 1K"; do
		rm -f "$d.cache"
		run $c
		cp "$dir/out" "$dir/without"
		for i in none one; do
			run $c --cache
			cmp -s "$dir/out" "$dir/without" || fail "memscan $c --cache, with $i: something else is printed"
			! grep -q cache "$dir/err" || fail "memscan $c --cache, with $i: something is wrong with it"
		done
		case $c in
		*--no-guess* | *--refcounts*) [ ! -e "$d.cache" ] || fail "memscan $c --cache made a cache" ;;
		*"$d $d"*) ;; # made up dumps have no objects to tell apart
		*) [ -s "$d.cache" ] || fail "memscan $c --cache made none" ;;
		esac
	done
done
[ "$(stat -c %a "$dir/golden.dump.cache")" = 600 ] || fail "others may read the cache"

run retained --depth 3 "$dir/a.dump"
cp "$dir/out" "$dir/without"
rm -f "$cache"
run retained --cache --depth 3 "$dir/a.dump"
cp "$cache" "$dir/good"
for how in flip array cut; do python3 tests/cli/cache.py $how 200 "$dir/good" || fail "no spoiled files"; done

# noted HOW: it is told that the file is not used, and the answer is right.
noted() {
	run retained --cache --depth 3 "$dir/a.dump"
	cmp -s "$dir/out" "$dir/without" || fail "$1: something else is printed"
	grep -q "note: $cache is not used: ${2-}" "$dir/err" || fail "$1: it is not told"
}

# Any bit; the file is made anew unless it looks like somebody else's.
made=0
for i in $(seq 200); do
	cp "$dir/good.flip.$i" "$cache"
	noted "bit $i"
	cmp -s "$cache" "$dir/good" && made=$((made + 1))
done
[ $made -ge 190 ] || fail "only $made of 200 were made anew"
for i in $(seq 200); do
	cp "$dir/good.cut.$i" "$cache"
	noted "cut $i"
done

# Right checksums over anything: any answer may come of it, but an answer.
for i in $(seq 200); do
	cp "$dir/good.array.$i" "$cache"
	case $((i % 4)) in
	0) run retained --cache --depth 3 "$dir/a.dump" ;;
	1) run path --cache "$dir/a.dump" all ;;
	2) run leaks --cache "$dir/a.dump" ;;
	3) run top --cache --by retained "$dir/a.dump" ;;
	esac
done

# Of another dump, and of a dump that has changed since.
cp "$dir/good" "$dir/b.dump.cache"
run retained --cache "$dir/b.dump"
grep -q 'not used: it is of another dump' "$dir/err" || fail "the cache of another dump is used"
run retained --cache "$dir/b.dump"
[ ! -s "$dir/err" ] || fail "the cache of another dump was not replaced"

# What is no cache is left alone.
echo "my own notes, which are not to be lost, and are longer than the header of a cache, which has ninety-six bytes" > "$cache"
noted "a text" "it is no cache"
grep -q 'my own notes' "$cache" || fail "a file that is no cache was replaced"
rm "$cache"
: > "$cache"
noted "an empty file" "it is no cache"
rm "$cache"
mkdir "$cache"
noted "a directory" "it is no regular file"
rmdir "$cache"
mkfifo "$cache"
noted "a FIFO" "it is no regular file"
rm "$cache"
cp "$dir/good" "$dir/elsewhere"
ln -s elsewhere "$cache"
noted "a link" "it cannot be opened"
[ -L "$cache" ] || fail "a link was replaced"
rm "$cache"
if [ "$(id -u)" = 0 ]; then
	cp "$dir/good" "$cache"
	chown 65534 "$cache"
	[ "$(stat -c %u "$cache")" = 65534 ] && command -v setpriv > /dev/null && {
		# root's own is good for everybody; another's is not.
		noted "of another user" "it belongs to another user"
	}
	rm -f "$cache"
fi

# Where nothing can be written there is an answer all the same.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
else
	as_nobody=
fi
if [ -n "$as_nobody" ] || [ "$(id -u)" != 0 ]; then
	mkdir "$dir/closed"
	cp "$dir/a.dump" "$dir/closed/"
	chmod 711 "$dir"
	chmod 644 "$dir/closed/a.dump"
	chmod 555 "$dir/closed"
	# Programs may not run from where the dumps are.
	bin=$(mktemp -d) && chmod 755 "$bin" && cp "$memscan" "$bin/memscan" && chmod 755 "$bin/memscan"
	$as_nobody "$bin/memscan" retained --cache --depth 3 "$dir/closed/a.dump" > "$dir/out" 2> "$dir/err" ||
		fail "no answer where nothing can be written"
	cmp -s "$dir/out" "$dir/without" || fail "another answer where nothing can be written"
	grep -q 'note: there will be no cache' "$dir/err" || fail "it is not told that there is no cache"
	chmod 755 "$dir/closed"
	rm -rf "$bin"
fi
[ -z "$(find "$dir" -name '*.part')" ] || fail "half a file was left"
exit $failed
