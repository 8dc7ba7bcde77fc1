/*
 * The least a user-space cable can be: two TAPs, read, write, poll, one frame per call.
 * bench.mjs runs it as the limit that one read and one write per frame set to any forwarder.
 *   relay [-v] NAME_A NAME_B     -v: virtio-net header and offloads, as uveth uses them
 * It makes the two TAPs where it is started and says "ready"; others move and address them.
 * It must stay minimal and honest: no tricks that a forwarder could not use, none left out on purpose.
 */
#include <poll.h>

#include "tap.h"

int main(int argc, char **argv)
{
	int vnet = argc > 1 && strcmp(argv[1], "-v") == 0;
	struct pollfd end[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 3 + vnet)
		return fprintf(stderr, "usage: relay [-v] NAME_A NAME_B\n"), 2;
	for (int i = 0; i < 2; i++)
		if ((end[i].fd = open_tap(argv[1 + vnet + i], vnet, O_NONBLOCK)) < 0)
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
