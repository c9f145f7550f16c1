dnl SPDX-License-Identifier: MIT
dnl SY_DROP_IN_ARCHIVE: drop_in_static, archive_fault where it is "no", and SY_ARCHIVE_LDFLAGS for
dnl the link that makes the one object.
AC_DEFUN([SY_DROP_IN_ARCHIVE], [
  archive_fault=
  AS_IF([test "$enable_static" != yes], [archive_fault=--disable-static],
    [test -z "$OBJCOPY"], [archive_fault="no objcopy"],
    [SY_CHECK_NATIVE_OBJECT([sy_cv_native_object], [-flinker-output=nolto-rel none -fno-lto])
     AS_CASE([$sy_cv_native_object],
       [missing], [archive_fault="$CC -r makes no machine code with these CFLAGS (-flto?)"],
       [none], [],
       [AS_VAR_APPEND([SY_ARCHIVE_LDFLAGS], [" $sy_cv_native_object"])])])
  AS_IF([test -z "$archive_fault"], [drop_in_static=yes])
])

dnl SY_DROP_IN: whether the drop-in malloc can be built, and in which forms: the conditionals HAVE_DROP_IN, DROP_IN_SHARED, DROP_IN_STATIC;
dnl drop_in_words for people; what sydra-malloc.pc says, which is installed with the archive only;
dnl which module sydra-alloc.pc names.  After libtool and SY_MIMALLOC.
AC_DEFUN([SY_DROP_IN], [
  AC_CACHE_CHECK([whether the C library has its malloc by another name], [sy_cv_libc_malloc], [
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stddef.h>
void *__libc_malloc (size_t), *__libc_calloc (size_t, size_t), *__libc_realloc (void *, size_t), *__libc_memalign (size_t, size_t);
void __libc_free (void *);]],
      [[__libc_free (__libc_realloc (__libc_malloc (1), 2)); return __libc_calloc (1, 1) == __libc_memalign (16, 1);]])],
      [sy_cv_libc_malloc=yes], [sy_cv_libc_malloc=no])
  ])
  drop_in=yes
  AS_IF([test "$tls_model" != initial-exec], [drop_in=no; drop_in_words="no: it needs --with-tls-model=initial-exec"],
    [test "$sy_cv_libc_malloc" = no], [drop_in=no; drop_in_words="no: the C library has no __libc_malloc"])
  drop_in_shared=no drop_in_static=no
  AS_IF([test $drop_in = yes], [
    drop_in_shared=$enable_shared
    SY_DROP_IN_ARCHIVE
    AS_CASE([$drop_in_shared,$drop_in_static],
      [yes,yes], [drop_in_words="module and archive"],
      [yes,no], [drop_in_words="module; no archive: $archive_fault"],
      [no,yes], [drop_in_words="archive; no module: --disable-shared"],
      [drop_in=no
       drop_in_words="no: neither a module (--disable-shared) nor an archive ($archive_fault)"])
  ])
  AM_CONDITIONAL([HAVE_DROP_IN], [test $drop_in = yes])
  AM_CONDITIONAL([DROP_IN_SHARED], [test $drop_in_shared = yes])
  AM_CONDITIONAL([DROP_IN_STATIC], [test $drop_in_static = yes])

  AS_IF([test $drop_in_shared = yes], [PC_MODULE='${libdir}/sydra-alloc/libsydra-malloc.so'], [PC_MODULE=])
  PC_MALLOC_REQUIRES= PC_MALLOC_LIBS=
  AS_IF([test $drop_in_static = yes], [
    dnl -u: a program that itself calls nothing of malloc has it all the same, for the libraries that do.
    PC_MALLOC_LIBS="-L\${libdir} -Wl,-u,malloc -lsydra-malloc -pthread${ATOMIC_OPS_LIBS:+ }$ATOMIC_OPS_LIBS"
    AS_IF([test "$allocator_mode" = mimalloc],
      [AS_IF([test "$mimalloc_pc" = yes], [PC_MALLOC_REQUIRES=mimalloc], [PC_MALLOC_LIBS="$PC_MALLOC_LIBS $MIMALLOC_LIBS"])])
  ])
  AC_SUBST([PC_MODULE])
  AC_SUBST([PC_MALLOC_REQUIRES])
  AC_SUBST([PC_MALLOC_LIBS])
])
