/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean: text of others (names, reasons, answers of a server) on its way to a terminal, which would obey
 * what it says between the lines.
 */
#pragma once

/* Bytes of a control character at `text`: 1 of C0 and DEL, 2 of C1 in UTF-8, which terminals obey like
 * ESC [; 0 when there is none. */
int clean_control(const char *text);
/* Each control character becomes question marks, one a byte. */
void clean_text(char *text);
