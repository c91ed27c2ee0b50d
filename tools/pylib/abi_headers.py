# SPDX-License-Identifier: BSD-2-Clause
"""What the headers of the driver ABI (include/banos) say: functions, with the version that each
exists since. Read from the text, because the comments count: a prototype stands between
BANOS_API_BEGIN and BANOS_API_END, in a group: a comment, and what follows it up to the next comment or
empty line. The comment of each group says "Context: ..." and "Since X.Y"."""
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
PROTOTYPE = re.compile(r"^(?P<result>[\w\s*]+?[\s*])(?P<name>[a-z]\w+)\s*\((?P<args>.*)\)"
                       r"(\s*__attribute__\s*\(\(.*\)\))?$", re.S)
SINCE = re.compile(r"Since (?:version )?(\d+)\.(\d+)")
CONTEXT = re.compile(r"Context: (any|may sleep)\b")
INTERFACE = re.compile(r'Interface\s+"([\w.]+)"')


class HeaderError(Exception):
    pass


class Function:
    """A prototype: `since` and `comment` are those of its group."""

    def __init__(self, header, line, interface, match, comment):
        self.header = header
        self.line = line
        self.name = match.group("name")
        self.result = " ".join(match.group("result").split())
        self.args = " ".join(match.group("args").split())
        self.comment = comment
        self.interface = interface
        found = SINCE.search(" ".join(comment.split()))
        self.since = (int(found.group(1)), int(found.group(2))) if found else None

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


def prototypes(text):
    """(line, match, comment of its group) for each function between BEGIN and END."""
    for part in re.finditer(r"BANOS_API_BEGIN\n(.*?)\nBANOS_API_END", text, re.S):
        comment, code, begin = "", "", part.start(1)
        for token in TOKEN.finditer(text, part.start(1), part.end(1)):
            if token.group("comment") is not None:
                before = text[text.rfind("\n", 0, token.start()) + 1:token.start()]
                if not code.strip() and not before.strip():  # else it is about one line, or an argument
                    comment, code = clean(token.group("comment")), ""
                    begin = token.end()
                else:
                    code += " " * (token.end() - token.start())
                continue
            # As long as they were, and an end for what stands before them.
            code += re.sub(r"^#.*$", lambda m: ";" + " " * (len(m.group()) - 1),
                           token.group("code"), flags=re.M)
            *whole, code = code.split(";")
            for statement in whole:
                inner = statement.lstrip()
                space = statement[:len(statement) - len(inner)]
                if space.count("\n") > 1:
                    comment = ""
                match = PROTOTYPE.match(inner.rstrip())
                if match:
                    yield text.count("\n", 0, begin + len(space)) + 1, match, comment
                begin += len(statement) + 1


def functions_of(header, folder=HEADERS, strict=True):
    """Of one header. Not strict: a group that does not say since when has what was said before."""
    with open(os.path.join(folder, header), encoding="utf-8") as f:
        text = f.read()
    interface = INTERFACE.search(text)
    interface = interface.group(1) if interface else DEFAULT_INTERFACE
    functions = [Function(header, line, interface, match, comment)
                 for line, match, comment in prototypes(text)]
    if strict:
        problems = comment_problems(functions)
        if problems:
            raise HeaderError("\n".join(problems))
    last = None
    for function in functions:
        last = function.since = function.since or last
    return functions


def comment_problems(functions):
    """What the comments of groups leave out: a reader of one function must not have to guess."""
    problems = []
    for f in functions:
        where = f"banos/{f.header}:{f.line}: {f.name}"
        if not f.since:
            problems.append(f'{where}: the comment right above it does not say since when it exists: '
                            'add "Since X.Y." to the comment of its group (which ends at the next '
                            "comment or empty line)")
        if not CONTEXT.search(" ".join(f.comment.split())):
            problems.append(f"{where}: the comment right above it does not say where it may be "
                            'called: add "Context: any." or "Context: may sleep." to it')
    return problems


def all_functions(folder=HEADERS, strict=True):
    """What the kernel offers. All that is missing in comments is told at once."""
    functions, problems = [], []
    for header in header_names(folder):
        try:
            functions += functions_of(header, folder, strict)
        except HeaderError as e:
            problems.append(str(e))
    if problems:
        raise HeaderError("\n".join(problems))
    return functions


def head_comment(header, folder=HEADERS):
    """What stands at the top of a header, behind the licence."""
    with open(os.path.join(folder, header), encoding="utf-8") as f:
        text = f.read()
    comments = [m.group("comment") for m in TOKEN.finditer(text) if m.group("comment")]
    return clean(comments[1]) if len(comments) > 1 else ""
