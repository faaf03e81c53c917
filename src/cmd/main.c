/*
 * The program's entry. Success is reported only after standard output was closed well.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "memscan/cmd.h"

int
main(int argc, char **argv)
{
	/* Whoever started us may ignore it: `memscan ... | head` shall end all the same. */
	signal(SIGPIPE, SIG_DFL);

	int code = cmd_main(argc, argv);
	bool is_bad = ferror(stdout) != 0;
	if ((fclose(stdout) != 0 || is_bad) && code == 0 && errno != EPIPE &&
		errno != EBADF) {
		fprintf(stderr, "memscan: standard output: %s\n", strerror(errno));
		code = status_exit_code(MS_IO);
	}
	return code;
}
