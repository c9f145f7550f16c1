/* SPDX-License-Identifier: MIT */
/*
 * replaced.cc: a program that replaces new and delete of one object alone, with blocks of its own
 * that malloc does not know: by the standard all other forms, but those with an alignment, come to
 * them.
 */
#include <cstdint>
#include <new>

#include "tap.h"

static char arena[1 << 16];
static std::size_t used;
static int live;
static bool exhausted;

static bool
is_ours (const void *block)
{
  return block >= arena && block < arena + sizeof arena;
}

void *
operator new (std::size_t size)
{
  void *block = arena + used;

  if (exhausted)
    throw std::bad_alloc ();
  used += (size + 15) & ~static_cast<std::size_t> (15);
  live++;
  return block;
}

void
operator delete (void *block) noexcept
{
  if (block != nullptr)
    live -= is_ours (block) ? 1 : 1000;
}

struct item {
  ~item () {}
  int numbers[10];
};

struct alignas (256) aligned_item {
  char bytes[512];
};

template <typename T> static bool
comes_and_goes (T *block, void (*end) (T *))
{
  bool here = is_ours (block) && live == 1;

  end (block);
  return here && live == 0;
}

static void end_one (item *block) { delete block; }
static void end_many (item *block) { delete[] block; }

static bool
exhaustion_is_null ()
{
  bool right = true;

  exhausted = true;
  right = new (std::nothrow) item == nullptr && new (std::nothrow) item[3] == nullptr;
  try
    {
      item *volatile block = new item[3];

      right = block == nullptr && false;
    }
  catch (const std::bad_alloc &)
    {
    }
  exhausted = false;
  return right;
}

int
main ()
{
  tap (comes_and_goes (new item, end_one), "an object, and delete that knows its size");
  tap (comes_and_goes (new item[3], end_many),
       "an array comes from the program's new, and goes to its delete");
  tap (comes_and_goes (new (std::nothrow) item, end_one), "so does what does not throw");
  tap (comes_and_goes (new (std::nothrow) item[3], end_many),
       "... and an array that does not throw");
  ::operator delete (::operator new (24, std::nothrow), std::nothrow);
  ::operator delete[] (::operator new[] (24, std::nothrow), std::nothrow);
  tap (live == 0, "deletes that do not throw go there");
  tap (exhaustion_is_null (),
       "what the program's new throws becomes NULL where nothing is to be thrown");

  aligned_item *aligned = new aligned_item, *many = new aligned_item[3];
  bool right = !is_ours (aligned) && !is_ours (many)
               && reinterpret_cast<std::uintptr_t> (aligned) % 256 == 0
               && reinterpret_cast<std::uintptr_t> (many) % 256 == 0;

  delete aligned;
  delete[] many;
  tap (right && live == 0, "aligned forms, which the program did not replace, serve as they are");
  return tap_end ();
}
