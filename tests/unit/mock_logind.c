// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mock_logind.h.
 */
#include "mock_logind.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#include "gun_fixture.h"
#include "mock_service.h"

#define NAME      "org.freedesktop.login1"
#define PATH      "/org/freedesktop/login1"
#define INTERFACE NAME ".Manager"

struct service {
	struct mock_logind_facts *facts;
	int fd; /* our end of the newest one's, -1: none */
};

static int inhibit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const char *what, *who, *why, *mode;
	struct service *s = userdata;
	int ends[2];

	(void)error;
	must(sd_bus_message_read(call, "ssss", &what, &who, &why, &mode));
	snprintf(s->facts->said, sizeof(s->facts->said), "%s %s %s", what, who, mode);
	if (s->fd >= 0)
		close(s->fd);
	must(pipe2(ends, O_CLOEXEC));
	s->fd = ends[0];
	must(sd_bus_reply_method_return(call, "h", ends[1]));
	close(ends[1]);
	s->facts->waits = true;
	s->facts->inhibited++;
	return 1;
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
	SD_BUS_VTABLE_END,
};

static void serve(sd_bus *bus, void *facts)
{
	struct service s = { .facts = facts, .fd = -1 };

	must(sd_bus_add_object_vtable(bus, NULL, PATH, INTERFACE, vtable, &s));
	must(sd_bus_request_name(bus, NAME, 0));
	for (;;) {
		struct pollfd ours = { .fd = s.fd };

		mock_service_process(bus);
		if (s.fd >= 0 && poll(&ours, 1, 0) > 0 && ours.revents & POLLHUP) {
			close(s.fd);
			s.fd = -1;
			s.facts->waits = false;
		}
		if (!s.facts->to_tell)
			continue;
		must(sd_bus_emit_signal(bus, PATH, INTERFACE, "PrepareForSleep", "b",
					s.facts->to_tell == 1));
		must(sd_bus_flush(bus));
		s.facts->to_tell = 0;
	}
}

void mock_logind_start(struct mock_logind *mock, const char *address)
{
	mock->facts = mmap(NULL, sizeof(*mock->facts), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(mock->facts, MAP_FAILED);
	mock->pid = mock_service_start(address, NAME, serve, mock->facts);
}

void mock_logind_stop(struct mock_logind *mock)
{
	mock_service_stop(mock->pid);
	mock->pid = 0;
	if (mock->facts)
		munmap(mock->facts, sizeof(*mock->facts));
	mock->facts = NULL;
}

void mock_logind_tell(struct mock_logind *mock, bool near)
{
	mock->facts->to_tell = near ? 1 : 2;
	while (mock->facts->to_tell)
		gun_fixture_sleep_ms(1);
}
