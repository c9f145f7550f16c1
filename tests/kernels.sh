#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernels of scripts/compare-programs run for a short time on the C library, verify their
# blocks, and print a line.  They find a fault in the allocator.
. "${top_srcdir:=.}/tests/tap.sh"

seed=${SYDRA_SEED:-$$}
echo "# SYDRA_SEED=$seed"
small='--scale 0.01 --threads 3' # words

# work_of KERNEL OPTION...: prints the kernel's line without the time.  Returns the kernel's status.
work_of () {
  kernel=$1
  shift
  said=$("bench/kernels/$kernel" "$@" 2>&1) || return 1
  printf '%s\n' "$said" | sed -n "s/^\($kernel threads=[0-9]* .*seed=[0-9]* operations=[1-9][0-9]* checksum=[0-9a-f]\{16\}\) elapsed_ns=[1-9][0-9]*\$/\1/p"
}

# same_work FACT KERNEL OPTION...: two runs with one seed do the same work.
same_work () {
  fact=$1
  shift
  first=$(work_of "$@" --seed "$seed")
  status=$?
  second=$(work_of "$@" --seed "$seed")
  [ "$status" -eq 0 ] && [ -n "$first" ] && [ "$first" = "$second" ]
  status=$?
  [ "$status" -eq 0 ] || printf '%s\n%s\n%s\n' "$first" "$second" "$said" | sed 's/^/# /'
  tap "$status" "$fact"
}

# finds_fault KERNEL OPTION...: exit status 1 and one line that says what is corrupt.  The fault is
# a race: two threads write to one block.
finds_fault () {
  kernel=$1
  shift
  if [ ! -x "tests/kernels/${kernel}_faulty" ]; then
    tap_skip "$kernel finds a faulty allocator: the linker does not take --wrap"
    return
  fi
  said=$(TSAN_OPTIONS=report_bugs=0 "tests/kernels/${kernel}_faulty" --seed "$seed" "$@" 2>&1)
  [ $? -eq 1 ] && [ "${said#"$kernel: corrupt: "}" != "$said" ]
  status=$?
  [ "$status" -eq 0 ] || printf '%s\n' "$said" | sed 's/^/# /'
  tap "$status" "$kernel finds a faulty allocator"
}

refused () {
  said=$("bench/kernels/$1" "$2" "$3" 2>&1 > /dev/null)
  [ $? -eq 2 ] && [ "$(printf '%s\n' "$said" | wc -l)" -eq 1 ] && [ "${said#"$1: "}" != "$said" ]
  tap $? "$1 $2 $3: status 2 and one line"
}

for kernel in server larson mixed_large calloc_sparse; do
  # shellcheck disable=SC2086
  same_work "$kernel does the same work twice" $kernel $small
  # shellcheck disable=SC2086
  other=$(work_of $kernel $small --seed "$((seed + 1))" | sed 's/.*checksum=//')
  [ -n "$other" ] && [ "$other" != "${first##*checksum=}" ]
  tap $? "$kernel does other work with another seed"
done
for consumers in 1 2; do
  # shellcheck disable=SC2086
  same_work "asymmetric with $consumers of 3 threads consuming" asymmetric $small \
    --consumers $consumers
done
same_work "binary_trees with one thread" binary_trees --depth 8
one=$first
same_work "binary_trees with three threads" binary_trees --depth 8 --threads 3
[ "${one##* operations=}" = "${first##* operations=}" ]
tap $? "binary_trees are the same trees for one thread and for three"
for step in 0 512 5000; do
  # shellcheck disable=SC2086
  same_work "realloc_growth with --step $step" realloc_growth $small --step "$step"
done
# With ThreadSanitizer, realloc copies at each step.
same_work "realloc_growth with --step 64" realloc_growth --scale 0.001 --threads 3 --step 64

finds_fault server --scale 0.01
finds_fault larson --scale 0.01
finds_fault asymmetric --scale 0.01
finds_fault binary_trees --depth 8
finds_fault realloc_growth --scale 0.01 --step 512
finds_fault mixed_large --scale 0.01
finds_fault calloc_sparse --scale 0.1

refused server --threads 0
refused server --scale 0
refused server --scale nan
refused server --seed -1
refused larson --threads
refused larson --consumers 1
refused asymmetric --consumers 0
refused binary_trees --depth 40
refused realloc_growth --step x

scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
bench/kernels/measure "$scratch/usage" '' sh -c 'exit 7'
[ $? -eq 7 ]
tap $? "measure passes on the exit status"
bench/kernels/measure "$scratch/usage" '' bench/kernels/mixed_large --scale 0.05 > "$scratch/out" &&
  elapsed_ns=$(sed -n 's/.*elapsed_ns=//p' "$scratch/out") &&
    read -r whole_ns cpu_us peak_kib < "$scratch/usage" &&
  [ "$whole_ns" -ge "$elapsed_ns" ] && [ "$cpu_us" -gt 0 ] && [ "$peak_kib" -gt 10000 ]
tap $? "measure writes elapsed time, processor time and peak memory"
tap_end
exit "$tap_failed"
