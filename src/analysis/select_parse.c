/*
 * The selection language: a text in, a tree out. memscan-select(7) has the grammar:
 *
 *	set     = product { ("or" | "minus" | "xor") product }
 *	product = factor { "and" factor }
 *	factor  = "not" factor | primary
 *	primary = "(" set ")" | address | flag | field op literal | "attr." name
 *	        | ("referents" | "referrers" | "reachable") ("of" | "from") primary
 *	        | type [ "of" primary ]
 *
 * A word means something only where the grammar has a place for it, so that a type may
 * have any name; in quotes it is always a type or a text.
 */
#include <string.h>

#include "memscan/mem.h"

#include "select_lex.h"

enum { DEPTH_MAX = 100, SOURCE_MAX = 65536, REGEX_MAX = 1000, REPEAT_MAX = 1000 };

static const char *
token_text(const struct parser *p)
{
	return p->s->text.at + p->text;
}

static bool
is_word(const struct parser *p, const char *word)
{
	return p->token == T_WORD && strcmp(token_text(p), word) == 0;
}

/* The word, or the sign that stands for it (0: none does). */
static bool
is_operator(const struct parser *p, const char *word, char sign)
{
	return is_word(p, word) || (sign != 0 && p->token == T_SIGN && p->sign == sign);
}

/* ---- the tree ---- */

static uint32_t
add(struct parser *p, struct sel_node n)
{
	vec_push(&p->s->nodes, n);
	return (uint32_t)(p->s->nodes.n - 1);
}

static enum status parse_set(struct parser *p, uint32_t *ret);
static enum status parse_primary(struct parser *p, uint32_t *ret);

/* Long double holds every 64-bit number; a unit multiplies. */
static enum status
parse_number(struct parser *p, long double *ret)
{
	static const char units[] = "KMGT";
	const char *text = token_text(p);
	char *end;
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	long double v = strtold(text, &end);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

	if (unit != NULL && !is_hex) {
		for (const char *u = units; u <= unit; u++)
			v *= 1024;
		end++;
	}
	if (*end != '\0' || end == text || strpbrk(text, "*?[]_") != NULL)
		return ERROR(p, p->begin, "this is no number");
	*ret = v;
	return sel_next(p);
}

/*
 * Compiling "((a{999}){999}){999}" would take all memory there is: what counts repeat is
 * bounded as a product.
 */
static bool
repeats_too_often(const char *text)
{
	uint64_t product = 1;

	for (; *text != '\0'; text++) {
		if (*text != '{')
			continue;
		uint64_t most = 1;
		for (const char *d = text + 1; *d != '}' && *d != '\0'; d++) {
			uint64_t n = 0;
			for (; *d >= '0' && *d <= '9' && n <= REPEAT_MAX; d++)
				n = n * 10 + (uint64_t)(*d - '0');
			most = n > most ? n : most;
			if (*d == '}' || *d == '\0')
				break;
		}
		product *= most;
		if (product > REPEAT_MAX)
			return true;
	}
	return false;
}

static enum status
compile(struct parser *p, struct sel_node *n)
{
	const char *text = token_text(p);

	if (strlen(text) != p->text_len || p->text_len > REGEX_MAX ||
		repeats_too_often(text))
		return ERROR(p, p->begin, "this regular expression is too long");
	n->regex = xcalloc(1, sizeof(*n->regex));
	int rc = regcomp(n->regex, text, REG_EXTENDED | REG_NOSUB);
	if (rc == 0)
		return MS_OK;
	char why[100];
	regerror(rc, n->regex, why, sizeof(why));
	free(n->regex);
	n->regex = NULL;
	return ERROR(p, p->begin, "%s in this regular expression", why);
}

static const struct {
	const char *name;
	bool is_number;
} fields[SF_COUNT] = {
#define FIELD(id, name, is_number) {name, is_number},
	SEL_FIELDS(FIELD)
#undef FIELD
};

/* Which field a word is; of "attr.x", *name is where x begins in it. */
static bool
find_field(const char *word, enum sel_field *field, size_t *name)
{
	for (size_t i = 0; i < SF_COUNT; i++) {
		size_t n = strlen(fields[i].name);
		bool has_name = i == SF_ATTR || i == SF_KEY;
		if (strncmp(word, fields[i].name, n) != 0 ||
			word[n] != (has_name ? '.' : '\0'))
			continue;
		*field = (enum sel_field)i;
		*name = has_name ? n + 1 : 0;
		return true;
	}
	return false;
}

static enum status
check_op(struct parser *p, const struct sel_node *n, size_t op_at)
{
	const char *name = fields[n->field].name;
	bool is_order = n->op >= OP_LT && n->op <= OP_GE;

	if (fields[n->field].is_number && n->op >= OP_MATCH)
		return ERROR(p, op_at,
			"%s is a number: compare it with == != < <= > >=", name);
	if ((n->field == SF_TYPE || n->field == SF_MODULE || n->field == SF_OWNER) &&
		is_order)
		return ERROR(p, op_at, "%s is a text: compare it with == != ~ !~", name);
	if (p->token != T_NUMBER && p->token != T_STRING && p->token != T_WORD)
		return ERROR(p, p->begin, "what to compare %s with is missing", name);
	if ((fields[n->field].is_number || is_order) && p->token != T_NUMBER)
		return ERROR(p, p->begin, "a number belongs here");
	return MS_OK;
}

/* The part of a test behind the field: op literal. The op is the next token. */
static enum status
parse_test(struct parser *p, struct sel_node n, uint32_t *ret)
{
	size_t op_at = p->begin;

	n.kind = SEL_TEST;
	n.op = p->op;
	enum status st = sel_next(p);
	if (st == MS_OK)
		st = check_op(p, &n, op_at);
	if (st == MS_OK && n.op >= OP_MATCH)
		st = compile(p, &n);
	if (st != MS_OK)
		return st;
	n.text = p->text;
	n.text_len = p->text_len;
	n.literal = p->token == T_WORD ? LIT_WORD : LIT_QUOTED;
	n.is_glob = p->token == T_WORD && strpbrk(token_text(p), "*?[") != NULL;
	bool is_text = n.field == SF_TYPE || n.field == SF_MODULE || n.field == SF_OWNER;
	if (p->token == T_NUMBER && n.op < OP_MATCH && !is_text) {
		n.literal = LIT_NUMBER;
		st = parse_number(p, &n.number);
	} else {
		st = sel_next(p);
	}
	/* The tree has the node from here on, and with it what regcomp made. */
	*ret = add(p, n);
	return st;
}

/* attr.name, attr."any text", then perhaps a comparison; the word is the next token. */
static enum status
parse_field(struct parser *p, struct sel_node n, size_t name_at, uint32_t *ret)
{
	size_t begin = p->begin;

	n.name = p->text + name_at;
	n.name_len = p->text_len - name_at;
	bool has_name = n.field == SF_ATTR || n.field == SF_KEY;
	enum status st = sel_next(p);
	if (st == MS_OK && has_name && n.name_len == 0) {
		if (p->token != T_STRING)
			return ERROR(p, begin, "%s. needs a name", fields[n.field].name);
		n.name = p->text;
		n.name_len = p->text_len;
		st = sel_next(p);
	}
	if (st != MS_OK)
		return st;
	if (p->token == T_OP)
		return parse_test(p, n, ret);
	n.kind = SEL_EXISTS;
	*ret = add(p, n);
	return MS_OK;
}

static bool
find_flag(const char *word, uint32_t *flag)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = {
#define FLAG(id, bit, name) {name, bit},
		HEAP_OBJ_FLAGS(FLAG)
#undef FLAG
			{"owned", SEL_FLAG_OWNED},
		{"rooted", SEL_FLAG_ROOTED},
		{"new", SEL_FLAG_NEW},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (strcmp(flags[i].name, word) != 0)
			continue;
		*flag = flags[i].flag;
		return true;
	}
	return false;
}

/* referents of X; the preposition is the next token. */
static enum status
parse_relation(struct parser *p, struct sel_node n, uint32_t *ret)
{
	enum status st = sel_next(p);
	if (st == MS_OK)
		st = parse_primary(p, &n.a);
	if (st == MS_OK)
		*ret = add(p, n);
	return st;
}

/* A type, or "dict of X"; `n` has its text. */
static enum status
parse_type(struct parser *p, struct sel_node n, uint32_t *ret)
{
	n.kind = SEL_TYPE;
	uint32_t type = add(p, n);
	*ret = type;
	if (!is_word(p, "of"))
		return MS_OK;
	n = (struct sel_node){.kind = SEL_DICT_OF, .a = type, .at = n.at};
	enum status st = sel_next(p);
	if (st == MS_OK)
		st = parse_primary(p, &n.b);
	if (st == MS_OK)
		*ret = add(p, n);
	return st;
}

/* What begins with a word: it decides, together with what follows. */
static enum status
parse_word(struct parser *p, uint32_t *ret)
{
	static const struct {
		const char *word;
		enum sel_kind kind;
	} relations[] = {
		{"referents", SEL_REFERENTS},
		{"referrers", SEL_REFERRERS},
		{"reachable", SEL_REACHABLE},
	};
	struct sel_node n = {.at = p->begin, .text = p->text, .text_len = p->text_len};
	size_t name_at, begin = p->begin;
	static const char *const reserved[] = {"and", "or", "minus", "xor", "of", "from"};

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (is_word(p, reserved[i]))
			return ERROR(p, begin, "a set of objects is missing before '%s'",
				reserved[i]);
	bool is_field = find_field(token_text(p), &n.field, &name_at);
	if (is_field && name_at > 0)
		return parse_field(p, n, name_at, ret);
	n.is_glob = strpbrk(token_text(p), "*?[") != NULL;
	bool is_flag = find_flag(token_text(p), &n.flag);
	size_t at_word = p->text;
	enum status st = sel_next(p);
	if (st != MS_OK)
		return st;
	const char *word = p->s->text.at + at_word;
	if (p->token == T_OP && is_field)
		return parse_test(p, n, ret);
	if (p->token == T_OP)
		return ERROR(p, begin, "there is no field '%.60s' to compare", word);
	for (size_t i = 0; i < ARRAY_LEN(relations); i++) {
		if (strcmp(word, relations[i].word) != 0)
			continue;
		if (!is_word(p, "of") && !is_word(p, "from"))
			break;
		n.kind = relations[i].kind;
		return parse_relation(p, n, ret);
	}
	bool is_all = strcmp(word, "*") == 0 || strcmp(word, "all") == 0;
	if ((is_flag || is_all) && !is_word(p, "of")) {
		n.kind = is_flag ? SEL_FLAG : SEL_ALL;
		*ret = add(p, n);
		return MS_OK;
	}
	return parse_type(p, n, ret);
}

static enum status
parse_address(struct parser *p, uint32_t *ret)
{
	struct sel_node n = {.kind = SEL_ADDR, .at = p->begin};
	const char *text = token_text(p);
	char *end;

	n.addr = strtoull(text, &end, 0);
	if (*end != '\0' || *text == '-')
		return ERROR(p, p->begin, "this is no address");
	*ret = add(p, n);
	return sel_next(p);
}

static enum status
parse_parens(struct parser *p, uint32_t *ret)
{
	size_t open = p->begin;

	enum status st = sel_next(p);
	if (st == MS_OK)
		st = parse_set(p, ret);
	if (st != MS_OK)
		return st;
	if (p->token == T_END)
		return ERROR(p, open, "this parenthesis is not closed");
	if (p->token != T_CLOSE)
		return ERROR(p, p->begin, "'and', 'or', 'minus' or ')' belongs here");
	return sel_next(p);
}

static enum status
parse_primary(struct parser *p, uint32_t *ret)
{
	enum status st;

	if (++p->depth > DEPTH_MAX)
		return ERROR(p, p->begin, "this is nested too deeply");
	if (p->token == T_OPEN) {
		st = parse_parens(p, ret);
	} else if (p->token == T_NUMBER) {
		st = parse_address(p, ret);
	} else if (p->token == T_WORD) {
		st = parse_word(p, ret);
	} else if (p->token == T_STRING) {
		struct sel_node n = {
			.at = p->begin, .text = p->text, .text_len = p->text_len};
		st = sel_next(p);
		if (st == MS_OK)
			st = parse_type(p, n, ret);
	} else if (p->token == T_END) {
		st = ERROR(p, p->begin, "a set of objects is missing");
	} else {
		st = ERROR(p, p->begin, "a set of objects belongs here");
	}
	p->depth--;
	return st;
}

static enum status
parse_factor(struct parser *p, uint32_t *ret)
{
	struct sel_node n = {.kind = SEL_NOT, .at = p->begin};

	if (!is_operator(p, "not", '!'))
		return parse_primary(p, ret);
	if (++p->depth > DEPTH_MAX)
		return ERROR(p, p->begin, "this is nested too deeply");
	enum status st = sel_next(p);
	if (st == MS_OK)
		st = parse_factor(p, &n.a);
	if (st == MS_OK)
		*ret = add(p, n);
	p->depth--;
	return st;
}

static enum status
parse_product(struct parser *p, uint32_t *ret)
{
	enum status st = parse_factor(p, ret);

	while (st == MS_OK && is_operator(p, "and", '&')) {
		struct sel_node n = {.kind = SEL_AND, .a = *ret, .at = p->begin};
		st = sel_next(p);
		if (st == MS_OK)
			st = parse_factor(p, &n.b);
		if (st == MS_OK)
			*ret = add(p, n);
	}
	return st;
}

static enum status
parse_set(struct parser *p, uint32_t *ret)
{
	enum status st = parse_product(p, ret);

	while (st == MS_OK) {
		struct sel_node n = {.a = *ret, .at = p->begin};
		if (is_operator(p, "or", '|'))
			n.kind = SEL_OR;
		else if (is_operator(p, "minus", 0))
			n.kind = SEL_MINUS;
		else if (is_operator(p, "xor", '^'))
			n.kind = SEL_XOR;
		else
			return MS_OK;
		st = sel_next(p);
		if (st == MS_OK)
			st = parse_product(p, &n.b);
		if (st == MS_OK)
			*ret = add(p, n);
	}
	return st;
}

void
sel_free(struct sel *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nodes.n; i++) {
		if (s->nodes.at[i].regex == NULL)
			continue;
		regfree(s->nodes.at[i].regex);
		free(s->nodes.at[i].regex);
	}
	vec_fini(&s->nodes);
	vec_fini(&s->text);
	free(s->source);
	free(s);
}

static void
clean_sel(struct sel **s)
{
	sel_free(*s);
}

enum status
sel_parse(const char *expr, struct sel **ret, struct errbuf *eb)
{
	size_t len = strlen(expr);

	if (len > SOURCE_MAX)
		return errbuf_set(eb, MS_USAGE, "the selection is too long");
	CLEAN(clean_sel) struct sel *s = xcalloc(1, sizeof(*s));
	s->source = xstrdup(expr);
	s->source_len = len;
	struct parser p = {.s = s, .eb = eb};
	enum status st = sel_next(&p);
	if (st == MS_OK)
		st = parse_set(&p, &s->root);
	if (st == MS_OK && p.token == T_CLOSE)
		st = ERROR(&p, p.begin, "this parenthesis was not opened");
	if (st == MS_OK && p.token != T_END)
		st = ERROR(&p, p.begin, "'and', 'or' or 'minus' belongs here");
	if (st != MS_OK)
		return st;
	*ret = STEAL(s);
	return MS_OK;
}
