/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printer: a policy as a file, by the same tables that read it. Keys left out stay left out.
 */
#include "policy/policy_file.h"

#include "policy/fields.h"

#include <stdio.h>
#include <string.h>

static void indent(struct strbuf *out, int depth)
{
	for (int i = 0; i < depth; i++) {
		strbuf_puts(out, "  ");
	}
}

/* A text in double quotes, which keep every character of one line. */
static void print_text(struct str text, struct strbuf *out)
{
	strbuf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
			strbuf_putc(out, '\\');
		}
		strbuf_putc(out, text.ptr[i]);
	}
	strbuf_putc(out, '"');
}

static void print_scalar(const struct field *field, const void *base, int exponent,
			 struct strbuf *out)
{
	const char *at = (const char *)base + field->offset;
	char text[VALUE_TEXT_SIZE];

	switch (field->type) {
	case VALUE_CODE:
		strbuf_puts(out, at);
		break;
	case VALUE_SLUG:
	case VALUE_NAME:
		print_text(*(const struct str *)(const void *)at, out);
		break;
	case VALUE_CHANNEL:
		strbuf_puts(out, "value");
		break;
	case VALUE_KIND:
		strbuf_puts(out, benefit_kind_name(*(const enum benefit_kind *)(const void *)at));
		break;
	default:
		value_format(field->type, field_get(field, base), exponent, text);
		/* an offset reads as a number to other YAML tools */
		strbuf_printf(out, field->type == VALUE_ZONE ? "\"%s\"" : "%s", text);
		break;
	}
}

/* {exponent: 2, rate: 7.00} */
static void print_flow(const struct schema *schema, const void *base, int exponent,
		       struct strbuf *out)
{
	for (size_t i = 0; i < schema->n; i++) {
		strbuf_printf(out, "%s%s: ", i == 0 ? "{" : ", ", schema->fields[i].path);
		print_scalar(&schema->fields[i], base, exponent, out);
	}
	strbuf_puts(out, "}\n");
}

static void print_rates(const struct policy *policy, struct strbuf *out)
{
	strbuf_puts(out, policy->n_rates == 0 ? "rates: {}\n" : "rates:\n");
	for (int32_t i = 0; i < policy->n_rates; i++) {
		strbuf_printf(out, "  %s: ", policy->rates[i].currency);
		print_flow(&RATE_SCHEMA, &policy->rates[i], policy->exponent, out);
	}
}

static void print_curve(const struct policy *policy, struct strbuf *out)
{
	int64_t from = 0;

	strbuf_puts(out, "  curve:\n");
	for (int32_t i = 0; i < policy->n_bends; i++) {
		struct curve_piece piece = {from, policy->bends[i].upto,
					    policy->bends[i].micro_per_minor};

		strbuf_puts(out, "    - ");
		print_flow(&PIECE_SCHEMA, &piece, policy->exponent, out);
		from = piece.upto;
	}
}

/* ---- benefits ---- */

static void print_labels(const char *key, const struct str *labels, int32_t n, struct strbuf *out)
{
	strbuf_printf(out, "    %s: [", key);
	for (int32_t i = 0; i < n; i++) {
		strbuf_puts(out, i == 0 ? "" : ", ");
		print_text(labels[i], out);
	}
	strbuf_puts(out, "]\n");
}

static void print_grant(const struct policy_benefit *benefit, int32_t grant, struct strbuf *out)
{
	switch (benefit->kind) {
	case BENEFIT_LEVEL:
		print_text(benefit->levels[grant - 1], out);
		break;
	case BENEFIT_QUOTA:
		strbuf_printf(out, "%d", grant);
		break;
	default:
		strbuf_puts(out, "true");
		break;
	}
}

static void print_tiers(const struct policy_benefit *benefit, struct strbuf *out)
{
	bool listed = benefit->kind == BENEFIT_FLAG || benefit->kind == BENEFIT_PERCENT;
	const char *between = "";

	if (benefit->by_tier[TIER_BLACK_DIAMOND] == 0) {
		return;
	}
	strbuf_puts(out, listed ? "    tiers: [" : "    tiers: {");
	for (enum tier tier = TIER_BRONZE; tier < TIER_END; tier++) {
		if (benefit->by_tier[tier] == 0) {
			continue;
		}
		strbuf_printf(out, "%s%s", between, tier_name(tier));
		if (!listed) {
			strbuf_puts(out, ": ");
			print_grant(benefit, benefit->by_tier[tier], out);
		}
		between = ", ";
	}
	strbuf_puts(out, listed ? "]\n" : "}\n");
}

static void print_part(const struct field *field, const struct policy_benefit *benefit,
		       struct strbuf *out)
{
	const char *key = field->path;
	int32_t grant = strcmp(key, "vip") == 0 ? benefit->by_vip : benefit->by_apass;

	if (strcmp(key, "levels") == 0) {
		print_labels(key, benefit->levels, benefit->n_levels, out);
	} else if (strcmp(key, "categories") == 0) {
		print_labels(key, benefit->categories, benefit->n_categories, out);
	} else if (strcmp(key, "brands") == 0) {
		print_labels(key, benefit->brands, benefit->n_brands, out);
	} else if (strcmp(key, "tiers") == 0) {
		print_tiers(benefit, out);
	} else if (grant != 0) {
		strbuf_printf(out, "    %s: ", key);
		print_grant(benefit, grant, out);
		strbuf_putc(out, '\n');
	}
}

static bool is_left_out(const struct field *field, const struct policy_benefit *benefit)
{
	if (field->type == VALUE_CHANNEL) {
		return !benefit->value_channel;
	}
	if (field->type == VALUE_SLUG) {
		return ((const struct str *)(const void *)((const char *)benefit + field->offset))
			       ->len == 0;
	}
	return field->type != VALUE_NAME && field->type != VALUE_KIND &&
	       field_is_absent(field, benefit);
}

static void print_benefit(const struct policy_benefit *benefit, int exponent, struct strbuf *out)
{
	const struct schema *schema = &BENEFIT_SCHEMAS[benefit->kind];

	for (size_t i = 0; i < schema->n; i++) {
		const struct field *field = &schema->fields[i];

		if (field->type == VALUE_LIST) {
			print_part(field, benefit, out);
		} else if (!is_left_out(field, benefit)) {
			strbuf_printf(out, "%s%s: ", i == 0 ? "  - " : "    ", field->path);
			print_scalar(field, benefit, exponent, out);
			strbuf_putc(out, '\n');
		}
	}
}

static void print_list(const struct field *field, const struct policy *policy, struct strbuf *out)
{
	if (strcmp(field->path, "rates") == 0) {
		print_rates(policy, out);
	} else if (strcmp(field->path, "spend.curve") == 0) {
		print_curve(policy, out);
	} else {
		strbuf_puts(out, policy->n_benefits == 0 ? "benefits: []\n" : "benefits:\n");
		for (int32_t i = 0; i < policy->n_benefits; i++) {
			print_benefit(&policy->benefits[i], policy->exponent, out);
		}
	}
}

/* Opens the sections of `path` that `open` is not in; returns the key. *depth is that of the key. */
static const char *open_sections(const char *open, const char *path, int *depth, struct strbuf *out)
{
	const char *key = path, *dot;
	bool shared = true;

	for (*depth = 0; (dot = strchr(key, '.')) != NULL; key = dot + 1, (*depth)++) {
		shared = shared && strncmp(open, path, (size_t)(dot + 1 - path)) == 0;
		if (!shared) {
			indent(out, *depth);
			strbuf_printf(out, "%.*s:\n", (int)(dot - key), key);
		}
	}
	return key;
}

void policy_print(const struct policy *policy, struct strbuf *out)
{
	const char *open = "";

	for (size_t i = 0; i < POLICY_SCHEMA.n; i++) {
		const struct field *field = &POLICY_SCHEMA.fields[i];
		const char *key;
		int depth;

		if (field->type != VALUE_LIST && field->type != VALUE_CODE &&
		    field_is_absent(field, policy)) {
			continue;
		}
		key = open_sections(open, field->path, &depth, out);
		open = field->path;
		if (field->type == VALUE_LIST) {
			print_list(field, policy, out);
			continue;
		}
		indent(out, depth);
		strbuf_printf(out, "%s: ", key);
		print_scalar(field, policy, policy->exponent, out);
		strbuf_putc(out, '\n');
	}
}

/* ---- equality ---- */

static bool equal_texts(const struct str *a, int32_t n_a, const struct str *b, int32_t n_b)
{
	for (int32_t i = 0; n_a == n_b && i < n_a; i++) {
		if (!str_eq(a[i], b[i])) {
			return false;
		}
	}
	return n_a == n_b;
}

/* All rows that hold their value themselves. */
static bool equal_rows(const struct schema *schema, const void *a, const void *b)
{
	for (size_t i = 0; i < schema->n; i++) {
		const struct field *field = &schema->fields[i];
		const char *at_a = (const char *)a + field->offset;
		const char *at_b = (const char *)b + field->offset;

		if (field->type == VALUE_SLUG || field->type == VALUE_NAME) {
			if (!str_eq(*(const struct str *)(const void *)at_a,
				    *(const struct str *)(const void *)at_b)) {
				return false;
			}
		} else if (field->type != VALUE_LIST && memcmp(at_a, at_b, field->size) != 0) {
			return false;
		}
	}
	return true;
}

static bool equal_benefits(const struct policy_benefit *a, const struct policy_benefit *b)
{
	return a->kind == b->kind && equal_rows(&BENEFIT_SCHEMAS[a->kind], a, b) &&
	       memcmp(a->by_tier, b->by_tier, sizeof(a->by_tier)) == 0 && a->by_vip == b->by_vip &&
	       a->by_apass == b->by_apass &&
	       equal_texts(a->levels, a->n_levels, b->levels, b->n_levels) &&
	       equal_texts(a->categories, a->n_categories, b->categories, b->n_categories) &&
	       equal_texts(a->brands, a->n_brands, b->brands, b->n_brands);
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	if (!equal_rows(&POLICY_SCHEMA, a, b) || a->n_rates != b->n_rates ||
	    a->n_bends != b->n_bends || a->n_benefits != b->n_benefits) {
		return false;
	}
	for (int32_t i = 0; i < a->n_rates; i++) {
		if (strcmp(a->rates[i].currency, b->rates[i].currency) != 0 ||
		    !equal_rows(&RATE_SCHEMA, &a->rates[i], &b->rates[i])) {
			return false;
		}
	}
	for (int32_t i = 0; i < a->n_bends; i++) {
		if (a->bends[i].upto != b->bends[i].upto ||
		    a->bends[i].micro_per_minor != b->bends[i].micro_per_minor) {
			return false;
		}
	}
	for (int32_t i = 0; i < a->n_benefits; i++) {
		if (!equal_benefits(&a->benefits[i], &b->benefits[i])) {
			return false;
		}
	}
	return true;
}
