dnl SPDX-License-Identifier: MIT
dnl SY_OPTION_ALLOCATOR_MODE: sets allocator_mode to default, mimalloc or small_pool, or ends configure.
AC_DEFUN([SY_OPTION_ALLOCATOR_MODE], [
  AC_ARG_WITH([allocator-mode],
    [AS_HELP_STRING([--with-allocator-mode=MODE], [what serves memory: default, mimalloc or small_pool @<:@small_pool@:>@])],
    [allocator_mode=$withval], [allocator_mode=small_pool])
  AS_CASE([$allocator_mode],
    [default|mimalloc|small_pool], [],
    [AC_MSG_ERROR([--with-allocator-mode=$allocator_mode: choose default, mimalloc or small_pool])])
])

dnl SY_OPTION_SHARDS: sets shards to "auto" or a number and SY_CONFIG_SHARDS in config.h, or ends configure.
AC_DEFUN([SY_OPTION_SHARDS], [
  AC_ARG_WITH([shards],
    [AS_HELP_STRING([--with-shards=auto|N],
      [shards of a small_pool: auto (the processors that the program may run on, counted at run time) or 0..1024; 0: a lock and a list a size class @<:@auto@:>@])],
    [shards=$withval], [shards=auto])
  shards_ok=no
  AS_CASE([$shards],
    [auto|0], [shards_ok=yes],
    [@<:@1-9@:>@|@<:@1-9@:>@@<:@0-9@:>@|@<:@1-9@:>@@<:@0-9@:>@@<:@0-9@:>@], [shards_ok=yes],
    [10@<:@01@:>@@<:@0-9@:>@|102@<:@0-4@:>@], [shards_ok=yes])
  AS_IF([test $shards_ok = no], [AC_MSG_ERROR([--with-shards=$shards: choose auto or a number from 0 to 1024])])
  AS_CASE([$shards], [auto], [config_shards=-1], [config_shards=$shards])
  AC_DEFINE_UNQUOTED([SY_CONFIG_SHARDS], [$config_shards], [Shards of a pool; -1: as many as the processors that the program may run on.])
])

dnl SY_OPTION_TLS_MODEL: sets tls_model, and SY_TLS_MODEL in config.h, or ends configure.
AC_DEFUN([SY_OPTION_TLS_MODEL], [
  AC_ARG_WITH([tls-model],
    [AS_HELP_STRING([--with-tls-model=MODEL],
      [how the library reaches its thread-local pointer: initial-exec, or global-dynamic for a late dlopen @<:@initial-exec@:>@])],
    [tls_model=$withval], [tls_model=initial-exec])
  AS_CASE([$tls_model],
    [initial-exec|global-dynamic], [],
    [AC_MSG_ERROR([--with-tls-model=$tls_model: choose initial-exec or global-dynamic])])
  AC_DEFINE_UNQUOTED([SY_TLS_MODEL], ["$tls_model"], [The model of thread-local variables, for __attribute__((tls_model)).])
])

dnl SY_OPTION_DEBUG: sets enable_debug to yes or no, and SY_DEBUG in config.h to 1 or 0.
AC_DEFUN([SY_OPTION_DEBUG], [
  AC_ARG_ENABLE([debug],
    [AS_HELP_STRING([--enable-debug], [assertions, invariant checks and poisoning of freed blocks])],
    [], [enable_debug=no])
  AS_CASE([$enable_debug],
    [yes], [debug=1],
    [no], [debug=0],
    [AC_MSG_ERROR([--enable-debug=$enable_debug: choose yes or no])])
  AC_DEFINE_UNQUOTED([SY_DEBUG], [$debug], [1: assertions, invariant checks and poisoning of freed blocks.])
])
