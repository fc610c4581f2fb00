/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "base/fds.h"
#include "policy/policy_file.h"
#include "repository/repository.h"
#include "service/grants.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

#define CHECK_ARENA ((size_t)8 << 20)

static enum exit_code complain(const char *text, enum exit_code code)
{
	fprintf(stderr, "memberd: %s\n", text);
	if (code == EXIT_USAGE) {
		fputs("memberd: --help lists all options\n", stderr);
	}
	return code;
}

/* To stdout; a full disk or a closed pipe must show. */
static enum exit_code print(struct strbuf *text)
{
	bool written = !text->failed && fwrite(text->ptr, 1, text->len, stdout) == text->len &&
		       fflush(stdout) == 0;

	strbuf_fini(text);
	return written ? EXIT_OK : complain("cannot write to standard output", EXIT_IO);
}

/* A policy that is one; else every problem of it, a line each, as compilers write them. */
static enum exit_code read_policy(const char *path, struct arena *arena, struct str *text,
				  const struct policy **out)
{
	struct policy_problems problems = {.n = 0};
	struct strbuf told = {0};
	struct mb_err err;
	enum mb_code code = policy_read_file(path, arena, text, &err);

	if (code == MB_OK) {
		code = policy_check(*text, arena, out, &problems, &err);
	}
	if (code == MB_OK) {
		return EXIT_OK;
	}
	if (problems.n == 0) {
		return complain(err.text, EXIT_CONFIG);
	}
	policy_problems_format(&problems, path, &told);
	fputs(told.failed ? "memberd: out of memory\n" : told.ptr, stderr);
	strbuf_fini(&told);
	return EXIT_CONFIG;
}

static enum exit_code check_policy(const char *path)
{
	struct arena *arena = arena_create(NULL, CHECK_ARENA);
	const struct policy *policy;
	struct strbuf told = {0};
	enum exit_code end;
	struct str text;

	if (arena == NULL) {
		return complain("out of memory", EXIT_UNAVAILABLE);
	}
	end = read_policy(path, arena, &text, &policy);
	if (end == EXIT_OK) {
		strbuf_printf(&told, "%s: version %d, %d benefits: fine\n", path, policy->version,
			      policy->n_benefits);
		end = print(&told);
	}
	arena_destroy(arena);
	return end;
}

/* To the byte: the digest of what is printed is that of what was read. */
static enum exit_code print_policy(const char *path)
{
	struct arena *arena = arena_create(NULL, CHECK_ARENA);
	struct str text = policy_default_text();
	enum exit_code end = EXIT_OK;
	const struct policy *policy;
	struct strbuf out = {0};

	if (arena == NULL) {
		return complain("out of memory", EXIT_UNAVAILABLE);
	}
	if (path[0] != '\0') {
		end = read_policy(path, arena, &text, &policy);
	}
	if (end == EXIT_OK) {
		strbuf_put(&out, text.ptr, text.len);
		end = print(&out);
	}
	arena_destroy(arena);
	return end;
}

static enum exit_code check_tokens(const char *path)
{
	struct rpc_tokens *tokens = rpc_tokens_create();
	enum exit_code end = EXIT_OK;
	struct mb_err err;

	if (tokens == NULL) {
		return complain("out of memory", EXIT_UNAVAILABLE);
	}
	if (rpc_tokens_load(tokens, path, service_grants, &err) != MB_OK) {
		end = complain(err.text, EXIT_CONFIG);
	}
	rpc_tokens_destroy(tokens);
	return end;
}

static enum exit_code check_config(const struct daemon_options *options)
{
	enum exit_code end = EXIT_OK;
	struct strbuf text = {0};
	struct mb_err err;

	if (options_check(options, &err) != MB_OK) {
		end = complain(err.text, EXIT_USAGE);
	} else if (options->token_file[0] != '\0') {
		end = check_tokens(options->token_file);
	}
	if (options->key_file[0] != '\0' &&
	    repository_check_key(options->key_file, &err) != MB_OK) {
		end = complain(err.text, EXIT_CONFIG);
	}
	if (options->policy[0] != '\0' && check_policy(options->policy) != EXIT_OK) {
		end = EXIT_CONFIG;
	}
	if (end == EXIT_OK) {
		strbuf_puts(&text, "memberd: the configuration is fine\n");
		end = print(&text);
	}
	return end;
}

/* What is asked for and done at once; false: to serve. */
static bool act(const struct option_set *set, const struct daemon_options *options,
		enum exit_code *end)
{
	struct strbuf text = {0};

	if (options->help) {
		options_help(set, &text);
		*end = print(&text);
	} else if (options->version) {
		strbuf_puts(&text, "memberd " MEMBERD_VERSION "\n");
		*end = print(&text);
	} else if (options->print_config) {
		option_print(set, &text);
		*end = print(&text);
	} else if (options->check_policy[0] != '\0') {
		*end = check_policy(options->check_policy);
	} else if (options->print_policy) {
		*end = print_policy(options->policy);
	} else if (options->check_config) {
		*end = check_config(options);
	} else {
		return false;
	}
	return true;
}

static enum exit_code serve(struct daemon_options *options)
{
	struct daemon daemon = {.options = options};
	enum exit_code end;
	struct mb_err err;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (daemon_start(&daemon, options, &end, &err) != MB_OK) {
		LOG_ERROR(&daemon.log, "cannot start", LOG_STR("story", err.text),
			  LOG_INT("exit", end));
	} else if (atomic_load(&daemon.ready)) {
		daemon_serve(&daemon);
	}
	daemon_stop(&daemon);
	return end;
}

int main(int argc, char **argv)
{
	struct daemon_options options;
	struct option_set set;
	enum exit_code end;
	struct mb_err err;

	if (!fds_hold_standard()) {
		return EXIT_IO;
	}
	signals_hold(false);
	if (options_read(&set, &options, argc, argv, environ, &end, &err) != MB_OK) {
		complain(err.text, end);
	} else if (!act(&set, &options, &end)) {
		if (options_check(&options, &err) != MB_OK) {
			end = complain(err.text, EXIT_USAGE);
		} else {
			end = serve(&options);
		}
	}
	options_fini(&set);
	return end;
}
