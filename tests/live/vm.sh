#!/bin/sh
# vm.sh SCRIPT: run a live test in a virtual machine, as it is here but with the kernel that tests/setup.sh has fetched:
# this machine's files cannot be written to there, but for /tmp, which is another one, on a disk of its own. There are swap space and
# cgroups of version 2. By KVM if that works here, else emulated.
set -u
began=$(date +%s)
: "${MEMSCAN:=build/release/memscan}" "${BUILD:=build/release}" "${VARIANT:=release}"
kernel=build/vm
skip() {
	echo "skip: $*"
	exit 77
}
command -v qemu-system-x86_64 > /dev/null || skip "qemu-system-x86_64 is not installed"
busybox=$(command -v busybox) || skip "busybox is not installed"
PATH=$PATH:/usr/sbin:/sbin
command -v mke2fs > /dev/null || skip "mke2fs is not installed"
[ -f $kernel/ext4.ko ] || skip "no kernel in $kernel (sh tests/setup.sh check fetches one)"
[ "$(uname -m)" = x86_64 ] || skip "the kernel is for x86-64"
[ "$VARIANT" != asan ] || skip "too slow with a sanitizer in an emulated machine"

TMP=$(mktemp -d "${TMPDIR:-/tmp}/memscan-vm.XXXXXX") || exit 1
qemu=
trap '[ -z "$qemu" ] || kill -KILL $qemu 2> /dev/null; rm -rf "$TMP"' EXIT
trap 'exit 1' HUP INT TERM

cat > "$TMP/init" << EOF
#!/bin/busybox sh
PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk netfs fscache 9pnet 9pnet_virtio 9p \
	crc16 crc32c_generic mbcache jbd2 ext4; do
	[ ! -f /modules/\$m.ko ] || insmod /modules/\$m.ko
done
echo UP
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /host || poweroff -f
mount -t proc proc /host/proc
mount -t sysfs sys /host/sys
mount --bind /dev /host/dev
mkdir -p /dev/shm /here
mount --bind "/host$PWD" /here
mount -t ext4 /dev/vda /host/tmp || poweroff -f
mkswap /dev/vdb > /dev/null && swapon /dev/vdb
mount -t cgroup2 cgroup /host/sys/fs/cgroup && echo +memory > /host/sys/fs/cgroup/cgroup.subtree_control
# It may be below /tmp itself.
mkdir -p "/host$PWD"
mount --bind /here "/host$PWD"
chroot /host /bin/sh -c 'cd "\$0" && exec env IN_VM=1 PATH=$PATH HOME=/root MEMSCAN=$MEMSCAN BUILD=$BUILD VARIANT=$VARIANT sh $1' "$PWD"
echo STATUS \$?
poweroff -f
EOF
truncate -s 1G "$TMP/disk" && truncate -s 512M "$TMP/swap" && mke2fs -q -t ext4 "$TMP/disk" || exit 1
python3 tests/live/cpio.py "$TMP/initrd" "$TMP/init" "$busybox" $kernel/*.ko || exit 1

# boot ACCELERATOR
boot() {
	: > "$TMP/log"
	qemu-system-x86_64 -nodefaults -display none -no-reboot -M q35 -accel "$1" -cpu max -m 2G -smp 2 \
		-kernel $kernel/vmlinuz -initrd "$TMP/initrd" -append "console=ttyS0 quiet loglevel=2 panic=-1" \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=host,mount_tag=host \
		-drive "file=$TMP/disk,if=virtio,format=raw" -drive "file=$TMP/swap,if=virtio,format=raw" -serial "file:$TMP/log" 2> "$TMP/err" &
	qemu=$!
}

# up SECONDS: it begins to run within that time.
up() {
	timeout "$1" tail -n +1 -f --pid=$qemu "$TMP/log" 2> /dev/null | grep -q -m 1 UP
}

boot kvm
if ! up 10; then
	kill -KILL $qemu 2> /dev/null
	wait $qemu 2> /dev/null
	boot tcg,thread=multi
	up 60 || { cat "$TMP/err"; skip "no virtual machine runs here"; }
fi
# A script has 300 seconds, and what called this one has used some: a machine that cannot do it in fewer says nothing of memscan.
timeout $((270 - ($(date +%s) - began))) tail -f --pid=$qemu /dev/null || skip "the virtual machine is too slow here"
wait $qemu
qemu=
tr -d '\r' < "$TMP/log" | sed -n '/^UP$/,/^STATUS /p' | sed '1d;/^STATUS /d'
status=$(tr -d '\r' < "$TMP/log" | sed -n 's/^STATUS //p')
exit "${status:-1}"
