/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/flags.h"

#include "base/str.h"
#include "ctl/near.h"

#include <stdio.h>
#include <string.h>

static const struct flag_info INFOS[FLAG_END] = {
#define X(id, name, argument, help) {name, argument, help},
	CTL_FLAGS(X)
#undef X
};

const struct flag_info *flag_info(enum flag_id id)
{
	return &INFOS[id];
}

bool flags_has(const struct flags *flags, enum flag_id id)
{
	return flags->values[id] != NULL;
}

static int find_flag(struct str name, uint64_t allowed)
{
	for (int i = 0; i < FLAG_END; i++) {
		if ((allowed >> i & 1) != 0 && str_eq(name, str_from(INFOS[i].name))) {
			return i;
		}
	}
	return -1;
}

static enum mb_code refuse_flag(struct str name, uint64_t allowed, struct mb_err *err)
{
	char typed[NEAR_BYTES_MAX + 2]; /* one too long stays too long */
	struct near near = {.text = typed};

	snprintf(typed, sizeof(typed), "%.*s", STR_ARG(name));
	for (int i = 0; i < FLAG_END; i++) {
		if ((allowed >> i & 1) != 0) {
			near_try(&near, INFOS[i].name);
		}
	}
	return mb_fail(err, MB_FIELD_INVALID, "unknown option --%.*s%s%s%s", STR_ARG(name),
		       near.name != NULL ? "; did you mean --" : "",
		       near.name != NULL ? near.name : "", near.name != NULL ? "?" : "");
}

static enum mb_code add_value(const char **values, size_t *n, const char *value, const char *name,
			      struct mb_err *err)
{
	if (*n == FLAG_VALUES_MAX) {
		return mb_fail(err, MB_FIELD_INVALID, "--%s more than %d times", name,
			       FLAG_VALUES_MAX);
	}
	values[(*n)++] = value;
	return MB_OK;
}

static enum mb_code take_value(struct flags *flags, enum flag_id id, const char *value,
			       struct mb_err *err)
{
	bool repeated = id == FLAG_LINE || id == FLAG_COUPON;

	if (!repeated && flags->values[id] != NULL) {
		return mb_fail(err, MB_FIELD_INVALID, "--%s is given twice", INFOS[id].name);
	}
	flags->values[id] = value;
	if (id == FLAG_LINE) {
		return add_value(flags->lines, &flags->n_lines, value, "line", err);
	}
	if (id == FLAG_COUPON) {
		return add_value(flags->coupons, &flags->n_coupons, value, "coupon", err);
	}
	return MB_OK;
}

/* --name, --name=value or --name value; *at moves over the value. */
static enum mb_code take_flag(struct flags *flags, uint64_t allowed, int argc, char **argv, int *at,
			      struct mb_err *err)
{
	const char *text = argv[*at] + 2, *equals = strchr(text, '=');
	struct str name = {text, equals != NULL ? (size_t)(equals - text) : strlen(text)};
	int id = find_flag(name, allowed);
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (id < 0) {
		return refuse_flag(name, allowed, err);
	}
	if (INFOS[id].argument == NULL) {
		if (value != NULL) {
			return mb_fail(err, MB_FIELD_INVALID, "--%s takes no value",
				       INFOS[id].name);
		}
		value = "";
	} else if (value == NULL) {
		if (*at + 1 >= argc) {
			return mb_fail(err, MB_FIELD_INVALID, "--%s needs %s", INFOS[id].name,
				       INFOS[id].argument);
		}
		value = argv[++*at];
	}
	return take_value(flags, (enum flag_id)id, value, err);
}

enum mb_code flags_parse(struct flags *flags, uint64_t allowed, int argc, char **argv,
			 struct mb_err *err)
{
	bool only_arguments = false;

	for (int i = 0; i < argc; i++) {
		enum mb_code code = MB_OK;

		if (!only_arguments && strcmp(argv[i], "--") == 0) {
			only_arguments = true;
		} else if (!only_arguments && strcmp(argv[i], "-h") == 0) {
			flags->values[FLAG_HELP] = "";
		} else if (!only_arguments && strncmp(argv[i], "--", 2) == 0) {
			code = take_flag(flags, allowed, argc, argv, &i, err);
		} else if (!only_arguments && strcmp(argv[i], "-o") == 0 && i + 1 < argc &&
			   (allowed & FLAG_BIT(SAVE)) != 0) {
			code = take_value(flags, FLAG_SAVE, argv[++i], err);
		} else if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0') {
			code = mb_fail(err, MB_FIELD_INVALID, "unknown option %.32s", argv[i]);
		} else if (flags->n_arguments ==
			   sizeof(flags->arguments) / sizeof(*flags->arguments)) {
			code = mb_fail(err, MB_FIELD_INVALID, "too many arguments");
		} else {
			flags->arguments[flags->n_arguments++] = argv[i];
		}
		if (code != MB_OK) {
			return code;
		}
	}
	return MB_OK;
}

enum mb_code flags_number(const struct flags *flags, enum flag_id id, int64_t min, int64_t max,
			  int64_t otherwise, int64_t *out, struct mb_err *err)
{
	const char *text = flags->values[id];
	int64_t value = otherwise;

	if (text != NULL && (!str_to_i64(str_from(text), &value) || value < min || value > max)) {
		return mb_fail(err, MB_FIELD_INVALID, "--%s is a whole number from %lld to %lld",
			       INFOS[id].name, (long long)min, (long long)max);
	}
	*out = value;
	return MB_OK;
}
