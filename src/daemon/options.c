/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include "cache/redis_url.h"
#include "daemon/address.h"
#include "daemon/config_file.h"

static const struct option_row rows[] = {
#define X(...) OPTION_ROW(struct daemon_options, __VA_ARGS__)
	MEMBERD_OPTIONS(X)
#undef X
};

/* What Kubernetes sets for a service called memberd, and what memberctl reads. */
static const char *const foreign[] = {"PORT*", "SERVICE_*", "SERVER", "TOKEN", NULL};

enum mb_code options_read(struct option_set *set, struct daemon_options *options, int argc,
			  char **argv, char *const *environment, enum exit_code *exit_code,
			  struct mb_err *err)
{
	enum mb_code code =
		option_init(set, rows, sizeof(rows) / sizeof(rows[0]), "MEMBERD", options, err);

	*exit_code = EXIT_USAGE;
	if (code == MB_OK) {
		code = option_read_flags(set, argc, argv, err);
	}
	if (code != MB_OK || options->help || options->version) {
		return code;
	}
	*exit_code = EXIT_CONFIG;
	code = option_read_environment(set, environment, foreign, err);
	if (code == MB_OK && options->config[0] != '\0') {
		code = config_file_read(options->config, set, err);
	}
	return code;
}

void options_fini(struct option_set *set)
{
	option_fini(set);
}

static enum mb_code fail_option(const char *name, const struct mb_err *why, struct mb_err *err)
{
	return mb_fail(err, why->code, "%s: %s", name, why->text);
}

enum mb_code options_check(const struct daemon_options *options, struct mb_err *err)
{
	struct redis_url redis;
	struct address address;
	struct mb_err why;

	if (address_parse(options->listen, &address, &why) != MB_OK) {
		return fail_option("--listen", &why, err);
	}
	if (!address.local && !options->plaintext_behind_proxy) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "--listen %s: others reach this address and memberd has no TLS yet; "
			       "listen on 127.0.0.1, or put a proxy with TLS in front and say "
			       "--plaintext-behind-proxy --token-file FILE",
			       options->listen);
	}
	if (!address.local && options->token_file[0] == '\0') {
		return mb_fail(err, MB_FIELD_INVALID,
			       "--listen %s: others reach this address, so --token-file must say "
			       "who may call",
			       options->listen);
	}
	if (options->redis[0] != '\0' && redis_url_parse(options->redis, &redis, &why) != MB_OK) {
		return fail_option("--redis", &why, err);
	}
	if (options->admin_listen[0] == '\0') {
		return MB_OK;
	}
	if (address_parse(options->admin_listen, &address, &why) != MB_OK) {
		return fail_option("--admin-listen", &why, err);
	}
	return address.unix_path == NULL
		       ? MB_OK
		       : mb_fail(err, MB_FIELD_INVALID,
				 "--admin-listen %s: must be HOST:PORT, or '' for none",
				 options->admin_listen);
}

void options_help(const struct option_set *set, struct strbuf *out)
{
	strbuf_puts(
		out,
		"memberd: a membership and benefits service over gRPC.\n"
		"\n"
		"usage: memberd [--OPTION VALUE]...\n"
		"\n"
		"Without options it serves on 127.0.0.1:7443 and keeps everything in "
		"./memberd-data.\n"
		"\n"
		"  memberd                                    # try it\n"
		"  memberd --data /var/lib/memberd --token-file /etc/memberd/tokens\n"
		"  memberd --config /etc/memberd.yaml --check-config\n"
		"  memberd --check-policy next.yaml           # before you publish it\n"
		"\n"
		"Every option may also stand in the environment (MEMBERD_LOG_LEVEL=debug) and in "
		"the file\n"
		"of --config (log-level: debug). A flag is stronger than the environment, that "
		"than the file.\n");
	option_help(set, out);
	strbuf_puts(out, "\nSignals:\n"
			 "  TERM, INT  tell callers, let calls end, close; a second one hurries\n"
			 "  HUP        read --token-file and --policy again; a bad file changes "
			 "nothing\n"
			 "\nExit codes:\n");
#define X(name, number, text) strbuf_printf(out, "  %-3d %s\n", number, text);
	EXIT_CODES(X)
#undef X
}
