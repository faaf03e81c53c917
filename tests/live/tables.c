/*
 * A library with a large table in its static data and another on its stack, of bytes that are
 * no addresses: memory that copies leave out. What holds objects comes behind the one, and
 * above the other.
 */
#include <string.h>

enum { STATIC_LEN = 8 << 20, STACK_LEN = 2 << 20, BYTE = 0x5a };

struct {
	char table[STATIC_LEN];
	void *held;
} tables_data;

void tables_hold(void *object);
int tables_within(int (*call)(void), void *object);

void
tables_hold(void *object)
{
	memset(tables_data.table, BYTE, sizeof(tables_data.table));
	tables_data.held = object;
}

/* The table of a function lies below the words of the one that called it. */
static __attribute__((noinline)) int
with_table(int (*call)(void))
{
	char table[STACK_LEN];

	memset(table, BYTE, sizeof(table));
	__asm__ volatile("" : : "r"(table) : "memory");
	int result = call();
	__asm__ volatile("" : : "r"(table) : "memory");
	return result;
}

int
tables_within(int (*call)(void), void *object)
{
	void *volatile held = object;
	int result = with_table(call);

	return held != NULL ? result : -1;
}
