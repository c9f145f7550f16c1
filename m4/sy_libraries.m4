dnl SPDX-License-Identifier: MIT
dnl SY_ATOMIC_OPS: libatomic_ops's headers, and its library only where a compare-and-swap does not link without it.
dnl Sets ATOMIC_OPS_CFLAGS, and ATOMIC_OPS_LIBS to empty or -latomic_ops.
AC_DEFUN([SY_ATOMIC_OPS], [
  PKG_CHECK_EXISTS([atomic_ops], [PKG_CHECK_VAR([ATOMIC_OPS_INCLUDEDIR], [atomic_ops], [includedir])
    AS_CASE([$ATOMIC_OPS_INCLUDEDIR], [''|/usr/include], [], [ATOMIC_OPS_CFLAGS="${ATOMIC_OPS_CFLAGS--I$ATOMIC_OPS_INCLUDEDIR}"])])
  sy_saved_CPPFLAGS=$CPPFLAGS
  sy_saved_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $ATOMIC_OPS_CFLAGS"
  AC_CHECK_HEADER([atomic_ops.h], [],
    [AC_MSG_ERROR([atomic_ops.h not found: install libatomic-ops-dev (Debian) or libatomic_ops-devel (Fedora)])])
  AC_CACHE_CHECK([for the library that a compare-and-swap needs], [sy_cv_lib_cas], [
    for sy_cv_lib_cas in none -latomic_ops missing; do
      AS_CASE([$sy_cv_lib_cas], [none], [LIBS=$sy_saved_LIBS], [LIBS="$sy_cv_lib_cas $sy_saved_LIBS"])
      AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#define AO_REQUIRE_CAS
#include <atomic_ops.h>
static volatile AO_t word;]],
        [[return AO_compare_and_swap_release (&word, 0, 1) && AO_load_acquire (&word) == 2;]])], [break])
    done
  ])
  LIBS=$sy_saved_LIBS
  CPPFLAGS=$sy_saved_CPPFLAGS
  AS_CASE([$sy_cv_lib_cas],
    [none], [ATOMIC_OPS_LIBS=],
    [-latomic_ops], [ATOMIC_OPS_LIBS=-latomic_ops],
    [AC_MSG_ERROR([no compare-and-swap, neither from the compiler nor from libatomic_ops])])
  AC_SUBST([ATOMIC_OPS_CFLAGS])
  AC_SUBST([ATOMIC_OPS_LIBS])
])

dnl SY_MODULE(PREFIX, SPECIFICATION, VARIABLE, HEADER, EXPRESSION)
dnl Sets VARIABLE to yes where pkg-config knows the module and a program with its header and an int
dnl expression links: what pkg-config knows may be for another C library than $CC's, as with
dnl musl-gcc.
dnl PREFIX_CFLAGS and PREFIX_LIBS are PKG_CHECK_MODULES's.
AC_DEFUN([SY_MODULE], [
  PKG_CHECK_MODULES([$1], [$2], [$3=yes], [$3=no])
  AS_IF([test "$[]$3" = yes], [
    AC_MSG_CHECKING([whether $CC links a program with $2])
    sy_saved_CPPFLAGS=$CPPFLAGS
    sy_saved_LIBS=$LIBS
    CPPFLAGS="$CPPFLAGS $[]$1[]_CFLAGS"
    LIBS="$[]$1[]_LIBS $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdlib.h>
#include <$4>]], [[return $5;]])], [], [$3=no])
    CPPFLAGS=$sy_saved_CPPFLAGS
    LIBS=$sy_saved_LIBS
    AC_MSG_RESULT([$[]$3])
  ])
])

dnl SY_MIMALLOC: have_mimalloc, and how to reach it: MIMALLOC_CFLAGS, MIMALLOC_LIBS, mimalloc_pc (yes where it has a .pc file).
AC_DEFUN([SY_MIMALLOC], [
  SY_MODULE([MIMALLOC], [mimalloc], [mimalloc_pc], [mimalloc.h], [mi_version ()])
  AS_IF([test "$mimalloc_pc" = yes], [have_mimalloc=yes], [
    AC_CHECK_HEADER([mimalloc.h],
      [AC_CHECK_LIB([mimalloc], [mi_malloc_aligned], [have_mimalloc=yes; MIMALLOC_LIBS=-lmimalloc], [have_mimalloc=no])],
      [have_mimalloc=no])
  ])
  AC_SUBST([MIMALLOC_CFLAGS])
  AC_SUBST([MIMALLOC_LIBS])
])

dnl SY_RECLAIM_PEERS: have_urcu_memb, have_urcu_qsbr, have_concurrency_kit, and URCU_MEMB_CFLAGS and so on: what scripts/compare-reclaim
dnl measures against.  liburcu has these names from 0.11 on.
AC_DEFUN([SY_RECLAIM_PEERS], [
  SY_MODULE([URCU_MEMB], [liburcu-memb], [have_urcu_memb], [urcu.h], [(rcu_register_thread (), 0)])
  SY_MODULE([URCU_QSBR], [liburcu-qsbr >= 0.11], [have_urcu_qsbr], [urcu-qsbr.h],
    [(rcu_register_thread (), 0)])
  SY_MODULE([CONCURRENCY_KIT], [ck >= 0.7], [have_concurrency_kit], [ck_epoch.h],
    [(ck_epoch_init (NULL), 0)])
])
