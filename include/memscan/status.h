/*
 * Status codes and error text: the one list of what can go wrong.
 *
 * Every fallible function of the program returns enum status. Functions on the
 * hot path (reading the target, decoding an object) return the code alone; the
 * others take a struct errbuf as their last parameter and explain. Nothing here
 * prints or exits: that is for the cmd layer alone.
 */
#ifndef MEMSCAN_STATUS_H
#define MEMSCAN_STATUS_H

/* Name, exit code of the program, text. */
#define MS_STATUS_LIST(X)                                                                \
	X(OK, 0, "success")                                                              \
	X(USAGE, 2, "bad usage")                                                         \
	X(DENIED, 3, "not permitted to inspect the target")                              \
	X(GONE, 3, "the target went away")                                               \
	X(FAULT, 3, "address not present in the target")                                 \
	X(BUSY, 3, "the target is busy")                                                 \
	X(FORMAT, 4, "malformed input")                                                  \
	X(VERSION, 4, "unsupported version or layout")                                   \
	X(ABSENT, 4, "not found")                                                        \
	X(LIMIT, 4, "a safety limit was exceeded")                                       \
	X(IO, 5, "input/output error")                                                   \
	X(NOMEM, 5, "out of memory")                                                     \
	X(INTR, 130, "interrupted")

enum status {
#define MS_STATUS_ENUM(name, code, text) MS_##name,
	MS_STATUS_LIST(MS_STATUS_ENUM)
#undef MS_STATUS_ENUM
	MS_STATUS_COUNT
};

/* Exit codes that are no failure of a function. */
enum {
	MS_EXIT_YES = 1,     /* the question's answer is yes (diff grew) */
	MS_EXIT_DAMAGED = 6, /* done, but part of the target could not be read */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A fixed buffer, so that an error can be told when memory is short. All-zero is "no error". */
struct errbuf {
	enum status code;
	int sys; /* errno at the time, 0 if none */
	char msg[512];
};

/* The short name ("FORMAT") and the text of a status; never NULL. */
const char *status_name(enum status st);
const char *status_text(enum status st);

/* The exit code that the program ends with for this status. */
int status_exit_code(enum status st);

/* Record an error, replacing what was there; returns code, so that `return errbuf_set(...)` is a line. */
enum status errbuf_set(struct errbuf *eb, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same, with ": " and the text of errno appended. */
enum status errbuf_sys(struct errbuf *eb, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put context in front of the message ("pid 41: ..."); returns the code already recorded. */
enum status errbuf_wrap(struct errbuf *eb, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
