# Turns the offset tables named on the command line into one C array of texts.
function flush_table() {
	if (open)
		print "\t},"
	open = 0
}
BEGIN {
	print "/* Made by embed.awk. */\n#include \"layout/priv.h\"\n\nconst struct embedded_table embedded_tables[] = {"
}
FNR == 1 {
	flush_table()
	name = FILENAME
	sub(/.*\//, "", name)
	printf "\t{\n\t\t.name = \"%s\",\n\t\t.text =\n", name
	open = 1
}
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\\&")
	printf "\t\t\t\"%s\\n\"\n", $0
}
END {
	flush_table()
	print "\t{0},\n};"
}
