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
