/*
 * The traffic of scripts/faults, and who counts it: one process for each namespace, started by ground.mjs.
 *   flow PLACE MAC...      PLACE: number of the namespace; the ends' addresses, in the same order everywhere
 * It knows an end by its address, wherever that is and whatever it is called: ends are renamed and moved. In its own
 * namespace it sends for the ends that are there, numbered and checksummed frames of two flows for each: raw ones past
 * the queueing discipline, and UDP through the whole stack. It hears every interface and counts by the sender's address.
 * Orders on stdin: `longest BYTES`, `go FRAMES` (a second, of each flow), `stop`, `report` (one line of JSON, sums since the start).
 * A number is used up only by a frame that the kernel took. It must not judge: that is books.mjs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define ENDS 32
#define PLACES 8
#define KINDS 2 /* raw, udp */
#define MAGIC 0x75766574u
#define HEAD 24 /* magic, crc, end, place, kind, length, number */
#define LONGEST 9000
#define SHORTEST 100
#define ETHERTYPE 0x88b5
#define TICK_NS 2000000L
#define MOST_A_TICK 16 /* what a late tick missed is not sent in one lump */

struct head {
	uint32_t magic, crc;
	uint16_t length;
	uint8_t end, place, kind, spare[3];
	uint64_t number;
};

struct seen {
	uint8_t *bits;
	uint64_t room, highest;
	int any;
};

static int place, ends;
static unsigned char mac[ENDS][6];
static int ifindex[ENDS], udp[ENDS];
static uint64_t number[ENDS][KINDS], full[ENDS], refused[ENDS];
static struct seen seen[ENDS][PLACES][KINDS];
static uint64_t good[ENDS], again[ENDS], damaged[ENDS], late[ENDS], unheard;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int rate, longest = 1400;
static int raw, ear;
static uint32_t table[256];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t crc(const unsigned char *bytes, size_t length)
{
	uint32_t c = ~0u;
	while (length--)
		c = table[(c ^ *bytes++) & 0xff] ^ (c >> 8);
	return ~c;
}

static void look(void)
{
	struct if_nameindex *all = if_nameindex(), *i;
	int found[ENDS] = {0};

	for (i = all; i && i->if_index; i++) {
		struct ifreq request = {0};
		strncpy(request.ifr_name, i->if_name, IFNAMSIZ - 1);
		if (ioctl(raw, SIOCGIFHWADDR, &request) < 0)
			continue;
		for (int e = 0; e < ends; e++)
			if (!memcmp(mac[e], request.ifr_hwaddr.sa_data, 6))
				found[e] = i->if_index;
	}
	if_freenameindex(all);
	for (int e = 0; e < ends; e++) {
		if (found[e] == ifindex[e])
			continue;
		ifindex[e] = found[e];
		if (udp[e])
			close(udp[e]);
		udp[e] = 0;
		if (!found[e])
			continue;
		char name[IFNAMSIZ];
		int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			fail("socket");
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
		setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one);
		int whole = IP_PMTUDISC_PROBE; /* what is too long is refused, never cut */
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole);
		/* Renamed or gone meanwhile: looked for again at the next turn. */
		if (!if_indextoname(found[e], name) || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name)) < 0) {
			close(fd);
			ifindex[e] = 0;
			continue;
		}
		udp[e] = fd;
	}
}

static size_t fill(unsigned char *to, int e, int kind, size_t length)
{
	struct head head = {.magic = MAGIC, .length = length, .end = e, .place = place, .kind = kind, .number = number[e][kind]};
	uint32_t sum;
	for (size_t i = HEAD; i < length; i++)
		to[i] = i * 7 + head.number;
	memcpy(to, &head, HEAD);
	sum = crc(to, length);
	memcpy(to + 4, &sum, 4);
	return length;
}

static void send_one(int e, int kind)
{
	static unsigned char frame[LONGEST];
	/* Lengths go round, so that a frame's number says its length. */
	size_t length = SHORTEST + (number[e][kind] * 131) % (longest - SHORTEST);
	ssize_t sent;

	if (kind == 0) {
		struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex[e]};
		memset(frame, 0xff, 6);
		memcpy(frame + 6, mac[e], 6);
		frame[12] = ETHERTYPE >> 8;
		frame[13] = ETHERTYPE & 0xff;
		fill(frame + 14, e, kind, length - 14);
		sent = sendto(raw, frame, length, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
	} else {
		struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = INADDR_BROADCAST};
		fill(frame, e, kind, length - 42);
		sent = sendto(udp[e], frame, length - 42, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
	}
	if (sent > 0)
		number[e][kind]++;
	else if (errno == ENOBUFS && kind == 0)
		full[e]++; /* the device's own queue, or no carrier: it has counted a drop */
	else
		refused[e]++;
}

static void *sender(void *unused)
{
	struct timespec next;
	double due = 0;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned turn = 0;; turn++) {
		struct timespec now;
		next.tv_nsec += TICK_NS;
		if (next.tv_nsec >= 1000000000L)
			next.tv_sec++, next.tv_nsec -= 1000000000L;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > next.tv_sec + 1)
			next = now;
		else
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		pthread_mutex_lock(&lock);
		if (turn % 16 == 0)
			look();
		due = rate ? due + rate * (TICK_NS / 1e9) : 0;
		int n = due > MOST_A_TICK ? MOST_A_TICK : (int)due;
		due = due > MOST_A_TICK ? 0 : due - n;
		for (; n > 0 && rate; n--)
			for (int e = 0; e < ends; e++)
				if (ifindex[e])
					for (int kind = 0; kind < KINDS; kind++)
						send_one(e, kind);
		pthread_mutex_unlock(&lock);
	}
	return unused;
}

/* The numbered part of a frame of ours, when everything in front of it is as it was sent. */
static const unsigned char *payload_of(const unsigned char *frame, size_t length, size_t *size, int *kind)
{
	int type = length >= 14 ? frame[12] << 8 | frame[13] : 0;
	if (type == ETHERTYPE) {
		*kind = 0;
		*size = length - 14;
		return frame + 14;
	}
	if (type != 0x0800 || length < 42 + HEAD || frame[14] != 0x45)
		return NULL;
	uint32_t sum = 0;
	for (int i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	if (((sum & 0xffff) + (sum >> 16)) != 0xffff)
		return NULL;
	/* To port 9, of the length that it is, without a checksum. The source port is any. */
	if (frame[36] || frame[37] != 9 || (size_t)(frame[38] << 8 | frame[39]) != length - 34 || frame[40] || frame[41])
		return NULL;
	*kind = 1;
	*size = length - 42;
	return frame + 42;
}

static void note(int e, const struct head *head)
{
	struct seen *flow = &seen[e][head->place][head->kind];
	if (head->number / 8 >= flow->room) {
		uint64_t room = head->number / 8 + (1 << 16);
		flow->bits = realloc(flow->bits, room);
		if (!flow->bits)
			fail("realloc");
		memset(flow->bits + flow->room, 0, room - flow->room);
		flow->room = room;
	}
	if (flow->bits[head->number / 8] & 1 << head->number % 8) {
		again[e]++;
		return;
	}
	flow->bits[head->number / 8] |= 1 << head->number % 8;
	good[e]++;
	if (flow->any && head->number < flow->highest)
		late[e]++;
	else
		flow->highest = head->number;
	flow->any = 1;
}

/* Addresses differ in five bits or more, so that one that was damaged on the way still says whose it was. */
static int bits_between(const unsigned char *one, const unsigned char *other)
{
	int bits = 0;
	for (int i = 0; i < 6; i++)
		bits += __builtin_popcount(one[i] ^ other[i]);
	return bits;
}

static void hear(unsigned char *frame, size_t length)
{
	struct head head;
	size_t size;
	int kind, e = 0;

	while (e < ends && (length < 14 || bits_between(frame + 6, mac[e]) > 2))
		e++;
	if (e == ends)
		return;
	if (memcmp(frame + 6, mac[e], 6)) {
		damaged[e]++;
		return;
	}
	unsigned char *payload = (unsigned char *)payload_of(frame, length, &size, &kind);
	if (!payload || size < HEAD) {
		damaged[e]++;
		return;
	}
	memcpy(&head, payload, HEAD);
	memset(payload + 4, 0, 4);
	if (head.magic != MAGIC || head.length != size || head.crc != crc(payload, size) || head.kind != kind ||
	    head.end != e || head.place >= PLACES || head.number >> 32) {
		damaged[e]++;
		return;
	}
	note(e, &head);
}

static void *listener(void *unused)
{
	static unsigned char frame[70000];
	for (;;) {
		ssize_t length = recv(ear, frame, sizeof frame, 0);
		if (length < 0) {
			if (errno == ENETDOWN || errno == EINTR) /* an interface has gone; the others go on */
				continue;
			fail("recv");
		}
		pthread_mutex_lock(&lock);
		hear(frame, length);
		pthread_mutex_unlock(&lock);
	}
	return unused;
}

static void report(void)
{
	struct tpacket_stats lost;
	socklen_t size = sizeof lost;
	pthread_mutex_lock(&lock);
	if (!getsockopt(ear, SOL_PACKET, PACKET_STATISTICS, &lost, &size))
		unheard += lost.tp_drops;
	printf("{\"unheard\":%lu,\"ends\":[", unheard);
	for (int e = 0; e < ends; e++)
		printf("%s{\"here\":%d,\"raw\":%lu,\"udp\":%lu,\"full\":%lu,\"refused\":%lu,\"good\":%lu,\"again\":%lu,"
		       "\"damaged\":%lu,\"late\":%lu}", e ? "," : "", ifindex[e] != 0, number[e][0], number[e][1], full[e],
		       refused[e], good[e], again[e], damaged[e], late[e]);
	printf("]}\n");
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

static int packet_socket(int protocol)
{
	int one = 1, big = 64 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));
	if (fd < 0)
		fail("packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
	if (!protocol && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0)
		fail("PACKET_QDISC_BYPASS");
	return fd;
}

int main(int argc, char **argv)
{
	char line[64];
	pthread_t threads[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ends = argc - 2;
	if (argc < 3 || ends > ENDS || (place = atoi(argv[1])) >= PLACES)
		return fprintf(stderr, "usage: flow PLACE MAC...\n"), 2;
	for (int e = 0; e < ends; e++) {
		unsigned char *m = mac[e];
		if (sscanf(argv[e + 2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
			return fprintf(stderr, "flow: no address: %s\n", argv[e + 2]), 2;
	}
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		table[i] = c;
	}
	raw = packet_socket(0);
	ear = packet_socket(ETH_P_ALL);
	pthread_create(&threads[0], NULL, listener, NULL);
	pthread_create(&threads[1], NULL, sender, NULL);
	report();
	while (fgets(line, sizeof line, stdin)) {
		if (!strncmp(line, "go ", 3))
			rate = atoi(line + 3);
		else if (!strncmp(line, "longest ", 8) && atoi(line + 8) > SHORTEST && atoi(line + 8) <= LONGEST)
			longest = atoi(line + 8);
		else if (!strncmp(line, "stop", 4)) {
			pthread_mutex_lock(&lock); /* whoever is sending has sent */
			rate = 0;
			pthread_mutex_unlock(&lock);
			report();
		} else
			report();
	}
	return 0;
}
