/* SPDX-License-Identifier: Apache-2.0 */
/*
 * benefits: the benefit table of a policy file. Which keys a row has depends on its kind, and who
 * holds it is written in the kind's own way: a list of tiers (flag, percent), tiers with a level,
 * tiers with uses a month.
 */
#include "policy/reader.h"

#include <stdio.h>
#include <string.h>

static void read_labels(struct reader *reader, const struct yaml_node *node, const char *path,
			bool slugs, size_t least, const struct str **out, int32_t *out_n)
{
	struct str *labels;
	char below[PATH_SIZE + 8];

	if (node->kind != YAML_LIST || (size_t)node->n < least || node->n > LABELS_MAX) {
		reader_complain(reader, node, path, "must be a list of %zu to %d texts", least,
				LABELS_MAX);
		return;
	}
	labels = arena_array(reader->arena, (size_t)node->n, sizeof(*labels));
	for (const struct yaml_node *child = node->first; labels != NULL && child != NULL;
	     child = child->next) {
		snprintf(below, sizeof(below), "%s[%d]", path, child->index);
		if (!(slugs ? reader_slug(reader, child, below, &labels[child->index])
			    : reader_name(reader, child, below, LABEL_MAX,
					  &labels[child->index]))) {
			continue;
		}
		for (int i = 0; i < child->index; i++) {
			if (str_eq(labels[i], labels[child->index])) {
				reader_complain(reader, child, below, "is there twice");
				break;
			}
		}
	}
	*out = labels;
	*out_n = node->n;
}

/* 1 + index of a level, 0 and a problem when the benefit has no such level. */
static int32_t level_named(struct reader *reader, const struct policy_benefit *benefit,
			   const struct yaml_node *node, const char *path)
{
	char known[96] = "";
	size_t len = 0;

	for (int32_t i = 0; i < benefit->n_levels; i++) {
		if (node->kind == YAML_SCALAR && str_eq(node->text, benefit->levels[i])) {
			return i + 1;
		}
		if (len < sizeof(known)) {
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%.*s",
						i == 0 ? "" : ", ", STR_ARG(benefit->levels[i]));
		}
	}
	if (benefit->n_levels > 0) {
		reader_complain(reader, node, path, "must be one of its levels: %s", known);
	}
	return 0;
}

/* What one holder gets, in the way of the benefit's kind. */
static void read_grant(struct reader *reader, const struct policy_benefit *benefit,
		       const struct yaml_node *node, const char *path, int32_t *out)
{
	int64_t value = 0;

	switch (benefit->kind) {
	case BENEFIT_LEVEL:
		*out = level_named(reader, benefit, node, path);
		return;
	case BENEFIT_QUOTA:
		reader_value(reader, VALUE_INT, 1, GRANT_MAX, node, path, &value);
		break;
	default:
		reader_value(reader, VALUE_SWITCH, 0, 1, node, path, &value);
		break;
	}
	*out = (int32_t)value;
}

static bool has_list_of_tiers(const struct policy_benefit *benefit)
{
	return benefit->kind == BENEFIT_FLAG || benefit->kind == BENEFIT_PERCENT;
}

static void read_tier(struct reader *reader, struct policy_benefit *benefit,
		      const struct yaml_node *child, const char *path)
{
	bool listed = has_list_of_tiers(benefit);
	enum tier tier = tier_from_name(listed ? child->text : child->key);
	char form[96];

	if (tier == 0) {
		value_describe(VALUE_TIER, reader->exponent, form, sizeof(form));
		problem_add(reader->problems, listed ? child->line : child->key_line,
			    listed ? child->column : child->key_column, path, "must be %s", form);
	} else if (!listed) {
		read_grant(reader, benefit, child, path, &benefit->by_tier[tier]);
	} else if (benefit->by_tier[tier] != 0) {
		reader_complain(reader, child, path, "is there twice");
	} else {
		benefit->by_tier[tier] = 1;
	}
}

/* A tier holds at least what the tier below it holds: tiers nest. */
static void check_nesting(struct reader *reader, const struct policy_benefit *benefit,
			  const struct yaml_node *node, const char *path)
{
	for (enum tier tier = TIER_SILVER; tier < TIER_END; tier++) {
		if (benefit->by_tier[tier] < benefit->by_tier[tier - 1]) {
			reader_complain(
				reader, node, path,
				"%s holds less than %s; a higher tier holds at least as much",
				tier_name(tier), tier_name(tier - 1));
			return;
		}
	}
}

static void read_tiers(struct reader *reader, struct policy_benefit *benefit,
		       const struct yaml_node *node, const char *path)
{
	bool listed = has_list_of_tiers(benefit);
	size_t before = reader_problems(reader);
	char below[PATH_SIZE + 8];

	if (node->kind != (listed ? YAML_LIST : YAML_MAP)) {
		reader_complain(reader, node, path,
				listed ? "must be a list of tiers, like [diamond, black_diamond]"
				       : "must be a map of tiers, like {diamond: %s, "
					 "black_diamond: %s}",
				benefit->kind == BENEFIT_LEVEL ? "silver" : "1",
				benefit->kind == BENEFIT_LEVEL ? "gold" : "2");
		return;
	}
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		if (listed) {
			snprintf(below, sizeof(below), "%s[%d]", path, child->index);
		} else {
			snprintf(below, sizeof(below), "%s.%.*s", path, STR_ARG(child->key));
		}
		read_tier(reader, benefit, child, below);
	}
	if (reader_problems(reader) == before) {
		check_nesting(reader, benefit, node, path);
	}
}

static void read_part(struct reader *reader, const struct field *field,
		      const struct yaml_node *node, const char *path, void *base)
{
	struct policy_benefit *benefit = base;
	const char *key = field->path;

	if (strcmp(key, "levels") == 0) {
		return; /* read before all others: grants name them */
	}
	if (strcmp(key, "categories") == 0) {
		read_labels(reader, node, path, false, 0, &benefit->categories,
			    &benefit->n_categories);
	} else if (strcmp(key, "brands") == 0) {
		read_labels(reader, node, path, false, 0, &benefit->brands, &benefit->n_brands);
	} else if (strcmp(key, "tiers") == 0) {
		read_tiers(reader, benefit, node, path);
	} else {
		read_grant(reader, benefit, node, path,
			   strcmp(key, "vip") == 0 ? &benefit->by_vip : &benefit->by_apass);
	}
}

/* The kind decides which keys there are, wherever it stands among them. */
static enum benefit_kind find_kind(const struct yaml_node *node)
{
	const struct yaml_node *kind = yaml_get(node, STR("kind"));

	for (enum benefit_kind k = BENEFIT_FLAG; kind != NULL && k <= BENEFIT_PERCENT; k++) {
		if (kind->kind == YAML_SCALAR &&
		    str_eq(kind->text, str_from(benefit_kind_name(k)))) {
			return k;
		}
	}
	return 0;
}

static bool is_held(const struct policy_benefit *benefit)
{
	return benefit->by_tier[TIER_BLACK_DIAMOND] != 0 || benefit->by_vip != 0 ||
	       benefit->by_apass != 0;
}

static void check_among_others(struct reader *reader, const struct policy_benefit *benefit,
			       const struct yaml_node *node, const char *path)
{
	const struct policy *policy = reader->policy;
	char below[PATH_SIZE + 8];

	snprintf(below, sizeof(below), "%s.number", path);
	if (policy->n_benefits > 0 &&
	    policy->benefits[policy->n_benefits - 1].number >= benefit->number) {
		reader_complain(reader, yaml_get(node, STR("number")), below,
				"must be above %d, the number before it, not %d",
				policy->benefits[policy->n_benefits - 1].number, benefit->number);
	}
	snprintf(below, sizeof(below), "%s.id", path);
	for (int32_t i = 0; i < policy->n_benefits; i++) {
		if (str_eq(policy->benefits[i].id, benefit->id)) {
			reader_complain(reader, yaml_get(node, STR("id")), below,
					"%.*s is the id of number %d already", STR_ARG(benefit->id),
					policy->benefits[i].number);
		}
	}
}

/* Kind and levels come first, wherever they stand: the others are judged by them. False when the
 * rest makes no sense without them. */
static bool read_head(struct reader *reader, const struct yaml_node *node, const char *path,
		      struct policy_benefit *benefit)
{
	const struct yaml_node *kind = yaml_get(node, STR("kind"));
	const struct yaml_node *levels = yaml_get(node, STR("levels"));
	char below[PATH_SIZE + 8];

	benefit->kind = find_kind(node);
	if (benefit->kind == 0) {
		snprintf(below, sizeof(below), "%s.kind", path);
		reader_complain(reader, kind == NULL ? node : kind, below, "must be %s",
				"flag, level, quota or percent");
		return false;
	}
	if (benefit->kind == BENEFIT_LEVEL && levels != NULL) {
		snprintf(below, sizeof(below), "%s.levels", path);
		read_labels(reader, levels, below, true, 1, &benefit->levels, &benefit->n_levels);
	}
	return true;
}

static void read_benefit(struct reader *reader, const struct yaml_node *node, const char *path,
			 struct policy_benefit *out)
{
	struct policy_benefit benefit = {.number = 0};
	size_t before = reader_problems(reader);

	if (!read_head(reader, node, path, &benefit)) {
		return;
	}
	reader_map(reader, &BENEFIT_SCHEMAS[benefit.kind], node, path, &benefit, read_part);
	if (reader_problems(reader) > before || arena_overflowed(reader->arena)) {
		return;
	}
	if (!is_held(&benefit)) {
		reader_complain(reader, node, path, "nobody holds it; name tiers, vip or apass");
		return;
	}
	check_among_others(reader, &benefit, node, path);
	*out = benefit;
	reader->policy->n_benefits++;
}

void benefits_read(struct reader *reader, const struct yaml_node *node, const char *path)
{
	struct policy_benefit *benefits;
	char below[PATH_SIZE];

	if (node->kind != YAML_LIST || node->n > BENEFITS_MAX) {
		reader_complain(reader, node, path, "must be a list of at most %d benefits",
				BENEFITS_MAX);
		return;
	}
	benefits = arena_array(reader->arena, (size_t)node->n, sizeof(*benefits));
	if (benefits == NULL) {
		return;
	}
	reader->policy->benefits = benefits;
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		snprintf(below, sizeof(below), "%s[%d]", path, child->index);
		read_benefit(reader, child, below, &benefits[reader->policy->n_benefits]);
	}
}
