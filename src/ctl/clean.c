/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/clean.h"

#include <string.h>

int clean_control(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] == '\0') {
		return 0;
	}
	if (p[0] < 0x20 || p[0] == 0x7f) {
		return 1;
	}
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

void clean_text(char *text)
{
	for (; *text != '\0'; text++) {
		memset(text, '?', (size_t)clean_control(text));
	}
}
