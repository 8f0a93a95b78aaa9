// SPDX-License-Identifier: GPL-2.0-only
/* See gcrypt_start.h. */
#include "gcrypt_start.h"

#include <gcrypt.h>
#include <stddef.h>

void gcrypt_start(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return;
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}
