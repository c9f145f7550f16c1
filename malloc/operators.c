/* SPDX-License-Identifier: MIT */
/*
 * operators.c: C++'s operator new and delete, by the names that the Itanium ABI gives them: no C++ compiler is needed to build them, and no
 * C++ library to run.
 *
 * Where memory is short, the C++ runtime's own operator is found and called: it calls our malloc again, then the new-handlers, and throws.
 * A program that is linked statically with its runtime has none to be found, but what that would call.  This file is compiled with
 * -fexceptions, so that what is thrown there passes through.
 */
#include <config.h>

#include <dlfcn.h>
#include <stdint.h>

#include "base/bug.h"
#include "start.h"

/* Absent from a program that is linked statically and uses none of them. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose

/* Of the runtime that a program is linked with; one that handles or throws nothing may be without. */
typedef void new_handler (void);
extern new_handler *get_new_handler (void) __asm__ ("_ZSt15get_new_handlerv") __attribute__ ((weak));
extern void throw_bad_alloc (void) __asm__ ("_ZSt17__throw_bad_allocv") __attribute__ ((weak));

/* How size_t is written in a mangled name. */
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
  (void) dlclose (handle);  /* it was there before, and stays */
  return found;
}

/*
 * A C++ runtime that is loaded, if only for a library that was opened late, comes before whatever else defines the name after us: another
 * allocator may, too.
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

/* Without such an operator: the new-handler, if any, made room, or what is to be said was said.  What it throws cannot be caught here. */
static bool SY_COLD
new_handler_helped (const char *name, size_t size, bool throws)
{
  new_handler *handler = get_new_handler != NULL && throws ? get_new_handler () : NULL;

  if (handler != NULL)
    handler ();
  else if (throws && throw_bad_alloc != NULL)
    throw_bad_alloc ();
  else if (throws)
    sy_bug (name, (const void *) (uintptr_t) size, "no memory for so many bytes, and no C++ runtime to throw std::bad_alloc");
  return handler != NULL;
}

/*
 * new and delete of one object, with and without an alignment, are a program's to replace alone: the other forms stand for these, and go to
 * them by their names, so to the program's where it has some.  Those that do not throw go there by the runtime, which can catch.
 */

/* One jump where there would be two, where the compiler knows how. */
#ifdef __clang__
#define BY_NAME SY_EXPORT
#else
#define BY_NAME SY_EXPORT __attribute__ ((noplt))
#endif

/* What a missing operator stands for: one function a form of the call, as the pointers are of different types. */
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

/* One more step, so that MANGLED is expanded before names are pasted. */
#define NEW(name, form, parameters, replaced, hit, request, arguments, throws) \
  DEFINE_NEW (name, form, parameters, replaced, hit, request, arguments, throws)

/* Told when it runs: a compiler may think that it knows. */
static inline bool
differ (void *one, void *other)
{
  __asm__ ("" : "+r" (one));
  return one != other;
}

/* Is the name another's, in the program or in a library before us? */
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

#define NOTHROW(name, whole, array)                                                                                                     \
  NEW (MANGLED (name, RKSt9nothrow_t), plain_nothrow, (size_t size, const void *nothrow),                                               \
       IS_REPLACED (MANGLED (whole, )) || IS_REPLACED (MANGLED (array, )),                                                              \
       sy_process_hit_malloc (size), sy_backend_malloc_slow (sy_process (), size), (size, nothrow), false)                              \
  NEW (MANGLED (name, St11align_val_tRKSt9nothrow_t), aligned_nothrow, (size_t size, size_t alignment, const void *nothrow),            \
       IS_REPLACED (MANGLED (whole, St11align_val_t)) || IS_REPLACED (MANGLED (array, St11align_val_t)),                                \
       NULL, sydra_aligned_alloc (sy_process (), alignment, size), (size, alignment, nothrow), false)

NEW (MANGLED (_Znw, ), plain, (size_t size), false, sy_process_hit_malloc (size), sy_backend_malloc_slow (sy_process (), size),
     (size), true)
NEW (MANGLED (_Znw, St11align_val_t), aligned, (size_t size, size_t alignment), false,
     NULL, sydra_aligned_alloc (sy_process (), alignment, size), (size, alignment), true)
NEW_ARRAY (MANGLED (_Zna, ), MANGLED (_Znw, ), (size_t size), (size))
NEW_ARRAY (MANGLED (_Zna, St11align_val_t), MANGLED (_Znw, St11align_val_t), (size_t size, size_t alignment), (size, alignment))
OWN (MANGLED (_Znw, ), plain)
OWN (MANGLED (_Znw, St11align_val_t), aligned)
OWN (MANGLED (_Zna, ), plain)
OWN (MANGLED (_Zna, St11align_val_t), aligned)
NOTHROW (_Znw, _Znw, _Znw)
NOTHROW (_Zna, _Znw, _Zna)

/* ---- delete: the size and the alignment are the block's own business ---- */

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

#define DELETE_FORMS(whole)                                                                                                           \
  DELETE (whole##RKSt9nothrow_t, (void *block, const void *nothrow UNUSED), whole (block))                                            \
  DELETE (whole##St11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const void *nothrow UNUSED),                          \
          whole##St11align_val_t (block, alignment))                                                                                  \
  DELETE (MANGLED (whole, ), (void *block, size_t size UNUSED), whole (block))                                                        \
  DELETE (MANGLED (whole, St11align_val_t), (void *block, size_t size UNUSED, size_t alignment), whole##St11align_val_t (block, alignment))

DELETE_FORMS (_ZdlPv)
DELETE_FORMS (_ZdaPv)
