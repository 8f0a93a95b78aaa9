// SPDX-License-Identifier: LGPL-2.1-or-later
/* Prints plunger, depth and pressure of the gun that is named, or of the first one there is. */
#include <injector.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	__attribute__((cleanup(inj_gun_unrefp))) inj_gun *gun = NULL;
	struct meso_status s;
	int r = inj_gun_open(argc > 1 ? argv[1] : NULL, INJ_OPEN_READ_ONLY, &gun);

	if (r == 0)
		r = inj_gun_get_status(gun, &s);
	if (r < 0)
		return fprintf(stderr, "no gun: %s\n", strerror(-r)), 1;
	printf("plunger %d nm, depth %u um, pressure %d Pa%s\n", s.plunger_nm, s.depth_um,
	       s.pressure_pa, s.flags & MESO_STATUS_FRESH ? "" : " (stale)");
}
