/*
 * relay.c with io_uring in place of read, write and poll: what a second engine could save, before anybody builds one.
 *   uring NAME_A NAME_B
 * Reads are multishot, into a ring of slots that the kernel takes one from for each frame; the writes of all frames that
 * came are handed over by the call that waits for more. Needs Linux 6.7, and io_uring allowed.
 * It makes the two TAPs where it is started and says "ready"; others move and address them.
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tap.h"

#define READ_MULTISHOT 49 /* IORING_OP_READ_MULTISHOT, which older headers do not have */
#define SLOTS 256	  /* of each direction; a power of two */
#define SLOT_BYTES 65664  /* LONGEST, to the next 64 */
#define IN_FLIGHT 512 /* writes handed over at once */
#define WRITTEN (1UL << 40)	  /* in user_data: a write has ended, its slot is free */

static int tap[2], ring;
static char *slots[2];
static struct io_uring_buf_ring *spare[2];
static unsigned short given[2]; /* slots handed to the kernel */
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static unsigned *sq_tail, *cq_head, *cq_tail, sq_mask, cq_mask, prepared, pending;

static void *map(size_t size, int fd, off_t at)
{
	return mmap(0, size, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, at);
}

static int open_ring(void)
{
	struct io_uring_params p = {.cq_entries = 4096};
	size_t sq, cq;
	char *shared;

	p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
	if ((ring = syscall(__NR_io_uring_setup, 2 * IN_FLIGHT, &p)) < 0)
		return -1;
	sq = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	cq = p.cq_off.cqes + p.cq_entries * sizeof *cqes;
	shared = map(sq > cq ? sq : cq, ring, IORING_OFF_SQ_RING);
	sqes = map(p.sq_entries * sizeof *sqes, ring, IORING_OFF_SQES);
	if (shared == MAP_FAILED || sqes == MAP_FAILED)
		return -1;
	sq_tail = (unsigned *)(shared + p.sq_off.tail);
	sq_mask = p.sq_entries - 1;
	for (unsigned i = 0; i < p.sq_entries; i++)
		((unsigned *)(shared + p.sq_off.array))[i] = i;
	cq_head = (unsigned *)(shared + p.cq_off.head);
	cq_tail = (unsigned *)(shared + p.cq_off.tail);
	cq_mask = p.cq_entries - 1;
	cqes = (struct io_uring_cqe *)(shared + p.cq_off.cqes);
	return syscall(__NR_io_uring_register, ring, IORING_REGISTER_FILES, tap, 2);
}

static struct io_uring_sqe *prepare(int opcode, int fd, unsigned long data)
{
	struct io_uring_sqe *sqe = &sqes[prepared++ & sq_mask];

	*sqe = (struct io_uring_sqe){.opcode = opcode, .fd = fd, .flags = IOSQE_FIXED_FILE, .user_data = data};
	pending++;
	return sqe;
}

static int enter(unsigned wanted)
{
	int taken;

	__atomic_store_n(sq_tail, prepared, __ATOMIC_RELEASE);
	taken = syscall(__NR_io_uring_enter, ring, pending, wanted, IORING_ENTER_GETEVENTS, 0, 0);
	pending -= taken > 0 ? taken : 0;
	return taken;
}

static void give(int from, int slot)
{
	struct io_uring_buf *buf = &spare[from]->bufs[given[from]++ & (SLOTS - 1)];

	buf->addr = (unsigned long)(slots[from] + (size_t)slot * SLOT_BYTES);
	buf->len = SLOT_BYTES;
	buf->bid = slot;
}

static void listen_to(int from)
{
	struct io_uring_sqe *sqe = prepare(READ_MULTISHOT, from, from);

	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = from;
}

static int open_slots(int from)
{
	struct io_uring_buf_reg reg = {.ring_entries = SLOTS, .bgid = from};

	slots[from] = map((size_t)SLOTS * SLOT_BYTES, -1, 0);
	spare[from] = map(SLOTS * sizeof(struct io_uring_buf), -1, 0);
	reg.ring_addr = (unsigned long)spare[from];
	if (syscall(__NR_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &reg, 1) < 0)
		return -1;
	for (int slot = 0; slot < SLOTS; slot++)
		give(from, slot);
	__atomic_store_n(&spare[from]->tail, given[from], __ATOMIC_RELEASE);
	listen_to(from);
	return 0;
}

/* -1 once an end is gone. */
static int take(const struct io_uring_cqe *cqe)
{
	int from = cqe->user_data & 1, slot = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	struct io_uring_sqe *sqe;

	if (cqe->user_data & WRITTEN) /* a frame that the far end refuses is dropped */
		return give(from, cqe->user_data >> 1 & (SLOTS - 1)), cqe->res == -EBADFD ? -1 : 0;
	if (cqe->res < 0 && cqe->res != -ENOBUFS && cqe->res != -EAGAIN)
		return -1;
	if (cqe->res > 0) {
		sqe = prepare(IORING_OP_WRITE, !from, WRITTEN | (unsigned long)slot << 1 | from);
		sqe->addr = (unsigned long)(slots[from] + (size_t)slot * SLOT_BYTES);
		sqe->len = cqe->res;
	}
	if (!(cqe->flags & IORING_CQE_F_MORE)) /* the slots had run out */
		listen_to(from);
	return pending < IN_FLIGHT || enter(0) >= 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return fprintf(stderr, "usage: uring NAME_A NAME_B\n"), 2;
	for (int i = 0; i < 2; i++)
		if ((tap[i] = open_tap(argv[1 + i], 1, 0)) < 0)
			return perror(argv[1 + i]), 1;
	if (open_ring() < 0 || open_slots(0) < 0 || open_slots(1) < 0)
		return perror("io_uring"), 1;
	puts("ready");
	fflush(stdout);
	while (enter(1) >= 0 || errno == EINTR) {
		unsigned head = *cq_head, tail = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);

		for (; head != tail; head++)
			if (take(&cqes[head & cq_mask]) < 0)
				return 0;
		__atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
		for (int from = 0; from < 2; from++)
			__atomic_store_n(&spare[from]->tail, given[from], __ATOMIC_RELEASE);
	}
	return perror("io_uring_enter"), 1;
}
