/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of mapping files: whatever it takes must bind, choose and give values without harm. */
#include "base/arena.h"
#include "ctl/mapping.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_mapping(const struct mapping *mapping)
{
	static const struct str cells[] = {
		{"", 0}, {"12.5", 4}, {"C\xc3\xa4sar", 6}, {"85123A", 6}};
	struct str row[MAPPING_COLUMNS_MAX], names[MAPPING_COLUMNS_MAX];
	size_t positions[MAPPING_COLUMNS_MAX];

	for (size_t i = 0; i < mapping->n_columns; i++) {
		names[mapping->n_columns - 1 - i] = mapping->columns[i].name;
	}
	assert(mapping_bind(mapping, names, mapping->n_columns, positions, NULL) == MB_OK);
	for (size_t shift = 0; shift < 4; shift++) {
		struct str category;

		for (size_t i = 0; i < mapping->n_columns; i++) {
			assert(positions[i] == mapping->n_columns - 1 - i);
			row[i] = cells[(i + shift) % 4];
		}
		mapping_rule(mapping, row);
		if (!mapping->makes[MAPPING_ORDER]) {
			continue;
		}
		assert(mapping_number(&mapping->order.type, row) > 0);
		category = mapping_text(&mapping->order.category, row);
		assert(category.ptr != NULL && category.len <= 64);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create(NULL, 8 << 20);
	struct mapping *mapping = NULL;
	struct mb_err err = {0};
	enum mb_code code = mapping_parse("m.yaml", (struct str){(const char *)data, size}, arena,
					  &mapping, &err);

	if (code == MB_OK) {
		use_mapping(mapping);
	} else {
		/* every refusal says where */
		assert(err.code == code);
		assert(code != MB_FIELD_INVALID || strncmp(err.text, "m.yaml:", 7) == 0);
	}
	arena_destroy(arena);
	return 0;
}
