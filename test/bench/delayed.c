/*
 * The least that a user-space cable with a delay can be: relay.c, and what comes from the first TAP waits.
 * bench.mjs compares uveth's delay with it, where the kernel has no netem to compare with.
 *   delayed MICROSECONDS NAME_A NAME_B
 * It makes the two TAPs where it is started and says "ready"; others move and address them.
 * Super-frames are held as they are, in a ring of slots; a full ring leaves the rest in the TAP's own queue.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BURST 64
#define SLOTS 4096 /* 256 MiB at most; touched as they are needed */
#define LONGEST (12 + 22 + 65536)
#define OFFLOAD_BASE (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define OFFLOAD_USO (0x20 | 0x40) /* TUN_F_USO4 | TUN_F_USO6, Linux 6.2 */

static char slot[SLOTS][LONGEST];
static ssize_t length[SLOTS];
static long due[SLOTS];
static unsigned head, tail; /* of what is held */

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int open_tap(const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR};
	int size = 12, little = 1, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -1;
	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0)
		return -1;
	if (ioctl(fd, TUNSETOFFLOAD, OFFLOAD_BASE | OFFLOAD_USO) < 0 && ioctl(fd, TUNSETOFFLOAD, OFFLOAD_BASE) < 0)
		return -1;
	return fd;
}

static int release(int to)
{
	for (long t = now(); tail != head && due[tail % SLOTS] <= t; tail++)
		if (write(to, slot[tail % SLOTS], length[tail % SLOTS]) < 0 && errno == EBADFD)
			return -1;
	return 0;
}

static int hold(int from, long delay)
{
	long t = now();

	for (int i = 0; i < BURST && head - tail < SLOTS; i++, head++) {
		ssize_t n = read(from, slot[head % SLOTS], LONGEST);
		if (n < 0)
			return errno == EBADFD ? -1 : 0;
		length[head % SLOTS] = n;
		due[head % SLOTS] = t + delay;
	}
	return 0;
}

static int forward(int from, int to)
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

int main(int argc, char **argv)
{
	struct pollfd end[2] = {{.events = POLLIN}, {.events = POLLIN}};
	long delay = argc == 4 ? atol(argv[1]) * 1000 : 0;

	if (delay <= 0)
		return fprintf(stderr, "usage: delayed MICROSECONDS NAME_A NAME_B\n"), 2;
	for (int i = 0; i < 2; i++)
		if ((end[i].fd = open_tap(argv[2 + i])) < 0)
			return perror(argv[2 + i]), 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		long left = head == tail ? 0 : due[tail % SLOTS] - now();
		struct timespec wait = {.tv_nsec = left < 0 ? 0 : left}; /* no more than the delay: less than a second */
		end[0].events = head - tail < SLOTS ? POLLIN : 0;
		if (ppoll(end, 2, head == tail ? NULL : &wait, NULL) < 0)
			return perror("ppoll"), 1;
		if (release(end[1].fd) < 0)
			break;
		if (end[0].revents && hold(end[0].fd, delay) < 0)
			break;
		if (end[1].revents && forward(end[1].fd, end[0].fd) < 0)
			break;
	}
	return 0;
}
