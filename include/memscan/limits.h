/*
 * Caps on what a target, core, table or dump may make memscan allocate or loop, each with its reason.
 */
#ifndef MEMSCAN_LIMITS_H
#define MEMSCAN_LIMITS_H

#define LIM_MAPS_TEXT (256UL << 20)       /* /proc/PID/maps: a million mappings of 200 bytes */
#define LIM_SMAPS_TEXT (1UL << 30)        /* /proc/PID/smaps: a million mappings of 1,000 bytes */
#define LIM_PROCESSES (1 << 22)           /* kernel.pid_max is no higher */
#define LIM_REGIONS (1UL << 21)           /* vm.max_map_count is 65,530 by default, rarely raised to a million */
#define LIM_MODULES 65536                 /* mapped ELF files in one process */
#define LIM_THREADS (1UL << 20)           /* kernel.threads-max of large machines */
#define LIM_INTERPRETERS 65000            /* two bytes say whose an object is; sub-interpreters are megabytes each */
#define LIM_STATIC_DATA (256UL << 20)     /* writable data of one program file; Chromium has 20M */
#define LIM_FRAMES (1UL << 24)            /* deeper than any stack that memory holds */
#define LIM_NAME 4096                     /* bytes of a type, attribute or function name */
#define LIM_MRO 4096                      /* bases of one type; CPython itself recurses here */
#define LIM_MEMBERS 65536                 /* PyMemberDef or PyMethodDef records of one type */
#define LIM_TABLE_TEXT (4UL << 20)        /* an offset table */
#define LIM_NOTE_BYTES (64UL << 20)       /* ELF notes, NT_FILE of a large process included */
#define LIM_OBJECTS ((1UL << 31) - 2)     /* ids are 31 bits while walking */
#define LIM_REFS (1ULL << 40)             /* a terabyte of pointers */
#define LIM_VALUE_SHORT 100               /* bytes of a value with --values short */
#define LIM_VALUE_FULL (1UL << 20)        /* bytes of a value with --values full */
#define LIM_NOTES_READ (1ULL << 38)       /* bytes of long values read in all for notes: strings that lie may share gigabytes */
#define LIM_STOPPING_NS 10000000000ull    /* all these attempts; a thread in uninterruptible sleep may not stop at all */
#define LIM_STOP_RETRIES 50               /* attempts to stop a process when it is ready, and all its threads stop */
#define LIM_GC_RETRIES 1000               /* those at which it collects garbage: as many as there is time for */

#endif
