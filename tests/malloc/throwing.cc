/* SPDX-License-Identifier: MIT */
/* throwing.cc: a C++ library for a C program to open. */
#include <cstddef>
#include <new>
#include <string>
#include <vector>

/* 1: bad_alloc was thrown and caught here; 0: there was memory for that. */
extern "C" int
try_new (std::size_t size)
{
  try
    {
      /* Called by name: a new-expression whose block is not used may be left out. */
      ::operator delete (::operator new (size));
      return 0;
    }
  catch (const std::bad_alloc &)
    {
      return 1;
    }
}

/* How many characters some strings have that were made and moved. */
extern "C" std::size_t
use_strings (unsigned count)
{
  std::vector<std::string> strings;
  std::size_t length = 0;

  for (unsigned at = 0; at < count; at++)
    strings.push_back (std::string (at % 300, 'x'));
  for (const std::string &string : strings)
    length += string.size ();
  return length;
}
