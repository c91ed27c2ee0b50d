# SPDX-License-Identifier: BSD-2-Clause
"""What the headers of the driver ABI (include/banos) say: functions, with the version that each
exists since. Read from the text, because the comments count: a prototype stands between
BANOS_API_BEGIN and BANOS_API_END, and the comment before it (or before a group of prototypes) says
"Since X.Y"."""
import os
import re

ROOT = os.environ.get("ABI_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HEADERS = os.path.join(ROOT, "include/banos")

DEFAULT_INTERFACE = "banos.core"
# Compilers call these; no header declares them.
THUNKS = ["banos_return_thunk"] + ["banos_thunk_" + r for r in (
    "rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15").split()]

TOKEN = re.compile(r"/\*(?P<comment>.*?)\*/|(?P<code>[^/]+|/)", re.S)
PROTOTYPE = re.compile(r"^(?P<result>[\w\s*]+?[\s*])(?P<name>banos_\w+)\s*\((?P<args>.*)\)"
                       r"(\s*__attribute__\s*\(\(.*\)\))?$", re.S)
SINCE = re.compile(r"Since\s+(\d+)\.(\d+)")
INTERFACE = re.compile(r'Interface\s+"([\w.]+)"')


class HeaderError(Exception):
    pass


class Function:
    def __init__(self, header, name, result, args, comment, since, interface):
        self.header = header
        self.name = name
        self.result = " ".join(result.split())
        self.args = " ".join(args.split())
        self.comment = comment
        self.since = since
        self.interface = interface

    @property
    def prototype(self):
        space = "" if self.result.endswith("*") else " "
        return f"{self.result}{space}{self.name}({self.args})"


def clean(comment):
    """The text of a comment, without the stars at the beginnings of its lines."""
    lines = [re.sub(r"^\s*\*? ?", "", line, count=1) for line in comment.strip().splitlines()]
    return "\n".join(lines).strip()


def header_names(folder=HEADERS):
    return sorted(n for n in os.listdir(folder) if n.endswith(".h"))


def functions_of(header, folder=HEADERS, need_since=True):
    with open(os.path.join(folder, header), encoding="utf-8") as f:
        text = f.read()
    interface = INTERFACE.search(text)
    interface = interface.group(1) if interface else DEFAULT_INTERFACE
    since = None
    functions = []
    for part in re.findall(r"BANOS_API_BEGIN\n(.*?)\nBANOS_API_END", text, re.S):
        comment, code = "", ""
        for token in TOKEN.finditer(part):
            if token.group("comment") is not None:
                if not code.strip():
                    comment = clean(token.group("comment"))
                    found = SINCE.search(" ".join(comment.split()))
                    if found:
                        since = (int(found.group(1)), int(found.group(2)))
                continue
            code += re.sub(r"^#.*$", "", token.group("code"), flags=re.M)
            *whole, code = code.split(";")
            for statement in whole:
                match = PROTOTYPE.match(statement.strip())
                if not match:
                    continue
                if since is None and need_since:
                    raise HeaderError(f"include/banos/{header}: {match.group('name')}: no comment "
                                      'before it says "Since X.Y"')
                functions.append(Function(header, match.group("name"), match.group("result"),
                                          match.group("args"), comment, since, interface))
    return functions


def all_functions(folder=HEADERS):
    return [f for header in header_names(folder) for f in functions_of(header, folder)]


def head_comment(header, folder=HEADERS):
    """What stands at the top of a header, behind the licence."""
    with open(os.path.join(folder, header), encoding="utf-8") as f:
        text = f.read()
    comments = [m.group("comment") for m in TOKEN.finditer(text) if m.group("comment")]
    return clean(comments[1]) if len(comments) > 1 else ""
