/*
 * Two processes with the same pages since a fork, which write to them and drop them as they
 * like, before, between and after the times when they are looked at: the copy of the second,
 * made with the help of the first one's, has what the second has, to the last byte.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memscan/mem.h"
#include "patterns.h"

Suite *suite_common(void);

enum { PAGES = 200, SEEDS = 8, CHANGES = 60 };

static size_t page;
static uint8_t *pages;

/* What a process is told: to fill a page, to drop it (value 0), or only to look at it. */
struct change {
	uint32_t at;
	uint8_t value;
	uint8_t is_look;
};

static void
body(struct child_side side, void *arg)
{
	struct change c;

	(void)arg;
	for (;;) {
		child_get(side.in, &c, sizeof(c));
		uint8_t *p = pages + c.at * page;
		if (c.is_look)
			(void)*(volatile uint8_t *)p;
		else if (c.value == 0)
			madvise(p, page, MADV_DONTNEED);
		else
			memset(p, c.value, page);
		child_put(side.out, &c, 1);
	}
}

/* The two, and what each page of theirs is full of. */
struct pair {
	struct child child[2];
	uint8_t want[2][PAGES];
};

/* Nobody but the two has the pages when it begins. */
static void
start(struct pair *p)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	pages = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(pages, MAP_FAILED);
	madvise(pages, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		p->want[0][i] = p->want[1][i] = (uint8_t)(i % 250 + 1);
	for (size_t i = 0; i < PAGES; i++)
		memset(pages + i * page, p->want[0][i], page);
	for (size_t k = 0; k < 2; k++)
		p->child[k] = child_start(body, NULL);
	munmap(pages, PAGES * page);
}

static void
change(struct pair *p, size_t k, struct change c)
{
	uint8_t echo;

	child_put(p->child[k].to, &c, sizeof(c));
	child_get(p->child[k].from, &echo, 1);
	if (!c.is_look)
		p->want[k][c.at] = c.value;
}

/* In a part of the pages, so that some remain as they are. */
static void
change_some(struct pair *p, unsigned *seed)
{
	for (unsigned i = 0; i < CHANGES; i++) {
		struct change c = {.at = (uint32_t)rand_r(seed) % (PAGES / 2),
		                   .value = (uint8_t)(rand_r(seed) % 250 + 1),
		                   .is_look = rand_r(seed) % 8 == 0};
		if (rand_r(seed) % 4 == 0)
			c.value = 0;
		change(p, (size_t)rand_r(seed) % 2, c);
	}
}

/* How much of it was known. */
static uint64_t
copy(pid_t pid, struct common *common, const struct snapshot *base, struct snapshot **ret)
{
	struct snapshot_opts opts = {.mode = SNAPSHOT_MEMORY,
	                             .whole = true,
	                             .common = common,
	                             .base = base};

	*ret = patterns_prepare(pid, &opts);
	struct snapshot_stats stats = patterns_copy(*ret, pid);
	ck_assert_uint_eq(stats.missing, 0);
	return stats.known;
}

static struct target *
view(struct snapshot *s, const uint8_t want[PAGES])
{
	struct target *t = patterns_target(s);

	for (size_t i = 0; i < PAGES; i++)
		check_fill(t, (uintptr_t)pages + i * page, page, want[i]);
	return t;
}

/* Frames are told to the privileged alone. */
static struct common *
note(const struct pair *p)
{
	struct zero_frames zeros;
	struct common *c = NULL;
	struct errbuf eb = {0};

	enum status st = common_note(p->child[0].pid, p->child[1].pid, &c, &eb);
	if (!zero_frames_get(&zeros))
		ck_assert_int_eq(st, MS_DENIED);
	else
		ck_assert_msg(st == MS_OK || st == MS_ABSENT, "%s", eb.msg);
	return c;
}

START_TEST(random_changes)
{
	unsigned seed = (unsigned)_i + 1;
	struct snapshot *first, *second;
	struct pair p;

	start(&p);
	change_some(&p, &seed);
	struct common *c = note(&p);
	change_some(&p, &seed);
	copy(p.child[0].pid, NULL, NULL, &first);
	uint8_t then[PAGES];
	memcpy(then, p.want[0], sizeof(then));
	change_some(&p, &seed);
	struct target *t = view(first, then);
	uint64_t known = copy(p.child[1].pid, c, first, &second);
	uint8_t now[PAGES];
	memcpy(now, p.want[1], sizeof(now));
	change_some(&p, &seed);
	/* The other half of the pages was left alone by both. */
	if (c != NULL)
		ck_assert_uint_ge(known, PAGES / 2 * page);
	else
		ck_assert_uint_eq(known, 0);
	struct target *u = view(second, now);
	target_close(u);
	target_close(t);
	common_free(c);
	child_end(&p.child[0]);
	child_end(&p.child[1]);
}
END_TEST

/*
 * What has the same frame still, but not the same content: the first parts from a page, and
 * the second, which has it alone now, writes to it.
 */
START_TEST(page_left_to_one)
{
	struct snapshot *first, *second;
	struct pair p;

	start(&p);
	struct common *c = note(&p);
	copy(p.child[0].pid, NULL, NULL, &first);
	uint8_t then[PAGES];
	memcpy(then, p.want[0], sizeof(then));
	for (uint32_t i = 0; i < 10; i++) {
		change(&p, 0, (struct change){.at = i, .value = 251});
		change(&p, 1, (struct change){.at = i, .value = 252});
	}
	/* And the other way round, and both without any page. */
	for (uint32_t i = 10; i < 20; i++) {
		change(&p, 1, (struct change){.at = i, .value = 252});
		change(&p, 0, (struct change){.at = i, .value = 251});
	}
	for (uint32_t i = 20; i < 30; i++) {
		for (size_t k = 0; k < 2; k++) {
			change(&p, k, (struct change){.at = i});
			change(&p, k, (struct change){.at = i, .is_look = 1});
		}
	}
	struct target *t = view(first, then);
	copy(p.child[1].pid, c, first, &second);
	struct target *u = view(second, p.want[1]);
	target_close(u);
	target_close(t);
	common_free(c);
	child_end(&p.child[0]);
	child_end(&p.child[1]);
}
END_TEST

/* Pages of zeros are no pages in common, and frames are counted once. */
START_TEST(census)
{
	uint64_t shared[2], resident;
	struct errbuf eb = {0};
	struct pair p;

	start(&p);
	const pid_t pids[] = {p.child[0].pid, p.child[1].pid};
	enum status st = proc_census(pids, 2, shared, &resident, &eb);
	if (st == MS_OK) {
		struct proc_memory m;
		ck_assert(proc_memory(pids[0], &m));
		ck_assert_uint_ge(shared[0], PAGES * page);
		ck_assert_uint_ge(resident, shared[0]);
		ck_assert_uint_le(shared[0], m.rss + 64 * page);
		ck_assert_uint_le(m.own, m.pss);
	} else {
		ck_assert_int_eq(st, MS_DENIED);
	}
	child_end(&p.child[0]);
	child_end(&p.child[1]);
}
END_TEST

static bool
is_listed(pid_t pid)
{
	struct proc *list;
	struct errbuf eb = {0};
	size_t n, found = 0;

	ck_assert_int_eq(proc_descendants(getpid(), &list, &n, &eb), MS_OK);
	for (size_t i = 0; i < n; i++) {
		if (list[i].pid == pid) {
			ck_assert_int_eq(list[i].parent, getpid());
			found++;
		}
	}
	free(list);
	ck_assert_uint_le(found, 1);
	return found > 0;
}

START_TEST(descendants)
{
	struct pair p;
	struct proc proc;
	struct errbuf eb = {0};

	start(&p);
	ck_assert(is_listed(p.child[0].pid));
	ck_assert(is_listed(p.child[1].pid));
	ck_assert(!proc_same_memory(p.child[0].pid, p.child[1].pid));
	child_end(&p.child[0]);
	ck_assert(!is_listed(p.child[0].pid));
	ck_assert(is_listed(p.child[1].pid));
	ck_assert_int_eq(proc_get(p.child[0].pid, &proc, &eb), MS_ABSENT);
	child_end(&p.child[1]);
}
END_TEST

Suite *
suite_common(void)
{
	Suite *s = suite_create("common");
	TCase *tc = tcase_create("children");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, random_changes, 0, SEEDS);
	tcase_add_test(tc, page_left_to_one);
	tcase_add_test(tc, census);
	tcase_add_test(tc, descendants);
	suite_add_tcase(s, tc);
	return s;
}
