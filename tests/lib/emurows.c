/*
 * The table of encodings, as the processor's manual has them.
 */
#include "emurows.h"

/* clang-format off */
#define ALU(name, n, undef)                                                              \
	{name " rm,r", 0, 0, 8 * (n), REG, 0, B, RM, 0, undef},                          \
	{name " rm,r", 0, 0, 8 * (n) + 1, REG, 0, WDQ, RM, 0, undef},                    \
	{name " r,rm", 0, 0, 8 * (n) + 2, REG, 0, B, RM, 0, undef},                      \
	{name " r,rm", 0, 0, 8 * (n) + 3, REG, 0, WDQ, RM, 0, undef},                    \
	{name " al,i", 0, 0, 8 * (n) + 4, NONE, 0, B, 0, 1, undef},                      \
	{name " ax,i", 0, 0, 8 * (n) + 5, NONE, 0, WDQ, 0, 4, undef},                    \
	{name " rm,i", 0, 0, 0x80, DIGIT, n, B, RM, 1, undef},                           \
	{name " rm,i", 0, 0, 0x81, DIGIT, n, WDQ, RM, 4, undef},                         \
	{name " rm,i8", 0, 0, 0x83, DIGIT, n, WDQ, RM, 1, undef}

#define SHIFT(name, n)                                                                   \
	{name " rm,i", 0, 0, 0xc0, DIGIT, n, B, RM, 1, 0, SHIFTS},                       \
	{name " rm,i", 0, 0, 0xc1, DIGIT, n, WDQ, RM, 1, 0, SHIFTS},                     \
	{name " rm,1", 0, 0, 0xd0, DIGIT, n, B, RM, 0, (n) < 4 ? 0 : AF, SHIFT_1},       \
	{name " rm,1", 0, 0, 0xd1, DIGIT, n, WDQ, RM, 0, (n) < 4 ? 0 : AF, SHIFT_1},     \
	{name " rm,cl", 0, 0, 0xd2, DIGIT, n, B, RM, 0, 0, SHIFTS},                      \
	{name " rm,cl", 0, 0, 0xd3, DIGIT, n, WDQ, RM, 0, 0, SHIFTS}

#define STRING(name, op, undef)                                                          \
	{name, 0, 0, op, NONE, 0, B, 0, 0, undef, STRINGS},                              \
	{name, 0, 0, (op) + 1, NONE, 0, WDQ, 0, 0, undef, STRINGS},                      \
	{"rep " name, 0xf3, 0, op, NONE, 0, B, 0, 0, undef, STRINGS},                    \
	{"rep " name, 0xf3, 0, (op) + 1, NONE, 0, WDQ, 0, 0, undef, STRINGS}

#define CC(n)                                                                            \
	{"jcc8", 0, 0, 0x70 + (n), NONE, 0, 0, 0, 1, 0, TO_END},                         \
	{"jcc32", 0, 1, 0x80 + (n), NONE, 0, 0, 0, 4, 0, TO_END},                        \
	{"setcc", 0, 1, 0x90 + (n), REG, 0, B | 16, RM, 0, 0},                           \
	{"cmov", 0, 1, 0x40 + (n), REG, 0, WDQ, RM, 0, 0}

/* A vector operation, its source of any kind. */
#define V(p, op) {"vec", p, 1, op, REG, 0, 0, RM}
#define V_IMM(p, op) {"vec", p, 1, op, REG, 0, 0, RM, 1}
#define V38(op) {"vec 38", 0x66, 2, op, REG, 0, 0, RM}
#define V_R(p, op) {"vec", p, 1, op, REG, 0, 0, R}
#define V_M(p, op) {"vec", p, 1, op, REG, 0, 0, M}
#define FP(op)                                                                           \
	{"fp", 0, 1, op, REG, 0, 0, RM, 0, 0, FLOATS},                                   \
	{"fp", 0x66, 1, op, REG, 0, 0, RM, 0, 0, FLOATS},                                \
	{"fp", 0xf3, 1, op, REG, 0, 0, RM, 0, 0, FLOATS},                                \
	{"fp", 0xf2, 1, op, REG, 0, 0, RM, 0, 0, FLOATS}
#define V_SHIFT(op, n) {"vec shift", 0x66, 1, op, DIGIT, n, 0, R, 1}

const struct emu_row emu_rows[] = {
	ALU("add", 0, 0), ALU("or", 1, AF), ALU("adc", 2, 0), ALU("sbb", 3, 0),
	ALU("and", 4, AF), ALU("sub", 5, 0), ALU("xor", 6, AF), ALU("cmp", 7, 0),
	{"test", 0, 0, 0x84, REG, 0, B, RM, 0, AF},
	{"test", 0, 0, 0x85, REG, 0, WDQ, RM, 0, AF},
	{"test al,i", 0, 0, 0xa8, NONE, 0, B, 0, 1, AF},
	{"test ax,i", 0, 0, 0xa9, NONE, 0, WDQ, 0, 4, AF},
	{"test rm,i", 0, 0, 0xf6, DIGIT, 0, B, RM, 1, AF},
	{"test rm,i", 0, 0, 0xf7, DIGIT, 0, WDQ, RM, 4, AF},
	{"mov", 0, 0, 0x88, REG, 0, B, RM}, {"mov", 0, 0, 0x89, REG, 0, WDQ, RM},
	{"mov", 0, 0, 0x8a, REG, 0, B, RM}, {"mov", 0, 0, 0x8b, REG, 0, WDQ, RM},
	{"mov rm,i", 0, 0, 0xc6, DIGIT, 0, B, RM, 1},
	{"mov rm,i", 0, 0, 0xc7, DIGIT, 0, WDQ, RM, 4},
	{"mov r,i", 0, 0, 0xb0, INOP, 0, B, 0, 1},
	{"mov r,i", 0, 0, 0xb8, INOP, 0, WDQ, 0, 8},
	{"mov al,at", 0, 0, 0xa0, ACC_AT, 0, B, M}, {"mov ax,at", 0, 0, 0xa1, ACC_AT, 0, WDQ, M},
	{"mov at,al", 0, 0, 0xa2, ACC_AT, 0, B, M}, {"mov at,ax", 0, 0, 0xa3, ACC_AT, 0, WDQ, M},
	{"lea", 0, 0, 0x8d, REG, 0, WDQ, M},
	{"movsxd", 0, 0, 0x63, REG, 0, DQ, RM, .only64 = true},
	{"xchg", 0, 0, 0x86, REG, 0, B, RM}, {"xchg", 0, 0, 0x87, REG, 0, WDQ, RM},
	{"xchg ax", 0, 0, 0x90, INOP, 0, WDQ},
	{"inc", 0, 0, 0xfe, DIGIT, 0, B, RM}, {"inc", 0, 0, 0xff, DIGIT, 0, WDQ, RM},
	{"dec", 0, 0, 0xfe, DIGIT, 1, B, RM}, {"dec", 0, 0, 0xff, DIGIT, 1, WDQ, RM},
	{"inc r", 0, 0, 0x40, INOP, 0, W | D, .only32 = true},
	{"dec r", 0, 0, 0x48, INOP, 0, W | D, .only32 = true},
	{"not", 0, 0, 0xf6, DIGIT, 2, B, RM}, {"not", 0, 0, 0xf7, DIGIT, 2, WDQ, RM},
	{"neg", 0, 0, 0xf6, DIGIT, 3, B, RM}, {"neg", 0, 0, 0xf7, DIGIT, 3, WDQ, RM},
	{"mul", 0, 0, 0xf6, DIGIT, 4, B, RM, 0, SF | ZF | AF | PF},
	{"mul", 0, 0, 0xf7, DIGIT, 4, WDQ, RM, 0, SF | ZF | AF | PF},
	{"imul", 0, 0, 0xf6, DIGIT, 5, B, RM, 0, SF | ZF | AF | PF},
	{"imul", 0, 0, 0xf7, DIGIT, 5, WDQ, RM, 0, SF | ZF | AF | PF},
	{"div", 0, 0, 0xf6, DIGIT, 6, B, RM, 0, ARITH, DIVIDES},
	{"div", 0, 0, 0xf7, DIGIT, 6, WDQ, RM, 0, ARITH, DIVIDES},
	{"idiv", 0, 0, 0xf6, DIGIT, 7, B, RM, 0, ARITH, DIVIDES},
	{"idiv", 0, 0, 0xf7, DIGIT, 7, WDQ, RM, 0, ARITH, DIVIDES},
	{"imul r,rm", 0, 1, 0xaf, REG, 0, WDQ, RM, 0, SF | ZF | AF | PF},
	{"imul r,rm,i", 0, 0, 0x69, REG, 0, WDQ, RM, 4, SF | ZF | AF | PF},
	{"imul r,rm,i8", 0, 0, 0x6b, REG, 0, WDQ, RM, 1, SF | ZF | AF | PF},
	SHIFT("rol", 0), SHIFT("ror", 1), SHIFT("rcl", 2), SHIFT("rcr", 3),
	SHIFT("shl", 4), SHIFT("shr", 5), SHIFT("sal", 6), SHIFT("sar", 7),
	{"shld i", 0, 1, 0xa4, REG, 0, WDQ, RM, 1, 0, SHIFTS},
	{"shld cl", 0, 1, 0xa5, REG, 0, DQ, RM, 0, 0, SHIFTS},
	{"shrd i", 0, 1, 0xac, REG, 0, WDQ, RM, 1, 0, SHIFTS},
	{"shrd cl", 0, 1, 0xad, REG, 0, DQ, RM, 0, 0, SHIFTS},
	{"movzx", 0, 1, 0xb6, REG, 0, WDQ, RM}, {"movzx", 0, 1, 0xb7, REG, 0, WDQ, RM},
	{"movsx", 0, 1, 0xbe, REG, 0, WDQ, RM}, {"movsx", 0, 1, 0xbf, REG, 0, WDQ, RM},
	{"cbw", 0, 0, 0x98, NONE, 0, WDQ}, {"cwd", 0, 0, 0x99, NONE, 0, WDQ},
	{"bt", 0, 1, 0xa3, REG, 0, WDQ, RM, 0, OF | SF | AF | PF, BITS},
	{"bts", 0, 1, 0xab, REG, 0, WDQ, RM, 0, OF | SF | AF | PF, BITS},
	{"btr", 0, 1, 0xb3, REG, 0, WDQ, RM, 0, OF | SF | AF | PF, BITS},
	{"btc", 0, 1, 0xbb, REG, 0, WDQ, RM, 0, OF | SF | AF | PF, BITS},
	{"bt i", 0, 1, 0xba, DIGIT, 4, WDQ, RM, 1, OF | SF | AF | PF},
	{"bts i", 0, 1, 0xba, DIGIT, 5, WDQ, RM, 1, OF | SF | AF | PF},
	{"btr i", 0, 1, 0xba, DIGIT, 6, WDQ, RM, 1, OF | SF | AF | PF},
	{"btc i", 0, 1, 0xba, DIGIT, 7, WDQ, RM, 1, OF | SF | AF | PF},
	{"bsf", 0, 1, 0xbc, REG, 0, WDQ, RM, 0, CF | OF | SF | AF | PF},
	{"bsr", 0, 1, 0xbd, REG, 0, WDQ, RM, 0, CF | OF | SF | AF | PF},
	{"tzcnt", 0xf3, 1, 0xbc, REG, 0, WDQ, RM, 0, OF | SF | AF | PF},
	{"lzcnt", 0xf3, 1, 0xbd, REG, 0, WDQ, RM, 0, OF | SF | AF | PF},
	{"popcnt", 0xf3, 1, 0xb8, REG, 0, WDQ, RM},
	{"bswap", 0, 1, 0xc8, INOP, 0, DQ},
	{"movbe", 0, 2, 0xf0, REG, 0, WDQ, M}, {"movbe", 0, 2, 0xf1, REG, 0, WDQ, M},
	{"crc32", 0xf2, 2, 0xf1, REG, 0, DQ, RM},
	{"adcx", 0x66, 2, 0xf6, REG, 0, D | Q, RM}, {"adox", 0xf3, 2, 0xf6, REG, 0, D | Q, RM},
	{"xadd", 0, 1, 0xc0, REG, 0, B, RM}, {"xadd", 0, 1, 0xc1, REG, 0, WDQ, RM},
	{"cmpxchg", 0, 1, 0xb0, REG, 0, B, RM, 0, 0, EXCHANGE},
	{"cmpxchg", 0, 1, 0xb1, REG, 0, WDQ, RM, 0, 0, EXCHANGE},
	{"cmpxchg pair", 0, 1, 0xc7, DIGIT, 1, D | Q, M, 0, 0, EXCHANGE},
	{"movnti", 0, 1, 0xc3, REG, 0, D | Q, M},
	{"push r", 0, 0, 0x50, INOP, 0, W | D, .need = STACK},
	{"pop r", 0, 0, 0x58, INOP, 0, W | D, .need = STACK},
	{"push i8", 0, 0, 0x6a, NONE, 0, W | D, 0, 1, 0, STACK},
	{"push i", 0, 0, 0x68, NONE, 0, W | D, 0, 4, 0, STACK},
	{"push rm", 0, 0, 0xff, DIGIT, 6, W | D, RM, 0, 0, STACK},
	{"pop rm", 0, 0, 0x8f, DIGIT, 0, W | D, RM, 0, 0, STACK},
	{"leave", 0, 0, 0xc9, NONE, 0, 0, 0, 0, 0, STACK},
	{"pushf", 0, 0, 0x9c, NONE, 0, W | D, 0, 0, 0, STACK},
	{"clc", 0, 0, 0xf8, NONE}, {"stc", 0, 0, 0xf9, NONE}, {"cmc", 0, 0, 0xf5, NONE},
	{"cld", 0, 0, 0xfc, NONE}, {"std", 0, 0, 0xfd, NONE},
	{"lahf", 0, 0, 0x9f, NONE}, {"sahf", 0, 0, 0x9e, NONE},
	{"nop", 0, 1, 0x1f, DIGIT, 0, W | D, RM}, {"endbr or nop", 0xf3, 1, 0x1e, REG, 0, 0, R},
	{"pause", 0xf3, 0, 0x90, NONE}, {"mfence", 0, 1, 0xae, DIGIT, 6, 0, R},
	{"lfence", 0, 1, 0xae, DIGIT, 5, 0, R}, {"prefetch", 0, 1, 0x18, DIGIT, 1, 0, M},
	STRING("movs", 0xa4, 0), STRING("cmps", 0xa6, 0), STRING("stos", 0xaa, 0),
	STRING("lods", 0xac, 0), STRING("scas", 0xae, 0),
	{"repne scas", 0xf2, 0, 0xae, NONE, 0, B, 0, 0, 0, STRINGS},
	{"repne scas", 0xf2, 0, 0xaf, NONE, 0, WDQ, 0, 0, 0, STRINGS},
	{"repne cmps", 0xf2, 0, 0xa6, NONE, 0, B, 0, 0, 0, STRINGS},
	CC(0), CC(1), CC(2), CC(3), CC(4), CC(5), CC(6), CC(7),
	CC(8), CC(9), CC(10), CC(11), CC(12), CC(13), CC(14), CC(15),
	{"loopne", 0, 0, 0xe0, NONE, 0, 0, 0, 1, 0, LOOPS},
	{"loope", 0, 0, 0xe1, NONE, 0, 0, 0, 1, 0, LOOPS},
	{"loop", 0, 0, 0xe2, NONE, 0, 0, 0, 1, 0, LOOPS},
	{"jrcxz", 0, 0, 0xe3, NONE, 0, 0, 0, 1, 0, LOOPS},
	{"jmp8", 0, 0, 0xeb, NONE, 0, 0, 0, 1, 0, TO_END},
	{"jmp32", 0, 0, 0xe9, NONE, 0, 0, 0, 4, 0, TO_END},
	{"call", 0, 0, 0xe8, NONE, 0, 0, 0, 4, 0, TO_END},
	{"call rm", 0, 0, 0xff, DIGIT, 2, 0, RM, 0, 0, TO_END},
	{"jmp rm", 0, 0, 0xff, DIGIT, 4, 0, RM, 0, 0, TO_END},
	{"ret", 0, 0, 0xc3, NONE, 0, 0, 0, 0, 0, TO_END},
	{"ret i", 0, 0, 0xc2, NONE, 0, 0, 0, 2, 0, TO_END},
	{"repz ret", 0xf3, 0, 0xc3, NONE, 0, 0, 0, 0, 0, TO_END},
	{"ud2", 0, 1, 0x0b, NONE}, {"int3", 0, 0, 0xcc, NONE},
	{"hlt", 0, 0, 0xf4, NONE},
	{"andn", 0, 2, 0xf2, REG, 0, D | Q, RM, 0, AF | PF, .is_vex = true},
	{"blsr", 0, 2, 0xf3, DIGIT, 1, D | Q, RM, 0, AF | PF, .is_vex = true},
	{"blsmsk", 0, 2, 0xf3, DIGIT, 2, D | Q, RM, 0, AF | PF, .is_vex = true},
	{"blsi", 0, 2, 0xf3, DIGIT, 3, D | Q, RM, 0, AF | PF, .is_vex = true},
	{"bzhi", 0, 2, 0xf5, REG, 0, D | Q, RM, 0, AF | PF, .is_vex = true},
	{"pext", 0xf3, 2, 0xf5, REG, 0, D | Q, RM, .is_vex = true},
	{"pdep", 0xf2, 2, 0xf5, REG, 0, D | Q, RM, .is_vex = true},
	{"mulx", 0xf2, 2, 0xf6, REG, 0, D | Q, RM, .is_vex = true},
	{"bextr", 0, 2, 0xf7, REG, 0, D | Q, RM, 0, AF | SF | PF, .is_vex = true},
	{"shlx", 0x66, 2, 0xf7, REG, 0, D | Q, RM, .is_vex = true},
	{"sarx", 0xf3, 2, 0xf7, REG, 0, D | Q, RM, .is_vex = true},
	{"shrx", 0xf2, 2, 0xf7, REG, 0, D | Q, RM, .is_vex = true},
	{"rorx", 0xf2, 3, 0xf0, REG, 0, D | Q, RM, 1, .is_vex = true},

	V(0, 0x10), V(0x66, 0x10), V(0xf3, 0x10), V(0xf2, 0x10),
	V(0, 0x11), V(0x66, 0x11), V(0xf3, 0x11), V(0xf2, 0x11),
	V(0, 0x12), V_M(0x66, 0x12), V(0xf2, 0x12), V_M(0, 0x13), V_M(0x66, 0x13),
	V(0, 0x14), V(0x66, 0x14), V(0, 0x15), V(0x66, 0x15),
	V(0, 0x16), V_M(0x66, 0x16), V_M(0, 0x17), V_M(0x66, 0x17),
	V(0, 0x28), V(0x66, 0x28), V(0, 0x29), V(0x66, 0x29), V_M(0, 0x2b), V_M(0x66, 0x2b),
	{"cvtsi2ss", 0xf3, 1, 0x2a, REG, 0, D | Q, RM}, {"cvtsi2sd", 0xf2, 1, 0x2a, REG, 0, D | Q, RM},
	{"cvttss2si", 0xf3, 1, 0x2c, REG, 0, D | Q, RM, 0, 0, FLOATS},
	{"cvttsd2si", 0xf2, 1, 0x2c, REG, 0, D | Q, RM, 0, 0, FLOATS},
	{"cvtss2si", 0xf3, 1, 0x2d, REG, 0, D | Q, RM, 0, 0, FLOATS},
	{"cvtsd2si", 0xf2, 1, 0x2d, REG, 0, D | Q, RM, 0, 0, FLOATS},
	{"ucomiss", 0, 1, 0x2e, REG, 0, 0, RM, 0, 0, FLOATS},
	{"ucomisd", 0x66, 1, 0x2e, REG, 0, 0, RM, 0, 0, FLOATS},
	{"comiss", 0, 1, 0x2f, REG, 0, 0, RM, 0, 0, FLOATS},
	{"comisd", 0x66, 1, 0x2f, REG, 0, 0, RM, 0, 0, FLOATS},
	V_R(0, 0x50), V_R(0x66, 0x50), V_R(0x66, 0xd7),
	V(0, 0x54), V(0x66, 0x54), V(0, 0x55), V(0x66, 0x55), V(0, 0x56), V(0x66, 0x56),
	V(0, 0x57), V(0x66, 0x57),
	FP(0x51), FP(0x58), FP(0x59), FP(0x5a), FP(0x5c), FP(0x5d), FP(0x5e), FP(0x5f),
	{"cmp", 0, 1, 0xc2, REG, 0, 0, RM, IMM_PREDICATE, 0, FLOATS}, {"cmp", 0x66, 1, 0xc2, REG, 0, 0, RM, IMM_PREDICATE, 0, FLOATS},
	{"cmp", 0xf3, 1, 0xc2, REG, 0, 0, RM, IMM_PREDICATE, 0, FLOATS}, {"cmp", 0xf2, 1, 0xc2, REG, 0, 0, RM, IMM_PREDICATE, 0, FLOATS},
	{"cvt", 0, 1, 0x5b, REG, 0, 0, RM, 0, 0, FLOATS}, {"cvt", 0x66, 1, 0x5b, REG, 0, 0, RM, 0, 0, FLOATS},
	{"cvt", 0xf3, 1, 0x5b, REG, 0, 0, RM, 0, 0, FLOATS}, {"cvt", 0xf3, 1, 0xe6, REG, 0, 0, RM, 0, 0, FLOATS},
	{"cvt", 0x66, 1, 0xe6, REG, 0, 0, RM, 0, 0, FLOATS}, {"cvt", 0xf2, 1, 0xe6, REG, 0, 0, RM, 0, 0, FLOATS},
	V(0x66, 0x60), V(0x66, 0x61), V(0x66, 0x62), V(0x66, 0x63), V(0x66, 0x64), V(0x66, 0x65),
	V(0x66, 0x66), V(0x66, 0x67), V(0x66, 0x68), V(0x66, 0x69), V(0x66, 0x6a), V(0x66, 0x6b),
	V(0x66, 0x6c), V(0x66, 0x6d),
	{"movd", 0x66, 1, 0x6e, REG, 0, D | Q, RM}, {"movd", 0x66, 1, 0x7e, REG, 0, D | Q, RM},
	V(0xf3, 0x7e), V(0x66, 0xd6), V(0x66, 0x6f), V(0xf3, 0x6f), V(0x66, 0x7f), V(0xf3, 0x7f),
	V_M(0x66, 0xe7), V_M(0xf2, 0xf0),
	V_IMM(0x66, 0x70), V_IMM(0xf3, 0x70), V_IMM(0xf2, 0x70),
	V_SHIFT(0x71, 2), V_SHIFT(0x71, 4), V_SHIFT(0x71, 6), V_SHIFT(0x72, 2), V_SHIFT(0x72, 4),
	V_SHIFT(0x72, 6), V_SHIFT(0x73, 2), V_SHIFT(0x73, 3), V_SHIFT(0x73, 6), V_SHIFT(0x73, 7),
	V(0x66, 0x74), V(0x66, 0x75), V(0x66, 0x76), V_IMM(0x66, 0xc4),
	{"pextrw", 0x66, 1, 0xc5, REG, 0, 0, R, 1}, V_IMM(0, 0xc6), V_IMM(0x66, 0xc6),
	V(0x66, 0xd1), V(0x66, 0xd2), V(0x66, 0xd3), V(0x66, 0xd4), V(0x66, 0xd5), V(0x66, 0xd8),
	V(0x66, 0xd9), V(0x66, 0xda), V(0x66, 0xdb), V(0x66, 0xdc), V(0x66, 0xdd), V(0x66, 0xde),
	V(0x66, 0xdf), V(0x66, 0xe0), V(0x66, 0xe1), V(0x66, 0xe2), V(0x66, 0xe3), V(0x66, 0xe4),
	V(0x66, 0xe5), V(0x66, 0xe8), V(0x66, 0xe9), V(0x66, 0xea), V(0x66, 0xeb), V(0x66, 0xec),
	V(0x66, 0xed), V(0x66, 0xee), V(0x66, 0xef), V(0x66, 0xf1), V(0x66, 0xf2), V(0x66, 0xf3),
	V(0x66, 0xf4), V(0x66, 0xf5), V(0x66, 0xf6), V(0x66, 0xf8), V(0x66, 0xf9), V(0x66, 0xfa),
	V(0x66, 0xfb), V(0x66, 0xfc), V(0x66, 0xfd), V(0x66, 0xfe),
	V38(0x00), V38(0x17), V38(0x1c), V38(0x1d), V38(0x1e), V38(0x20), V38(0x21), V38(0x22),
	V38(0x23), V38(0x24), V38(0x25), V38(0x29), V38(0x2b), V38(0x30), V38(0x31), V38(0x32),
	V38(0x33), V38(0x34), V38(0x35), V38(0x38), V38(0x39), V38(0x3a), V38(0x3b), V38(0x3c),
	V38(0x3d), V38(0x3e), V38(0x3f), V38(0x40),
	{"palignr", 0x66, 3, 0x0f, REG, 0, 0, RM, 1},
	{"pextrb", 0x66, 3, 0x14, REG, 0, 0, RM, 1}, {"pextrw", 0x66, 3, 0x15, REG, 0, 0, RM, 1},
	{"pextrd", 0x66, 3, 0x16, REG, 0, D | Q, RM, 1}, {"pinsrb", 0x66, 3, 0x20, REG, 0, 0, RM, 1},
	{"pinsrd", 0x66, 3, 0x22, REG, 0, D | Q, RM, 1},
};

const size_t emu_n_rows = sizeof(emu_rows) / sizeof(emu_rows[0]);
/* clang-format on */
