/*
 * Inside the graph layer.
 */
#ifndef MEMSCAN_GRAPH_PRIV_H
#define MEMSCAN_GRAPH_PRIV_H

#include "memscan/graph.h"

/* The tables of interned strings, among the roots of g->h. */
void graph_find_quiet(struct graph *g);

#endif
