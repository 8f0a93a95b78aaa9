// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mock_polkit.h.
 */
#include "mock_polkit.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mock_service.h"

#define NAME     "org.freedesktop.PolicyKit1"
#define PATH     "/org/freedesktop/PolicyKit1/Authority"
#define KEPT_MAX 64

struct service {
	struct mock_polkit_facts *facts;
	sd_bus_message *kept[KEPT_MAX];
};

static void read_question(struct service *s, sd_bus_message *call)
{
	const char *kind, *name, *action, *id;
	uint32_t flags;

	must(sd_bus_message_enter_container(call, 'r', "sa{sv}"));
	must(sd_bus_message_read_basic(call, 's', &kind));
	must(sd_bus_message_enter_container(call, 'a', "{sv}"));
	must(sd_bus_message_enter_container(call, 'e', "sv"));
	must(sd_bus_message_read(call, "s", &name));
	must(strcmp(kind, "system-bus-name") == 0 && strcmp(name, "name") == 0 ? 0 : -1);
	must(sd_bus_message_read(call, "v", "s", &name));
	must(sd_bus_message_exit_container(call));
	must(sd_bus_message_exit_container(call));
	must(sd_bus_message_exit_container(call));
	must(sd_bus_message_read(call, "s", &action));
	must(sd_bus_message_skip(call, "a{ss}"));
	must(sd_bus_message_read(call, "us", &flags, &id));
	snprintf(s->facts->subject, sizeof(s->facts->subject), "%s", name);
	snprintf(s->facts->action, sizeof(s->facts->action), "%s", action);
	s->facts->flags = flags;
}

static void answer(sd_bus_message *call, bool authorized, bool challenge)
{
	must(sd_bus_reply_method_return(call, "(bba{ss})", authorized, challenge, 0));
}

static void keep(struct service *s, sd_bus_message *call)
{
	must(s->facts->kept < KEPT_MAX ? 0 : -1);
	s->kept[s->facts->kept] = sd_bus_message_ref(call);
	s->facts->kept++;
}

static void answer_newest(struct service *s, bool authorized)
{
	sd_bus_message *call = s->kept[s->facts->kept - 1];

	answer(call, authorized, false);
	sd_bus_message_unref(call);
	s->facts->kept--;
}

static void answer_kept(struct service *s)
{
	const enum polkit_mode mode = s->facts->mode;

	if (mode == POLKIT_YES || mode == POLKIT_NO)
		while (s->facts->kept)
			answer_newest(s, mode == POLKIT_YES);
	if (mode == POLKIT_YES_TO_ONE && s->facts->kept) {
		answer_newest(s, true);
		s->facts->mode = POLKIT_HANGS;
	}
}

static int check_authorization(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct service *s = userdata;
	bool may_ask;

	(void)error;
	read_question(s, call);
	may_ask = s->facts->flags & 1;
	s->facts->asked++;
	switch (s->facts->mode) {
	case POLKIT_YES:
	case POLKIT_NO:
		answer(call, s->facts->mode == POLKIT_YES, false);
		return 1;
	case POLKIT_CHALLENGE:
		answer(call, may_ask, !may_ask);
		return 1;
	case POLKIT_BABBLES:
		must(sd_bus_reply_method_return(call, "s", "yes"));
		return 1;
	case POLKIT_DIES:
		_exit(0);
	default:
		keep(s, call);
		return 1;
	}
}

static int cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct service *s = userdata;

	(void)error;
	s->facts->taken_back++;
	return sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", check_authorization,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("CancelCheckAuthorization", "s", "", cancel, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void serve(sd_bus *bus, void *facts)
{
	struct service s = { .facts = facts };

	must(sd_bus_add_object_vtable(bus, NULL, PATH, NAME ".Authority", vtable, &s));
	must(sd_bus_request_name(bus, NAME, 0));
	for (;;) {
		mock_service_process(bus);
		answer_kept(&s);
	}
}

void mock_polkit_start(struct mock_polkit *mock, const char *address, enum polkit_mode mode)
{
	mock->facts = mmap(NULL, sizeof(*mock->facts), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(mock->facts, MAP_FAILED);
	mock->facts->mode = mode;
	mock->pid = mock_service_start(address, NAME, serve, mock->facts);
}

void mock_polkit_stop(struct mock_polkit *mock)
{
	mock_service_stop(mock->pid);
	mock->pid = 0;
	if (mock->facts)
		munmap(mock->facts, sizeof(*mock->facts));
	mock->facts = NULL;
}
