/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "heap/libc_functions.h"

#include <gnu/lib-names.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#include "base/atomic.h"
#include "base/bug.h"

/* The tables of a loaded library in which its symbols are found. */
struct tables {
  const char *strings, *soname;
  const ElfW (Sym) *symbols;
  const uint32_t *hash;   /* GNU's table of hashes; NULL: the library has only the older table */
  uint32_t symbol_count;  /* from the older table of hashes */
};

enum function { MALLOC, CALLOC, REALLOC, MEMALIGN, FREE, USABLE_SIZE, TRIM, FUNCTIONS };

static const char *const names[FUNCTIONS]
  = { "malloc", "calloc", "realloc", "memalign", "free", "malloc_usable_size", "malloc_trim" };

/* The first caller writes the addresses.  Two threads that look at once find the same ones.
   `ready`, stored with release, says that all are written. */
static AO_t address[FUNCTIONS], ready;

/* The address of a table.  On some systems the loader leaves the file's own addresses in the
   entries. */
static uintptr_t
address_of (const struct dl_phdr_info *library, const ElfW (Dyn) *entry)
{
  return entry->d_un.d_ptr < library->dlpi_addr ? library->dlpi_addr + entry->d_un.d_ptr
                                                : entry->d_un.d_ptr;
}

/* False: the library does not have all of them. */
static bool
read_tables (const struct dl_phdr_info *library, const ElfW (Dyn) *entry, struct tables *tables)
{
  size_t soname = 0;

  memset (tables, 0, sizeof *tables);
  for (; entry->d_tag != DT_NULL; entry++)
    switch (entry->d_tag)
      {
      case DT_STRTAB: tables->strings = (const char *) address_of (library, entry); break;
      case DT_SYMTAB: tables->symbols = (const ElfW (Sym) *) address_of (library, entry); break;
      case DT_GNU_HASH: tables->hash = (const uint32_t *) address_of (library, entry); break;
      case DT_HASH:
        tables->symbol_count = ((const uint32_t *) address_of (library, entry))[1];
        break;
      case DT_SONAME: soname = entry->d_un.d_val; break;
      default: break;
      }
  tables->soname = tables->strings == NULL ? NULL : tables->strings + soname;
  return soname != 0 && tables->strings != NULL && tables->symbols != NULL
         && (tables->hash != NULL || tables->symbol_count != 0);
}

static uint32_t
hash_of (const char *name)
{
  uint32_t hash = 5381;

  for (; *name != '\0'; name++)
    hash = 33 * hash + (unsigned char) *name;
  return hash;
}

static bool
is_defined_as (const struct tables *tables, const ElfW (Sym) *symbol, const char *name)
{
  return symbol->st_shndx != SHN_UNDEF && strcmp (tables->strings + symbol->st_name, name) == 0;
}

/* Looks at one symbol after the other, if there is no GNU table. */
static const ElfW (Sym) *
find_by_walk (const struct tables *tables, const char *name)
{
  for (uint32_t at = 1; at < tables->symbol_count; at++)
    if (is_defined_as (tables, &tables->symbols[at], name))
      return &tables->symbols[at];
  return NULL;
}

/*
 * Looks the symbol up in GNU's table of hashes:
 *
 *   | bucket_count | first | filter_words | shift | filter | buckets | chains |
 *
 * The chains have one hash for each symbol from number `first` on.  The lowest bit of a hash is 1
 * if the symbol is the last one of its bucket.
 */
static const ElfW (Sym) *
find_by_hash (const struct tables *tables, const char *name)
{
  uint32_t bucket_count = tables->hash[0], first = tables->hash[1], filter_words = tables->hash[2],
           hash = hash_of (name);
  const uint32_t *buckets = tables->hash + 4
                            + filter_words * (sizeof (ElfW (Addr)) / sizeof (uint32_t));
  const uint32_t *chains = buckets + bucket_count;
  uint32_t at = bucket_count == 0 ? 0 : buckets[hash % bucket_count];

  if (at < first)
    return NULL;
  for (;; at++)
    {
      const ElfW (Sym) *symbol = &tables->symbols[at];

      if ((chains[at - first] | 1) == (hash | 1) && is_defined_as (tables, symbol, name))
        return symbol;
      if ((chains[at - first] & 1) != 0)
        return NULL;
    }
}

static bool
is_c_library (const struct dl_phdr_info *library, struct tables *tables)
{
  for (unsigned at = 0; at < library->dlpi_phnum; at++)
    if (library->dlpi_phdr[at].p_type == PT_DYNAMIC)
      return read_tables (
               library, (const ElfW (Dyn) *) (library->dlpi_addr + library->dlpi_phdr[at].p_vaddr),
               tables)
             && strcmp (tables->soname, LIBC_SO) == 0;
  return false;
}

/* For dl_iterate_phdr: a result other than 0 ends the search. */
static int
look_into (struct dl_phdr_info *library, size_t size, void *ctx)
{
  struct tables tables;

  (void) size;
  (void) ctx;
  if (!is_c_library (library, &tables))
    return 0;
  for (unsigned at = 0; at < FUNCTIONS; at++)
    {
      const ElfW (Sym) *symbol = tables.hash != NULL ? find_by_hash (&tables, names[at])
                                                     : find_by_walk (&tables, names[at]);

      if (symbol == NULL)
        sy_bug (names[at], NULL, "the C library has no such function");
      AO_store (&address[at], library->dlpi_addr + symbol->st_value);
    }
  return 1;
}

static void SY_COLD
look_up (void)
{
  if (dl_iterate_phdr (look_into, NULL) == 0)
    sy_bug ("malloc", NULL, "the C library is not among the program's libraries");
  /* release: pairs with the acquire in address_of_function. */
  AO_store_release (&ready, 1);
}

static inline uintptr_t
address_of_function (enum function function)
{
  if (SY_UNLIKELY (AO_load_acquire (&ready) == 0))
    look_up ();
  return AO_load (&address[function]);
}

void *
sy_libc_malloc (size_t size)
{
  return ((void *(*) (size_t)) address_of_function (MALLOC)) (size);
}

void *
sy_libc_calloc (size_t count, size_t size)
{
  return ((void *(*) (size_t, size_t)) address_of_function (CALLOC)) (count, size);
}

void *
sy_libc_realloc (void *block, size_t size)
{
  return ((void *(*) (void *, size_t)) address_of_function (REALLOC)) (block, size);
}

void *
sy_libc_memalign (size_t alignment, size_t size)
{
  return ((void *(*) (size_t, size_t)) address_of_function (MEMALIGN)) (alignment, size);
}

void
sy_libc_free (void *block)
{
  ((void (*) (void *)) address_of_function (FREE)) (block);
}

size_t
sy_libc_malloc_usable_size (void *block)
{
  return ((size_t (*) (void *)) address_of_function (USABLE_SIZE)) (block);
}

int
sy_libc_malloc_trim (size_t pad)
{
  return ((int (*) (size_t)) address_of_function (TRIM)) (pad);
}
