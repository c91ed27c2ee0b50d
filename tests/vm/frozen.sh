#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Versions of the driver ABI against each other: for each one that is frozen in tests/abi, its
# kernel and this one load
#
#	old	the objects that were frozen with it
#	new	the drivers of this tree
#	old-new	the sources of that time with the headers of today
#	new-old	the sources of today with the headers of that time
#
# The drivers use stable interfaces only. All of them work on both kernels.
. tests/vm/lib.inc

make -s sdk >"$work/log" 2>&1 || fail "make sdk fails: $(cat "$work/log")"
tar -C "$work" -xzf build/sdk/banos-sdk-*.tar.gz
mv "$work"/banos-sdk-* "$work/sdk"
mkdir "$work/sources"
cp -r drivers/sample/hello drivers/sample/mailbox drivers/test/core drivers/test/exporter \
	drivers/test/importer tests/abi/revision0.c "$work/sources"

# try KERNEL FOLDER : all that is in FOLDER/*/ works on it.
try() {
	puts= folders= count=0
	for object in "$2"/*/*.banos; do
		folder=$(basename "$(dirname "$object")")
		puts="$puts -put $object:/$folder/$(basename "$object")"
		case " $folders " in *" /$folder "*) ;; *) folders="$folders /$folder" ;; esac
		count=$((count + 1))
	done
	[ $count -ge 30 ] || fail "only $count objects"
	# shellcheck disable=SC2086 # words without spaces
	expect_status 0 tools/vm -smp 2 -timeout 100 -kernel "$1" $puts \
		-put tests/abi/exercise.sh:/exercise.sh -- "sh /exercise.sh $folders"
	grep -vE ': good$' "$work/out" && fail "on the kernel $1"
	[ "$(grep -c ': good$' "$work/out")" = $count ] || fail "not every object was tried on $1"
}

found=0
for frozen in tests/abi/*/; do
	version=$(basename "$frozen")
	found=$((found + 1))
	here=$work/$version
	mkdir -p "$here/objects/old" "$here/objects/new" "$here/objects/old-new" "$here/objects/new-old"
	xz -dc "$frozen/kernel.elf.xz" >"$here/kernel.elf" || fail "$frozen/kernel.elf.xz"
	tar -C "$here" -xJf "$frozen/sdk.tar.xz" || fail "$frozen/sdk.tar.xz"
	tar -C "$here" -xJf "$frozen/sources.tar.xz" || fail "$frozen/sources.tar.xz"
	cp "$frozen"/*.banos "$here/objects/old"
	tests/abi/build "$work/sdk" "$work/sources" "$here/objects/new" || fail "new does not build"
	tests/abi/build "$work/sdk" "$here/sources" "$here/objects/old-new" ||
		fail "sources of $version do not compile with the headers of today"
	tests/abi/build "$here/sdk" "$work/sources" "$here/objects/new-old" ||
		fail "sources of today do not compile with the headers of $version"
	try build/release/banos.elf "$here/objects"
	try "$here/kernel.elf" "$here/objects"
done
[ $found -gt 0 ] || fail "nothing is frozen: make abi-freeze"
