/*
 * Replays a corpus without libFuzzer: every file named on the command line, and every
 * file below the directories named, goes to the fuzz target once. Names are taken in
 * sorted order, so that two runs say the same. The last line says how many there were.
 */
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memscan/io.h"
#include "memscan/mem.h"

enum { INPUT_MAX = 64 << 20 }; /* bytes; no corpus file is anywhere near */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(const char *path)
{
	CLEAN_FREE char *text = NULL;
	struct errbuf eb = {0};
	size_t len;

	if (io_slurp(path, INPUT_MAX, &text, &len, &eb) != MS_OK) {
		fprintf(stderr, "%s\n", eb.msg);
		return -1;
	}
	/* A copy of the exact length, so that a byte read behind it is seen. */
	CLEAN_FREE uint8_t *data = xmalloc(len);
	memcpy(data, text, len);
	LLVMFuzzerTestOneInput(data, len);
	return 0;
}

static int
compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int
main(int argc, char **argv)
{
	unsigned n = 0, failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	FTS *fts = fts_open(argv + 1, FTS_LOGICAL | FTS_NOCHDIR, compare_names);
	if (fts == NULL) {
		perror("fts_open");
		return 2;
	}
	for (FTSENT *e; (e = fts_read(fts)) != NULL;) {
		if (e->fts_info == FTS_F) {
			failed += replay(e->fts_path) != 0;
			n++;
		} else if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR ||
			e->fts_info == FTS_DNR) {
			fprintf(stderr, "%s: %s\n", e->fts_path, strerror(e->fts_errno));
			failed++;
		}
	}
	fts_close(fts);
	printf("%u inputs replayed, %u failed\n", n, failed);
	return failed != 0 || n == 0;
}
