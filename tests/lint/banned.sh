#!/bin/sh
# Words that have no place in src/ and include/: functions without bounds, and what must not be done to a target.
words='\<(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|tmpnam|mktemp)[[:space:]]*\(|PTRACE_(POKE|SETREG|SETFPREG|KILL|ATTACH|TRACEME|SETSIG|CONT|SINGLESTEP|SYSCALL)|PTRACE_O_EXITKILL|process_vm_writev'
found=$(grep -nE "$words" $(find src include -name '*.[ch]' | sort) | grep -vE '^[^:]*:[0-9]*:[[:space:]]*(/\*|\*)')
[ -z "$found" ] || { echo "$found"; exit 1; }
