// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The console: the hand on the gun, the cable, the power switch.  One message is
 * one line, and its answer is one message that starts with "ok" or "error:".
 * Owns the words; does nothing by itself.
 */
#include "server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX     4096
#define ASK_TIMEOUT_MS 5000

static const char help[] =
	"hand NAME VALUE   pull the trigger, press to skin, break something\n"
	"hands             the names that hand knows\n"
	"mutant NAME|none  firmware that misbehaves\n"
	"truth             what truly happened\n"
	"unplug            take the gun from its host\n"
	"plug              give it back\n"
	"power off|on      the gun's battery (and its host sees it go and come)\n"
	"quit              end this process\n";

void mg_say(char *answer, size_t size, int r, const char *what)
{
	if (r >= 0)
		snprintf(answer, size, "ok\n");
	else
		snprintf(answer, size, "error: %s: %s\n", what, strerror(-r));
}

static void hand(struct mg_server *server, char *rest, char *answer, size_t size)
{
	char *name = strtok_r(rest, " \t", &rest), *value = strtok_r(NULL, " \t", &rest), *end;
	long long number;
	int r;

	if (!name || !value || strtok_r(NULL, " \t", &rest)) {
		snprintf(answer, size, "error: say: hand NAME VALUE\n");
		return;
	}
	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || *end || end == value) {
		snprintf(answer, size, "error: %.40s is not a whole number\n", value);
		return;
	}
	r = mg_machine_hand(server->machine, server->now, name, number);
	if (r == -ENOENT) {
		char names[ANSWER_MAX / 2];

		snprintf(answer, size, "error: no hand does %.40s; these do: %s\n", name,
			 mg_hand_names(names, sizeof(names)));
		return;
	}
	mg_say(answer, size, r, name);
}

static void mutant(struct mg_server *server, const char *name, char *answer, size_t size)
{
	int r = mg_machine_mutate(server->machine, server->now, name);

	if (r == -ENOENT)
		snprintf(answer, size, "error: no mutant %.40s; there are: %s none\n", name,
			 mg_mutant_names());
	else
		mg_say(answer, size, r, "mutant");
}

static void plug(struct mg_server *server, char *answer, size_t size)
{
	char error[MG_TEXT_MAX];

	if (server->cable->plug(server, error) < 0)
		snprintf(answer, size, "error: %s\n", error);
	else
		mg_say(answer, size, 0, "");
}

static void power(struct mg_server *server, const char *how, char *answer, size_t size)
{
	bool on = strcmp(how, "on") == 0;
	int r;

	if (!on && strcmp(how, "off") != 0) {
		snprintf(answer, size, "error: say: power on, or: power off\n");
		return;
	}
	if (!on)
		server->cable->unplug(server);
	r = mg_machine_power(server->machine, server->now, on);
	if (r < 0 || !on)
		mg_say(answer, size, r, "power");
	else if (server->cable->plugged(server))
		snprintf(answer, size, "error: it is on already\n");
	else
		plug(server, answer, size);
}

void mg_console_line(struct mg_server *server, char *line, char *answer, size_t size)
{
	char *rest = NULL, *word;

	line[strcspn(line, "\r\n")] = '\0';
	word = strtok_r(line, " \t", &rest);
	if (!word || strcmp(word, "help") == 0) {
		snprintf(answer, size, "ok\n%s%s", help, server->cable->help);
	} else if (strcmp(word, "hand") == 0) {
		hand(server, rest, answer, size);
	} else if (strcmp(word, "hands") == 0) {
		char names[ANSWER_MAX / 2];

		snprintf(answer, size, "ok\n%s\n", mg_hand_names(names, sizeof(names)));
	} else if (strcmp(word, "mutant") == 0) {
		mutant(server, rest, answer, size);
	} else if (strcmp(word, "truth") == 0) {
		char truth[ANSWER_MAX / 2];

		snprintf(answer, size, "ok\n%s",
			 mg_machine_print_truth(server->machine, truth, sizeof(truth)));
	} else if (strcmp(word, "unplug") == 0) {
		server->cable->unplug(server);
		mg_say(answer, size, 0, "");
	} else if (strcmp(word, "plug") == 0) {
		plug(server, answer, size);
	} else if (strcmp(word, "power") == 0) {
		power(server, rest, answer, size);
	} else if (strcmp(word, "quit") == 0) {
		server->quit = true;
		mg_say(answer, size, 0, "");
	} else if (!server->cable->word(server, word, rest, answer, size)) {
		snprintf(answer, size, "error: unknown word %.40s; say: help\n", word);
	}
}

/* ---- the socket ------------------------------------------------------------------- */

void mg_console_close(struct mg_server *server, struct mg_console *console)
{
	(void)server;
	if (console->fd >= 0)
		close(console->fd);
	console->fd = -1;
}

static void console_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	struct mg_console *console = (struct mg_console *)(void *)source;
	char line[MG_LINE_MAX + 1], answer[ANSWER_MAX];
	ssize_t n;

	(void)events;
	if (console->fd < 0)
		return;
	n = recv(console->fd, line, MG_LINE_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		mg_console_close(server, console);
		return;
	}
	if (n > MG_LINE_MAX) {
		snprintf(answer, sizeof(answer), "error: a line has at most %d characters\n",
			 MG_LINE_MAX);
	} else {
		line[n] = '\0';
		/* The hand does what it does now, not when the gun last moved. */
		server->cable->run(server, mg_boottime_ns());
		mg_console_line(server, line, answer, sizeof(answer));
		/* Whoever reads the truth file next must see what the hand did. */
		server->cable->run(server, server->now);
	}
	if (send(console->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		mg_console_close(server, console);
}

void mg_console_accept(struct mg_server *server)
{
	int fd = accept4(server->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (size_t i = 0; i < MG_CONSOLES_MAX; i++) {
		struct mg_console *console = &server->consoles[i];

		if (console->fd >= 0)
			continue;
		console->fd = fd;
		console->source.ready = console_ready;
		console->source.late = true;
		if (mg_watch(server, fd, EPOLLIN, &console->source) < 0)
			mg_console_close(server, console);
		return;
	}
	close(fd);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (!*path || strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "meso-gun: %s: not a socket's path\n", path);
		return -EINVAL;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		fprintf(stderr, "meso-gun: %s: no console answers there: %s\n", path, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}

/* One line, one answer of at most ANSWER_MAX characters; what went wrong has been said. */
static int exchange(int fd, const char *path, const char *line, char *answer)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || poll(&pfd, 1, ASK_TIMEOUT_MS) <= 0) {
		fprintf(stderr, "meso-gun: %s: the gun did not answer\n", path);
		return -ETIMEDOUT;
	}
	n = recv(fd, answer, ANSWER_MAX, 0);
	if (n <= 0) {
		fprintf(stderr, "meso-gun: %s: the gun is gone\n", path);
		return -ENODEV;
	}
	answer[n] = '\0';
	return 0;
}

int mg_console_ask(const char *path, const char *line)
{
	char answer[ANSWER_MAX + 1];
	int fd = connect_to(path), r;

	if (fd < 0)
		return EXIT_FAILURE;
	r = exchange(fd, path, line, answer);
	close(fd);
	if (r < 0)
		return EXIT_FAILURE;
	if (strncmp(answer, "ok\n", 3) == 0) {
		fputs(answer + 3, stdout);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "meso-gun: %s", answer);
	return EXIT_FAILURE;
}

int mg_console_talk(const char *path, FILE *input)
{
	char line[MG_LINE_MAX], answer[ANSWER_MAX + 1];
	int fd = connect_to(path), r = 0;

	if (fd < 0)
		return EXIT_FAILURE;
	while (r == 0 && fgets(line, sizeof(line), input)) {
		bool ok;

		r = exchange(fd, path, line, answer);
		ok = r == 0 && strncmp(answer, "ok\n", 3) == 0;
		if (r == 0)
			printf("%s%s\n", ok ? answer + 3 : answer, ok ? "ok" : "error");
		fflush(stdout);
	}
	close(fd);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
