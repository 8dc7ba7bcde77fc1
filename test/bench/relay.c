/*
 * The least a user-space cable can be: two TAPs, read, write, poll, one frame per call.
 * bench.mjs runs it as the limit that one read and one write per frame set to any forwarder.
 *   relay [-v] NAME_A NAME_B     -v: virtio-net header and offloads, as uveth uses them
 * It makes the two TAPs where it is started and says "ready"; others move and address them.
 * It must stay minimal and honest: no tricks that a forwarder could not use, none left out on purpose.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BURST 64 /* frames from one end before the other gets its turn, as in uveth */

#define OFFLOAD_BASE (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define OFFLOAD_USO (0x20 | 0x40) /* TUN_F_USO4 | TUN_F_USO6, Linux 6.2 */

static char frame[12 + 22 + 65536];

static int open_tap(const char *name, int vnet)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
	int size = 12, little = 1, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

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
static int forward(int from, int to)
{
	for (int i = 0; i < BURST; i++) {
		ssize_t n = read(from, frame, sizeof frame);
		if (n < 0)
			return errno == EBADFD ? -1 : 0;
		if (write(to, frame, n) < 0 && errno == EBADFD)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int vnet = argc > 1 && strcmp(argv[1], "-v") == 0;
	struct pollfd end[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 3 + vnet)
		return fprintf(stderr, "usage: relay [-v] NAME_A NAME_B\n"), 2;
	for (int i = 0; i < 2; i++)
		if ((end[i].fd = open_tap(argv[1 + vnet + i], vnet)) < 0)
			return perror(argv[1 + vnet + i]), 1;
	puts("ready");
	fflush(stdout);
	while (poll(end, 2, -1) > 0) {
		if (end[0].revents && forward(end[0].fd, end[1].fd) < 0)
			break;
		if (end[1].revents && forward(end[1].fd, end[0].fd) < 0)
			break;
	}
	return 0;
}
