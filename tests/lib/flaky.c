/*
 * The wrapping backend: counts the reads, spoils one, passes on the others.
 */
#include "flaky.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/mem.h"

struct wrapped {
	struct target *t;
	struct flaky *fl;
};

static void
tell_lies(uint8_t *p, size_t n, uint64_t lie)
{
	for (; n >= sizeof(lie); p += sizeof(lie), n -= sizeof(lie))
		memcpy(p, &lie, sizeof(lie));
}

static enum status
flaky_read(void *self, taddr addr, void *buf, size_t n)
{
	struct wrapped *w = self;
	struct flaky *fl = w->fl;
	unsigned i = fl->reads++;
	bool is_spoiled = i == fl->fail_at || (fl->is_for_good && i > fl->fail_at);

	if (is_spoiled && fl->with != MS_OK)
		return fl->with;
	enum status st = target_read(w->t, addr, buf, n);
	if (st == MS_OK && is_spoiled)
		tell_lies(buf, n, fl->lie);
	return st;
}

static void
flaky_close(void *self)
{
	struct wrapped *w = self;

	target_close(w->t);
	free(w);
}

static const struct target_ops flaky_ops = {
	.name = "flaky",
	.read = flaky_read,
	.close = flaky_close,
};

struct target *
flaky_target(struct target *t, struct flaky *fl)
{
	struct errbuf eb = {0};
	struct target *ret;
	struct wrapped *w = xcalloc(1, sizeof(*w));
	size_t n;
	const struct region *theirs = target_regions(t, &n);
	struct region *regions = xcalloc(n, sizeof(*regions));

	*w = (struct wrapped){.t = t, .fl = fl};
	for (size_t i = 0; i < n; i++) {
		regions[i] = theirs[i];
		regions[i].data = NULL;
	}
	enum status st =
	        target_new(&flaky_ops, w, target_machine(t), regions, n, &ret, &eb);
	free(regions);
	if (st != MS_OK) {
		fprintf(stderr, "flaky: %s\n", eb.msg);
		abort();
	}
	return ret;
}
