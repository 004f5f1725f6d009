/* Which functions the compiler leaves as they are: not the library's interface. */
#ifndef ERRAND_INLINING_H
#define ERRAND_INLINING_H

/* Parts that are called from several places stay one. */
#ifdef __GNUC__
#define CALLED __attribute__((noinline))
#else
#define CALLED
#endif

/* What takes a handful of instructions on a 32-bit processor, where the call is what costs, is a function on an 8-bit one. */
#ifdef __AVR__
#define CALLED_ON_AVR CALLED
#else
#define CALLED_ON_AVR
#endif

#endif
