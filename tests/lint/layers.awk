# layers.awk LAYERS FILE...: reject an #include of a layer that stands later in LAYERS (one argument, names
# separated by blanks), of another layer's priv.h, and, in the analysing half, of
# anything that belongs to taking a dump. Headers are those of include/memscan and src/<layer>.
BEGIN {
	n = split(ARGV[1], order, " ")
	ARGV[1] = ""
	for (i = 1; i <= n; i++)
		rank[order[i]] = i
	# Headers that are not named after their layer; what is neither here nor named so belongs to util.
	owner["dumpfmt.h"] = "dump"
	owner["pyfields.def"] = "layout"
	owner["shapes.def"] = "layout"
	owner["buffers.def"] = "py"
	m = split("bitset bytes io limits log map mem progress status strtab text vec", util, " ")
	for (i = 1; i <= m; i++)
		owner[util[i] ".h"] = "util"
	m = split("retained saving leaks change", answers, " ")
	for (i = 1; i <= m; i++)
		owner[answers[i] ".h"] = "analysis"
	split("dump graph analysis report", half, " ")
	for (i in half)
		analysing[half[i]] = 1
}

# The layer of a published header's base name, or "".
function layer_of_header(base,   stem) {
	if (base in owner)
		return owner[base]
	stem = base
	sub(/\.[a-z]+$/, "", stem)
	return stem in rank ? stem : ""
}

function complain(text) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, text, $0
	bad = 1
}

FNR == 1 {
	files++
	if (FILENAME ~ /^include\/memscan\//) {
		base = FILENAME
		sub(/.*\//, "", base)
		mine = layer_of_header(base)
	} else {
		mine = FILENAME
		sub(/^src\//, "", mine)
		sub(/\/.*/, "", mine)
	}
	if (!(mine in rank)) {
		printf "%s: belongs to no layer of the Makefile's LAYERS\n", FILENAME
		bad = 1
	}
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	name = $0
	sub(/^[^"]*"/, "", name)
	sub(/".*/, "", name)
	parts = split(name, part, "/")
	if (parts == 1)
		next # of its own directory
	if (part[1] == "memscan") {
		its = layer_of_header(part[2])
		if (its == "")
			complain("a header of no layer")
	} else {
		its = part[1]
		if (its != mine)
			complain("a header of another layer's own")
	}
	if (its in rank && mine in rank) {
		if (rank[its] > rank[mine])
			complain(mine " stands before " its)
		if (mine in analysing && rank[its] >= rank["target"] && rank[its] <= rank["walk"])
			complain(mine " is to work without " its)
	}
}

END {
	if (files == 0) {
		print "layers.awk: no files"
		bad = 1
	}
	exit bad
}
