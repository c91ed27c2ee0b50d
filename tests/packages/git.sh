#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: git coreutils
# Debian's git: commits, branches, merges, packs, clones, with threads and many small files.
HOME=$PWD GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
GIT_PAGER=cat
export HOME GIT_AUTHOR_DATE GIT_COMMITTER_DATE GIT_PAGER
git config --global user.name Tester; git config --global user.email t@example.org
git config --global init.defaultBranch main; git config --global advice.detachedHead false
git --version
git init -q r; cd r || exit 1
i=0; while [ $i -lt 60 ]; do mkdir -p d$((i % 6)); seq $i $((i + 50)) >d$((i % 6))/f$i; i=$((i + 1)); done
git add .; git commit -qm first; git log --oneline
seq 100 >d0/f0; git rm -q d1/f1; git status --short; git commit -qam second; git diff --stat HEAD~1
git checkout -q -b side HEAD~1; echo side >side; git add side; git commit -qm side
git checkout -q main; git merge -q -m merged side; git log --oneline --graph
echo a >d2/f2; git commit -qam a; git checkout -q -b other HEAD~1; echo b >d2/f2; git commit -qam b
git merge main; git diff --name-only --diff-filter=U; git merge --abort; git checkout -q main
git gc -q; git count-objects -v | grep -v size; git fsck --strict 2>&1 | tail -1
git tag -a v1 -m one; git describe; git archive v1 | sha1sum
cd ..; git clone -q r c; git -C c log --oneline | wc -l; git clone -q --bare r b.git; git -C c remote add b ../b.git
echo new >c/new; git -C c add new; git -C c commit -qm new; git -C c push -q b main; git -C b.git log --oneline -1
git -C r pull -q ../c main; git -C r rev-parse HEAD; git -C r stash list; git -C r blame -s new; git -C r grep -c 42 | head -3
git -C r bisect start HEAD HEAD~3 | tail -1; git -C r bisect reset 2>&1 | tail -1; git -C r worktree add -q ../w HEAD~1; git -C w status -s
git -C r show nothing; echo $?
