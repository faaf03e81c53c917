/*
 * How much memory a block really takes: what malloc_usable_size() would say, read from
 * the words that the allocator keeps beside the block. They are hints from outside like
 * everything else: what they say is believed only if it fits what the block was asked
 * for.
 */
#include "priv.h"

/* Where pages are larger, mappings are multiples of this all the same. */
enum { PAGE = 4096 };

/*
 * glibc: struct malloc_chunk, malloc/malloc.c. Before the block stand mchunk_prev_size
 * and mchunk_size, whose three low bits are flags. A chunk in an arena has its last word
 * in the next one.
 */
enum { IS_MMAPPED = 2, SIZE_BITS = 7 };

/*
 * The most that a block in a mapping of its own is moved for its alignment: a huge page.
 */
enum { ALIGN_MAX = 1 << 21 };

/*
 * A chunk in a mapping of its own, which begins mchunk_prev_size before it. Up to
 * glibc 2.42 the chunk's size reaches to the mapping's end; since 2.43 it ends where that
 * of an arena would, two words before.
 */
static bool
mapping_size(taddr block, uint64_t width, uint64_t prev, uint64_t chunk, uint64_t *ret)
{
	uint64_t front = 2 * width;

	if (prev > ALIGN_MAX || prev > block - front ||
		(block - front - prev) % PAGE != 0)
		return false;
	if ((prev + chunk) % PAGE == 0) {
		*ret = chunk - front;
		return true;
	}
	*ret = chunk - width;
	return (prev + front + chunk) % PAGE == 0;
}

static bool
chunk_size(struct py *p, taddr block, uint64_t room, uint64_t *ret)
{
	uint64_t width = p->l->machine.ptr_width, front = 2 * width;
	uint8_t head[16];

	if (block < front || block % front != 0 ||
		target_read(p->t, block - front, head, front) != MS_OK)
		return false;
	uint64_t prev = layout_word(p->l, head), size = layout_word(p->l, head + width);
	uint64_t chunk = size & ~(uint64_t)SIZE_BITS;
	if (chunk < 2 * front || chunk % front != 0)
		return false;
	/*
	 * At most what rounding explains: to whole pages, and one more for an alignment.
	 */
	if (size & IS_MMAPPED)
		return (size & SIZE_BITS) == IS_MMAPPED &&
			mapping_size(block, width, prev, chunk, ret) && *ret >= room &&
			*ret <= room + 2 * PAGE;
	/*
	 * A remainder that is too small to be a chunk stays with the block; a larger one
	 * is cut off.
	 */
	if (chunk - width < room || chunk - width > room + 4 * front)
		return false;
	*ret = chunk - width;
	return true;
}

/*
 * pymalloc: nothing larger is in its pools (SMALL_REQUEST_THRESHOLD, Objects/obmalloc.c).
 */
enum { SMALL_MAX = 512 };

/*
 * A pool begins at a multiple of its size and has blocks of one size, whose class is in
 * its header. A pool is a page, since 3.10 four of them; classes are 16 bytes apart, in
 * old releases and on 32-bit machines 8. Which of these it is, maxnextoffset shows:
 * POOL_SIZE - INDEX2SIZE(szidx) (init_pool, Objects/obmalloc.c).
 */
static bool
pool_size_class(struct py *p, taddr block, uint64_t room, uint64_t pool_bytes,
	uint64_t align, uint64_t *ret)
{
	taddr pool = block & ~(pool_bytes - 1);
	size_t n = layout_size(p->l, PYF_SIZEOF_POOL);
	const uint8_t *head = target_view(p->t, pool, n);

	if (head == NULL)
		return false;
	uint64_t size = (layout_get(p->l, PYF_POOL_SZIDX, head) + 1) * align,
		 front = (n + align - 1) / align * align;
	if (size > SMALL_MAX || size < room ||
		layout_get(p->l, PYF_POOL_MAXNEXT, head) != pool_bytes - size)
		return false;
	if (block < pool + front || (block - pool - front) % size != 0)
		return false;
	*ret = size;
	return true;
}

static bool
pool_block_size(struct py *p, taddr block, uint64_t room, uint64_t *ret)
{
	static const struct {
		uint64_t pool_bytes, align;
	} kinds[] = {{4 * PAGE, 16}, {PAGE, 16}, {PAGE, 8}};

	if (room > SMALL_MAX || !layout_has(p->l, PYF_SIZEOF_POOL) ||
		!layout_has(p->l, PYF_POOL_SZIDX) || !layout_has(p->l, PYF_POOL_MAXNEXT))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (pool_size_class(
			    p, block, room, kinds[i].pool_bytes, kinds[i].align, ret))
			return true;
	return false;
}

uint64_t
usable_size(struct py *p, taddr block, uint64_t room, bool is_raw)
{
	uint64_t size;

	if (!is_raw && pool_block_size(p, block, room, &size))
		return size;
	return chunk_size(p, block, room, &size) ? size : room;
}
