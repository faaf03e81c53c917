/*
 * The analysing half as a program of its own: opens a dump and sums it up. That it can be
 * linked without the libraries of the acquiring half is what it is for (`make check-split`).
 */
#include <stdio.h>

#include "memscan/analysis.h"
#include "memscan/dump.h"
#include "memscan/graph.h"
#include "memscan/report.h"

static enum status
sum_up(const struct heap *h, struct errbuf *eb)
{
	struct summary s;
	struct kinds k;
	struct graph_in g;

	enum status st = kinds_make(h, KINDS_OWNER, NULL, &k, eb);
	if (st != MS_OK)
		return st;
	summary_compute(h, &k, NULL, SUMMARY_BY_SIZE, &s);
	kinds_fini(&k);
	st = graph_in_build(h, &g, eb);
	if (st == MS_OK) {
		printf("%llu objects, %llu bytes, %zu kinds, %llu references\n",
		       (unsigned long long)s.count, (unsigned long long)s.size, s.n,
		       (unsigned long long)g.n);
		graph_in_fini(&g);
	}
	summary_fini(&s);
	return st;
}

int
main(int argc, char **argv)
{
	struct errbuf eb = {0};
	struct dump *d;

	if (argc != 2) {
		fprintf(stderr, "usage: split FILE\n");
		return 2;
	}
	enum status st = dump_open(argv[1], DUMP_ALL, &d, &eb);
	if (st == MS_OK) {
		st = sum_up(dump_heap(d), &eb);
		dump_close(d);
	}
	if (st != MS_OK)
		fprintf(stderr, "split: %s\n", eb.msg);
	return status_exit_code(st);
}
