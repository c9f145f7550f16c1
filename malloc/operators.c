/* SPDX-License-Identifier: MIT */
/*
 * operators.c: C++'s operator new and delete, under the names that the Itanium ABI gives them.  So
 * they are built without a C++ compiler, and run without a C++ library.
 *
 * When memory is short, we look up the C++ runtime's own operator and call it.  It calls our malloc
 * again, then the new-handlers, and then it throws.  In a program that is linked statically with
 * its runtime there is no such operator to find; then we call the functions that it would call.
 * This file is compiled with -fexceptions, so that an exception passes through it.
 */
#include <config.h>

#include <dlfcn.h>
#include <stdint.h>

#include "base/bug.h"
#include "start.h"

/* A program that is linked statically and does not use them does not have them. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose

/*
 * Functions of the C++ runtime.  A program that neither handles nor throws anything may lack them.
 */
typedef void new_handler (void);
extern new_handler *get_new_handler (void) __asm__("_ZSt15get_new_handlerv") __attribute__ ((weak));
extern void throw_bad_alloc (void) __asm__ ("_ZSt17__throw_bad_allocv") __attribute__ ((weak));

/* The letter that stands for size_t in a mangled name. */
#if SIZE_MAX > 0xffffffffu
#define MANGLED(before, after) before##m##after
#else
#define MANGLED(before, after) before##j##after
#endif

/* ---- The runtime's own operators ---- */

static void *
find_in (const char *library, const char *name)
{
  void *handle = dlopen (library, RTLD_LAZY | RTLD_NOLOAD), *found = NULL;

  if (handle == NULL)
    return NULL;
  found = dlsym (handle, name);
  (void) dlclose (handle);  /* the library was loaded before, and stays loaded */
  return found;
}

/*
 * First looks in the C++ runtimes that are loaded, also in one that came with a library opened
 * late.  Only then looks for the next definition of the name after ours, as that may be another
 * allocator's.
 */
static void *
find_runtime (const char *name)
{
  static const char *const library[] = { "libstdc++.so.6", "libc++.so.1" };
  void *found = NULL;

  if (dlopen == NULL || dlsym == NULL || dlclose == NULL)
    return NULL;
  for (unsigned at = 0; at < sizeof library / sizeof *library && found == NULL; at++)
    found = find_in (library[at], name);
  return found != NULL ? found : dlsym (RTLD_NEXT, name);
}

/*
 * Does what the missing operator would do: calls the new-handler, or else throws or reports.
 * Returns true if a new-handler ran, and so may have made room.  An exception is not caught here.
 */
static bool SY_COLD
new_handler_helped (const char *name, size_t size, bool throws)
{
  new_handler *handler = get_new_handler != NULL && throws ? get_new_handler () : NULL;

  if (handler != NULL)
    handler ();
  else if (throws && throw_bad_alloc != NULL)
    throw_bad_alloc ();
  else if (throws)
    sy_bug (name, (const void *) (uintptr_t) size,
            "no memory for so many bytes, and no C++ runtime to throw std::bad_alloc");
  return handler != NULL;
}

/*
 * A program may replace only new and delete of one object, with or without an alignment.  The other
 * forms must then use its version.  So they call these by name.  The forms that do not throw reach
 * the program's version through the runtime, which can catch exceptions.
 */

/* One jump instead of two, where the compiler can do that. */
#ifdef __clang__
#define BY_NAME SY_EXPORT
#else
#define BY_NAME SY_EXPORT __attribute__ ((noplt))
#endif

/* The types of the operators that we look up, one for each form. */
typedef void *plain (size_t size);
typedef void *plain_nothrow (size_t size, const void *nothrow);
typedef void *aligned (size_t size, size_t alignment);
typedef void *aligned_nothrow (size_t size, size_t alignment, const void *nothrow);

/* ---- new ---- */

#define DEFINE_NEW(name, form, parameters, replaced, hit, request, arguments, throws) \
  static void * SY_COLD                                                            \
  name##_short parameters                                                          \
  {                                                                                \
    form *runtime = (form *) (uintptr_t) find_runtime (#name);                     \
    void *block = NULL;                                                            \
                                                                                   \
    if (runtime != NULL)                                                           \
      return runtime arguments;                                                    \
    while (block == NULL && new_handler_helped (#name, size, throws))              \
      block = request;                                                             \
    return block;                                                                  \
  }                                                                                \
                                                                                   \
  static void * SY_NOINLINE                                                        \
  name##_slow parameters                                                           \
  {                                                                                \
    void *block = request;                                                         \
                                                                                   \
    return SY_LIKELY (block != NULL) ? block : name##_short arguments;             \
  }                                                                                \
                                                                                   \
  BY_NAME void *name parameters;                                                   \
                                                                                   \
  SY_EXPORT void *                                                                 \
  name parameters                                                                  \
  {                                                                                \
    void *block;                                                                   \
                                                                                   \
    if (SY_UNLIKELY (replaced))                                                    \
      return name##_short arguments;                                               \
    block = hit;                                                                   \
    return SY_LIKELY (block != NULL) ? block : name##_slow arguments;              \
  }

/* One more level of macros, so that MANGLED is expanded before names are pasted. */
#define NEW(name, form, parameters, replaced, hit, request, arguments, throws) \
  DEFINE_NEW (name, form, parameters, replaced, hit, request, arguments, throws)

/* Compares at run time: a compiler may assume that it knows the answer. */
static inline bool
differ (void *one, void *other)
{
  __asm__ ("" : "+r" (one));
  return one != other;
}

/* Is this name defined by the program, or by a library that comes before us? */
#define DEFINE_OWN(name, form) static form name##_own __attribute__ ((alias (#name)));
#define OWN(name, form) DEFINE_OWN (name, form)
#define IS_REPLACED_(name) differ ((void *) (uintptr_t) name, (void *) (uintptr_t) name##_own)
#define IS_REPLACED(name) IS_REPLACED_ (name)

#define NEW_ARRAY(name, whole, parameters, arguments) \
  SY_EXPORT void *name parameters;                    \
                                                      \
  SY_EXPORT void *                                    \
  name parameters                                     \
  {                                                   \
    return whole arguments;                           \
  }

#define NOTHROW(name, whole, array)                                                                \
  NEW (MANGLED (name, RKSt9nothrow_t), plain_nothrow, (size_t size, const void *nothrow),          \
       IS_REPLACED (MANGLED (whole, )) || IS_REPLACED (MANGLED (array, )),                         \
       sy_process_hit_malloc (size), sy_backend_malloc_slow (sy_process (), size),                 \
       (size, nothrow), false)                                                                     \
  NEW (MANGLED (name, St11align_val_tRKSt9nothrow_t), aligned_nothrow,                             \
       (size_t size, size_t alignment, const void *nothrow),                                       \
       IS_REPLACED (MANGLED (whole, St11align_val_t))                                              \
         || IS_REPLACED (MANGLED (array, St11align_val_t)),                                        \
       sy_process_hit_aligned (alignment, size),                                                   \
       sydra_aligned_alloc (sy_process (), alignment, size), (size, alignment, nothrow), false)

NEW (MANGLED (_Znw, ), plain, (size_t size), false, sy_process_hit_malloc (size),
     sy_backend_malloc_slow (sy_process (), size), (size), true)
NEW (MANGLED (_Znw, St11align_val_t), aligned, (size_t size, size_t alignment), false,
     sy_process_hit_aligned (alignment, size), sydra_aligned_alloc (sy_process (), alignment, size),
     (size, alignment), true)
NEW_ARRAY (MANGLED (_Zna, ), MANGLED (_Znw, ), (size_t size), (size))
NEW_ARRAY (MANGLED (_Zna, St11align_val_t), MANGLED (_Znw, St11align_val_t),
           (size_t size, size_t alignment), (size, alignment))
OWN (MANGLED (_Znw, ), plain)
OWN (MANGLED (_Znw, St11align_val_t), aligned)
OWN (MANGLED (_Zna, ), plain)
OWN (MANGLED (_Zna, St11align_val_t), aligned)
NOTHROW (_Znw, _Znw, _Znw)
NOTHROW (_Zna, _Znw, _Zna)

/* ---- delete: ignores size and alignment, as the block's address tells all ---- */

#define DELETE(name, parameters, free_it) \
  BY_NAME void name parameters;           \
                                          \
  SY_EXPORT void                          \
  name parameters                         \
  {                                       \
    free_it;                              \
  }

#define UNUSED __attribute__ ((unused))

#define PLAIN (void *block)
#define ALIGNED (void *block, size_t alignment UNUSED)

DELETE (_ZdlPv, PLAIN, sy_process_free (block))
DELETE (_ZdlPvSt11align_val_t, ALIGNED, sy_process_free (block))
DELETE (_ZdaPv, PLAIN, _ZdlPv (block))
DELETE (_ZdaPvSt11align_val_t, ALIGNED, _ZdlPvSt11align_val_t (block, alignment))

#define DELETE_FORMS(whole)                                                                        \
  DELETE (whole##RKSt9nothrow_t, (void *block, const void *nothrow UNUSED), whole (block))         \
  DELETE (whole##St11align_val_tRKSt9nothrow_t,                                                    \
          (void *block, size_t alignment, const void *nothrow UNUSED),                             \
          whole##St11align_val_t (block, alignment))                                               \
  DELETE (MANGLED (whole, ), (void *block, size_t size UNUSED), whole (block))                     \
  DELETE (MANGLED (whole, St11align_val_t), (void *block, size_t size UNUSED, size_t alignment),   \
          whole##St11align_val_t (block, alignment))

DELETE_FORMS (_ZdlPv)
DELETE_FORMS (_ZdaPv)
