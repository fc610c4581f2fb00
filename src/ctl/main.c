/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

#include "base/fds.h"

int main(int argc, char **argv)
{
	if (!fds_hold_standard()) {
		return EXIT_IO;
	}
	return ctl_main(argc, argv, stdout, stderr);
}
