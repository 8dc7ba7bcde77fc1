// Numbered frames out of one interface, paced, and what arrives at another one: the traffic that a cable with netem and one
// of ours get alike. Run by measure.mjs in the guest; writes a line for each frame, times in ns of CLOCK_REALTIME:
//   S NUMBER LENGTH TIME                  sent: read just before the call
//   R NUMBER LENGTH TIME FLIPPED BIT      arrived, by the kernel's stamp; how many bits differ, and the first that does
// A frame is known by its number, which stands in it many times, so that one flipped bit does not hide it. Frames come from
// a raw socket: no offloads, and what is judged is what goes on the wire.
//   flow FROM TO FRAMES GAP_NS QUIET_NS LENGTH...      LENGTHs in turn; it ends when nothing has come for QUIET_NS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { LONGEST = 1514, SHORTEST = 60, HEADER = 14 };
static const uint8_t header[HEADER] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x88, 0xb5};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* A word of four bytes: the number under a mask of its place, so that no two words look alike. */
static void fill(uint8_t *frame, int length, uint32_t number) {
  memcpy(frame, header, HEADER);
  for (int at = HEADER, place = 0; at < length; at += 4, place++) {
    uint32_t word = htonl(number ^ (0x9e3779b9u * (uint32_t)place));
    memcpy(frame + at, &word, length - at < 4 ? (size_t)(length - at) : 4);
  }
}

static uint32_t word_at(const uint8_t *frame, int place) {
  uint32_t word;
  memcpy(&word, frame + HEADER + 4 * place, 4);
  return ntohl(word) ^ (0x9e3779b9u * (uint32_t)place);
}

/* Two of three words agree where one bit is wrong. */
static uint32_t number_of(const uint8_t *frame) {
  uint32_t first = word_at(frame, 0), second = word_at(frame, 1);
  return first == second ? first : word_at(frame, 2);
}

static int open_socket(const char *name) {
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, room = 256 << 20;
  if (fd < 0) fail("socket");
  address.sll_ifindex = (int)if_nametoindex(name);
  if (address.sll_ifindex == 0) fail(name);
  /* Room for whatever waits in a qdisc, which is the sender's, and for what the reader has not taken yet. */
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0) fail("SO_TIMESTAMPNS");
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0) fail("PACKET_IGNORE_OUTGOING");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  return fd;
}

static void report(const uint8_t *frame, int length, int64_t at) {
  uint8_t sent[LONGEST];
  int flipped = 0, first = -1;
  uint32_t number = number_of(frame);
  fill(sent, length, number);
  for (int bit = 0; bit < 8 * length; bit++) {
    if (((sent[bit / 8] ^ frame[bit / 8]) >> (bit % 8) & 1) == 0) continue;
    if (flipped++ == 0) first = bit;
  }
  printf("R %u %d %lld %d %d\n", number, length, (long long)at, flipped, first);
}

/* Reads what is there; answers how many frames of ours that were. */
static int receive(int fd) {
  int frames = 0;
  for (;;) {
    uint8_t frame[2048];
    char control[256];
    struct iovec part = {frame, sizeof frame};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct timespec stamp = {0, 0};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return frames;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each))
      if (each->cmsg_type == SCM_TIMESTAMPNS) memcpy(&stamp, CMSG_DATA(each), sizeof stamp);
    if (length < SHORTEST || length > LONGEST) continue;
    report(frame, (int)length, stamp.tv_sec * 1000000000LL + stamp.tv_nsec);
    frames++;
  }
}

int main(int count, char **words) {
  uint8_t frame[LONGEST];
  if (count < 7) return fputs("flow FROM TO FRAMES GAP_NS QUIET_NS LENGTH...\n", stderr), 2;
  int out = open_socket(words[1]), in = open_socket(words[2]);
  long frames = atol(words[3]);
  int64_t gap = atoll(words[4]), quiet = atoll(words[5]);
  prctl(PR_SET_TIMERSLACK, 1);
  int64_t next = now(CLOCK_MONOTONIC), until = next + quiet;
  for (long number = 0; number < frames || now(CLOCK_MONOTONIC) < until;) {
    int64_t left = (number < frames ? next : until) - now(CLOCK_MONOTONIC);
    struct pollfd waits = {in, POLLIN, 0};
    struct timespec time = {left / 1000000000, left % 1000000000};
    if (left > 0) ppoll(&waits, 1, &time, NULL);
    int arrived = receive(in);
    if (arrived > 0 || number < frames) until = now(CLOCK_MONOTONIC) + quiet;
    if (number == frames || now(CLOCK_MONOTONIC) < next) continue;
    int length = atoi(words[6 + number % (count - 6)]);
    fill(frame, length, (uint32_t)number);
    printf("S %ld %d %lld\n", number, length, (long long)now(CLOCK_REALTIME));
    if (send(out, frame, (size_t)length, 0) < 0 && errno != ENOBUFS) fail("send");
    next += gap;
    number++;
  }
  return 0;
}
