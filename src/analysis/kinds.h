/*
 * Shared between the files that divide objects into kinds, or types: keys, and kinds that
 * are sets of parts.
 */
#ifndef MEMSCAN_ANALYSIS_KINDS_H
#define MEMSCAN_ANALYSIS_KINDS_H

#include <string.h>

#include "memscan/analysis.h"
#include "memscan/map.h"
#include "memscan/strtab.h"
#include "memscan/vec.h"

#include "priv.h"

/* Bytes that stand for something to be told from others. */
struct key {
	char *at;
	size_t n, cap;
};

static inline void
key_put(struct key *k, const void *p, size_t n)
{
	vec_reserve(k, k->n + n + 1);
	if (n > 0)
		memcpy(k->at + k->n, p, n);
	k->n += n;
}

/* A type by its module and name, which another heap can have, too. */
static inline void
key_put_type(struct key *k, const struct heap *h, uint32_t type)
{
	size_t mlen, nlen;
	const char *module = heap_str(h, h->types[type].module, &mlen);
	const char *name = heap_str(h, h->types[type].name, &nlen);

	key_put(k, module, mlen + 1);
	key_put(k, name, nlen + 1);
}

/* Is object i to be divided? */
static inline bool
kinds_want(const struct bitset *of, objid i)
{
	return of == NULL || bitset_has(of, i);
}

/* Parts and sets of them, each with a number. */
struct parts {
	const struct heap *h;
	struct strtab *lists, *texts;
	struct map of_part;
	VEC(struct part) at;
	VEC(uint32_t) list; /* the set that is being made */
	uint32_t *key_text; /* by object: 1 + its text as a key, 0 if not known yet */
	struct key key;
};

/* parts_fini() it, after an error, too. MS_NOMEM: 4 bytes an object are not to be had. */
MUST_CHECK enum status parts_init(
	struct parts *p, const struct heap *h, struct errbuf *eb);
void parts_fini(struct parts *p);

/* The number of a part. */
uint32_t parts_put(struct parts *p, struct part part);

/* The number of the set p->list, which is put in order. */
uint32_t parts_list(struct parts *p);

/*
 * The number in p->texts of an object as a key: a letter for what it is (s: a str, b:
 * bytes, v: anything, as it is), then the text. parts_name: the same of a name.
 */
uint32_t parts_key_text(struct parts *p, objid key);
uint32_t parts_name(struct parts *p, const char *name, size_t len);

/* Hand all over to k. */
void parts_give(struct parts *p, struct kinds *k);

/* kinds_in.c: REFERRERS and VIA into k, whose `of` is there. MS_NOMEM */
MUST_CHECK enum status kinds_referrers(const struct heap *h, const struct bitset *of,
	struct kinds *k, struct errbuf *eb);
MUST_CHECK enum status kinds_via(const struct heap *h, const struct bitset *of,
	struct kinds *k, struct errbuf *eb);

#endif
