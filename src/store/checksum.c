/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checksum.h"

/* Of four bits each, for the reflected polynomial 0x82f63b78. */
static const uint32_t steps[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t checksum_bytes(uint32_t sum, struct str bytes)
{
	sum = ~sum;
	for (size_t i = 0; i < bytes.len; i++) {
		sum ^= (unsigned char)bytes.ptr[i];
		sum = sum >> 4 ^ steps[sum & 15];
		sum = sum >> 4 ^ steps[sum & 15];
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
