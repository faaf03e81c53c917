/*
 * meliae's dump format, so that its loader and what was built on it read our dumps.
 *
 * The source of truth is meliae's scanner and loader (meliae/_scanner_core.c,
 * meliae/loader.py): keys in a fixed order, True and False as strings, names in ASCII,
 * values other than a str's in Latin-1, and references as tp_traverse reports them, of
 * which an instance's last one is its type. Beyond that, hidden references are written,
 * too; weak ones are not, for they keep nothing alive.
 */
#include "priv.h"

/* The last component of a qualified name: __name__. */
static void
put_bare_name(struct out *o, const struct heap *h, uint32_t type)
{
	size_t len;
	const char *name = heap_str(h, h->types[type].name, &len);
	const char *dot = len > 0 ? memrchr(name, '.', len) : NULL;

	if (dot != NULL && dot + 1 < name + len) {
		len -= (size_t)(dot + 1 - name);
		name = dot + 1;
	}
	out_json(o, name, len);
}

/* Its loader encodes names as ASCII and gives up on others. */
static void
put_ascii(struct out *o, const char *p, size_t len)
{
	CLEAN(out_fini) struct out ascii = {0};
	const char *end = p + len;

	for (size_t used; p < end; p += used) {
		uint32_t c = utf8_next(p, end, &used);
		out_char(&ascii, c < 0x80 ? (char)c : '?');
	}
	out_json(o, ascii.b.n > 0 ? ascii.b.at : "", ascii.b.n);
}

static void
put_value(struct out *o, const struct heap_value *v)
{
	if (v->kind == VK_NAME) {
		out_str(o, ", \"name\": ");
		put_ascii(o, v->text, v->text_len);
	}
	if (v->len != VALUE_NO_LEN) {
		out_str(o, ", \"len\": ");
		out_u64(o, v->len);
	}
	if (v->kind == VK_NONE || v->kind == VK_NAME || v->kind == VK_TEXT)
		return;
	out_str(o, ", \"value\": ");
	bool is_number = (v->kind == VK_INT || v->kind == VK_FLOAT) && !v->cut &&
		json_is_number(v->text, v->text_len);
	if (is_number)
		out_bytes(o, v->text, v->text_len);
	else if (v->kind == VK_STR)
		out_json(o, v->text, v->text_len);
	else
		out_json_bytes(o, v->text, v->text_len);
}

/* Which references a pass writes: pairs of a dict, then the rest, then the type. */
enum pass { PASS_PAIRS, PASS_REST, PASS_TYPE, N_PASSES };

static enum pass
pass_of(uint32_t label)
{
	switch (ref_kind(label)) {
	case RK_KEY:
	case RK_VALUE:
		return PASS_PAIRS;
	case RK_TYPE:
		/* An object of a static type does not visit its type. */
		return (label & REF_HIDDEN) != 0 ? N_PASSES : PASS_TYPE;
	case RK_WEAK:
		return N_PASSES;
	default:
		return PASS_REST;
	}
}

static void
put_refs(struct out *o, const struct heap *h, objid i)
{
	bool is_first = true;

	out_str(o, ", \"refs\": [");
	for (enum pass pass = PASS_PAIRS; pass < N_PASSES; pass++) {
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			if (pass_of(h->label[r]) != pass)
				continue;
			if (!is_first)
				out_bytes(o, ", ", 2);
			is_first = false;
			out_u64(o, h->addr[h->to[r]]);
		}
	}
	out_str(o, "]}\n");
}

enum status
export_meliae(const struct heap *h, const struct bitset *of, FILE *out, struct errbuf *eb)
{
	CLEAN(out_fini) struct out o = {.f = out};
	CLEAN(out_fini) struct out names = {0};
	CLEAN_FREE size_t *name_at = xcalloc((size_t)h->ntype + 1, sizeof(*name_at));

	for (uint32_t t = 0; t < h->ntype; t++) {
		put_bare_name(&names, h, t);
		name_at[t + 1] = names.b.n;
	}
	const uint8_t *value = h->values;
	for (objid i = 0; i < h->nobj; i++) {
		uint32_t t = h->type[i];
		struct heap_value v;
		enum status st =
			value_record_get(value, h->values + h->nvalues, &v, &value);
		if (st != MS_OK)
			return errbuf_set(
				eb, st, "the value record of object %u is malformed", i);
		if (of != NULL && !bitset_has(of, i))
			continue;
		out_str(&o, "{\"address\": ");
		out_u64(&o, h->addr[i]);
		out_str(&o, ", \"type\": ");
		out_bytes(&o, names.b.at + name_at[t], name_at[t + 1] - name_at[t]);
		out_str(&o, ", \"size\": ");
		out_u64(&o, heap_size(h, i));
		put_value(&o, &v);
		put_refs(&o, h, i);
	}
	return out_finish(&o, eb);
}
