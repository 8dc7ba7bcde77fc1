# A real systemd as pid 1 of namespaces of its own, over this machine's files, with one unit: test/integration/516 runs it
# by `unshare -pfmnuiC --mount-proc sh FILE UNIT`. Nothing of it is seen outside, or stays when that process is killed.
set -e
# Namespaces of others that are mounted here would live as long as this one.
mount --make-rslave /
awk '$3 == "nsfs" { print $2 }' /proc/mounts | while read -r path; do umount -l "$path" 2>/dev/null || true; done
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir /run/netns
unified=no
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=yes
mount -t tmpfs tmpfs /sys/fs/cgroup
if [ $unified = yes ]; then
  umount /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd,xattr cgroup /sys/fs/cgroup/systemd
fi
cp "$1" /run/uveth.service
mount -t tmpfs tmpfs /etc/systemd/system
cp /run/uveth.service /etc/systemd/system/
printf '[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n' > /etc/systemd/system/test.target
for unit in sysinit.target basic.target; do
  printf '[Unit]\nDefaultDependencies=no\n' > /etc/systemd/system/$unit
done
export container=lxc
exec /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=no
