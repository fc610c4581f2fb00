#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py NAME INPUT OUTPUT: a C file that defines `const unsigned char NAME[]` and
`const unsigned long NAME_size` from a file's bytes (a 0 follows them, not counted)."""
import sys

name, source, target = sys.argv[1:]
data = open(source, "rb").read()
with open(target, "w") as out:
    out.write(f"extern const unsigned char {name}[];\nextern const unsigned long {name}_size;\n")
    out.write(f"const unsigned char {name}[] = {{\n")
    for i in range(0, len(data), 20):
        out.write("\t" + "".join(f"{b}," for b in data[i : i + 20]) + "\n")
    out.write(f"\t0}};\nconst unsigned long {name}_size = {len(data)};\n")
