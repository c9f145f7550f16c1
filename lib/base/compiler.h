/* SPDX-License-Identifier: MIT */
/* compiler.h: names for what we ask of the compiler. */
#ifndef SY_COMPILER_H
#define SY_COMPILER_H

#define SY_EXPORT __attribute__ ((visibility ("default")))
/* For the declaration of a variable that hits read: code of another file then reads it directly. */
#define SY_HIDDEN __attribute__ ((visibility ("hidden")))
#define SY_NOINLINE __attribute__ ((noinline))
#define SY_COLD __attribute__ ((noinline, cold))
#define SY_ALIGNED(bytes) __attribute__ ((aligned (bytes)))
#define SY_LIKELY(condition) __builtin_expect (!!(condition), 1)
#define SY_UNLIKELY(condition) __builtin_expect (!!(condition), 0)

/* Makes the compiler forget how the value was computed, and what it knows of it.  It then keeps the
   value in a register instead of computing it again. */
#define SY_OPAQUE(value) __asm__ ("" : "+r" (value))

/* Tells the processor that it waits in a loop for what another one does. */
#if defined __x86_64__ || defined __i386__
#define SY_RELAX() __builtin_ia32_pause ()
#elif defined __aarch64__
#define SY_RELAX() __asm__ volatile ("yield")
#else
#define SY_RELAX() __asm__ volatile ("")
#endif

/* SY_APART keeps the data of two threads on different lines: two lines apart, because processors
   fetch adjacent lines in pairs. */
#define SY_LINE_BYTES 64
#define SY_APART SY_ALIGNED (128)

/* Is this compiled with a sanitizer?  A sanitizer has its own heap. */
#if defined __SANITIZE_ADDRESS__
#define SY_ADDRESS_SANITIZER 1
#elif defined __has_feature
#if __has_feature (address_sanitizer)
#define SY_ADDRESS_SANITIZER 1
#endif
#endif
#if defined __SANITIZE_THREAD__
#define SY_THREAD_SANITIZER 1
#elif defined __has_feature
#if __has_feature (thread_sanitizer)
#define SY_THREAD_SANITIZER 1
#endif
#endif
#ifndef SY_ADDRESS_SANITIZER
#define SY_ADDRESS_SANITIZER 0
#endif
#ifndef SY_THREAD_SANITIZER
#define SY_THREAD_SANITIZER 0
#endif

#define SY_STATIC_ASSERT(condition, words) _Static_assert (condition, words)

#endif
