/*
 * Lists of address ranges, in order and without overlap.
 */
#include "priv.h"

void
span_vec_fini(span_vec *v)
{
	vec_fini(v);
}

size_t
span_behind(const span_vec *v, taddr addr)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v->at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
spans_have(const span_vec *v, taddr addr)
{
	if (v->n == 0 || addr < v->at[0].start || addr >= v->at[v->n - 1].end)
		return false;
	return v->at[span_behind(v, addr)].start <= addr;
}

uint64_t
spans_bytes(const span_vec *v)
{
	uint64_t total = 0;

	for (size_t i = 0; i < v->n; i++)
		total += v->at[i].end - v->at[i].start;
	return total;
}

/* Take what is left out apart from a run, from the ith of left on. */
static void
append_without(const span_vec *left, size_t *i, struct span run, span_vec *ret)
{
	while (*i < left->n && left->at[*i].end <= run.start)
		++*i;
	for (size_t k = *i; k < left->n && left->at[k].start < run.end; k++) {
		if (left->at[k].start > run.start)
			vec_push(ret, (struct span){run.start, left->at[k].start});
		run.start = left->at[k].end;
	}
	if (run.start < run.end)
		vec_push(ret, run);
}

void
spans_without(const span_vec *v, const span_vec *left, span_vec *ret)
{
	size_t at = 0;

	for (size_t i = 0; i < v->n; i++)
		append_without(left, &at, v->at[i], ret);
}
