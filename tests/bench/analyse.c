/*
 * What analyses of a dump cost, stage by stage: analyse FILE. Seconds of processor time,
 * and the ratio to one plain pass over all references, which any of them needs; then the
 * most memory that was resident beyond the file's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "memscan/analysis.h"
#include "memscan/dump.h"
#include "memscan/retained.h"

static double pass;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
tell(const char *what, double seconds)
{
	printf("%-24s %8.3f s %8.1f passes\n", what, seconds, seconds / pass);
}

static void
must(enum status st, const struct errbuf *eb)
{
	if (st == MS_OK)
		return;
	fprintf(stderr, "analyse: %s\n", eb->msg);
	exit(status_exit_code(st));
}

/* Anonymous memory now, and the most there was, in kilobytes. */
static long
status_field(const char *name)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kb;
}

static uint64_t
plain_pass(const struct heap *h)
{
	uint64_t sum = 0;

	for (objid i = 0; i < h->nobj; i++)
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++)
			sum += h->to[r] ^ h->label[r];
	return sum;
}

static void
measure_reverse(const struct heap *h)
{
	struct graph_in in;
	struct errbuf eb;

	double began = now();
	must(graph_in_build(h, &in, &eb), &eb);
	tell("reverse references", now() - began);
	graph_in_fini(&in);
}

static void
measure_retained(const struct graph *g)
{
	struct graph_order o;
	struct dominators d;
	struct domtree t;
	uint64_t *retained;
	struct errbuf eb;

	double all = now(), began = all;
	must(graph_order_build(g, &o, &eb), &eb);
	tell("depth-first order", now() - began);
	began = now();
	must(dominators_compute(g, &o, &d, &eb), &eb);
	tell("dominators", now() - began);
	graph_order_fini(&o);
	began = now();
	must(retained_compute(g->h, &d, &retained, &eb), &eb);
	tell("retained", now() - began);
	tell("= dominators and retained", now() - all);
	began = now();
	must(domtree_build(g->h, &d, retained, &t, &eb), &eb);
	tell("tree", now() - began);
	domtree_fini(&t);
	free(retained);
	dominators_fini(&d);
}

static void
measure_ways(const struct graph *g)
{
	struct graph_tree t;
	struct errbuf eb;

	double began = now();
	must(graph_tree_build(g, NULL, &t, &eb), &eb);
	tell("shortest ways", now() - began);
	graph_tree_fini(&t);
}

int
main(int argc, char **argv)
{
	struct dump *d = NULL;
	struct errbuf eb = {0};
	struct graph g;

	if (argc != 2) {
		fprintf(stderr, "usage: analyse FILE\n");
		return 2;
	}
	double began = now();
	must(dump_open(argv[1], DUMP_ALL, &d, &eb), &eb);
	const struct heap *h = dump_heap(d);
	double opened = now() - began;
	printf("%u objects, %llu references\n", h->nobj, (unsigned long long)h->nref);
	volatile uint64_t sum = plain_pass(h); /* in the page cache from here on */
	began = now();
	sum += plain_pass(h);
	pass = now() - began;
	(void)sum;
	tell("one plain pass", pass);
	tell("open and check", opened);
	measure_reverse(h);
	began = now();
	must(graph_build(h, 0, &g, &eb), &eb);
	tell("roots", now() - began);
	measure_retained(&g);
	measure_ways(&g);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	double beyond = (double)(u.ru_maxrss - status_field("RssFile:")) * 1024;
	printf("%.1f bytes an object beyond the file at most (40 and 12 a reference: "
	       "%.1f)\n",
		beyond / h->nobj, 40 + 12 * (double)h->nref / h->nobj);
	graph_fini(&g);
	dump_close(d);
	return 0;
}
