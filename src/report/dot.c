/*
 * A neighbourhood as a graph for Graphviz. Labels hold what the target held: they are
 * escaped as everywhere, and quoted as DOT has it.
 */
#include "memscan/mem.h"
#include "memscan/retained.h"

#include "priv.h"

enum { TEXT_CAP = 160 };

static void
put_quoted(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			out_char(o, '\\');
		out_char(o, *text);
	}
}

static void
put_node(struct out *o, const struct heap *h, objid i, bool is_center)
{
	char type[TEXT_CAP], value[64];

	out_str(o, "  n");
	out_u64(o, i);
	out_str(o, " [label=\"");
	put_quoted(o, type_text(h, h->type[i], type, sizeof(type)));
	out_str(o, "\\n");
	out_hex(o, h->addr[i]);
	value_text(h, i, value, sizeof(value));
	if (*value != '\0')
		out_str(o, "\\n");
	put_quoted(o, value);
	out_str(o, is_center ? "\", style=bold];\n" : "\"];\n");
}

/* A node for what was left out. */
static void
put_more(struct out *o, uint64_t more, objid of, size_t number, bool is_in)
{
	const char *word = is_in ? "in" : "out";

	if (more == 0)
		return;
	out_printf(o, "  %s%zu [label=\"and %llu more\", shape=plaintext];\n", word,
		number, (unsigned long long)more);
	if (is_in)
		out_printf(o, "  %s%zu -> n%u [style=dotted];\n", word, number, of);
	else
		out_printf(o, "  n%u -> %s%zu [style=dotted];\n", of, word, number);
}

static void
put_side(struct out *o, const struct heap *h, const struct near *n, objid center,
	bool is_in)
{
	char label[TEXT_CAP];

	for (size_t k = 0; k < n->n; k++) {
		const struct near_row *row = &n->rows[k];
		if (!row->is_again)
			put_node(o, h, row->id, false);
		out_printf(o, "  n%u -> n%u [label=\"", row->from, h->to[row->ref]);
		put_quoted(o, label_text(h, row->from, row->ref, label, sizeof(label)));
		out_str(o,
			ref_kind(h->label[row->ref]) == RK_WEAK ? "\", style=dashed];\n"
								: "\"];\n");
		put_more(o, row->more, row->id, k + 1, is_in);
	}
	put_more(o, n->more, center, 0, is_in);
}

enum status
dot_put(const struct heap *h, objid center, const struct near *in, const struct near *out,
	FILE *f, struct errbuf *eb)
{
	CLEAN(out_fini) struct out o = {.f = f};

	out_str(&o, "digraph memscan {\n  node [shape=box];\n");
	put_node(&o, h, center, true);
	put_side(&o, h, in, center, true);
	put_side(&o, h, out, center, false);
	out_str(&o, "}\n");
	return out_finish(&o, eb);
}
