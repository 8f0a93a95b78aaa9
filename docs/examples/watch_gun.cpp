// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints what happens to a gun until it is gone: c++ watch_gun.cpp $(pkg-config --cflags --libs libinjector)
#include <cstdio>
#include <cstring>
#include <injector.h>
#include <memory>
#include <poll.h>

static int show(inj_gun *, const meso_event *event, void *)
{
	const char *name = inj_event_name(event->type);

	std::printf("%llu %s\n", static_cast<unsigned long long>(event->gun_seq),
		    name ? name : "something new");
	return 0;
}

int main(int argc, char **argv)
{
	inj_gun *opened = nullptr;
	int r = inj_gun_open(argc > 1 ? argv[1] : nullptr, INJ_OPEN_READ_ONLY, &opened);
	std::unique_ptr<inj_gun, decltype(&inj_gun_unref)> gun(opened, inj_gun_unref);

	while (r >= 0) {
		pollfd pfd = { inj_gun_get_fd(gun.get()), POLLIN, 0 };

		poll(&pfd, 1, -1);
		r = inj_gun_dispatch(gun.get(), show, nullptr);
		std::fflush(stdout);
	}
	std::fprintf(stderr, "%s\n", std::strerror(-r));
	return 1;
}
