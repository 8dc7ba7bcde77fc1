/*
 * TCP round trips: one byte there, one byte back, blocking sockets, TCP_NODELAY.
 * measures.mjs starts the server in one namespace and the client in the other; contenders.mjs uses one
 * round trip as the proof that a pair carries traffic.
 *   rtt server ADDRESS PORT             says "ready", serves one connection, ends with it
 *   rtt client ADDRESS PORT COUNT       drops COUNT/10 round trips as warm-up, prints percentiles as JSON
 * Times are microseconds. It must not pin itself or change the scheduler: users do not either.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_SECONDS 5

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *left, const void *right)
{
	double l = *(const double *)left, r = *(const double *)right;
	return (l > r) - (l < r);
}

static int serve(struct sockaddr_in *address)
{
	int one = 1, connection, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)address, sizeof *address) < 0 || listen(listener, 1) < 0)
		return perror("rtt server"), 1;
	puts("ready");
	fflush(stdout);
	if ((connection = accept(listener, NULL, NULL)) < 0)
		return perror("accept"), 1;
	setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	while (read(connection, &byte, 1) == 1)
		if (write(connection, &byte, 1) != 1)
			return perror("write"), 1;
	return 0;
}

static int measure(struct sockaddr_in *address, int count)
{
	int one = 1, warm_up = count / 10, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = CONNECT_SECONDS};
	double *took = calloc(count, sizeof *took), sum = 0;
	char byte = 'u';

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* bounds connect() as well */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)address, sizeof *address) < 0)
		return perror("rtt client: connect"), 1;
	for (int i = -warm_up; i < count; i++) {
		double start = now_us();
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			return perror("rtt client"), 1;
		if (i >= 0)
			sum += took[i] = now_us() - start;
	}
	qsort(took, count, sizeof *took, by_value);
	printf("{\"count\":%d,\"min\":%.2f,\"median\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f,"
	       "\"mean\":%.2f}\n", count, took[0], took[count / 2], took[(int)(count * 0.9)],
	       took[(int)(count * 0.99)], took[(int)(count * 0.999)], took[count - 1], sum / count);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (argc >= 4 && inet_pton(AF_INET, argv[2], &address.sin_addr) == 1) {
		address.sin_port = htons(atoi(argv[3]));
		if (argc == 4 && strcmp(argv[1], "server") == 0)
			return serve(&address);
		if (argc == 5 && strcmp(argv[1], "client") == 0 && atoi(argv[4]) > 0)
			return measure(&address, atoi(argv[4]));
	}
	fprintf(stderr, "usage: rtt server ADDRESS PORT | rtt client ADDRESS PORT COUNT\n");
	return 2;
}
