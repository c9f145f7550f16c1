/* SPDX-License-Identifier: MIT */
/* operators.cc: C++'s new and delete in all their forms, the new-handler, and what is thrown. */
#include <new>

#include <dlfcn.h>
#include <malloc.h>
#include <sys/resource.h>
#include <thread>

#include "tap.h"

#define MIB ((std::size_t) 1 << 20)

static volatile std::size_t too_much = SIZE_MAX / 2 - 64;

static bool
is_right (void *block, std::size_t size, std::size_t alignment)
{
  if (block == nullptr || ((uintptr_t) block & (alignment - 1)) != 0
      || malloc_usable_size (block) < size)
    return tap_no ("%zu bytes at %zu: %p", size, alignment, block);
  memset (block, 0x33, malloc_usable_size (block));
  return true;
}

static void
test_plain ()
{
  bool right = true;

  for (std::size_t size = 0; size < 300000; size = size * 4 / 3 + 1)
    {
      void *one = ::operator new (size), *many = ::operator new[] (size);
      void *one_or_none = ::operator new (size, std::nothrow),
           *many_or_none = ::operator new[] (size, std::nothrow);

      right = is_right (one, size, 16) && is_right (many, size, 16)
              && is_right (one_or_none, size, 16) && is_right (many_or_none, size, 16)
              && one != many && right;
      ::operator delete (one, size);
      ::operator delete[] (many, size);
      ::operator delete (one_or_none, std::nothrow);
      ::operator delete[] (many_or_none, std::nothrow);
      ::operator delete (::operator new (size));
      ::operator delete[] (::operator new[] (size));
    }
  ::operator delete (nullptr);
  ::operator delete[] (nullptr, std::nothrow);
  tap (right, "new and delete, of one and of many, with a size and without, nothrow");
}

static void
test_aligned ()
{
  bool right = true;

  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (std::size_t size = 0; size < 100000; size = size * 3 + 1)
      {
        std::align_val_t at = std::align_val_t (alignment);
        void *one = ::operator new (size, at), *many = ::operator new[] (size, at);
        void *one_or_none = ::operator new (size, at, std::nothrow),
             *many_or_none = ::operator new[] (size, at, std::nothrow);

        right = is_right (one, size, alignment) && is_right (many, size, alignment)
                && is_right (one_or_none, size, alignment)
                && is_right (many_or_none, size, alignment) && right;
        ::operator delete (one, size, at);
        ::operator delete[] (many, size, at);
        ::operator delete (one_or_none, at, std::nothrow);
        ::operator delete[] (many_or_none, at, std::nothrow);
        ::operator delete (::operator new (size, at), at);
        ::operator delete[] (::operator new[] (size, at), at);
      }
  tap (right, "new and delete with an alignment, in the same forms");
}

template <typename Function>
static bool
throws_bad_alloc (Function function)
{
  try
    {
      function ();
      return false;
    }
  catch (const std::bad_alloc &)
    {
      return true;
    }
}

static void
test_throws ()
{
  std::align_val_t at = std::align_val_t (64);

  tap (throws_bad_alloc ([] { return ::operator new (too_much); })
         && throws_bad_alloc ([] { return ::operator new[] (too_much); }),
       "new throws std::bad_alloc where there is no memory");
  tap (throws_bad_alloc ([at] { return ::operator new (too_much, at); })
         && throws_bad_alloc ([at] { return ::operator new[] (too_much, at); }),
       "new with an alignment throws std::bad_alloc where there is no memory");
  tap (::operator new (too_much, std::nothrow)
         == nullptr && ::operator new[] (too_much, std::nothrow)
         == nullptr && ::operator new (too_much, at, std::nothrow)
         == nullptr && ::operator new[] (too_much, at, std::nothrow) == nullptr,
       "nothrow new returns NULL where there is no memory");
}

/* ---- The new-handler ---- */

static bool
is_static ()
{
  const char *form = getenv ("SYDRA_FORM");

  return form != nullptr && strcmp (form, "static program") == 0;
}

static unsigned calls;
static void *reserve;

static void
count_and_give_up ()
{
  if (++calls == 3)
    std::set_new_handler (nullptr);
}

static void
free_the_reserve ()
{
  calls++;
  free (reserve);
  reserve = nullptr;
  std::set_new_handler (nullptr);
}

static void
test_handler ()
{
  calls = 0;
  std::set_new_handler (count_and_give_up);
  tap (throws_bad_alloc ([] { return ::operator new (too_much); }) && calls == 3,
       "the new-handler is called until there is none");
  if (is_static ())
    {
      tap_skip ("... by nothrow new too", "nobody could catch what it throws");
      return;
    }
  calls = 0;
  std::set_new_handler (count_and_give_up);
  tap (::operator new (too_much, std::nothrow) == nullptr && calls == 3, "... by nothrow new too");
}

/* With room for 32 MiB, a block of 48 MiB does not fit until the handler gave 64 MiB back. */
static void
test_handler_frees ()
{
  struct rlimit limit, old;
  void *block = nullptr;

  if (getrlimit (RLIMIT_AS, &old) != 0)
    return;
  reserve = malloc (64 * MIB);
  limit = old;
  limit.rlim_cur = tap_mapped () + 32 * MIB;
  calls = 0;
  if (setrlimit (RLIMIT_AS, &limit) != 0)
    {
      tap_skip ("memory that the new-handler frees serves the call", "no limit can be set");
      return;
    }
  std::set_new_handler (free_the_reserve);
  try
    {
      block = ::operator new (48 * MIB);
    }
  catch (const std::bad_alloc &)
    {
    }
  std::set_new_handler (nullptr);
  (void) setrlimit (RLIMIT_AS, &old);
  if (block != nullptr && calls == 0)
    tap_skip ("memory that the new-handler frees serves the call",
              "the heap had room for the block");
  else
    tap (block != nullptr && calls == 1, "memory that the new-handler frees serves the call");
  ::operator delete (block);
  free (reserve);
}

/* ---- Whose operators, and a thread's end ---- */

static void
test_whose ()
{
  void *function = (void *) static_cast<void *(*) (std::size_t)> (&::operator new);
  const char *form = getenv ("SYDRA_FORM");
  Dl_info info = Dl_info ();

  if (form == nullptr || strncmp (form, "module", 6) != 0)
    tap_skip ("operator new is the module's", "only under LD_PRELOAD");
  else
    tap (dladdr (function, &info) != 0 && strstr (info.dli_fname, "libsydra-malloc") != nullptr,
         "operator new is the module's");
}

static unsigned destroyed;

struct owner
{
  char *block = new char[500];

  ~owner ()
  {
    delete[] block;
    delete[] new char[100000];
    destroyed++;
  }
};

static void
test_thread_local ()
{
  std::thread thread ([] {
    static thread_local owner mine;
    mine.block[0] = 1;
  });

  thread.join ();
  tap (destroyed == 1, "a thread-local object's destructor allocates and frees");
}

static struct at_exit
{
  char *block = new char[10];

  ~at_exit ()
  {
    delete[] block;
    delete[] new char[1000];
  }
} global_object;

int
main ()
{
  test_whose ();
  test_plain ();
  test_aligned ();
  test_throws ();
  test_handler ();
  test_handler_frees ();
  test_thread_local ();
  return global_object.block == nullptr || tap_end ();
}
