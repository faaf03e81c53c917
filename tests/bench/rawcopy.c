/*
 * rawcopy PID [THREADS]: copy the present pages of a process's writable private mappings into memory that was touched
 * before, with process_vm_readv and nothing else; the process is not stopped. Prints bytes, nanoseconds of the first copy
 * and those of the best of five in a row, which find the pages in the caches: what memscan's hold is measured against.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 5, SPANS_MAX = 1 << 20, THREADS_MAX = 64 };
#define CHUNK (1UL << 20)

static struct iovec spans[SPANS_MAX];
static size_t n_spans, total;

static uint64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Runs of present (or swapped) pages of [start, end), cut at CHUNK. */
static void
add_present(int pagemap, uintptr_t start, uintptr_t end, size_t page)
{
	for (uintptr_t at = start; at < end; at += page) {
		uint64_t entry = 0;
		if (pread(pagemap, &entry, 8, (off_t)(at / page * 8)) != 8 || entry >> 62 == 0)
			continue;
		struct iovec *last = n_spans > 0 ? &spans[n_spans - 1] : NULL;
		if (last != NULL && (uintptr_t)last->iov_base + last->iov_len == at && last->iov_len < CHUNK)
			last->iov_len += page;
		else if (n_spans < SPANS_MAX)
			spans[n_spans++] = (struct iovec){.iov_base = (void *)at, .iov_len = page};
		total += page;
	}
}

static void
plan(const char *pid)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	int pagemap = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	FILE *maps = fopen(path, "r");
	if (pagemap < 0 || maps == NULL) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start, end;
		char prot[8];
		if (sscanf(line, "%lx-%lx %7s", &start, &end, prot) == 3 && prot[1] == 'w' && prot[3] == 'p')
			add_present(pagemap, start, end, (size_t)sysconf(_SC_PAGESIZE));
	}
	fclose(maps);
	close(pagemap);
}

/* The spans from first on, one of so many. */
struct share {
	pid_t pid;
	char *to;
	size_t first, step;
};

static void *
copy_share(void *arg)
{
	const struct share *s = arg;
	char *to = s->to;

	for (size_t i = 0; i < n_spans; to += spans[i++].iov_len) {
		struct iovec local = {.iov_base = to, .iov_len = spans[i].iov_len};
		if (i % s->step != s->first)
			continue;
		if (process_vm_readv(s->pid, &local, 1, &spans[i], 1, 0) < 0) {
			perror("process_vm_readv");
			exit(1);
		}
	}
	return NULL;
}

static uint64_t
copy(pid_t pid, char *to, size_t n)
{
	pthread_t threads[THREADS_MAX];
	struct share shares[THREADS_MAX];
	uint64_t began = now_ns();

	for (size_t i = 0; i < n; i++)
		shares[i] = (struct share){pid, to, i, n};
	for (size_t i = 1; i < n; i++)
		pthread_create(&threads[i], NULL, copy_share, &shares[i]);
	copy_share(&shares[0]);
	for (size_t i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	return now_ns() - began;
}

int
main(int argc, char **argv)
{
	size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 1;

	if (argc < 2 || argc > 3 || n < 1 || n > THREADS_MAX)
		return 2;
	plan(argv[1]);
	char *to = mmap(NULL, total + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (to == MAP_FAILED)
		return 1;
	memset(to, 1, total);
	uint64_t first = copy(atoi(argv[1]), to, n), best = first;
	for (int i = 1; i < RUNS; i++) {
		uint64_t ns = copy(atoi(argv[1]), to, n);
		if (ns < best)
			best = ns;
	}
	printf("%zu %llu %llu\n", total, (unsigned long long)first, (unsigned long long)best);
	return 0;
}
