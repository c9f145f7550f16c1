/* SPDX-License-Identifier: MIT */
/*
 * operators.c: C++'s operator new and delete, by the names that the Itanium ABI gives them: no C++ compiler is needed to build them, and no
 * C++ library to run.
 *
 * Where memory is short, the C++ runtime's own operator is found and called: it calls our malloc again, then the new-handlers, and throws.
 * A program that is linked statically with its runtime has none to be found, but what that would call.  This file is compiled with -fexceptions, so that what is thrown there passes through.
 */
#include <config.h>

#include <dlfcn.h>
#include <stdint.h>

#include "bug.h"
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

/* What a missing operator stands for: one function a form of the call, as the pointers are of different types. */
typedef void *plain (size_t size);
typedef void *plain_nothrow (size_t size, const void *nothrow);
typedef void *aligned (size_t size, size_t alignment);
typedef void *aligned_nothrow (size_t size, size_t alignment, const void *nothrow);

/* ---- new ---- */

#define DEFINE_NEW(name, form, parameters, hit, request, arguments, throws)        \
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
  SY_EXPORT void *name parameters;                                                 \
                                                                                   \
  SY_EXPORT void *                                                                 \
  name parameters                                                                  \
  {                                                                                \
    void *block = hit;                                                             \
                                                                                   \
    return SY_LIKELY (block != NULL) ? block : name##_slow arguments;              \
  }

/* One more step, so that MANGLED is expanded before names are pasted. */
#define NEW(name, form, parameters, hit, request, arguments, throws) DEFINE_NEW (name, form, parameters, hit, request, arguments, throws)

#define NEW_FORMS(operator)                                                                                                     \
  NEW (MANGLED (operator, ), plain, (size_t size), sy_process_hit_malloc (size), sydra_malloc (sy_process (), size), (size), true) \
  NEW (MANGLED (operator, RKSt9nothrow_t), plain_nothrow, (size_t size, const void *nothrow),                                   \
       sy_process_hit_malloc (size), sydra_malloc (sy_process (), size), (size, nothrow), false)                                  \
  NEW (MANGLED (operator, St11align_val_t), aligned, (size_t size, size_t alignment),                                           \
       NULL, sydra_aligned_alloc (sy_process (), alignment, size), (size, alignment), true)                                           \
  NEW (MANGLED (operator, St11align_val_tRKSt9nothrow_t), aligned_nothrow, (size_t size, size_t alignment, const void *nothrow), \
       NULL, sydra_aligned_alloc (sy_process (), alignment, size), (size, alignment, nothrow), false)

NEW_FORMS (_Znw)
NEW_FORMS (_Zna)

/* ---- delete: the size and the alignment are the block's own business ---- */

#define DEFINE_DELETE(name, parameters)  \
  SY_EXPORT void name parameters;        \
                                         \
  SY_EXPORT void                         \
  name parameters                        \
  {                                      \
    sy_process_free (block);             \
  }

#define DELETE(name, parameters) DEFINE_DELETE (name, parameters)

#define UNUSED __attribute__ ((unused))

#define DELETE_FORMS(operator)                                                                                             \
  DELETE (operator, (void *block))                                                                                         \
  DELETE (operator##RKSt9nothrow_t, (void *block, const void *nothrow UNUSED))                                             \
  DELETE (operator##St11align_val_t, (void *block, size_t alignment UNUSED))                                               \
  DELETE (operator##St11align_val_tRKSt9nothrow_t, (void *block, size_t alignment UNUSED, const void *nothrow UNUSED))     \
  DELETE (MANGLED (operator, ), (void *block, size_t size UNUSED))                                                         \
  DELETE (MANGLED (operator, St11align_val_t), (void *block, size_t size UNUSED, size_t alignment UNUSED))

DELETE_FORMS (_ZdlPv)
DELETE_FORMS (_ZdaPv)
