/*
 * The queue of addresses, in blocks that go as soon as all in them have been visited.
 */
#include "priv.h"

#include <stdlib.h>

void
queue_push(struct queue *q, taddr addr)
{
	if (q->n % QUEUE_BLOCK == 0)
		vec_push(&q->blocks, xmalloc(QUEUE_BLOCK * sizeof(taddr)));
	q->blocks.at[q->n / QUEUE_BLOCK][q->n % QUEUE_BLOCK] = addr;
	q->n++;
}

taddr
queue_next(struct queue *q)
{
	taddr addr = queue_at(q, q->taken);

	if (++q->taken % QUEUE_BLOCK == 0) {
		free(q->blocks.at[q->taken / QUEUE_BLOCK - 1]);
		q->blocks.at[q->taken / QUEUE_BLOCK - 1] = NULL;
	}
	return addr;
}

void
queue_fini(struct queue *q)
{
	for (size_t i = 0; i < q->blocks.n; i++)
		free(q->blocks.at[i]);
	vec_fini(&q->blocks);
	q->n = q->taken = 0;
}
