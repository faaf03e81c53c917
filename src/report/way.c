/*
 * Ways from the roots, read as Python: the steps of a way are put one after the other as
 * they would be written, so that an object's own __dict__ is not seen, and its keys are
 * attributes.
 */
#include "memscan/analysis.h"
#include "memscan/mem.h"
#include "memscan/retained.h"

#include "priv.h"

/* How many equal steps in a row are written before the others are counted. */
enum { REPEATS_SHOWN = 2, REPEATS_COUNTED = 2 };

/* ---- where it begins ---- */

static const struct heap_root *
root_of(const struct graph *g, uint32_t entry)
{
	uint32_t root = g->root[entry];

	return root == HEAP_NONE ? NULL : &g->h->roots[root];
}

const char *
entry_kind(const struct graph *g, uint32_t entry)
{
	const struct heap_root *r = root_of(g, entry);
	uint16_t flags = g->h->flags[g->entry[entry]];

	if (r != NULL)
		return root_kind_name((enum root_kind)r->kind);
	if (entry < g->n_held)
		return (flags & OF_IMMORTAL) != 0 ? "immortal" : "static";
	return (flags & OF_INTERNED) != 0 ? "interned" : "unknown";
}

static void
put_string(struct out *o, const struct heap *h, uint32_t id)
{
	size_t len;
	const char *text = heap_str(h, id, &len);

	if (len > 0)
		out_safe(o, text, len);
	else
		out_char(o, '?');
}

/* thread "worker-3": by the name that threading has for it, or the kernel, or by number.
 */
static void
put_thread(struct out *o, const struct heap *h, uint32_t thread)
{
	CLEAN(threads_fini) struct threads all = {0};
	const struct heap_thread *t = &h->threads[thread];
	size_t len;
	const char *name = heap_str(h, t->name, &len);

	threads_compute(h, &all);
	if (all.rows[thread].name != OBJID_NONE) {
		struct heap_value v = heap_value(h, all.rows[thread].name);
		name = v.text;
		len = v.text_len;
	}
	out_str(o, "thread ");
	if (len > 0) {
		out_char(o, '"');
		out_safe(o, name, len);
		out_char(o, '"');
	} else {
		out_u64(o, t->native_id != 0 ? t->native_id : t->ident);
	}
}

/* thread "worker-3", f at app.py:12 */
static void
put_place(struct out *o, const struct heap *h, const struct heap_root *r)
{
	if (r->thread < h->nthread)
		put_thread(o, h, r->thread);
	if (r->frame >= h->nframe)
		return;
	const struct heap_frame *f = &h->frames[r->frame];
	if (r->thread < h->nthread)
		out_str(o, ", ");
	put_string(o, h, f->function);
	out_str(o, " at ");
	put_string(o, h, f->file);
	if (f->line != 0)
		out_printf(o, ":%u", f->line);
}

/* What holds it there: "local x", "f_globals"; a frame object is the frame itself. */
static void
put_holder(struct out *o, const struct heap *h, const struct heap_root *r)
{
	size_t len;
	const char *name = heap_str(h, r->name, &len);

	if (r->kind == ROOT_FRAME && len == 5 && memcmp(name, "frame", 5) == 0)
		return;
	out_str(o, ", ");
	if (r->kind == ROOT_STACK) {
		out_str(o, "evaluation stack");
		return;
	}
	if (r->kind == ROOT_LOCAL)
		out_str(o, "local ");
	put_string(o, h, r->name);
}

static void
put_entry(struct out *o, const struct graph *g, uint32_t entry)
{
	const struct heap_root *r = root_of(g, entry);
	char text[512];

	if (entry >= g->n_held) {
		out_str(o, "(held by nothing known)");
		return;
	}
	if (r == NULL) {
		out_printf(o, "(%s)", entry_kind(g, entry));
		return;
	}
	switch (r->kind) {
	case ROOT_MODULE:
		put_string(o, g->h, r->name);
		return;
	case ROOT_THREAD:
	case ROOT_FRAME:
	case ROOT_LOCAL:
	case ROOT_STACK:
		put_place(o, g->h, r);
		put_holder(o, g->h, r);
		return;
	default:
		out_str(o, root_text(g->h, g->root[entry], text, sizeof(text)));
	}
}

char *
entry_name(const struct graph *g, uint32_t entry, char *buf, size_t cap)
{
	CLEAN(out_fini) struct out o = {0};
	const struct heap_root *r = root_of(g, entry);
	size_t len = 0;
	const char *name = r != NULL ? heap_str(g->h, r->name, &len) : "";

	out_safe(&o, name, len);
	return out_copy(&o, buf, cap);
}

/* ---- its steps ---- */

/* A way being written. */
struct writer {
	struct out o;
	const struct heap *h;
	bool owes_dict; /* the last step went to an object's own __dict__ */
};

static bool
is_word(const struct heap_value *v)
{
	/* Names are bytes in Python 2. */
	if ((v->kind != VK_STR && v->kind != VK_BYTES) || v->cut || v->text_len == 0)
		return false;
	for (size_t k = 0; k < v->text_len; k++) {
		unsigned char c = (unsigned char)v->text[k];
		bool is_digit = c >= '0' && c <= '9';
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		bool is_other = c >= 0x80 && v->kind == VK_STR;
		if (!is_letter && c != '_' && !is_other && (!is_digit || k == 0))
			return false;
	}
	return true;
}

static void
pay_dict(struct writer *w)
{
	if (w->owes_dict)
		out_str(&w->o, ".__dict__");
	w->owes_dict = false;
}

/* An item of an object's own __dict__ is an attribute, if its key is a name. */
static bool
put_attribute(struct writer *w, objid from, uint64_t r)
{
	objid key = heap_ref_key(w->h, from, r);

	if (!w->owes_dict || key == OBJID_NONE)
		return false;
	struct heap_value v = heap_value(w->h, key);
	if (!is_word(&v))
		return false;
	w->owes_dict = false;
	out_char(&w->o, '.');
	out_safe(&w->o, v.text, v.text_len);
	return true;
}

/* What stands for any of them. */
static bool
put_any(struct writer *w, enum ref_kind kind)
{
	switch (kind) {
	case RK_VALUE:
	case RK_INDEX:
		out_str(&w->o, "[*]");
		return true;
	case RK_KEY:
		out_str(&w->o, w->o.b.n > 0 ? ", key *" : "key *");
		return true;
	case RK_MEMBER:
		out_str(&w->o, "{*}");
		return true;
	case RK_STACK:
		out_str(&w->o, w->o.b.n > 0 ? ", stack [*]" : "stack [*]");
		return true;
	default:
		return false;
	}
}

static void
put_step(struct writer *w, objid from, uint64_t r, bool varies)
{
	enum ref_kind kind = ref_kind(w->h->label[r]);

	if (kind == RK_VALUE && put_attribute(w, from, r))
		return;
	pay_dict(w);
	if (kind == RK_DICT) {
		w->owes_dict = true;
		return;
	}
	if (varies && put_any(w, kind))
		return;
	bool is_apart = w->o.b.n > 0 &&
		(kind == RK_LOCAL || kind == RK_CLOSURE || kind == RK_STACK ||
			kind == RK_KEY || kind == RK_WEAK);
	if (is_apart)
		out_str(&w->o, ", ");
	label_put(&w->o, w->h, from, r, false);
}

/* Number of steps from k on that have the same label as it; not more than matters. */
static size_t
count_equal(const struct heap *h, const struct path *p, size_t k)
{
	uint32_t label = h->label[p->ref[k]];
	enum ref_kind kind = ref_kind(label);
	size_t n = 1;

	if (kind == RK_VALUE || kind == RK_KEY || kind == RK_DICT)
		return 1;
	while (k + n < p->n && h->label[p->ref[k + n]] == label)
		n++;
	return n;
}

char *
path_text(const struct graph *g, const struct path *p, char *buf, size_t cap)
{
	struct writer w = {.h = g->h};

	put_entry(&w.o, g, p->entry);
	for (size_t k = 1; k < p->n && w.o.b.n < cap;) {
		size_t equal = count_equal(g->h, p, k);
		size_t shown =
			equal > REPEATS_SHOWN + REPEATS_COUNTED ? REPEATS_SHOWN : equal;
		for (size_t j = k; j < k + shown; j++)
			put_step(&w, p->at[j - 1], p->ref[j], false);
		if (shown < equal)
			out_printf(&w.o, "...(%zu more)", equal - shown);
		k += equal;
	}
	pay_dict(&w);
	out_copy(&w.o, buf, cap);
	out_fini(&w.o);
	return buf;
}

char *
way_text(const struct graph *g, const struct graph_tree *t, objid i, char *buf, size_t cap)
{
	struct path p;

	if (!path_of(g, t, i, &p))
		return NULL;
	path_text(g, &p, buf, cap);
	path_fini(&p);
	return buf;
}

char *
cycle_text(const struct graph *g, const struct path *p, char *buf, size_t cap)
{
	struct writer w = {.h = g->h};

	out_char(&w.o, 'x');
	for (size_t k = 1; k < p->n && w.o.b.n < cap; k++)
		put_step(&w, p->at[k - 1], p->ref[k], false);
	pay_dict(&w);
	out_str(&w.o, " is x");
	out_copy(&w.o, buf, cap);
	out_fini(&w.o);
	return buf;
}

char *
step_text(const struct heap *h, objid from, uint64_t ref, bool varies, char *buf,
	size_t cap)
{
	struct writer w = {.h = h};

	put_step(&w, from, ref, varies);
	pay_dict(&w);
	out_copy(&w.o, buf, cap);
	out_fini(&w.o);
	return buf;
}

char *
merged_text(const struct graph *g, const struct merged *m, uint32_t node, char *buf,
	size_t cap)
{
	struct writer w = {.h = g->h};
	VEC(uint32_t) up = {0};

	for (uint32_t at = node; at != HEAP_NONE; at = m->node[at].parent)
		vec_push(&up, at);
	put_entry(&w.o, g, m->node[up.at[up.n - 1]].entry);
	for (size_t k = up.n - 1; k-- > 0 && w.o.b.n < cap;) {
		const struct merged_node *n = &m->node[up.at[k]];
		if (n->again)
			out_str(&w.o, "...");
		else
			put_step(&w, n->from, n->ref, n->varies);
	}
	pay_dict(&w);
	vec_fini(&up);
	out_copy(&w.o, buf, cap);
	out_fini(&w.o);
	return buf;
}
