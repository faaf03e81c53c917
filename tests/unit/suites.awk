# Writes the table of unit test suites: one row for each test_<name>.c given.
BEGIN {
	for (i = 1; i < ARGC; i++) {
		name = ARGV[i]
		sub(/.*test_/, "", name)
		sub(/\.c$/, "", name)
		names[++n] = name
	}
	print "/* Made by suites.awk. */\n#include \"runner.h\"\n"
	for (i = 1; i <= n; i++)
		printf "Suite *suite_%s(void);\n", names[i]
	print "\nconst struct suite_row suite_table[] = {"
	for (i = 1; i <= n; i++)
		printf "\t{\"%s\", suite_%s},\n", names[i], names[i]
	print "\t{0},\n};"
	exit
}
