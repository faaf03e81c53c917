/*
 * A selection as a tree, between the parser (select_parse.c) and what evaluates it
 * (select.c the sets, select_test.c the predicates).
 */
#ifndef MEMSCAN_ANALYSIS_SELECT_H
#define MEMSCAN_ANALYSIS_SELECT_H

#include <regex.h>

#include "memscan/analysis.h"
#include "memscan/vec.h"

enum sel_kind {
	SEL_ALL,
	SEL_TYPE,      /* text: name or pattern */
	SEL_ADDR,      /* addr */
	SEL_FLAG,      /* flag: enum sel_flag */
	SEL_TEST,      /* field op literal */
	SEL_EXISTS,    /* field, alone: attr.name */
	SEL_REFERENTS, /* a */
	SEL_REFERRERS, /* a */
	SEL_REACHABLE, /* a */
	SEL_DICT_OF,   /* a: types of the dicts, b: whose they are */
	SEL_NOT,       /* a */
	SEL_AND,       /* a, b; and so on */
	SEL_OR,
	SEL_XOR,
	SEL_MINUS,
};

/* What can be compared: name in the language, whether it is a number, else a text. */
#define SEL_FIELDS(X)                                                                    \
	X(SIZE, "size", true)                                                            \
	X(BUFFER, "buffer", true)                                                        \
	X(REFCOUNT, "refcount", true)                                                    \
	X(LEN, "len", true)                                                              \
	X(REFERENCES, "references", true)                                                \
	X(GENERATION, "generation", true)                                                \
	X(INTERPRETER, "interpreter", true)                                              \
	X(RETAINED, "retained", true)                                                    \
	X(TYPE, "type", false)                                                           \
	X(MODULE, "module", false)                                                       \
	X(OWNER, "owner", false)                                                         \
	X(VALUE, "value", false)                                                         \
	X(ATTR, "attr", false)                                                           \
	X(KEY, "key", false)

enum sel_field {
#define SEL_FIELD_ENUM(id, name, is_number) SF_##id,
	SEL_FIELDS(SEL_FIELD_ENUM)
#undef SEL_FIELD_ENUM
		SF_COUNT
};

enum sel_flag {
	SEL_FLAG_OWNED = 0x10000, /* below: OF_* */
	SEL_FLAG_ROOTED = 0x20000,
	SEL_FLAG_NEW = 0x40000,
};

enum sel_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_MATCH, OP_NO_MATCH };

/* What a literal was written as. */
enum sel_literal { LIT_NUMBER, LIT_QUOTED, LIT_WORD };

struct sel_node {
	enum sel_kind kind;
	uint32_t a, b; /* numbers of nodes */
	size_t at;     /* where it stands in the expression, for errors */
	enum sel_field field;
	enum sel_op op;
	enum sel_literal literal;
	uint32_t flag;
	taddr addr;
	long double number;    /* holds every uint64_t */
	size_t text, text_len; /* in sel.text, terminated: literal, type or pattern */
	size_t name, name_len; /* of attr and key, alike */
	bool is_glob;          /* text has * ? [ */
	regex_t *regex;        /* OP_MATCH, OP_NO_MATCH */
};

struct sel {
	char *source;
	size_t source_len;
	VEC(struct sel_node) nodes; /* children before their parents */
	VEC(char) text;
	uint32_t root;
};

/* An error about place `at` of an expression: the message, the line, and a caret. */
enum status sel_error(const char *source, size_t len, size_t at, enum status code,
	struct errbuf *eb, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* Where the sets are made. */
struct sel_run {
	const struct heap *h;
	const struct sel *sel;
	const struct sel_env *env;
	struct errbuf *eb;
};

/*
 * Members of `within` for which the node (SEL_TEST, SEL_EXISTS, SEL_FLAG, SEL_TYPE) is
 * true, into the empty set ret. MS_USAGE: env or the dump lacks what it needs; MS_NOMEM
 */
MUST_CHECK enum status sel_test(struct sel_run *run, const struct sel_node *n,
	const struct bitset *within, struct bitset *ret);

/* What an object refers to as Python's users see it: all but weak references, and the
 * type where Python keeps it to itself. */
static inline bool
sel_is_reference(uint32_t label)
{
	enum ref_kind kind = ref_kind(label);

	return kind != RK_WEAK && !(kind == RK_TYPE && (label & REF_HIDDEN) != 0);
}

#endif
