# SPDX-License-Identifier: BSD-2-Clause
"""The driver ABI as lines of text, made from its headers by compilers: one line for each function (with
its type and since when), structure (size), field (offset, size, type), named type, and constant. And
what is wrong with the form of the headers."""
import json
import os
import re
import subprocess
import tempfile

from abi_headers import THUNKS, all_functions, header_names

FLAGS = ["-std=gnu11", "-ffreestanding"]
# A revision of the record that is older than the rules.
OLD = {"Banos_Driver"}
# A number, a text, or the name of one.
VALUE = re.compile(r'^(\(?-?\w+\)?|".*")$')
SCALARS = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t"}


class Failed(Exception):
    pass


def run(command, **more):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if result.returncode:
        raise Failed(f"{command[0]} fails:\n" + "\n".join(result.stderr.splitlines()[:20]))
    return result.stdout


def all_headers(folder):
    return "".join(f"#include <banos/{name}>\n" for name in header_names(folder))


def flags_for(folder):
    return [*FLAGS, "-I" + os.path.dirname(folder)]


def is_ours(node):
    return node.get("name", "").lower().startswith("banos") and not node.get("isImplicit")


def read_declarations(folder):
    """Top-level declarations of all headers, by clang."""
    text = run(["clang", *flags_for(folder), "-x", "c", "-fsyntax-only", "-Xclang", "-ast-dump=json",
                "-"], input=all_headers(folder))
    return [n for n in json.loads(text)["inner"] if is_ours(n)]


def fields_of(record):
    return [f for f in record.get("inner", []) if f["kind"] == "FieldDecl"]


def measure(folder, records):
    """(structure or structure.field) -> (offset, size), by the compiler."""
    lines, names = [], []
    for record in records:
        names.append(record["name"])
        lines.append(f'printf("0 %zu\\n", sizeof(struct {record["name"]}));')
        for field in fields_of(record):
            where = f'struct {record["name"]}, {field["name"]}'
            names.append(f'{record["name"]}.{field["name"]}')
            lines.append(f'printf("%zu %zu\\n", offsetof({where}), '
                         f'sizeof(((struct {record["name"]} *)0)->{field["name"]}));')
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(work, "measure")
        source = ("#include <stddef.h>\n#include <stdio.h>\n" + all_headers(folder) +
                  "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
        flags = [f for f in flags_for(folder) if f != "-ffreestanding"]
        run(["gcc", *flags, "-w", "-x", "c", "-", "-o", program], input=source)
        rows = run([program]).splitlines()
    return {name: tuple(map(int, row.split())) for name, row in zip(names, rows)}


def constants(folder):
    """Macros that are a value, with it; the names of the others."""
    lines = []
    text = run(["gcc", *flags_for(folder), "-E", "-dM", "-x", "c", "-"], input=all_headers(folder))
    for row in text.splitlines():
        match = re.match(r"#define (BANOS_\w+)(\([^)]*\))? ?(.*)", row)
        if not match or match.group(1).endswith("_H") or match.group(1) == "BANOS_VERSION":
            continue
        value = " ".join(match.group(3).split())
        if match.group(2) or not VALUE.match(value):
            lines.append(f"macro {match.group(1)}{match.group(2) or ''}")
        else:
            lines.append(f"constant {match.group(1)} {value}")
    return lines


def read_lines(folder, strict=True):
    """All lines, sorted, and what is wrong with the form of the headers. Not strict: of headers from
    before comments had to say since when of each group."""
    declarations = read_declarations(folder)
    since = {f.name: f.since for f in all_functions(folder, strict)}
    records = [d for d in declarations if d["kind"] == "RecordDecl" and fields_of(d)]
    sizes = measure(folder, records)
    lines, problems = constants(folder), []
    for name in THUNKS:
        lines.append(f"function {name} of compilers, since 0.9")
    for d in declarations:
        name = d["name"]
        if d["kind"] == "FunctionDecl":
            if name not in since:
                problems.append(f'{name} does not stand between BANOS_API_BEGIN and BANOS_API_END')
                continue
            version = ".".join(map(str, since[name]))
            lines.append(f'function {name} {d["type"]["qualType"]} since {version}')
            problems += function_problems(d)
        elif d["kind"] == "TypedefDecl":
            lines.append(f'type {name} {d["type"]["qualType"]}')
        elif d["kind"] == "EnumDecl":
            problems.append(f"{name} is an enum: use uint32_t and constants")
    for record in records:
        name = record["name"]
        lines.append(f"structure {name} size {sizes[name][1]}")
        for field in fields_of(record):
            offset, size = sizes[f'{name}.{field["name"]}']
            lines.append(f'field {name}.{field["name"]} offset {offset} size {size} '
                         f'{field["type"]["qualType"]}')
        problems += record_problems(folder, record)
    return sorted(set(lines)), problems


# --- the form ---

def is_plain(qualified):
    """A pointer, a fixed-width number, one of our own named types, or an array of those."""
    plain = re.sub(r"\[\d+\]$", "", re.sub(r"\b(const|volatile)\b", "", qualified)).strip()
    return "*" in plain or plain in SCALARS or plain.startswith("Banos_")


def function_problems(d):
    name, problems = d["name"], []
    arguments = [p for p in d.get("inner", []) if p["kind"] == "ParmVarDecl"]
    if d.get("variadic"):
        problems.append(f"{name} has variable arguments")
    if len(arguments) > 6:
        problems.append(f"{name} has more than six arguments")
    for a in arguments:
        kind = a["type"]
        by_value = kind.get("desugaredQualType", "").startswith(("struct ", "union "))
        if not is_plain(kind["qualType"]) or (by_value and "*" not in kind["desugaredQualType"]):
            problems.append(f"{name}: argument {a.get('name', '?')} is {kind['qualType']}: "
                            "use fixed-width types and pointers")
    result = d["type"]["qualType"].split("(", 1)[0].strip()
    if result != "void" and not is_plain(result):
        problems.append(f"{name} returns {result}: use a fixed-width type")
    return problems


def record_problems(folder, record):
    name = record["name"]
    if name in OLD:
        return []
    problems = [f"{name}.{f['name']} is {f['type']['qualType']}: use fixed-width types"
                for f in fields_of(record)
                if not is_plain(f["type"]["qualType"]) or f.get("isBitfield")]
    text = ""
    for header in header_names(folder):
        with open(os.path.join(folder, header), encoding="utf-8") as f:
            text += f.read()
    if not re.search(rf"BANOS_SIZE\({name}, ", text):
        problems.append(f"{name} has no BANOS_SIZE")
    return problems
