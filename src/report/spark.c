/*
 * The course of a number in a line of text.
 */
#include "priv.h"

char *
spark_text(const uint64_t *values, size_t n, bool is_utf8, char *buf, size_t cap)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
		"\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	CLEAN(out_fini) struct out o = {0};
	uint64_t least = UINT64_MAX, most = 0;

	for (size_t i = 0; i < n; i++) {
		if (values[i] == UINT64_MAX)
			continue;
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
	}
	for (size_t i = 0; i < n; i++) {
		if (values[i] == UINT64_MAX) {
			out_char(&o, ' ');
			continue;
		}
		double part = most == least
			? 0
			: (double)(values[i] - least) / (double)(most - least);
		size_t level = (size_t)(part * 7 + 0.5);
		out_str(&o, is_utf8 ? blocks[level] : ascii[level]);
	}
	return out_copy(&o, buf, cap);
}
