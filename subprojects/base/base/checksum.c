/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C, eight bytes a step: every row of a store that is read goes through here.
 *
 * after[k][b] is what byte b, followed by k bytes of zero, leaves in the sum, for the reflected
 * polynomial 0x82f63b78. It is linear in the bits of b, so eight numbers make a table of 256.
 */
#include "base/checksum.h"

#define BIT(n, bit, value) ((n) >> (bit)&1 ? (value) : 0)
#define ONE(n, a, b, c, d, e, f, g, h)                                                            \
	BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ \
		BIT(n, 6, g) ^ BIT(n, 7, h)
#define FOUR(n, ...)                                                           \
	ONE(n, __VA_ARGS__), ONE(n + 1, __VA_ARGS__), ONE(n + 2, __VA_ARGS__), \
		ONE(n + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                           \
	FOUR(n, __VA_ARGS__), FOUR(n + 4, __VA_ARGS__), FOUR(n + 8, __VA_ARGS__), \
		FOUR(n + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                   \
	SIXTEEN(n, __VA_ARGS__), SIXTEEN(n + 16, __VA_ARGS__), SIXTEEN(n + 32, __VA_ARGS__), \
		SIXTEEN(n + 48, __VA_ARGS__)
#define ALL(...)                                                                               \
	SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__), SIXTY_FOUR(128, __VA_ARGS__), \
		SIXTY_FOUR(192, __VA_ARGS__)

static const uint32_t after[8][256] = {
	{ALL(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
	     0x82f63b78)},
	{ALL(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
	     0xfbc3faf9)},
	{ALL(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
	     0x8b277743)},
	{ALL(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
	     0x52a0c93f)},
	{ALL(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
	     0x6ea2d55c)},
	{ALL(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
	     0x1c08b7d6)},
	{ALL(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
	     0xf56e0ef4)},
	{ALL(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
	     0x34019664)},
};

static uint32_t four_bytes(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t checksum_bytes(uint32_t sum, struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.ptr;
	size_t len = bytes.len;

	sum = ~sum;
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low = four_bytes(p) ^ sum, high = four_bytes(p + 4);

		sum = after[7][low & 255] ^ after[6][low >> 8 & 255] ^ after[5][low >> 16 & 255] ^
		      after[4][low >> 24] ^ after[3][high & 255] ^ after[2][high >> 8 & 255] ^
		      after[1][high >> 16 & 255] ^ after[0][high >> 24];
	}
	for (; len > 0; len--, p++) {
		sum = sum >> 8 ^ after[0][(sum ^ *p) & 255];
	}
	return ~sum;
}

uint32_t checksum_number(uint32_t sum, int64_t number)
{
	char bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (char)((uint64_t)number >> 8 * i & 0xff);
	}
	return checksum_bytes(sum, (struct str){bytes, sizeof(bytes)});
}

uint32_t checksum_text(uint32_t sum, struct str text)
{
	return checksum_bytes(checksum_number(sum, (int64_t)text.len), text);
}
