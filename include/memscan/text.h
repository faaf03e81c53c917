/*
 * Numbers and foreign text made fit to be read.
 *
 * All functions write into the caller's buffer and return it, always terminated.
 */
#ifndef MEMSCAN_TEXT_H
#define MEMSCAN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "memscan/status.h"

enum { TEXT_NUM = 32 };

/* "17", "1.5K", "12M", "3.2G": powers of 1024, three significant digits. */
char *text_size(char buf[TEXT_NUM], uint64_t bytes);

/* "1,234,567" */
char *text_count(char buf[TEXT_NUM], uint64_t n);

/* "870 us", "28.3 ms", "1.42 s" from nanoseconds. */
char *text_duration(char buf[TEXT_NUM], uint64_t ns);

/*
 * Escape foreign bytes for a terminal: control characters, invalid UTF-8 and
 * backslashes become \n, \t, \xNN, \\; valid printable UTF-8 stays. At most cap - 1
 * bytes are written; what does not fit is cut at a whole character.
 */
char *text_vis(char *buf, size_t cap, const char *p, size_t len);

/* Bytes of the valid UTF-8 sequence at [p, end), 1 to 4, or 0. */
size_t text_utf8_len(const char *p, const char *end);

/* Parse "123", "0x7f..", "12K", "3M", "1G" wholly. MS_FORMAT if it is none of these or overflows. */
MUST_CHECK enum status text_parse_u64(const char *s, uint64_t *ret);

#endif
