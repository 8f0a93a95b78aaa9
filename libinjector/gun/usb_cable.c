// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A cable that leads to a host on USB: control requests to the gun and its
 * answers, frames to the host, as docs/gun-protocol.md says.  On hardware this
 * is the firmware's USB stack.
 *
 * It judges nothing: what a request does is the model's, how bytes are laid out
 * the codec's.  The scriptable ways to misbehave are here, because they are the
 * cable's and not the gun's.
 */
#include "frames.h"
#include "gadget.h"
#include "meso_request.h"
#include "mischief.h"
#include "server.h"

#include <fcntl.h>
#include <linux/usb/functionfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (MESO_SHOTS_MAX * MESO_RECORD_SIZE)
/* A host that takes a request back in the middle of its data must not hold the gun up. */
#define DATA_NS    20000000
#define DATA_TRIES 10
#define TICK_NS    1000000ull

struct mg_usb {
	struct mg_gadget_options options;
	struct mg_gadget *gadget;
	char serial[MESO_SERIAL_LEN];
	int ep0;
	int stream_fd;
	struct mg_source events, gone;
	struct mg_frames *frames;
	timer_t patience; /* ends a wait for data */
	bool plugged;
	bool enabled; /* the host has chosen the configuration */

	bool pending; /* a request is there and has not been answered */
	struct usb_ctrlrequest setup;
	u64 answer_ns; /* not before */

	struct meso_result results[MESO_REQ_END]; /* of the newest request of each kind */

	/* mischief */
	u64 slow_ns;
	u32 stall_request;
	u32 stall_count;
	u32 drop;
	struct mg_mischief answers;
	struct mg_mischief injected;
	u64 inject_ns;
	u8 newest[MESO_FRAME_SIZE];
};

static bool frozen(const struct mg_server *server)
{
	struct meso_info info;

	return mg_machine_info(server->machine, &info) == -ETIMEDOUT;
}

/* ---- the descriptors ------------------------------------------------------------------ */

struct descriptors {
	struct usb_functionfs_descs_head_v2 head;
	__le32 hs_count;
	struct usb_interface_descriptor interface;
	struct usb_endpoint_descriptor_no_audio stream;
} __attribute__((packed));

static int write_descriptors(int ep0)
{
	const struct descriptors descriptors = {
		.head = {
			.magic = htole32(FUNCTIONFS_DESCRIPTORS_MAGIC_V2),
			.length = htole32(sizeof(descriptors)),
			.flags = htole32(FUNCTIONFS_HAS_HS_DESC),
		},
		.hs_count = htole32(2),
		.interface = {
			.bLength = sizeof(descriptors.interface),
			.bDescriptorType = USB_DT_INTERFACE,
			.bNumEndpoints = 1,
			.bInterfaceClass = USB_CLASS_VENDOR_SPEC,
			.bInterfaceSubClass = 0x4d,
			.bInterfaceProtocol = MESO_WIRE_VERSION,
		},
		.stream = {
			.bLength = sizeof(descriptors.stream),
			.bDescriptorType = USB_DT_ENDPOINT,
			.bEndpointAddress = 1 | USB_DIR_IN,
			.bmAttributes = USB_ENDPOINT_XFER_INT,
			.wMaxPacketSize = htole16(MESO_FRAME_SIZE),
			.bInterval = 4,
		},
	};
	const struct usb_functionfs_strings_head strings = {
		.magic = htole32(FUNCTIONFS_STRINGS_MAGIC),
		.length = htole32(sizeof(strings)),
	};

	if (write(ep0, &descriptors, sizeof(descriptors)) != (ssize_t)sizeof(descriptors) ||
	    write(ep0, &strings, sizeof(strings)) != (ssize_t)sizeof(strings))
		return -errno;
	return 0;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* The wrong direction is how FunctionFS is told to refuse. */
static void stall(struct mg_usb *usb)
{
	ssize_t n = usb->setup.bRequestType & USB_DIR_IN ? read(usb->ep0, NULL, 0)
							 : write(usb->ep0, NULL, 0);

	(void)n; /* it says EL2HLT, and nothing else can be done */
}

static void set_patience(struct mg_usb *usb, long ns)
{
	const struct itimerspec when = { .it_value.tv_nsec = ns };

	timer_settime(usb->patience, 0, &when, NULL);
}

static void catch_up(struct mg_server *server, u64 now);

/* The data of a request, to the host or from it.  A host that is slow is waited for, the gun's own time goes on meanwhile;
 * one that has taken its request back is not, for FunctionFS would take whatever is read next for that data. */
static ssize_t move_data(struct mg_server *server, u8 *buf, size_t size)
{
	struct mg_usb *usb = server->usb;
	ssize_t n = -1;

	for (int i = 0; i < DATA_TRIES; i++) {
		set_patience(usb, DATA_NS);
		n = usb->setup.bRequestType & USB_DIR_IN ? write(usb->ep0, buf, size)
							 : read(usb->ep0, buf, size);
		set_patience(usb, 0);
		if (n >= 0 || errno != EINTR)
			return n;
		catch_up(server, mg_boottime_ns());
	}
	stall(usb);
	return n;
}

static void reply(struct mg_server *server, u8 *buf, size_t size)
{
	struct mg_usb *usb = server->usb;

	size = mg_mischief_spoil(&usb->answers, buf, size);
	/* A host that does not fetch it asks again. */
	(void)move_data(server, buf, min_t(size_t, size, le16toh(usb->setup.wLength)));
}

static int answer_log(struct mg_server *server, u8 *buf)
{
	struct mg_usb *usb = server->usb;
	u32 most = le16toh(usb->setup.wLength) / MESO_RECORD_SIZE;
	struct meso_registers registers;
	u64 first;
	int r;

	r = mg_machine_registers(server->machine, &registers);
	if (r < 0)
		return r;
	first = meso_log_first(le16toh(usb->setup.wValue), registers.reg[MESO_REG_LOG_ACKED].value,
			       registers.reg[MESO_REG_SHOT_COUNT].value);
	if (!first)
		return 0;
	r = mg_machine_log(server->machine, first, buf, min_t(u32, most, MESO_SHOTS_MAX));
	return r < 0 ? r : r * MESO_RECORD_SIZE;
}

/* What the host asks for; its size, or a negative errno. */
static int answer(struct mg_server *server, u8 *buf)
{
	const struct usb_ctrlrequest *setup = &server->usb->setup;
	struct meso_registers registers;
	struct meso_info info;
	u16 of;
	int r;

	switch (setup->bRequest) {
	case MESO_REQ_INFO:
		r = mg_machine_info(server->machine, &info);
		if (r == 0)
			meso_info_encode(&info, buf);
		return r < 0 ? r : MESO_INFO_SIZE;
	case MESO_REQ_REGISTERS:
		r = mg_machine_registers(server->machine, &registers);
		if (r == 0)
			meso_registers_encode(&registers, buf);
		return r < 0 ? r : MESO_REGISTERS_SIZE;
	case MESO_REQ_LOG:
		return answer_log(server, buf);
	case MESO_REQ_RESULT:
		of = le16toh(setup->wValue);
		if (!of || of >= MESO_REQ_END || !server->usb->results[of].request)
			return -EINVAL;
		meso_result_encode(&server->usb->results[of], buf);
		return MESO_RESULT_SIZE;
	}
	return -EINVAL;
}

/* Does what the host wants. */
static int obey(struct mg_server *server, u8 request, const u8 *buf, size_t size)
{
	u8 lease_id[MESO_LEASE_ID_LEN];
	struct mg_machine *m = server->machine;
	struct meso_config config;
	struct meso_clear clear;
	struct meso_fire fire;
	struct meso_ack ack;
	u64 now = server->now;
	int r;

	switch (request) {
	case MESO_REQ_CONFIGURE:
		r = meso_configure_decode(&config, buf, size);
		return r < 0 ? r : mg_machine_configure(m, now, &config);
	case MESO_REQ_ARM:
		return mg_machine_arm(m, now, buf);
	case MESO_REQ_HEARTBEAT:
		r = meso_heartbeat_decode(lease_id, buf, size);
		return r < 0 ? r : mg_machine_heartbeat(m, now, lease_id);
	case MESO_REQ_FIRE:
		r = meso_fire_decode(&fire, buf, size);
		return r < 0 ? r : mg_machine_fire(m, now, &fire);
	case MESO_REQ_ABORT:
		mg_machine_abort(m, now);
		return 0;
	case MESO_REQ_ACK:
		r = meso_ack_decode(&ack, buf, size);
		return r < 0 ? r : mg_machine_log_ack(m, now, &ack);
	case MESO_REQ_CLEAR:
		r = meso_clear_decode(&clear, buf, size);
		return r < 0 ? r : mg_machine_clear(m, now, &clear);
	}
	return -EINVAL;
}

static void take(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;
	const struct usb_ctrlrequest *setup = &usb->setup;
	int wanted = meso_request_out_size(setup->bRequest);
	u8 buf[MESO_ARM_SIZE];
	ssize_t n;

	if (wanted < 0 || wanted != le16toh(setup->wLength) || (size_t)wanted > sizeof(buf)) {
		stall(usb);
		return;
	}
	n = move_data(server, buf, (size_t)wanted);
	/* FunctionFS says of an empty one that it was acknowledged, of others how long they were. */
	if (n < 0 || n != wanted)
		return;
	usb->results[setup->bRequest] = (struct meso_result){
		.request = setup->bRequest,
		.tag = le16toh(setup->wValue),
		.err = obey(server, setup->bRequest, buf, (size_t)n),
	};
}

static void handle(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;
	const u8 kind = USB_TYPE_VENDOR | USB_RECIP_INTERFACE;
	u8 buf[ANSWER_MAX];
	int r;

	usb->pending = false;
	if ((usb->setup.bRequestType & ~USB_DIR_IN) != kind ||
	    (usb->stall_count && usb->setup.bRequest == usb->stall_request)) {
		usb->stall_count -= usb->stall_count > 0;
		stall(usb);
		return;
	}
	if (!(usb->setup.bRequestType & USB_DIR_IN)) {
		take(server);
		return;
	}
	r = answer(server, buf);
	if (r < 0)
		stall(usb);
	else
		reply(server, buf, (size_t)r);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* How long it waits for the host counts from here: a process that was late with it has kept no
 * frame from anybody. */
static void send_frame(struct mg_usb *usb, const u8 *buf, size_t size)
{
	if (!usb->plugged || !usb->enabled)
		return;
	if (usb->drop) {
		usb->drop--;
		return;
	}
	mg_frames_send(usb->frames, buf, size, mg_boottime_ns());
}

/* The gun's time goes on to server->now. */
static void advance(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;
	u8 buf[MESO_FRAME_SIZE];

	mg_machine_advance(server->machine, server->now);
	if (mg_machine_frame(server->machine, server->now, buf) < 0)
		return;
	memcpy(usb->newest, buf, sizeof(buf));
	send_frame(usb, buf, sizeof(buf));
}

/* A request swallows no frame that was due before it. */
static void catch_up(struct mg_server *server, u64 now)
{
	int steps = 10000;

	while (steps-- && mg_machine_next_ns(server->machine) <= now) {
		server->now = max_t(u64, server->now, mg_machine_next_ns(server->machine));
		advance(server);
	}
	server->now = max_t(u64, server->now, now);
	mg_machine_advance(server->machine, server->now);
}

/* ---- what FunctionFS tells ------------------------------------------------------------------ */

static void told(struct mg_server *server, const struct usb_functionfs_event *event)
{
	struct mg_usb *usb = server->usb;

	switch (event->type) {
	case FUNCTIONFS_ENABLE:
		usb->enabled = true;
		break;
	case FUNCTIONFS_DISABLE:
	case FUNCTIONFS_UNBIND:
		usb->enabled = false;
		mg_frames_cancel(usb->frames);
		break;
	case FUNCTIONFS_SUSPEND:
		mg_frames_cancel(usb->frames);
		break;
	case FUNCTIONFS_SETUP:
		usb->pending = true;
		usb->setup = event->u.setup;
		usb->answer_ns = server->now + usb->slow_ns;
		break;
	default:
		break;
	}
}

/* Woken on edges, only by news: a request that is still pending was taken back by what came after
 * it, and reading says so once. */
static void events_ready(struct mg_server *server, struct mg_source *source, u32 ready)
{
	struct mg_usb *usb = server->usb;
	struct usb_functionfs_event event;

	(void)source;
	(void)ready;
	/* Answering one makes room for the next: as many as there are. */
	for (int i = 0; i < 64; i++) {
		ssize_t n = read(usb->ep0, &event, sizeof(event));

		if (n < 0 && errno == EIDRM) {
			usb->pending = false;
			continue;
		}
		if (n != sizeof(event))
			return;
		catch_up(server, mg_boottime_ns());
		told(server, &event);
		if (!usb->pending)
			continue;
		if (usb->slow_ns || frozen(server))
			return;
		handle(server);
	}
}

static void frames_ready(struct mg_server *server, struct mg_source *source, u32 ready)
{
	(void)source;
	(void)ready;
	mg_frames_reap(server->usb->frames);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void inject(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;
	u8 buf[MESO_FRAME_SIZE];
	size_t size;

	while (usb->injected.count && usb->inject_ns <= server->now) {
		memcpy(buf, usb->newest, sizeof(buf));
		size = mg_mischief_spoil(&usb->injected, buf, sizeof(buf));
		send_frame(usb, buf, size);
		usb->inject_ns += TICK_NS;
	}
}

static u64 next_ns(const struct mg_server *server)
{
	const struct mg_usb *usb = server->usb;
	u64 next = mg_machine_next_ns(server->machine);

	if (usb->injected.count)
		next = min_t(u64, next, usb->inject_ns);
	if (usb->pending && usb->slow_ns)
		next = min_t(u64, next, usb->answer_ns);
	return next;
}

static void run(struct mg_server *server, u64 now)
{
	struct mg_usb *usb = server->usb;
	int steps = 10000;

	while (steps-- && next_ns(server) <= now) {
		server->now = max_t(u64, server->now, next_ns(server));
		advance(server);
		inject(server);
		if (usb->pending && usb->answer_ns <= server->now && !frozen(server))
			handle(server);
		else if (usb->pending && usb->answer_ns <= server->now)
			usb->answer_ns = server->now + TICK_NS;
	}
	if (now > server->now) {
		server->now = now;
		mg_machine_advance(server->machine, now);
	}
}

/* ---- plugging ---------------------------------------------------------------------------------- */

static int open_endpoints(struct mg_server *server, const char *dir, char *error)
{
	struct mg_usb *usb = server->usb;
	char path[160];
	int r;

	snprintf(error, MG_TEXT_MAX, "%s: cannot set up the gun's endpoints", dir);
	snprintf(path, sizeof(path), "%s/ep0", dir);
	/* A read that waited would hold a lock that unplugging needs. */
	usb->ep0 = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (usb->ep0 < 0)
		return -errno;
	r = write_descriptors(usb->ep0);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/ep1", dir);
	usb->stream_fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (usb->stream_fd < 0)
		return -errno;
	r = mg_frames_new(usb->stream_fd, &usb->frames);
	if (r == 0)
		r = mg_watch(server, usb->ep0, EPOLLIN | EPOLLET, &usb->events);
	if (r == 0)
		r = mg_watch(server, mg_frames_fd(usb->frames), EPOLLIN, &usb->gone);
	return r;
}

static void nothing(int signal)
{
	(void)signal;
}

static int make_patience(struct mg_usb *usb)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct sigaction action = { .sa_handler = nothing }; /* no SA_RESTART: a wait ends */

	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &usb->patience) < 0)
		return -errno;
	return 0;
}

static int init(struct mg_server *server, char *error)
{
	struct mg_usb *usb = calloc(1, sizeof(*usb));
	struct meso_info info;
	const char *dir;
	int r;

	if (!usb) {
		snprintf(error, MG_TEXT_MAX, "out of memory");
		return -ENOMEM;
	}
	usb->ep0 = usb->stream_fd = -1;
	usb->events.ready = events_ready;
	usb->gone.ready = frames_ready;
	usb->answers.seed = usb->injected.seed = 1;
	server->usb = usb;
	snprintf(error, MG_TEXT_MAX, "cannot make a timer");
	r = make_patience(usb);
	if (r == 0)
		r = mg_machine_info(server->machine, &info);
	if (r < 0)
		return r;
	memcpy(usb->serial, info.serial, sizeof(usb->serial));
	usb->options = (struct mg_gadget_options){
		.serial = server->options->serial ? server->options->serial : usb->serial,
		.udc = server->options->udc,
	};
	r = mg_gadget_new(&usb->options, &usb->gadget, &dir, error);
	return r < 0 ? r : open_endpoints(server, dir, error);
}

static void done(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;

	if (!usb)
		return;
	mg_frames_free(usb->frames);
	if (usb->stream_fd >= 0)
		close(usb->stream_fd);
	if (usb->ep0 >= 0)
		close(usb->ep0);
	mg_gadget_free(usb->gadget);
	if (usb->patience)
		timer_delete(usb->patience);
	free(usb);
	server->usb = NULL;
}

static int plug(struct mg_server *server, char *error)
{
	struct mg_usb *usb = server->usb;
	int r;

	if (usb->plugged) {
		snprintf(error, MG_TEXT_MAX, "it is plugged in already");
		return -EBUSY;
	}
	r = mg_gadget_plug(usb->gadget, error);
	usb->plugged = r == 0;
	return r;
}

static void unplug(struct mg_server *server)
{
	struct mg_usb *usb = server->usb;

	if (!usb || !usb->plugged)
		return;
	usb->plugged = false;
	usb->enabled = false;
	usb->pending = false;
	mg_frames_cancel(usb->frames);
	mg_gadget_unplug(usb->gadget);
}

static bool plugged(const struct mg_server *server)
{
	return server->usb->plugged;
}

static void serve(struct mg_server *server, u64 now)
{
	(void)server;
	(void)now;
}

static void flush(struct mg_server *server, u64 now)
{
	(void)server;
	(void)now;
}

/* ---- mischief ----------------------------------------------------------------------------------- */

static const char mischief_help[] =
	"inject KIND COUNT [SEED]  spoilt copies of frames, one each millisecond, beside the true ones\n"
	"spoil KIND COUNT [SEED]   the next answers (kinds: flip forge short empty noise version)\n"
	"injected          how many are still to come\n"
	"stall NUMBER COUNT        refuse the next requests of that number\n"
	"slow MS           answer that late\n"
	"drop COUNT        lose the next frames\n"
	"port UDC          where it is plugged in the next time\n"
	"halt              stop the stream's endpoint until the host clears it\n";

static bool number(char **rest, u64 *ret)
{
	const char *text = strtok_r(NULL, " \t", rest);
	char *end;

	if (!text)
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return !errno && !*end && end != text && *ret <= UINT32_MAX;
}

static void set_mischief(struct mg_mischief *mischief, char *rest, char *said, size_t size)
{
	char *name = strtok_r(rest, " \t", &rest);
	u64 count, seed = 1;
	enum mg_spoil kind;

	if (!name || mg_spoil_by_name(name, &kind) < 0 || !number(&rest, &count)) {
		snprintf(said, size, "error: say a kind (%s) and a count\n", mg_spoil_names());
		return;
	}
	if (number(&rest, &seed) && !seed)
		seed = 1;
	*mischief = (struct mg_mischief){ .kind = kind, .count = (u32)count, .seed = seed };
	mg_say(said, size, 0, "");
}

/* The numbers that a word needs, all of them */
static bool numbers(char *rest, size_t count, u64 *ret, char *said, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (!number(&rest, &ret[i])) {
			snprintf(said, size, "error: %zu whole number%s wanted\n", count,
				 count > 1 ? "s are" : " is");
			return false;
		}
	return true;
}

/* Reading from an endpoint that only sends is how FunctionFS is told to halt it. */
static int halt(struct mg_usb *usb)
{
	u8 byte;

	return read(usb->stream_fd, &byte, 1) < 0 && errno != EBADMSG ? -errno : 0;
}

static bool word(struct mg_server *server, const char *what, char *rest, char *said, size_t size)
{
	struct mg_usb *usb = server->usb;
	char error[MG_TEXT_MAX];
	u64 value[2];

	if (strcmp(what, "inject") == 0) {
		set_mischief(&usb->injected, rest, said, size);
		usb->inject_ns = server->now;
	} else if (strcmp(what, "spoil") == 0) {
		set_mischief(&usb->answers, rest, said, size);
	} else if (strcmp(what, "injected") == 0) {
		snprintf(said, size, "ok\n%u\n", usb->injected.count);
	} else if (strcmp(what, "stall") == 0) {
		if (numbers(rest, 2, value, said, size)) {
			usb->stall_request = (u32)value[0];
			usb->stall_count = (u32)value[1];
			mg_say(said, size, 0, "");
		}
	} else if (strcmp(what, "slow") == 0) {
		if (numbers(rest, 1, value, said, size)) {
			usb->slow_ns = value[0] * 1000000;
			mg_say(said, size, 0, "");
		}
	} else if (strcmp(what, "drop") == 0) {
		if (numbers(rest, 1, value, said, size)) {
			usb->drop = (u32)value[0];
			mg_say(said, size, 0, "");
		}
	} else if (strcmp(what, "port") == 0) {
		if (mg_gadget_choose(usb->gadget, rest, error) < 0)
			snprintf(said, size, "error: %s\n", error);
		else
			mg_say(said, size, 0, "");
	} else if (strcmp(what, "halt") == 0) {
		mg_say(said, size, halt(usb), what);
	} else {
		return false;
	}
	return true;
}

const struct mg_cable mg_usb_cable = {
	.init = init,
	.done = done,
	.plug = plug,
	.unplug = unplug,
	.plugged = plugged,
	.serve = serve,
	.run = run,
	.next_ns = next_ns,
	.flush = flush,
	.word = word,
	.help = mischief_help,
};
