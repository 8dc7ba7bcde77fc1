/*
 * Sends equal Ethernet frames as fast as one thread can, through AF_PACKET and sendmmsg.
 * measures.mjs and heap.mjs start it in the sender's namespace; what arrived is counted at the far end.
 *   gen IFACE DST_MAC LENGTH SECONDS     prints {"sent","refused","seconds"} as JSON
 * LENGTH counts the Ethernet header and no FCS. The ethertype is 0x88B5 (local experiments), so no
 * protocol of the receiver looks at the frames: the cable is measured, not the stack behind it.
 * The queueing discipline is bypassed for the same reason. It must not measure anything itself.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define LONGEST 65536

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int open_sender(const char *name, unsigned char *source_mac)
{
	struct ifreq ifr = {0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int one = 1, big = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* 0: receives nothing */

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return -1;
	memcpy(source_mac, ifr.ifr_hwaddr.sa_data, 6);
	to.sll_ifindex = if_nametoindex(name);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0)
		return -1;
	/* A full ring frees late: the default send buffer would stall the sender instead of saturating. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	static unsigned char frame[LONGEST];
	static struct mmsghdr messages[BATCH];
	struct iovec bytes = {.iov_base = frame};
	unsigned char *m = frame;
	unsigned long sent = 0, refused = 0;
	double start, end;
	int fd;

	if (argc != 5 || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		return fprintf(stderr, "usage: gen IFACE DST_MAC LENGTH SECONDS\n"), 2;
	bytes.iov_len = strtoul(argv[3], NULL, 10);
	if (bytes.iov_len < 14 || bytes.iov_len > LONGEST)
		return fprintf(stderr, "gen: LENGTH is 14 to %d\n", LONGEST), 2;
	if ((fd = open_sender(argv[1], frame + 6)) < 0)
		return perror(argv[1]), 1;
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (int i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &bytes, .msg_iovlen = 1};

	start = now();
	for (end = start + atof(argv[4]); now() < end;) {
		int n = sendmmsg(fd, messages, BATCH, 0);
		if (n > 0)
			sent += n;
		else if (errno == ENOBUFS || errno == EAGAIN)
			refused++; /* the first frame of this batch was dropped at the device */
		else
			return perror("sendmmsg"), 1;
	}
	printf("{\"sent\":%lu,\"refused\":%lu,\"seconds\":%.6f}\n", sent, refused, now() - start);
	return 0;
}
