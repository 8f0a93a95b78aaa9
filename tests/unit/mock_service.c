// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mock_service.h.
 */
#include "mock_service.h"

#include <check.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "gun_fixture.h"

static sd_bus *connect_to(const char *address)
{
	sd_bus *bus = NULL;

	must(sd_bus_new(&bus));
	must(sd_bus_set_address(bus, address));
	must(sd_bus_set_bus_client(bus, 1));
	must(sd_bus_start(bus));
	return bus;
}

static int has_owner(sd_bus *bus, const char *name)
{
	return sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				  "org.freedesktop.DBus", "GetNameOwner", NULL, NULL, "s", name);
}

pid_t mock_service_start(const char *address, const char *name,
			 void (*serve)(sd_bus *bus, void *userdata), void *userdata)
{
	const int64_t until = gun_fixture_now_ms() + 5000;
	sd_bus *bus;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(connect_to(address), userdata);
		_exit(0);
	}
	bus = connect_to(address);
	while (has_owner(bus, name) < 0) {
		ck_assert_int_lt(gun_fixture_now_ms(), until);
		gun_fixture_sleep_ms(5);
	}
	sd_bus_close_unref(bus);
	return pid;
}

void mock_service_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void mock_service_process(sd_bus *bus)
{
	int r = sd_bus_process(bus, NULL);

	must(r);
	if (!r)
		must(sd_bus_wait(bus, 5000));
}
