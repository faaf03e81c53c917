/*
 * An expression cut into words and signs, and how an error in it is told.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memscan/mem.h"

#include "select_lex.h"

/* Bytes that no character begins with. */
static bool
is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters, roughly terminal columns, of [p, p + len). */
static int
columns(const char *p, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++)
		n += !is_inside(p[i]);
	return n;
}

enum status
sel_error(const char *source, size_t len, size_t at, enum status code, struct errbuf *eb,
	const char *fmt, ...)
{
	enum { BEFORE = 100, AFTER = 40 };
	char message[200], shown[BEFORE + AFTER + 16];
	size_t from = at > BEFORE ? at - BEFORE : 0, to = len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (to > at + AFTER)
		to = at + AFTER;
	while (from < at && from > 0 && is_inside(source[from]))
		from++;
	while (to < len && to > at && is_inside(source[to]))
		to--;
	const char *front = from > 0 ? "..." : "", *back = to < len ? "..." : "";
	int n = snprintf(shown, sizeof(shown), "%s%.*s%s", front, (int)(to - from),
		source + from, back);
	for (int i = 0; i < n; i++)
		if ((unsigned char)shown[i] < 0x20 || shown[i] == 0x7f)
			shown[i] = ' ';
	int column = (int)strlen(front) + columns(source + from, at - from);
	return errbuf_set(eb, code, "%s\n%s\n%*s^", message, shown, column, "");
}

static bool
is_word_char(const struct parser *p, size_t at)
{
	unsigned char c = (unsigned char)p->s->source[at];

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
		c == '*' || c == '?' || c == '[' || c == ']' || (c >= '0' && c <= '9') ||
		c >= 0x80;
}

/* Bytes of "<locals>", "<lambda>" at this place, which are parts of a name; or 0. */
static size_t
bracketed(const char *p)
{
	static const char *const known[] = {"<locals>", "<lambda>"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncmp(p, known[i], strlen(known[i])) == 0)
			return strlen(known[i]);
	return 0;
}

static void
take_text(struct parser *p, const char *from, size_t len)
{
	p->text = p->s->text.n;
	p->text_len = len;
	for (size_t i = 0; i < len; i++)
		vec_push(&p->s->text, from[i]);
	vec_push(&p->s->text, '\0');
}

/* 'text' or "text", with \ before what is to be taken as it is, and \n and \t. */
static enum status
scan_string(struct parser *p)
{
	const char *s = p->s->source;
	char quote = s[p->at++];

	p->token = T_STRING;
	p->text = p->s->text.n;
	while (s[p->at] != quote) {
		char c = s[p->at];
		if (c == '\0')
			return ERROR(p, p->begin, "this quote is not closed");
		if (c == '\\' && s[p->at + 1] != '\0') {
			c = s[++p->at];
			/* What else is escaped may be meant for a regular expression. */
			if (c != quote && c != '\\' && c != 'n' && c != 't')
				vec_push(&p->s->text, '\\');
			if (c == '\\' && s[p->at + 1] == '\0')
				return ERROR(p, p->begin, "this quote is not closed");
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		vec_push(&p->s->text, c);
		p->at++;
	}
	p->at++;
	p->text_len = p->s->text.n - p->text;
	vec_push(&p->s->text, '\0');
	return MS_OK;
}

/* Two characters before one: == != !~ <= >= = < > ~ */
static bool
scan_op(struct parser *p)
{
	static const struct {
		const char *text;
		enum sel_op op;
	} ops[] = {
		{"==", OP_EQ},
		{"!=", OP_NE},
		{"!~", OP_NO_MATCH},
		{"<=", OP_LE},
		{">=", OP_GE},
		{"=", OP_EQ},
		{"<", OP_LT},
		{">", OP_GT},
		{"~", OP_MATCH},
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		size_t n = strlen(ops[i].text);
		if (strncmp(p->s->source + p->at, ops[i].text, n) != 0)
			continue;
		p->token = T_OP;
		p->op = ops[i].op;
		p->at += n;
		return true;
	}
	return false;
}

static void
scan_word(struct parser *p)
{
	const char *s = p->s->source;
	size_t skip;

	while ((skip = bracketed(s + p->at)) > 0 || is_word_char(p, p->at))
		p->at += skip > 0 ? skip : 1;
	bool is_number = (s[p->begin] >= '0' && s[p->begin] <= '9') || s[p->begin] == '-';
	p->token = is_number ? T_NUMBER : T_WORD;
	take_text(p, s + p->begin, p->at - p->begin);
}

enum status
sel_next(struct parser *p)
{
	const char *s = p->s->source;

	while (s[p->at] == ' ' || s[p->at] == '\t' || s[p->at] == '\n')
		p->at++;
	p->begin = p->at;
	char c = s[p->at];
	if (c == '\0') {
		p->token = T_END;
		return MS_OK;
	}
	if (c == '"' || c == '\'')
		return scan_string(p);
	if (bracketed(s + p->at) == 0 && scan_op(p))
		return MS_OK;
	if (c == '(' || c == ')' || strchr("&|!^", c) != NULL) {
		p->token = c == '(' ? T_OPEN : c == ')' ? T_CLOSE : T_SIGN;
		p->sign = c;
		p->at++;
		return MS_OK;
	}
	if (c == '-' && s[p->at + 1] >= '0' && s[p->at + 1] <= '9')
		p->at++;
	else if (!is_word_char(p, p->at) && bracketed(s + p->at) == 0)
		return ERROR(p, p->at, "this character has no meaning here");
	scan_word(p);
	return MS_OK;
}
