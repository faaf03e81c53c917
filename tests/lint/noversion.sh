#!/bin/sh
# Nothing decides by Python's version but the choice of a table: the words for it may stand in the layer
# "layout" and in the command that prints them. A string with a dump's meta key is no decision.
found=$(grep -nE 'hexversion|py_minor|PY_VERSION' $(find src include -name '*.[ch]' -o -name '*.def' | sort) |
	grep -vE '^(src/layout/|include/memscan/(layout\.h|pyfields\.def)|src/cmd/cmd_info\.c)' |
	awk -F: '
	# Strings and comments of cmd_dump.c and of what it calls may name the meta key and what layout gives for it.
	{ line = $0; sub(/^[^:]*:[^:]*:/, "", line)
	  if ($1 ~ /^src\/cmd\//) { gsub(/"[^"]*"/, "", line); if (line !~ /hexversion *(==|!=|<|>|&|>>)|py_minor|PY_VERSION/) next }
	  print }')
[ -z "$found" ] || { echo "$found"; exit 1; }
