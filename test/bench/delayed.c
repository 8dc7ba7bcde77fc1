/*
 * The least that a user-space cable with a delay can be: relay.c, and what comes from the first TAP waits.
 * bench.mjs compares uveth's delay with it, where the kernel has no netem to compare with.
 *   delayed MICROSECONDS NAME_A NAME_B
 * It makes the two TAPs where it is started and says "ready"; others move and address them.
 * Super-frames are held as they are, in a ring of slots; a full ring leaves the rest in the TAP's own queue.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

#define SLOTS 4096 /* 256 MiB at most; touched as they are needed */

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

int main(int argc, char **argv)
{
	struct pollfd end[2] = {{.events = POLLIN}, {.events = POLLIN}};
	long delay = argc == 4 ? atol(argv[1]) * 1000 : 0;

	if (delay <= 0)
		return fprintf(stderr, "usage: delayed MICROSECONDS NAME_A NAME_B\n"), 2;
	for (int i = 0; i < 2; i++)
		if ((end[i].fd = open_tap(argv[2 + i], 1, O_NONBLOCK)) < 0)
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
