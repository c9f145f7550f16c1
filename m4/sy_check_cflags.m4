dnl SPDX-License-Identifier: MIT
dnl SY_CHECK_CFLAGS(VARIABLE, FLAG...)
dnl Appends to VARIABLE each FLAG that the C compiler takes without a warning.
AC_DEFUN([SY_CHECK_CFLAGS], [
  sy_saved_CFLAGS=$CFLAGS
  for sy_flag in $2; do
    AC_MSG_CHECKING([whether $CC takes $sy_flag])
    CFLAGS="$sy_saved_CFLAGS -Werror $sy_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1], [" $sy_flag"])], [AC_MSG_RESULT([no])])
  done
  CFLAGS=$sy_saved_CFLAGS
])

dnl SY_CHECK_LDFLAGS(VARIABLE, FLAG...)
dnl Appends to VARIABLE each FLAG that links a program.
AC_DEFUN([SY_CHECK_LDFLAGS], [
  sy_saved_LDFLAGS=$LDFLAGS
  for sy_flag in $2; do
    AC_MSG_CHECKING([whether the linker takes $sy_flag])
    LDFLAGS="$sy_saved_LDFLAGS $sy_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1], [" $sy_flag"])], [AC_MSG_RESULT([no])])
  done
  LDFLAGS=$sy_saved_LDFLAGS
])

dnl SY_CHECK_NATIVE_OBJECT(VARIABLE, FLAG...)
dnl Sets VARIABLE to the first FLAG ("none": no flag) with which "cc -r" makes an object of machine
dnl code, so that $OBJCOPY can make its names local; "missing" where there is none.  Without LTO
dnl that is any flag that the compiler takes.
AC_DEFUN([SY_CHECK_NATIVE_OBJECT], [
  AC_CACHE_CHECK([for the flag with which $CC -r makes machine code], [$1], [
    $1=missing
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int hidden (int x) { return x + 1; }
int kept (int x); int kept (int x) { return hidden (x) + 1; }]])], [
      for sy_flag in $2; do
        AS_CASE([$sy_flag], [none], [sy_words=], [sy_words=$sy_flag])
        sy_link="$CC $CFLAGS $LDFLAGS $sy_words -r -nostdlib -o conftest.one conftest.$ac_objext"
        AS_IF([$sy_link >&AS_MESSAGE_LOG_FD 2>&1 &&
          $OBJCOPY --keep-global-symbol=kept conftest.one 2>&AS_MESSAGE_LOG_FD &&
          test "`$NM -g conftest.one 2>&AS_MESSAGE_LOG_FD | $SED -n 's/.* T //p'`" = kept],
          [$1=$sy_flag; break])
      done
    ])
    rm -f conftest.one
  ])
])

dnl SY_CHECK_WRAP_OWN(VARIABLE, FLAG...)
dnl Sets VARIABLE to the first FLAG ("none": no flag) with which --wrap takes a call from one object
dnl to a function of another; "missing" where there is none.  LTO joins the two before the linker
dnl sees the call.  The call is taken where the link fails for want of a wrapper.
AC_DEFUN([SY_CHECK_WRAP_OWN], [
  AC_CACHE_CHECK([for the flag with which --wrap takes functions of the program's own], [$1], [
    $1=missing
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int own (int x); int own (int x) { return x + 1; }]])], [
      cp conftest.$ac_objext conftest-own.$ac_objext
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[int own (int x);]], [[return own (1);]])], [
        sy_link="$CC $CFLAGS $LDFLAGS -o conftest.two conftest.$ac_objext conftest-own.$ac_objext"
        for sy_flag in $2; do
          AS_CASE([$sy_flag], [none], [sy_words=], [sy_words=$sy_flag])
          AS_IF([$sy_link $sy_words >&AS_MESSAGE_LOG_FD 2>&1 &&
            ! $sy_link $sy_words -Wl,--wrap=own >&AS_MESSAGE_LOG_FD 2>&1], [$1=$sy_flag; break])
        done
      ])
    ])
    rm -f conftest.two conftest-own.$ac_objext
  ])
])

dnl SY_CHECK_CXX_LIBC: empties CXX where its C library is not CC's: no C++ program could use the
dnl library.
AC_DEFUN([SY_CHECK_CXX_LIBC], [
  AS_IF([test -n "$CXX"], [
    AC_MSG_CHECKING([whether $CXX has the C library of $CC])
    printf '#include <stdlib.h>\n__GLIBC__ __UCLIBC__ __BIONIC__\n' > conftest-libc.h
    sy_libc=`$CC $CPPFLAGS -E -x c conftest-libc.h 2>&AS_MESSAGE_LOG_FD | $SED -n '$p'`
    sy_other=`$CXX $CPPFLAGS -E -x c++ conftest-libc.h 2>&AS_MESSAGE_LOG_FD | $SED -n '$p'`
    AS_IF([test "$sy_other" = "$sy_libc"],
      [AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no: C++ is not tested]); CXX=])
    rm -f conftest-libc.h
  ])
])
