#!/bin/bash
# SPDX-License-Identifier: MIT
# git.sh: makes a repository of 100 commits and a merge, repacks it and checks it.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

export GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=author@example.org GIT_COMMITTER_NAME=Committer \
  GIT_COMMITTER_EMAIL=committer@example.org

commit () {
  export GIT_AUTHOR_DATE="$((1700000000 + $1)) +0000" \
    GIT_COMMITTER_DATE="$((1700000000 + $1)) +0000"
  run git add .
  run git commit -q -m "Change $1"
}

run git init -q -b main repository
cd repository
run git config gc.auto 0
for ((number = 1; number <= 100; number++)); do
  if [[ $number -eq 50 ]]; then
    run git checkout -q -b side
    echo side > side
    commit 1000
    run git checkout -q main
  fi
  mkdir -p "directory$((number % 7))"
  seq "$number" $((number + 400)) > "directory$((number % 7))/file$((number % 23))"
  seq 1 "$number" | sort -R --random-source=<(yes "$number") > "file$((number % 5))"
  commit "$number"
done
run git merge -q -m "Merge" side
# Counts commands and their helpers: pack-objects, repack, prune and more.
run_all 5 git -c pack.threads=2 gc -q --aggressive --prune=now
run git fsck --full --strict --no-progress 2>&1
run git rev-parse HEAD
run git count-objects -v | grep -v size
run git cat-file --batch-all-objects --batch-check
run git cat-file --batch-all-objects --batch | sha256sum
run git log --stat --graph --date=raw | sha256sum
run git log -p --all -M | sha256sum
run git blame -s file1 | sha256sum
run git grep -c 37 | sha256sum
run git status --porcelain
run git archive HEAD | sha256sum
