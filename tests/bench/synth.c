/*
 * A dump made up: synth OBJECTS REFS_PER_OBJECT FILE. Its figures are those of real
 * dumps: half of the objects refer to nothing, two thirds are referred to once, a quarter
 * of all references go to a hundred objects. A tree of pairs makes all reachable; other
 * references go to one object in four, most of them near by. The same numbers give the
 * same file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/dump.h"

enum { TYPES = 50, SHARED = 100, FANOUT = 2 };

static uint64_t state = 1;

static uint64_t
next_below(uint64_t n)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % n;
}

static enum status
put_vocabulary(struct heap_sink *s)
{
	char text[32];
	enum status st = s->string(s->self, "", 0);

	if (st == MS_OK)
		st = s->string(s->self, "synth", 5);
	for (unsigned t = 0; t < TYPES && st == MS_OK; t++) {
		int n = snprintf(text, sizeof(text), "Kind%u", t);
		st = s->string(s->self, text, (size_t)n);
	}
	for (uint32_t t = 0; t < TYPES && st == MS_OK; t++) {
		struct heap_type type = {
			0x1000 + 512 * (taddr)t, 2 + t, 1, 0, HOW_SHAPE, 48, 0};
		st = s->type(s->self, &type);
	}
	return st;
}

/* Where reference number k of object i goes. */
static objid
target(objid i, uint64_t k, uint32_t n)
{
	uint64_t child = (uint64_t)i * FANOUT + 1 + k, what = next_below(16);

	if (k < FANOUT)
		return (objid)(child < n ? child : i);
	if (what < 6)
		return (objid)next_below(n < SHARED ? n : SHARED);
	uint64_t to = what < 15 ? i + next_below(4096) : next_below(n);
	return (objid)(to % n / 4 * 4);
}

static enum status
put_object(struct heap_sink *s, objid i, uint32_t n, uint64_t refs)
{
	struct heap_ref r[64];
	struct heap_obj o = {
		.addr = 0x7f0000000000 + 64 * (taddr)i,
		.size = 40 + next_below(100),
		.refcount = 1,
		.type = (uint32_t)next_below(TYPES),
		.flags = OF_GC | OF_TRACKED,
		.value = {.kind = VK_NONE, .len = VALUE_NO_LEN, .text = ""},
	};
	uint64_t left = i < n / FANOUT ? refs * FANOUT : 0;

	left = left < 64 ? left : 64;
	for (uint64_t k = 0; k < left; k++)
		r[k] = (struct heap_ref){target(i, k, n), ref_label(RK_INDEX, k)};
	enum status st = s->object(s->self, &o);
	return st == MS_OK ? s->refs(s->self, r, left) : st;
}

static enum status
put_heap(struct heap_sink *s, uint32_t n, uint64_t refs)
{
	struct heap_root root = {0, ROOT_MODULE, 1, HEAP_NONE, HEAP_NONE, 0};

	enum status st = put_vocabulary(s);
	for (objid i = 0; i < n && st == MS_OK; i++)
		st = put_object(s, i, n, refs);
	return st == MS_OK ? s->root(s->self, &root) : st;
}

int
main(int argc, char **argv)
{
	struct outfile out = {.fd = -1};
	struct dump_writer *w = NULL;
	struct errbuf eb = {0};

	if (argc != 4) {
		fprintf(stderr, "usage: synth OBJECTS REFS_PER_OBJECT FILE\n");
		return 2;
	}
	uint32_t n = (uint32_t)strtoul(argv[1], NULL, 10);
	enum status st = outfile_open(&out, argv[3], true, &eb);
	if (st == MS_OK)
		st = dump_writer_new(&out, &w, &eb);
	if (st == MS_OK) {
		st = put_heap(dump_writer_sink(w), n, strtoul(argv[2], NULL, 10));
		enum status end = dump_writer_finish(w, &eb);
		st = st == MS_OK ? end : st;
	}
	if (st == MS_OK)
		st = outfile_commit(&out, &eb);
	if (st != MS_OK)
		fprintf(stderr, "synth: %s\n", eb.msg);
	dump_writer_free(w);
	outfile_fini(&out);
	return status_exit_code(st);
}
