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
# The drivers use stable interfaces only. All of them work on both kernels, but for those that declare a
# newer version than the kernel has: it refuses them with that reason. Today's kernel is also tried as
# the test kernel, which checks locks.
. tests/vm/lib.inc

make -s sdk >"$work/log" 2>&1 || fail "make sdk fails: $(cat "$work/log")"
tar -C "$work" -xzf build/sdk/banos-sdk-*.tar.gz
mv "$work"/banos-sdk-* "$work/sdk"
tests/abi/sources "$work/sources"
this=$(cut -d. -f1,2 "$work/sdk/VERSION")

# newer OBJECT VERSION : does it declare a newer one?
newer() {
	declared=$("$work/sdk/bin/banos-check" "$1" | sed -n 's/.*, declares \([0-9]*\.[0-9]*\).*/\1/p')
	[ -n "$declared" ] || fail "banos-check does not say what $1 declares"
	[ "$declared" != "$2" ] && [ "$(printf '%s\n' "$declared" "$2" | sort -V | tail -n 1)" = "$declared" ]
}

# try KERNEL VERSION FOLDER : all that is in FOLDER/*/ works on the kernel of that version.
try() {
	kernel=$1 version=$2
	puts= folders= count=0
	for folder in "$3"/*/; do
		name=$(basename "$folder")
		folders="$folders /$name"
		for object in "$folder"*.banos; do
			where=/$name
			newer "$object" "$version" && where=/$name/newer
			puts="$puts -put $object:$where/$(basename "$object")"
			count=$((count + 1))
		done
		for program in "$folder"*.run; do
			[ ! -e "$program" ] || puts="$puts -put $program:/$name/$(basename "$program")"
		done
	done
	# shellcheck disable=SC2086 # words without spaces
	expect_status 0 tools/vm -smp 2 -timeout 200 -kernel "$kernel" $puts \
		-qemu "-device edu -device pci-testdev" \
		-put tests/abi/exercise.sh:/exercise.sh -- "sh /exercise.sh $folders"
	grep -vE ': good$' "$work/out" && fail "on the kernel $kernel"
	[ "$(grep -c ': good$' "$work/out")" = $count ] || fail "not every object was tried on $kernel"
}

# build WHAT SDK SOURCES OUT LEAST : at least so many objects.
build() {
	mkdir -p "$4"
	tests/abi/build "$2" "$3" "$4" >"$work/log" 2>&1 || fail "$1: $(cat "$work/log")"
	[ "$(find "$4" -name '*.banos' | wc -l)" -ge "$5" ] || fail "$1: not all objects"
}

# What is promised is kept in use: each function that is no experiment, by one of the drivers.
build "the drivers of this tree" "$work/sdk" "$work/sources" "$work/all" 17
nm -u "$work"/all/*.banos | sed -n 's/^ *U \(banos_[a-z]\)/\1/p' | sort -u >"$work/used"
sed -n 's/^function \(banos_[a-z0-9_]*\) .*/\1/p' "abi/$this.abi" |
	grep -vE '^banos_(x_|thunk_|return_thunk)' | grep -vxFf "$work/used" >"$work/unused"
[ ! -s "$work/unused" ] ||
	fail "no driver of tests/abi/sources uses $(cat "$work/unused"): extend one, tests/abi/machine.c or core"

found=0
for frozen in tests/abi/*/; do
	version=$(basename "$frozen")
	found=$((found + 1))
	here=$work/$version
	objects=$here/objects
	mkdir -p "$objects/old" "$here/present"
	cp -r "$work/all" "$objects/new"
	xz -dc "$frozen/kernel.elf.xz" >"$here/kernel.elf" || fail "$frozen/kernel.elf.xz"
	tar -C "$here" -xJf "$frozen/sdk.tar.xz" || fail "$frozen/sdk.tar.xz"
	tar -C "$here" -xJf "$frozen/sources.tar.xz" || fail "$frozen/sources.tar.xz"
	cp "$frozen"/*.banos "$objects/old"
	build "sources of $version with the headers of today" "$work/sdk" "$here/sources" \
		"$objects/old-new" 9
	for program in "$objects"/old-new/*.run; do
		[ ! -e "$program" ] || cp "$program" "$objects/old"
	done
	# What needs a newer kernel cannot be compiled with older headers.
	cp -r "$work/sources/." "$here/present"
	for object in "$objects"/new/*.banos; do
		name=$(basename "$object" .banos)
		newer "$object" "$version" && rm -rf "$here/present/${name%%-*}"
	done
	# Headers of numbers (Linux's errors and ioctls), which are not of the ABI, came later.
	for header in errno.h ioctl.h; do
		[ -e "$here/sdk/include/banos/$header" ] ||
			cp "sdk/include/banos/$header" "$here/sdk/include/banos"
	done
	build "sources of today with the headers of $version" "$here/sdk" "$here/present" \
		"$objects/new-old" 15
	try "$here/kernel.elf" "$version" "$objects"
	try build/release/banos.elf "$this" "$objects"
	try build/test/banos.elf "$this" "$objects"
done
[ $found -gt 0 ] || fail "nothing is frozen: make abi-freeze"
