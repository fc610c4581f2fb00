#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lints of the tree, as a TAP test: lint.py TREE BUILD LINT...

Every lint is run twice: over the tree, where it must find nothing and must have looked at something,
and over copies of the tree with a planted violation, each of which it must find."""
import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

GENERATED = {"rpc_proto": ("google/", "grpc/", "rpc/v1/"), "proto": ("memberd/v1/",)}
THIRD_PARTY = [
    ("grpc/", "grpc"), ("protobuf-c/", "protobuf-c"), ("uv.h", "uv"), ("hiredis", "hiredis"),
    ("sqlite3", "sqlite3"), ("libpq", "libpq"), ("libfyaml", "libfyaml"), ("jansson", "jansson"),
    ("microhttpd", "microhttpd"), ("csv.h", "csv"), ("zstd", "zstd"), ("zlib", "zlib"), ("openssl/", "openssl"),
]
# What docs/house.md calls them.
CALLED = {"standard protos": "rpc_proto", "libcrypto": "openssl", "libmicrohttpd": "microhttpd", "libcsv": "csv"}
# Headers of libc: those that only compute, and the others. Whatever is in none of these lists is of a library that nobody named.
COMPUTES = {"assert", "ctype", "errno", "float", "inttypes", "limits", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint",
            "stdio", "stdlib", "stdnoreturn", "string", "strings"}
TALKS = {"dirent", "dlfcn", "fcntl", "getopt", "locale", "netdb", "poll", "pthread", "sched", "signal", "termios", "threads", "time", "unistd"}
TALKS_IN = ("sys/", "netinet/", "arpa/")
TIME = re.compile(r"\b(gettimeofday|clock_gettime|timespec_get|time)\s*\(\s*(?:NULL|0|&|CLOCK_)")
PURE = {"domain": re.compile(r"\b(clock_now|clock_monotonic_ns|clock_init\w*|log_\w+|fopen|fprintf|printf|getenv)\s*\(")}
# Floors whose own headers may show a third-party header; everywhere else it stays in .c files.
HEADER_MAY_SHOW = {"rpc": ["protobuf-c"], "client": ["protobuf-c"], "ctl": ["protobuf-c"]}
# Headers that the files of one floor share and nobody else includes may show what that floor may use.
PRIVATE_HEADER = "_impl.h"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def walk(tree, folders, endings):
    for folder in folders:
        for where, dirs, names in os.walk(os.path.join(tree, folder)):
            dirs[:] = sorted(d for d in dirs if not d.startswith(("build", ".", "__pycache__")))
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(where, name), tree)


def read(tree, path):
    with open(os.path.join(tree, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def third_party(header):
    return next((lib for prefix, lib in THIRD_PARTY if header.startswith(prefix)), None)


def words(cell):
    """The cell of a table as a list: "uv, libcrypto (digests)" is ["uv", "openssl"]."""
    found = [word.strip() for word in re.sub(r"\([^)]*\)", "", cell).split(",")]
    return [CALLED.get(word, word) for word in found if word not in ("–", "libc")]


def floors(tree):
    """The table of docs/house.md: {floor: (folder, prefix of its includes, floors below, third party)}."""
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", read(tree, "docs/house.md"), re.M)
    return {floor: (f"{folder}/{floor}" if folder.startswith("subprojects/") else folder, floor + "/", words(below), words(libraries))
            for floor, folder, below, libraries in rows}


def owner(header, house):
    for floor, prefixes in GENERATED.items():
        if header.endswith(".pb-c.h") and header.startswith(prefixes):
            return floor
    return next((floor for floor, row in house.items() if header.startswith(row[1])), None)


def is_libc(header, floor):
    name = header.removesuffix(".h")
    return name in COMPUTES or (floor not in PURE and (name in TALKS or header.startswith(TALKS_IN)))


def arrow_to(path, floor, kind, header, house):
    """What is wrong with one #include, None when nothing is."""
    _, _, below, libraries = house[floor]
    to = owner(header, house)
    if kind == '"' or to is not None:
        if kind == "<":
            return f"<{header}> is of this tree: in quotes"
        if to is None:
            return f'"{header}" is of no floor (by path from src/, never ../)'
        return None if to == floor or to in below else f"{floor} may not include {to} ({header})"
    library = third_party(header)
    if library is None:
        return None if is_libc(header, floor) else f"<{header}> is nothing that {floor} may have"
    if library not in libraries:
        return f"{floor} may not use {library} (<{header}>)"
    shown = path.endswith(".h") and not path.endswith(PRIVATE_HEADER)
    return f"<{header}> belongs in .c files only" if shown and library not in HEADER_MAY_SHOW.get(floor, []) else None


def arrows(tree, build):
    """No floor includes what docs/house.md does not give it: floors above it, libraries of others; domain is pure, base has the only clock."""
    house, found, looked = floors(tree), [], 0
    for floor, (folder, *_) in house.items():
        files = list(walk(tree, [folder], (".c", ".h")))
        looked += len(files)
        if not files:
            found.append(f"{folder}: no file of the floor {floor} is here")
        for path in files:
            text = read(tree, path)
            wrong = [arrow_to(path, floor, kind, header, house) for kind, header in INCLUDE.findall(text)]
            wrong += [f"{call}: {floor} computes and does nothing else" for call in PURE[floor].findall(text)] if floor in PURE else []
            wrong += [f"{call}: base has the only clock" for call in TIME.findall(text)] if floor != "base" else []
            found += [f"{path}: {what}" for what in wrong if what is not None]
    known = {row[0] for row in house.values()}
    for path in walk(tree, ["src", "subprojects"], (".c", ".h")):
        if not any(path.startswith(folder + "/") for folder in known):
            found.append(f"{path}: on no floor")
    return found, looked


def rooms(tree, build):
    """docs/house.md places every file of every floor and every page, and none that is not there."""
    text = read(tree, "docs/house.md").partition("\n## The rooms\n")[2].partition("\n## ")[0]
    placed = {floor: re.findall(r"`([\w*]+)`", told) for floor, told in re.findall(r"^- \*\*(\w+)\*\*(.*?)(?=^- |^$)", text, re.M | re.S)}
    found, looked = [], 0
    for floor, (folder, *_) in floors(tree).items():
        stems = {os.path.splitext(os.path.basename(path))[0] for path in walk(tree, [folder], (".c", ".h"))}
        looked += len(stems)
        patterns = placed.get(floor, [])
        found += [f"{folder}/{stem}: docs/house.md does not say what it is for (under The rooms)" for stem in sorted(stems)
                  if not any(fnmatch.fnmatchcase(stem, pattern) for pattern in patterns)]
        found += [f"docs/house.md: {floor} has no {pattern}" for pattern in patterns if not fnmatch.filter(stems, pattern)]
    pages = [name for name in os.listdir(os.path.join(tree, "docs")) if name != "house.md"]
    found += [f"docs/{name}: docs/house.md does not say what it answers" for name in sorted(pages) if f"`{name}`" not in read(tree, "docs/house.md")]
    return found, looked


def methods(tree, build):
    """The README's table has every method of the protos, and no other."""
    found, looked, readme = [], 0, read(tree, "README.md")
    for path in walk(tree, ["proto"], (".proto",)):
        for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", read(tree, path), re.M | re.S):
            looked += 1
            there = set(re.findall(r"^\s*rpc (\w+)\(", body, re.M))
            row = re.search(rf"^\| {service} \| (.*) \|$", readme, re.M)
            told = set(re.findall(r"\b(?:[A-Z][a-z0-9]+){2,}\b", re.sub(r"\([^)]*\)", "", row[1]))) if row else set()
            found += [f"README.md: {service} lacks {name}" for name in sorted(there - told)]
            found += [f"README.md: {service} has no {name}" for name in sorted(told - there)]
    return found, looked


def headers(tree, build):
    """Every header compiles alone and has #pragma once."""
    found, looked = [], 0
    dirs = [os.path.join(tree, d) for d in ("subprojects/base", "subprojects/rpc", "src")]
    dirs += [os.path.join(build, d) for d in ("subprojects/rpc/proto", "proto")]
    flags = ["-std=c11", "-D_DEFAULT_SOURCE", "-DMEMBERD_TEST_HOOKS", "-Wall", "-Wextra", "-Werror"] + [f"-I{d}" for d in dirs]
    for path in walk(tree, ["subprojects", "src"], (".h",)):
        looked += 1
        if "#pragma once" not in read(tree, path):
            found.append(f"{path}: no #pragma once")
        code = f'#include "{os.path.join(tree, path)}"\nextern int not_empty;\n'
        run = subprocess.run(["cc", *flags, "-fsyntax-only", "-x", "c", "-"], input=code, text=True, capture_output=True)
        if run.returncode:
            found.append(f"{path}: does not compile alone: {run.stderr.splitlines()[0] if run.stderr else ''}")
    return found, looked


def layout(tree, build):
    """clang-format 14 decides."""
    paths = list(walk(tree, ["subprojects", "src", "tests"], (".c", ".h")))
    if not paths:
        return [], 0
    run = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *paths], cwd=tree, text=True, capture_output=True)
    found = sorted({line.split(":")[0] + ": clang-format differs" for line in run.stderr.splitlines() if "error:" in line})
    return found or ([run.stderr] if run.returncode else []), len(paths)


MARKED = (".c", ".h", ".cc", ".proto", ".sql", ".py", ".mjs", ".sh", ".build")


def texts(tree):
    """What people write and read: sources, scripts, pages; not what fuzz targets are fed with."""
    for path in walk(tree, ["subprojects", "src", "tests", "proto", "docs"], (*MARKED, ".md", ".yaml")):
        if "_corpus/" not in path:
            yield path
    yield from walk(tree, ["scripts", ".ci"], "")
    yield from sorted(name for name in os.listdir(tree) if name.endswith((*MARKED, ".md", ".yaml")))


def marks(tree, build):
    """SPDX in every source; no unfinished marks, no paths of a developer's machine, no odd spaces."""
    found, looked = [], 0
    for path in texts(tree):
        looked += 1
        text = read(tree, path)
        lines = text.splitlines()
        first = lines[1:2] if text.startswith("#!") else lines[:1]
        if path.endswith(MARKED) or path.startswith(("scripts/", ".ci/")):
            if "SPDX-License-Identifier: Apache-2.0" not in "".join(first):
                found.append(f"{path}: the first line is not the SPDX one")
        for number, line in enumerate(lines, 1):
            if path != "tests/lint/lint.py" and re.search(r"\b(TODO|FIXME|XXX|HACK)\b|[^\w.](/work|/farm|/root)/", line):
                found.append(f"{path}:{number}: {line.strip()[:60]}")
            if line != line.rstrip():
                found.append(f"{path}:{number}: space at the end of the line")
        if not text.endswith("\n"):
            found.append(f"{path}: no newline at the end")
    return found, looked


def buckets(tree, build):
    """Every SQL statement on a member table is of one vb, which is what shards it later, or says "all buckets"."""
    tables = "member|identity|member_identity|entry|history|outbox|audit|checkpoint"
    verbs = "SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE TABLE|CREATE INDEX|CREATE UNIQUE INDEX"
    found, looked = [], 0
    for path in walk(tree, ["src/store"], (".c", ".h", ".sql")):
        joined = re.sub(r'"[\s\\]*\n\s*"', "", read(tree, path))
        for statement in re.findall(rf'(?:"|^)((?:{verbs})\b[^";]*)', joined, re.M):
            if not re.search(rf"\b(?:FROM|INTO|UPDATE|JOIN|ON|TABLE)\s+(?:IF NOT EXISTS\s+)?(?:{tables})\b", statement):
                continue
            looked += 1
            if not re.search(r"\bWHERE vb = |\(\s*vb,|\bvb\s+INTEGER NOT NULL", statement) and "/* all buckets */" not in statement:
                found.append(f"{path}: a statement without vb: {' '.join(statement.split())[:70]}")
    return found, looked


# SHA-256 of every step of the schema that data may have been made with. A step that is not named here
# may still be changed, and has to be the last one.
PUBLISHED_STEPS = {
    "0001.sql": "06057e0d187dd111a5ffbbe68ae6d9cb15b29a8dc7c5cfa39ac06cbdd3df152c",
    "0002.sql": "3a1e75b45f79431778b2d4881a6b5ba30f8b56088ead838d07ced503d6d9be44",
}


def steps(tree, build):
    """A step of the schema never changes once it was published; steps are numbered without gaps."""
    folder = os.path.join(tree, "src/store/sql")
    names = sorted(os.listdir(folder))
    found = [f"{name}: the published step is gone" for name in sorted(set(PUBLISHED_STEPS) - set(names))]
    for number, name in enumerate(names, 1):
        if name != f"{number:04}.sql":
            found.append(f"{name}: not the name of step {number}")
        elif name in PUBLISHED_STEPS:
            with open(os.path.join(folder, name), "rb") as f:
                if hashlib.sha256(f.read()).hexdigest() != PUBLISHED_STEPS[name]:
                    found.append(f"{name}: published, and changed since: make a step of its own")
        elif number != len(names):
            found.append(f"{name}: followed by a step, so it is published: name its digest")
    return found, len(names)


def buf(tree, build):
    """buf lint STANDARD over the project's protos; where node is present."""
    tool = os.path.join(build, "node_modules/.bin/buf")
    if not os.path.exists(tool):
        if not shutil.which("npm"):
            return "npm is not here", 0
        run = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", build, "@bufbuild/buf@1"], text=True, capture_output=True)
        if run.returncode or not os.path.exists(tool):
            return "npm did not install buf", 0
    if not os.path.exists(os.path.join(tree, "buf.yaml")):
        return ["buf.yaml is missing"], 1
    run = subprocess.run([tool, "lint"], cwd=tree, text=True, capture_output=True)
    if run.returncode and re.search(r"platform|download|Cannot find module", run.stderr):
        return "buf does not run here", 0
    lines = (run.stdout + run.stderr).splitlines()
    return (lines or ["buf failed"]) if run.returncode else [], len(list(walk(tree, ["proto"], (".proto",))))


def plant(path, text):
    def do(tree):
        full = os.path.join(tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "a", encoding="utf-8") as f:
            f.write(text)
    return do


def remove(*paths):
    return lambda tree: [os.remove(os.path.join(tree, path)) for path in paths]


def swap(path, old, new):
    def do(tree):
        text = read(tree, path)
        assert old in text, f"{path} has no {old}: nothing to plant on"
        with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
    return do


SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
LINTS = {
    "arrows": (arrows, {
        "an arrow upwards": plant("src/domain/planted.c", SPDX + '#include "store/store.h"\n'),
        "a library of another floor": plant("src/domain/planted.c", SPDX + "#include <sqlite3.h>\n"),
        "a library in a header": plant("src/store/planted.h", SPDX + "#pragma once\n#include <uv.h>\n"),
        "a path with ..": plant("src/domain/planted.c", SPDX + '#include "../store/store.h"\n'),
        "an arrow in angle brackets": plant("src/domain/planted.c", SPDX + "#include <store/store.h>\n"),
        "a library that nobody named": plant("src/ctl/planted.c", SPDX + "#include <curl/curl.h>\n"),
        "a system call in the domain": plant("src/domain/planted.c", SPDX + "#include <unistd.h>\n"),
        "a clock in the domain": plant("src/domain/planted.c", SPDX + "int64_t f(void)\n{\n\treturn clock_now(&system);\n}\n"),
        "a clock beside base's": plant("src/service/planted.c", SPDX + "long f(void)\n{\n\treturn time(NULL);\n}\n"),
        "a file on no floor": plant("src/planted.c", SPDX + "int planted;\n"),
        "a folder on no floor": plant("src/planted/planted.c", SPDX + "int planted;\n"),
        "a floor without files": lambda tree: shutil.rmtree(os.path.join(tree, "src/cache")),
    }),
    "rooms": (rooms, {
        "a page that nobody is led to": plant("docs/planted.md", "# Planted\n"),
        "a file that is not placed": plant("src/domain/planted.c", SPDX),
        "a place whose file is gone": remove("src/store/tree.c", "src/store/tree.h"),
    }),
    "methods": (methods, {
        "a method that is not told": swap("README.md", "| VipService | GetUpgradeOffer |", "| VipService | |"),
        "a method that is not there": swap("README.md", "| VipService | ", "| VipService | SellVip "),
    }),
    "headers": (headers, {
        "a header that needs another": plant("src/domain/planted.h", SPDX + "#pragma once\nint64_t planted(void);\n"),
        "a header without pragma once": plant("src/domain/planted.h", SPDX + "int planted(void);\n"),
    }),
    "layout": (layout, {"four spaces": plant("src/domain/planted.c", SPDX + "int f(void)\n{\n    return 1;\n}\n")}),
    "marks": (marks, {
        "no SPDX line": plant("src/domain/planted.c", "int planted;\n"),
        "a script without the SPDX line": plant("scripts/planted", "#!/bin/sh\ntrue\n"),
        "a space at the end of a line": plant("docs/planted.md", "See. \n"),
        "a cut last line": plant("docs/planted.md", "See."),
        "an unfinished mark": plant("src/domain/planted.c", SPDX + "/* TO" + "DO: more */\n"),
        "a path of one machine": plant("docs/planted.md", "see /ro" + "ot/notes\n"),
    }),
    "buckets": (buckets, {
        "a statement without vb": plant("src/store/planted.sql", "SELECT 1 FROM entry WHERE member_id = ?1;\n"),
        "one for all of them": plant("src/store/planted.sql", "SELECT vb FROM entry WHERE member_id = ?1;\n"),
        "one in a table of statements": plant("src/store/planted.h", SPDX + '#define P(X) X(P, "SELECT payload " \\\n\t"FROM entry")\n'),
        "one inside C": plant("src/store/planted.c", SPDX + 'static const char *q = "DELETE FROM history "\n\t"WHERE member_id = ?1";\n'),
    }),
    "steps": (steps, {
        "a published step that changed": plant("src/store/sql/0001.sql", "-- more\n"),
        "a published step that is gone": remove("src/store/sql/0001.sql"),
        "a gap": plant("src/store/sql/0099.sql", "-- SPDX-License-Identifier: Apache-2.0\n"),
    }),
    "buf": (buf, {"a badly named field": plant("proto/memberd/v1/vip_service.proto", "message Planted {\n  string BadName = 1;\n}\n")}),
}


def copy(tree, to):
    for name in ("subprojects", "src", "proto", "docs", "scripts"):
        if os.path.isdir(os.path.join(tree, name)):
            shutil.copytree(os.path.join(tree, name), os.path.join(to, name), ignore=shutil.ignore_patterns("build*", "*.zst"))
    for name in (".clang-format", "buf.yaml", "README.md"):
        if os.path.exists(os.path.join(tree, name)):
            shutil.copy(os.path.join(tree, name), to)


def main():
    tree, build, names = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    number, bad = 0, 0

    def tell(good, what, notes=()):
        nonlocal number, bad
        number += 1
        bad += not good
        print(("ok" if good else "not ok"), number, "-", what, flush=True)
        for note in notes[:40]:
            print("#", note)

    for name in names:
        check, violations = LINTS[name]
        found, looked = check(tree, build)
        if isinstance(found, str):
            tell(True, f"{name} # SKIP {found}")
            continue
        tell(not found, f"{name}: {check.__doc__.splitlines()[0]}", found)
        tell(looked > 0, f"{name}: looked at {looked} files or statements")
        for what, do in violations.items():
            with tempfile.TemporaryDirectory() as scratch:
                copy(tree, scratch)
                before = set(check(scratch, build)[0])
                do(scratch)
                tell(set(check(scratch, build)[0]) - before, f"{name}: finds {what}")
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
