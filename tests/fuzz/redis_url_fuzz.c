/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of Redis: what is taken is whole (ended texts, a host or a path, numbers in their range), what is not
 * leaves the result alone; and where it leads, printed, is taken again.
 */
#include "cache/redis_url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

static void check(const struct redis_url *url)
{
	struct redis_url again;
	char where[512];

	require(memchr(url->host, 0, sizeof(url->host)) != NULL);
	require(memchr(url->path, 0, sizeof(url->path)) != NULL);
	require(memchr(url->user, 0, sizeof(url->user)) != NULL);
	require(memchr(url->password, 0, sizeof(url->password)) != NULL);
	require((url->host[0] != '\0') != (url->path[0] == '/'));
	require(url->db >= 0 && url->db <= 65535);
	require(url->auth || (url->user[0] == '\0' && url->password[0] == '\0'));
	redis_url_format(url, where, sizeof(where));
	if (url->host[0] != '\0') {
		require(redis_url_parse(where, &again, NULL) == MB_OK);
		require(strcmp(again.host, url->host) == 0 && again.port == url->port &&
			again.db == url->db && !again.auth);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct redis_url url = {.db = -7};
	struct mb_err err = {0};
	char *text = malloc(size + 1);

	require(text != NULL);
	if (size > 0) {
		memcpy(text, data, size);
	}
	text[size] = '\0';
	if (redis_url_parse(text, &url, &err) == MB_OK) {
		check(&url);
	} else {
		require(url.db == -7 && err.code == MB_FIELD_INVALID && err.text[0] != '\0');
		require(strstr(err.text, "the URL of Redis: ") == err.text);
	}
	free(text);
	return 0;
}
