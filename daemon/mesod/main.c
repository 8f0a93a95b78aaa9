// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesod: the command line's door.
 */
#include <stdlib.h>

#include "basis.h"
#include "mesod.h"
#include "options.h"
#include "restore.h"

int main(int argc, char **argv)
{
	struct options options;
	int r;

	r = options_parse(argc, argv, &options);
	if (r == 0)
		r = options.check_formulary ? basis_check(&options)
		    : options.restore       ? restore_run(&options)
					    : mesod_run(&options);
	options_free(&options);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
