/*
 * allow COMMAND...: run a command that any process of the same user may trace.
 *
 * Where Yama restricts ptrace to ancestors (Ubuntu's default), a test that starts a target and
 * memscan side by side would need root. The permission outlives exec.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	/* Fails where there is no Yama, and then nothing is needed. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
