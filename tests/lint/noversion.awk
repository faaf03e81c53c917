# Places where C code outside the choice of a table could decide by Python's version. Comments are taken out, strings
# are blanked for the rules that look at code alone. Prints FILE:LINE: RULE: TEXT for each, and nothing else.
function complain(rule) {
	print FILENAME ":" FNR ": " rule ": " $0
}

# The line without comments; in_comment holds over lines.
function without_comments(line,    out, at, end) {
	out = ""
	while (line != "") {
		if (in_comment) {
			end = index(line, "*/")
			if (end == 0)
				return out
			line = substr(line, end + 2)
			in_comment = 0
			continue
		}
		if (!match(line, /"([^"\\]|\\.)*"|\/\*|\/\//))
			return out line
		at = substr(line, RSTART, RLENGTH)
		out = out substr(line, 1, RSTART - 1)
		line = substr(line, RSTART + RLENGTH)
		if (at == "/*")
			in_comment = 1
		else if (at == "//")
			return out
		else
			out = out at
	}
	return out
}

FNR == 1 {
	in_comment = 0
	base = FILENAME
	sub(/.*\/src\//, "src/", base)
	sub(/.*\/include\//, "include/", base)
	is_layout = base ~ /^src\/layout\/|^include\/memscan\/layout\.h$/
	# What looks at fields decides by their presence, in the layout layer too.
	is_blind = base ~ /^src\/layout\/(derive|check|fields|legacy|build)\.c$/
	is_cmd = base ~ /^src\/cmd\//
}

{
	text = without_comments($0)
	code = text
	gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
}

# The words. Commands may hand them on to be printed.
!is_layout && code ~ /hexversion|py_major|py_minor|PY_(MAJOR|MINOR|MICRO|VERSION)|Py_Version|covers_(first|last)/ {
	if (!is_cmd || code ~ /hexversion *([=!<>]=|[<>&|^%\/+-])|(==|!=|<=|>=|<<|>>|<|&|\|) *[a-z.>-]*hexversion|if *\(|\?|switch|case|py_m|PY_|Py_V|covers_/)
		complain("names the version")
}
is_blind && code ~ /hexversion|pyversion_|covers_(first|last)|(\.|->)version/ {
	complain("names the version")
}

# PY_VERSION_HEX as a number, of a release or a series.
!is_layout && code ~ /(^|[^0-9A-Za-z_])0[xX]0?(207|30[6-9a-fA-F]|31[0-9a-fA-F])([0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])?[uUlL]*([^0-9A-Za-z_]|$)/ {
	complain("a version as a number")
}

# The texts of version, flavour, compiler compared or taken apart.
!is_layout && code ~ /(cmp|casestr|strstr|strchr|strtou?ll?|sscanf|strspn|pyversion_[a-z]*) *\(.*(\.|->)(version|flavour|compiler|libc)([^a-z_]|$)|(\.|->)(version|flavour|compiler|libc) *\[/ {
	complain("takes the version's text apart")
}
!is_layout && text ~ /heap_meta_get.*"(python|hexversion|flavour|compiler|libc)"/ && base != "src/cmd/cmd_info.c" {
	complain("takes the version from the dump")
}
!is_layout && text ~ /(cmp|strstr|casestr) *\(.*"[^"]*(python|Python|CPython|cpython)?-?[23]\.[0-9]/ {
	complain("a version in a text that is compared")
}
