/*
 * The copy as a target: its pieces become regions with bytes at hand.
 */
#include "snappriv.h"

#include <sys/mman.h>

static enum status
snapshot_read(void *self, taddr addr, void *buf, size_t n)
{
	const struct snapshot *s = self;
	enum status st = reader_read(&s->reader, addr, buf, n);

	/* Without a copy it only counts while the process stands still. */
	if (st == MS_OK && s->plan.mode == SNAPSHOT_NONE && stop_is_over(s->stop))
		return MS_FAULT;
	return st;
}

static void
snapshot_close(void *self)
{
	snapshot_free(self);
}

static const struct target_ops snapshot_ops = {
	.name = "snapshot",
	.read = snapshot_read,
	.again = snapshot_again,
	.close = snapshot_close,
};

typedef VEC(struct region) region_vec;

/* Append [start, end) of a region; data is that of start, or NULL. */
static void
emit(region_vec *v, const struct region *of, taddr start, taddr end, const uint8_t *data)
{
	if (start >= end)
		return;
	struct region r = *of;
	r.start = start;
	r.end = end;
	r.data = data;
	r.is_next_part = start > of->start;
	if (r.inode != 0)
		r.file_off += start - of->start;
	vec_push(v, r);
}

/* Append a part of a piece that has data, but for the pages that could not be read. */
static void
emit_copied(const struct snapshot *s, region_vec *v, const struct piece *p,
            struct span part, size_t *missing)
{
	const struct region *of = &s->maps.at[p->region];
	struct region lost = *of;
	taddr at = part.start;

	lost.prot &= ~(uint32_t)PROT_READ;
	for (; *missing < s->missing.n && s->missing.at[*missing].start < part.end;
	     ++*missing) {
		const struct span *m = &s->missing.at[*missing];
		emit(v, of, at, m->start, p->data + (at - p->start));
		emit(v, &lost, m->start, m->end, NULL);
		at = m->end;
	}
	emit(v, of, at, part.end, p->data + (at - p->start));
}

static void
emit_piece(const struct snapshot *s, region_vec *v, const struct piece *p,
           size_t *missing)
{
	if (p->absent == ABSENT_ZERO) {
		emit_copied(s, v, p, (struct span){.start = p->start, .end = p->end},
		            missing);
		return;
	}
	if (p->absent == LEFT_OUT) {
		struct region out = s->maps.at[p->region];
		out.is_left_out = true;
		emit(v, &out, p->start, p->end, NULL);
		return;
	}
	taddr at = p->start;
	for (size_t i = p->first; i < p->last; i++) {
		struct span run = s->runs.at[i];
		emit(v, &s->maps.at[p->region], at, run.start, NULL);
		emit_copied(s, v, p, run, missing);
		at = run.end;
	}
	emit(v, &s->maps.at[p->region], at, p->end, NULL);
}

enum status
snapshot_target(struct snapshot *s, struct target **ret, struct errbuf *eb)
{
	region_vec v = {0};
	size_t piece = 0;
	size_t missing = 0;

	known_fill(s);
	for (size_t i = 0; i < s->maps.n; i++) {
		if (piece == s->pieces.n || s->pieces.at[piece].region != i) {
			emit(&v, &s->maps.at[i], s->maps.at[i].start, s->maps.at[i].end,
			     NULL);
			continue;
		}
		for (; piece < s->pieces.n && s->pieces.at[piece].region == i; piece++)
			emit_piece(s, &v, &s->pieces.at[piece], &missing);
	}
	enum status st = target_new(&snapshot_ops, s, &s->machine, v.at, v.n, ret, eb);
	vec_fini(&v);
	if (st == MS_OK && s->plan.mode == SNAPSHOT_NONE && s->stop != NULL)
		target_hold_still(*ret, s->plan.cache);
	return st;
}
