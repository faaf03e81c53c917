/*
 * Fuzz target: any bytes as a dump file. What opens must be safe to look at, to the last
 * byte. Checksums are not compared, or no mutation would ever get behind them.
 *
 * Corpus: corpus/dump, from MEMSCAN_UPDATE=1 build/release/check refusals. With clang:
 *	clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_dump.c
 *src/{util,heap,dump}/X.c
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/priv.h"
#include "memscan/dump.h"
#include "memscan/io.h"
#include "memscan/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
look_at(const struct heap *h)
{
	uint64_t sum = 0;
	size_t len;

	for (objid i = 0; i < h->nobj; i++) {
		struct heap_value v = heap_value(h, i);
		for (size_t k = 0; k < v.text_len; k++)
			sum += (uint8_t)v.text[k];
		sum += heap_size(h, i) + heap_refcount(h, i) + h->types[h->type[i]].name;
		sum += heap_find(h, h->addr[i]) + h->by_addr[i];
		for (uint64_t r = h->first[i]; r < h->first[i + 1]; r++) {
			objid key = heap_ref_key(h, i, r);
			sum += h->addr[h->to[r]] + heap_ref_index(h, i, r);
			sum += key != OBJID_NONE ? h->addr[key] : 0;
		}
	}
	for (uint32_t k = 0; k < h->nbuffer; k++) {
		const struct heap_buffer *b = &h->buffers[k];
		sum += h->addr[b->object] + (uint64_t)*heap_str(h, b->name, &len);
		sum += b->owner != OBJID_NONE ? h->addr[b->owner] : 0;
		sum += heap_buffer_of(h, b->object) == b;
	}
	for (uint32_t k = 0; k < h->nnote; k++) {
		const struct heap_note *n = &h->notes[k];
		sum += h->addr[n->object] + n->n;
		sum += (uint8_t)*note_kind_name((enum note_kind)n->kind);
	}
	for (uint32_t i = 0; i < h->nstr; i++) {
		const char *text = heap_str(h, i, &len);
		for (size_t k = 0; k <= len; k++)
			sum += (uint8_t)text[k];
	}
	for (uint32_t i = 0; i < h->nroot; i++) {
		const struct heap_root *r = &h->roots[i];
		sum += h->addr[r->to];
		sum += r->frame != HEAP_NONE ?
			h->threads[h->frames[r->frame].thread].ident :
			0;
	}
	return sum + (heap_meta_get(h, "pid") != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct dump *d = NULL;
	struct errbuf eb = {0};

	if (fd < 0 || io_write_all(fd, data, size, &eb) != MS_OK)
		return 0;
	if (dump_open_fd(fd, DUMP_ALL, false, &d, &eb) == MS_OK) {
		volatile uint64_t sum = look_at(dump_heap(d));
		(void)sum;
	}
	dump_close(d);
	return 0;
}
