/* What the relays have in common: a TAP as uveth opens one, and frames moved one by one. relay.c says how they are to be. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BURST 64 /* frames from one end before the other gets its turn, as in uveth */
#define LONGEST (12 + 22 + 65536)

#define OFFLOAD_BASE (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define OFFLOAD_USO (0x20 | 0x40) /* TUN_F_USO4 | TUN_F_USO6, Linux 6.2 */

/* vnet: with virtio-net header and offloads, as uveth uses them. flags: O_NONBLOCK, or none. */
static inline int open_tap(const char *name, int vnet, int flags)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
	int size = 12, little = 1, fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | flags);

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (vnet)
		ifr.ifr_flags |= IFF_VNET_HDR;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -1;
	if (vnet && (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0))
		return -1;
	if (vnet && ioctl(fd, TUNSETOFFLOAD, OFFLOAD_BASE | OFFLOAD_USO) < 0 &&
	    ioctl(fd, TUNSETOFFLOAD, OFFLOAD_BASE) < 0)
		return -1;
	return fd;
}

/* Moves up to BURST frames; -1 once an end is gone (EBADFD). A frame that the far end refuses is dropped. */
static inline int forward(int from, int to)
{
	static char frame[LONGEST];

	for (int i = 0; i < BURST; i++) {
		ssize_t n = read(from, frame, sizeof frame);
		if (n < 0)
			return errno == EBADFD ? -1 : 0;
		if (write(to, frame, n) < 0 && errno == EBADFD)
			return -1;
	}
	return 0;
}
