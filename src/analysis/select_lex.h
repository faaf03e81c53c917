/*
 * Words and signs of an expression, one at a time, for select_parse.c.
 */
#ifndef MEMSCAN_ANALYSIS_SELECT_LEX_H
#define MEMSCAN_ANALYSIS_SELECT_LEX_H

#include "select.h"

enum token { T_END, T_OPEN, T_CLOSE, T_WORD, T_STRING, T_NUMBER, T_OP, T_SIGN };

struct parser {
	struct sel *s;
	struct errbuf *eb;
	size_t at; /* behind the token */
	unsigned depth;

	/* The token that is next. */
	enum token token;
	size_t begin;
	enum sel_op op;        /* T_OP */
	size_t text, text_len; /* in s->text: T_WORD, T_STRING, T_NUMBER */
	char sign;             /* T_SIGN: & | ! ^ */
};

#define ERROR(p, where, ...)                                                             \
	sel_error((p)->s->source, (p)->s->source_len, where, MS_USAGE, (p)->eb,          \
		__VA_ARGS__)

/* Go on to the next token. */
MUST_CHECK enum status sel_next(struct parser *p);

#endif
