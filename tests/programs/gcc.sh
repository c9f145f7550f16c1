#!/bin/bash
# SPDX-License-Identifier: MIT
# gcc.sh SOURCE-TREE: builds this library, one process after the other, and prints the objects'
# digests.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

quietly "$1/configure" -q --with-allocator-mode=small_pool --disable-static
# For each object the driver, the compiler and the assembler report.  make's shells mostly do not:
# they end by _exit or become the program.
quietly run_all 100 make libsydra-core.la libsydra-mode-small_pool.la
find . -name '*.o' | sort | xargs sha256sum > objects
cat objects
echo "$(wc -l < objects) objects"
[[ $(wc -l < objects) -ge 20 ]]
# The compiler itself.  Templates give it a larger heap.
run "$(g++ -print-prog-name=cc1plus)" -quiet \
  -imultiarch "$(g++ -print-multiarch)" -D_GNU_SOURCE -O2 -std=c++17 - -o - << 'SOURCE' | sha256sum
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
int main ()
{
  std::map<std::string, std::vector<std::function<int (int)>>> table;
  std::unordered_map<std::string, std::map<int, std::regex>> patterns;
  table["one"].push_back ([] (int n) { return n + 1; });
  patterns["two"].emplace (2, "a+(b|c)*");
  for (auto &[name, functions] : table)
    std::sort (functions.begin (), functions.end (), [] (auto &a, auto &b) { return a (1) < b (1); });
  std::cout << table["one"][0] (1) << std::regex_match ("aab", patterns["two"].at (2)) << '\n';
}
SOURCE
