/*
 * Shared by the files that look for suspects: leaks.c, leaks_unheld.c, leaks_frames.c.
 */
#ifndef MEMSCAN_ANALYSIS_LEAKS_H
#define MEMSCAN_ANALYSIS_LEAKS_H

#include "memscan/analysis.h"
#include "memscan/leaks.h"
#include "memscan/vec.h"

struct finder {
	const struct leaks_in *in;
	const struct heap *h;
	VEC(struct leak) found;
	struct bitset unheld;  /* reached from nothing that is known to hold */
	struct bitset garbage; /* of those: held by each other alone */
	uint8_t *has_del;      /* by type: 0 not known, 1 no, 2 yes */
};

static inline bool
leaks_wants(const struct finder *f, size_t i)
{
	return f->in->of == NULL || bitset_has(f->in->of, i);
}

/*
 * A set as one suspect, if it has members: `count` of what it is made of. The type is the
 * one that most are of, the object the first of it.
 * MS_NOMEM
 */
MUST_CHECK enum status leaks_put_set(struct finder *f, enum leak_kind kind,
	const struct bitset *set, uint64_t count, struct errbuf *eb);

/* Fill in what is unheld, and garbage: before all others. MS_NOMEM */
MUST_CHECK enum status leaks_find_unheld(struct finder *f, struct errbuf *eb);

/* Each adds its suspects. MS_NOMEM */
MUST_CHECK enum status leaks_find_native(struct finder *f, struct errbuf *eb);
MUST_CHECK enum status leaks_find_cycles(struct finder *f, struct errbuf *eb);
MUST_CHECK enum status leaks_find_garbage_list(struct finder *f, struct errbuf *eb);
MUST_CHECK enum status leaks_find_frames(struct finder *f, struct errbuf *eb);

#endif
