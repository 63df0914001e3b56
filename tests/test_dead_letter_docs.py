"""Every reason code that the program can give is explained on its page."""

import ast
import re

from engine.settings import ROOT

PAGE = (ROOT / "docs" / "dead-letters.md").read_text()


#: Which argument of a call is a code.
PLACES = {"Reject": 0, "BadTime": 0, "Failed": 0, "Unfit": 1, "defect": 2, "_defect": 2, "Finding": 3}


def words(node, constants):
    """The strings that an expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
        case ast.IfExp(body=one, orelse=other):
            return words(one, constants) + words(other, constants)
    return []


def assigned(tree):
    """Strings that names of the module stand for; of a tuple of names each."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            pairs = (
                zip(target.elts, node.value.elts, strict=True)
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(target, node.value)]
            )
            found |= {
                t.id: v.value
                for t, v in pairs
                if isinstance(t, ast.Name) and isinstance(v, ast.Constant) and isinstance(v.value, str)
            }
    return found


def codes(tree, name):
    constants = assigned(tree)
    for node in ast.walk(tree):
        given, prefix = [], ""
        match node:
            case ast.Call():
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = PLACES.get(called, len(node.args))
                given = node.args[place : place + 1]
                given += [k.value for k in node.keywords if k.arg in ("defect_code", "code")]
                prefix = "bad_time_" if called == "BadTime" else ""
            case ast.Assign(targets=[ast.Name(id="code" | "_UNREADABLE")], value=value):
                given = [value]
            case ast.FunctionDef(args=arguments):
                pairs = zip(arguments.args[::-1], arguments.defaults[::-1], strict=False)
                given = [default for argument, default in pairs if argument.arg == "code"]
            case ast.Return(value=ast.Tuple(elts=[code, _])) if "mail" in name:
                given = [code]
        yield from (prefix + word for one in given for word in words(one, constants))


def collected():
    found = set()
    for package in ("connectors", "engine", "models"):
        for path in (ROOT / package).rglob("*.py"):
            found |= {c for c in codes(ast.parse(path.read_text()), str(path)) if re.fullmatch(r"[a-z]+(_[a-z]+)*", c)}
    return found


def test_every_code_of_the_source_is_on_the_page():
    missing = sorted(code for code in collected() if f"| `{code}` |" not in PAGE)
    assert missing == []


def test_the_collection_sees_codes_of_every_kind():
    known = {
        "bad_time_unparsable",
        "empty_text",
        "stage_error",
        "worker_died",
        "hung",
        "wrong_column_count",
        "not_an_envelope",
    }
    assert known <= collected()


def test_every_row_says_what_it_means_and_what_to_do():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \|$", PAGE, re.M)
    assert len(rows) == len({code for code, _, _ in rows}) >= 25
