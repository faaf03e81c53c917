/*
 * deny CALL[,CALL...] -- COMMAND...: run a command under a seccomp filter that answers EPERM to
 * some system calls, as containers do. Calls: ptrace, process_vm_readv.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[2], "--") != 0)
		return 2;
	unsigned first = strstr(argv[1], "ptrace") != NULL ? SYS_ptrace : 0xffffffff;
	unsigned second = strstr(argv[1], "process_vm_readv") != NULL ? SYS_process_vm_readv : 0xffffffff;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog prog = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
	/* Not PR_SET_NO_NEW_PRIVS when root: what memscan may do is not what is tested here. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		perror("prctl");
		return 77;
	}
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
		perror("seccomp");
		return 77;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
