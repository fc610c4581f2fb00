/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors: the embedded FileDescriptorSet of what the rpc floor itself serves, with all it imports.
 */
#pragma once

extern const unsigned char rpc_descriptor_set[];
extern const unsigned long rpc_descriptor_set_size;
