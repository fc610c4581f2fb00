/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"

#include "ctl/ctl.h"

const struct ctl_command CTL_COMMANDS[] = {
	{"import", "FILE", 1, 1,
	 FLAG_BIT(MAPPING) | FLAG_BIT(SHIFT_WEEKS) | FLAG_BIT(DRY_RUN) | FLAG_BIT(STRICT) |
		 FLAG_BIT(PRINT),
	 "take in a log of the past",
	 "Reads FILE (CSV, plain or compressed by zstd; - is standard input) as --mapping says "
	 "and\n"
	 "makes activities of its rows. Every line is accounted for in the report.\n"
	 "\n"
	 "  memberctl import --dry-run --mapping retail.yaml retail.csv.zst\n"
	 "  memberctl import --dry-run --print-activities --mapping retail.yaml retail.csv | "
	 "head\n",
	 command_import},
	{.name = NULL},
};
