/*
 * The checksum of extents: crc32 as zlib's. Every byte of a dump goes through it twice, when it
 * is written and when it is opened, so that where the processor multiplies without carries it is
 * folded, sixty-four bytes at a time.
 *
 * V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction,
 * Intel 2009: its method, bit-reflected, and its constants for this polynomial.
 */
#include <zlib.h>

#include "priv.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define FOLDING __attribute__((target("pclmul,sse4.1")))
enum { LANE = 16, LANES = 64 };

/* x^(4*128+32), x^(4*128-32), x^(128+32), x^(128-32), x^64, mod P; and P, floor(x^64 / P). */
#define K1 0x154442bd4
#define K2 0x1c6e41596
#define K3 0x1751997d0
#define K4 0x0ccaa009e
#define K5 0x163cd6124
#define POLY 0x1db710641
#define MU 0x1f7011641

/* One lane moved on by as many bits as k stands for, and what lies there added. */
FOLDING static inline __m128i
fold(__m128i lane, __m128i k, __m128i there)
{
	__m128i low = _mm_clmulepi64_si128(lane, k, 0x00);
	__m128i high = _mm_clmulepi64_si128(lane, k, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

FOLDING static inline __m128i
load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* From 128 bits to 32. */
FOLDING static uint32_t
reduce(__m128i x)
{
	const __m128i words = _mm_setr_epi32(~0, 0, ~0, 0);
	const __m128i k4 = _mm_set_epi64x(K4, K3), k5 = _mm_set_epi64x(0, K5);
	const __m128i barrett = _mm_set_epi64x(MU, POLY);

	x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, k4, 0x10));
	__m128i y = _mm_clmulepi64_si128(_mm_and_si128(x, words), k5, 0x00);
	x = _mm_xor_si128(_mm_srli_si128(x, 4), y);
	y = _mm_clmulepi64_si128(_mm_and_si128(x, words), barrett, 0x10);
	y = _mm_clmulepi64_si128(_mm_and_si128(y, words), barrett, 0x00);
	return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, y), 1);
}

/* n is a multiple of LANE, LANES at least; crc is without the inversions at both ends. */
FOLDING static uint32_t
crc_folded(uint32_t crc, const uint8_t *p, size_t n)
{
	const __m128i far = _mm_set_epi64x(K2, K1), near = _mm_set_epi64x(K4, K3);
	__m128i a = load(p), b = load(p + LANE), c = load(p + 2 * LANE),
		d = load(p + 3 * LANE);

	a = _mm_xor_si128(a, _mm_cvtsi32_si128((int)crc));
	for (p += LANES, n -= LANES; n >= LANES; p += LANES, n -= LANES) {
		a = fold(a, far, load(p));
		b = fold(b, far, load(p + LANE));
		c = fold(c, far, load(p + 2 * LANE));
		d = fold(d, far, load(p + 3 * LANE));
	}
	a = fold(fold(fold(a, near, b), near, c), near, d);
	for (; n > 0; p += LANE, n -= LANE)
		a = fold(a, near, load(p));
	return reduce(a);
}

/* The checksum of the front of [p, p + n), as much as can be folded: its length is *done. */
static uint32_t
crc_front(const uint8_t *p, size_t n, size_t *done)
{
	*done = 0;
	if (n < LANES || !__builtin_cpu_supports("pclmul") ||
		!__builtin_cpu_supports("sse4.1"))
		return 0;
	*done = n - n % LANE;
	return ~crc_folded(~0u, p, *done);
}
#else
static uint32_t
crc_front(const uint8_t *p, size_t n, size_t *done)
{
	(void)p;
	(void)n;
	*done = 0;
	return 0;
}
#endif

uint32_t
chunk_crc32(const void *p, size_t n)
{
	const Bytef *at = p;
	size_t step;
	uLong crc = crc_front(p, n, &step);

	/* zlib's length is an unsigned int. */
	for (at += step, n -= step; n > 0; at += step, n -= step) {
		step = n < 1u << 30 ? n : 1u << 30;
		crc = crc32(crc, at, (uInt)step);
	}
	return (uint32_t)crc;
}
