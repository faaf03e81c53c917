#!/bin/sh
# Targets that have damaged their own objects: memscan ends, counts the damage, says so, and the rest of the
# heap is in the dump. Each lie is written through ctypes into an object of the target's own.
. tests/live/lib.sh

# lie NAME CODE: CODE may use word(address, index) = value; statuses 6 and 0 are right, as is said in $3.
lie() {
	start_small "
import ctypes, gc
gc.disable()
def put(address, value, size=8):
    ctypes.memmove(address, (value & (1 << 64) - 1).to_bytes(8, 'little'), size)
def get(address):
    return int.from_bytes(ctypes.string_at(address, 8), 'little')
victim = [Thing(i) for i in range(100)]
table = {'k%d' % i: i for i in range(100)}
pair = (victim, table)
text = 'a text of its own ' * 10
late = Thing(1)
class Lone:
    pass
lone = Lone()
lone.attribute = [1]
$2"
	timeout -k 5 60 "$MEMSCAN" --pid "$target" -o "$TMP/dump" --force > "$TMP/stdout" 2> "$TMP/err" < /dev/null
	status=$?
	case " ${3:-6} " in
	*" $status "*) ;;
	*) fail "$1: exit status $status, not ${3:-6}" ;;
	esac
	if grep -q 'ERROR: \(Address\|Undefined\)\|runtime error:' "$TMP/err"; then
		fail "$1: a sanitizer complained"
	fi
	if [ $status = 6 ]; then
		"$MEMSCAN" info --json "$TMP/dump" > "$TMP/info" 2> "$TMP/err" || fail "$1: info fails"
		"$PYTHON" -c '
import json, sys
info = json.load(open(sys.argv[1]))
sys.exit(not (info["damage"] > 0 and info["objects"] > 5000))' "$TMP/info" || fail "$1: the damage is not in the dump"
	fi
	kill -KILL "$target"
	wait "$target" 2> /dev/null
}

items='get(id(victim) + 24)'
lie "pointer to nowhere in a list" "put($items, 0x123456789abc0)"
lie "odd pointer in a list" "put($items + 8, id(table) + 3)"
lie "pointer into the kernel in a list" "put($items + 16, 0xffff888000001000)"
lie "pointer to zeros in a list" "z = bytes(4096); put($items + 24, id(z) + 64 & ~15)"
lie "list without bounds" "put(id(victim) + 16, 1 << 60)"
lie "list of negative length" "put(id(victim) + 16, -5)"
lie "list with a wild array" "put(id(victim) + 24, 0x5000)"
lie "tuple without bounds" "put(id(pair) + 16, (1 << 63) - 1)"
lie "text of absurd length" "put(id(text) + 16, 1 << 61)" "0 6"
lie "int of absurd length" "n = 1 << 90; put(id(n) + 16, 1 << 50)" "0 6"
lie "dictionary with wild keys" "put(id(table) + 32, 0xdead0000)"
lie "dictionary with absurd keys" "put(get(id(table) + 32) + 8, 0x3c3c, 2)"
lie "dictionary with too many entries" "put(get(id(table) + 32) + 24, 1 << 50)"
lie "object with no type" "put(id(late) + 8, 0)"
lie "object whose type is a list" "put(id(late) + 8, id(victim))"
lie "object whose type is nowhere" "put(id(late) + 8, 0x7fffdeadbee0)"
lie "type that is its own base" "put(id(Lone) + 256, id(Lone))" "0 6"
lie "type of absurd basic size" "put(id(Lone) + 32, 1 << 62)" "0 6"
lie "type with a wild name" "put(id(Lone) + 24, 0x1000)" "0 6"
lie "type with a wild method table" "put(id(Lone) + 264, 0xdeadbeef000)" "0 6"
lie "type with an absurd dictionary offset" "put(id(Lone) + 288, 1 << 40)" "0 6"
# In the middle of the list: its end is mended by whatever is allocated next.
lie "gc list that ends nowhere" "put(id(victim[50]) - 16, 0x4141414140)" "4 6"
lie "gc list that is a ring of one" "put(id(victim[50]) - 16, id(victim[50]) - 16)" "4 6"
lie "gc list that goes back" "put(id(victim[50]) - 16, id(victim[10]) - 16)" "4 6"
lie "gc list that goes round both ways" "put(id(victim[50]) - 16, id(victim[10]) - 16); put(id(victim[10]) - 8, id(victim[50]) - 16)" "4 6"
lie "everything in a module is wild" "[put(i, 0x2222222222) for i in range($items, $items + 800, 8)]"
done_testing
