/*
 * Running single instructions on the processor. A child does it, with every signal
 * that a bad instruction raises caught on a stack of its own; results come back through
 * shared memory.
 */
#include "emunative.h"

#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if HAVE_NATIVE

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

void native_enter(void);
void native_enter_32(void);
void native_exit(void);

/* Used by the assembler text below. */
extern struct native_regs native_state;
extern uint64_t native_host_sp, native_target;
extern struct native_far {
	uint32_t off;
	uint16_t sel;
} native_far;

extern unsigned native_len;
static_assert(offsetof(struct native_regs, v) == 192, "as the assembler text has it");
static_assert(offsetof(struct native_regs, k) == 2240, "as the assembler text has it");

unsigned native_len = 16;
struct native_regs native_state;
uint64_t native_host_sp, native_target;
struct native_far native_far;

/*
 * Load every register from native_state and go to the code; native_exit stores them.
 * In 32-bit mode, which selector 0x23 is on Linux, data segments must be loaded too.
 */
/* clang-format off */
__asm__(".text\n"
        ".macro LOAD_ALL\n"
        "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
        "	mov %rsp, native_host_sp(%rip)\n"
        "	lea native_state(%rip), %rax\n"
        "	cmpl $32, native_len(%rip)\n"
        "	ja 2f\n	je 1f\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	movups 192+64*\\n(%rax), %xmm\\n\n"
        "	.endr\n"
        "	jmp 3f\n"
        "1:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	vmovups 192+64*\\n(%rax), %ymm\\n\n"
        "	.endr\n"
        "	jmp 3f\n"
        "2:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,"
        "23,24,25,26,27,28,29,30,31\n"
        "	vmovups 192+64*\\n(%rax), %zmm\\n\n"
        "	.endr\n"
        "	.irp n,0,1,2,3,4,5,6,7\n"
        "	kmovq 2240+8*\\n(%rax), %k\\n\n"
        "	.endr\n"
        "3:\n"
        "	pushq 128(%rax)\n	popfq\n"
        "	mov 8(%rax), %rcx\n	mov 16(%rax), %rdx\n	mov 24(%rax), %rbx\n"
        "	mov 32(%rax), %rsp\n	mov 40(%rax), %rbp\n	mov 48(%rax), %rsi\n"
        "	mov 56(%rax), %rdi\n	mov 64(%rax), %r8\n	mov 72(%rax), %r9\n"
        "	mov 80(%rax), %r10\n	mov 88(%rax), %r11\n	mov 96(%rax), %r12\n"
        "	mov 104(%rax), %r13\n	mov 112(%rax), %r14\n	mov 120(%rax), %r15\n"
        "	mov (%rax), %rax\n"
        ".endm\n"
        ".globl native_enter\nnative_enter:\n"
        "	LOAD_ALL\n"
        "	jmp *native_target(%rip)\n"
        ".globl native_enter_32\nnative_enter_32:\n"
        "	mov $0x2b, %eax\n	mov %eax, %ds\n	mov %eax, %es\n"
        "	LOAD_ALL\n"
        "	ljmp *native_far(%rip)\n"
        ".globl native_exit\nnative_exit:\n"
        "	mov %rax, native_state(%rip)\n	mov %rcx, native_state+8(%rip)\n"
        "	mov %rdx, native_state+16(%rip)\n	mov %rbx, native_state+24(%rip)\n"
        "	mov %rsp, native_state+32(%rip)\n	mov %rbp, native_state+40(%rip)\n"
        "	mov %rsi, native_state+48(%rip)\n	mov %rdi, native_state+56(%rip)\n"
        "	mov %r8, native_state+64(%rip)\n	mov %r9, native_state+72(%rip)\n"
        "	mov %r10, native_state+80(%rip)\n	mov %r11, native_state+88(%rip)\n"
        "	mov %r12, native_state+96(%rip)\n	mov %r13, native_state+104(%rip)\n"
        "	mov %r14, native_state+112(%rip)\n	mov %r15, native_state+120(%rip)\n"
        "	mov native_host_sp(%rip), %rsp\n"
        "	pushfq\n	popq native_state+128(%rip)\n"
        "	cld\n"
        "	lea native_state(%rip), %rax\n"
        "	cmpl $32, native_len(%rip)\n"
        "	ja 2f\n	je 1f\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	movups %xmm\\n, 192+64*\\n(%rax)\n"
        "	.endr\n"
        "	jmp 3f\n"
        "1:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	vmovups %ymm\\n, 192+64*\\n(%rax)\n"
        "	.endr\n"
        "	vzeroupper\n"
        "	jmp 3f\n"
        "2:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,"
        "23,24,25,26,27,28,29,30,31\n"
        "	vmovups %zmm\\n, 192+64*\\n(%rax)\n"
        "	.endr\n"
        "	.irp n,0,1,2,3,4,5,6,7\n"
        "	kmovq %k\\n, 2240+8*\\n(%rax)\n"
        "	.endr\n"
        "	vzeroupper\n"
        "3:\n"
        "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
        "	ret\n");
/* clang-format on */

static sigjmp_buf out;

static void
on_signal(int sig)
{
	siglongjmp(out, sig);
}

static void *
at(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

static bool
map_at(uint64_t addr, size_t n)
{
	void *p = mmap(at(addr), n, PROT_READ | PROT_WRITE | PROT_EXEC,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p == at(addr))
		return true;
	if (p != MAP_FAILED)
		munmap(p, n);
	return false;
}

unsigned
native_vector_len(void)
{
	return native_len;
}

bool
native_open(void)
{
	static bool is_open;

	if (__builtin_cpu_supports("avx512bw"))
		native_len = 64;
	else if (__builtin_cpu_supports("avx2"))
		native_len = 32;
	if (!is_open)
		is_open = map_at(NATIVE_CODE, NATIVE_CODE_LEN) &&
		          map_at(NATIVE_MEM, NATIVE_MEM_LEN);
	return is_open;
}

void
native_place(const struct native_case *c, bool is64)
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
	static const uint8_t far_jump[] = {0xea, 0, 2, 0, 0x20, 0x33, 0};
	uint64_t exit_at = (uint64_t)(uintptr_t)native_exit;
	uint8_t *page = at(NATIVE_CODE);

	memset(page, 0xcc, NATIVE_CODE_LEN);
	memcpy(page + (NATIVE_END - NATIVE_CODE) - c->n, c->code, c->n);

	/*
	 * In 64-bit mode the exit is jumped to; 32-bit mode first goes to the 64-bit jump
	 * at +0x200.
	 */
	uint8_t *end = page + (NATIVE_END - NATIVE_CODE);
	uint8_t *jump_at = is64 ? end : page + 0x200;
	if (!is64)
		memcpy(end, far_jump, sizeof(far_jump));
	memcpy(jump_at, jump, sizeof(jump));
	memcpy(jump_at + sizeof(jump), &exit_at, 8);

	memset(at(NATIVE_MEM), 0x5a, NATIVE_MEM_LEN);
	memcpy(at(NATIVE_SEEN), c->mem_before, NATIVE_SEEN_LEN);
}

static void
run_one(struct native_case *c, bool is64)
{
	native_place(c, is64);
	native_state = c->before;
	native_target = NATIVE_END - c->n;
	native_far = (struct native_far){(uint32_t)native_target, 0x23};

	c->signal = sigsetjmp(out, 1);
	if (c->signal == 0) {
		if (is64)
			native_enter();
		else
			native_enter_32();
	}
	c->after = native_state;
	memcpy(c->mem_after, at(NATIVE_SEEN), NATIVE_SEEN_LEN);
}

static void
child(struct native_case *cases, size_t n, bool is64)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	static uint8_t stack[64 * 1024];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

	sigaltstack(&ss, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
	alarm(30);
	for (size_t i = 0; i < n; i++)
		run_one(&cases[i], is64);
	_exit(0);
}

bool
native_run(struct native_case *cases, size_t n, bool is64)
{
	size_t len = n * sizeof(*cases);
	struct native_case *shared = mmap(NULL, len, PROT_READ | PROT_WRITE,
	                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;
	memcpy(shared, cases, len);

	pid_t pid = fork();
	if (pid == 0)
		child(shared, n, is64);
	int status = -1;
	bool is_well = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	               WEXITSTATUS(status) == 0;
	memcpy(cases, shared, len);
	munmap(shared, len);
	return is_well;
}

#else

unsigned
native_vector_len(void)
{
	return 0;
}

bool
native_open(void)
{
	return false;
}

void
native_place(const struct native_case *c, bool is64)
{
	(void)c;
	(void)is64;
}

bool
native_run(struct native_case *cases, size_t n, bool is64)
{
	(void)cases;
	(void)n;
	(void)is64;
	return false;
}

#endif
