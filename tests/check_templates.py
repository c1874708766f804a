#!/usr/bin/env python3
"""check_templates.py RENDER_TEMPLATE [COUNT [SEED]]: random templates through fathom and through jinja2, set as transformers
sets it. What both render must be the same text, what jinja2 cannot render fathom must refuse; what only fathom refuses is
counted and shown, since it is stricter on purpose. Needs jinja2; RENDER_TEMPLATE is the program tests/render_template."""
import copy, json, random, subprocess, sys, warnings

from fixtures.make_templates import DAY, environment

VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be kind.\n"},
        {"role": "user", "content": "  What is <b>5 * 3</b>?  "},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\n15", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5}}}]},
        {"role": "user", "content": ["a", {"type": "text", "text": "b"}]},
    ],
    "numbers": [3, 1, 2, 2], "empty": [], "mixed": [1, "a", None, True, 2.5, [1], {"k": "v"}],
    "text": "Hello, World of words", "blank": " \t pad \n", "odd": "it's \"odd\" \u00e9\u4e2d\u2028\U0001f600", "nothing": "", "padded": "  two  words \t",
    "dictionary": {"b": 1, "A": [1, 2], "c": {"d": None}}, "none_value": None, "yes": True, "no": False,
    "one": 1, "ten": 10, "minus": -7, "real": 2.5, "tiny": 1e-07, "big": 12345678901,
    "add_generation_prompt": True, "bos_token": "<s>",
}


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.names = list(VARIABLES)
        self.macros = []

    def pick(self, *choices):
        return self.rng.choice(choices)

    def string(self):
        return self.pick("'a'", "'o'", "''", "' '", "'Hello'", "', '", "'\\n'", "\"it's\"", "'role'", "'user'", "'content'", "'x.y'", "'%s-%d'",
                         "'{} {}'", "'</think>'", "'1.5'", "'42'", "'A'", "'a,b,,c'", "'\\u00e9'", "'<b>'", "'l'", "'wor'")

    def integer(self):
        return self.pick("0", "1", "2", "3", "-1", "-2", "7", "100")

    def number(self):
        return self.pick(self.integer(), self.integer(), "1.5", "0.1", "2.0", "1e3")

    def atom(self):
        return self.pick(self.string(), self.number(), "true", "none", "[]", "[1, 2, 3]", "('a', 'b')", "{'k': 1}", "undefined_name",
                         *[self.rng.choice(self.names) for _ in range(6)])

    def expr(self, depth):
        if depth <= 0:
            return self.atom()
        e = lambda: self.expr(depth - 1 - self.rng.randrange(2))
        kind = self.rng.randrange(18)
        if kind < 2:
            return self.atom()
        if kind < 6:
            return f"{self.postfix(e())}|{self.filter(depth)}"
        if kind < 8:
            return f"{self.postfix(e())}.{self.method(depth)}"
        if kind == 8:
            return f"{e()} {self.pick('+', '-', '*', '/', '//', '%', '~', '~', '+')} {e()}"
        if kind == 9:
            return f"({e()} {self.pick('==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'and', 'or')} {e()})"
        if kind == 10:
            return f"({e()} {self.pick('is', 'is not')} {self.test()})"
        if kind == 11:
            return f"{self.postfix(e())}[{self.subscript(depth)}]"
        if kind == 12:
            return f"{self.postfix(e())}.{self.pick('role', 'content', 'k', 'b', 'A', 'c', 'missing')}"
        if kind == 13:
            return f"({e()} if {e()}{self.pick(' else ' + e(), '')})"
        if kind == 14:
            return self.pick(f"[{e()}, {e()}]", f"({e()}, {e()})", f"{{{self.string()}: {e()}, 'z': {e()}}}", f"({e()},)")
        if kind == 15:
            return f"{self.pick('not ', '-', '+')}{self.postfix(e())}"
        if kind == 16:
            return self.pick(f"range({self.integer()})", f"range({self.integer()}, {self.integer()})", f"range(9, 0, {self.integer()})",
                             f"dict(a={e()}).items()", f"namespace(a={e()}).a", "strftime_now('%d %b %Y')", f"messages[{self.integer()}].content")
        if self.macros:
            name, n = self.rng.choice(self.macros)
            return f"{name}({', '.join(e() for _ in range(self.rng.randrange(n + 1)))})"
        return f"({e()})"

    def postfix(self, text):
        return text if text.replace("_", "").isalnum() and not text[0].isdigit() else f"({text})"

    def subscript(self, depth):
        i = lambda: self.pick("", self.integer())
        return self.pick(self.integer(), self.integer(), self.string(), self.expr(depth - 1), f"{i()}:{i()}", f"{i()}:{i()}:{self.pick('1', '-1', '2', '-2', '')}")

    def test(self):
        return self.pick("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence",
                         "iterable", "callable", "odd", "even", f"divisibleby {self.integer()}", f"in {self.atom()}", f"equalto({self.atom()})",
                         f"eq {self.atom()}", f"gt {self.number()}", f"le({self.number()})", "lower", "upper", "sameas true")

    def filter(self, depth):
        a = lambda: self.atom()
        return self.pick(
            "trim", "trim('a ')", "length", "count", "upper", "lower", "capitalize", "title", "string", "list", "first", "last", "reverse", "sort",
            f"sort(reverse=true)", "sort(attribute='role')", "sort(attribute='role,content')", "unique", "unique|list", "sum", "min", "max", "abs", "int",
            f"int({a()})", "float", f"round", f"round({self.integer()})", "round(1, 'floor')", "round(method='ceil')", "tojson", "tojson(indent=2)",
            "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)", f"join({self.string()})", "join", "join(',', attribute='role')",
            f"replace({self.string()}, {self.string()})", f"replace({self.string()}, {self.string()}, 1)", f"default({a()})", f"d({a()}, true)", "items", "items|list", "dictsort",
            "dictsort(by='value')", "dictsort(true, reverse=true)", "map('upper')|list", "map(attribute='role')|list", "map(attribute='x', default='q')|join", "map('length')|list",
            f"select|list", "select('string')|list", f"select('gt', {self.integer()})|list", "reject('none')|list", f"reject('equalto', {a()})|join('.')",
            "selectattr('role')|list", "selectattr('role', 'equalto', 'user')|list|length", "rejectattr('role', 'in', ['user'])|map(attribute='role')|list",
            "indent", "indent(2, true)", "indent('> ', blank=true)", "e", "safe", f"format({a()}, {a()})", "reverse|list", "list|last", "tojson|length")

    def method(self, depth):
        s, i = self.string, self.integer
        return self.pick(
            "upper()", "lower()", "strip()", f"strip({s()})", f"lstrip({s()})", f"rstrip({s()})", "split()", f"split({s()})", f"split({s()}, {i()})", f"rsplit({s()}, 1)",
            "split(none, 1)", "rsplit(none, 1)", f"split(none, {i()})", f"startswith({s()})", f"endswith({s()})", f"startswith(({s()}, {s()}))", f"replace({s()}, {s()})", f"find({s()})", f"rfind({s()})",
            f"count({s()})", "capitalize()", "title()", f"join({self.atom()})", "splitlines()", "splitlines(true)", f"partition({s()})", f"rpartition({s()})",
            "isdigit()", "isalpha()", "isspace()", "isupper()", "islower()", "isalnum()", f"removeprefix({s()})", f"removesuffix({s()})", f"format({self.atom()}, {self.atom()})",
            "items()", "items()|list", "keys()|list", "values()|list", f"get({s()})", f"get({s()}, {self.atom()})", f"index({self.atom()})", "items()|length",
            "append(1)", "pop()", "update({})")

    def blanks(self):
        return self.pick("", "", " ", "\n", "\n  ", "  \n", "text", "\ttext\n", "{# note #}", "  {#- note -#}\n", "{% raw %} {{ x }} {% endraw %}\n")

    def tag(self, body):
        return "{%" + self.pick("", "", "-", "+") + " " + body + " " + self.pick("", "", "-", "+") + "%}"

    def out(self, body):
        return "{{" + self.pick("", "", "-") + " " + body + " " + self.pick("", "", "-") + "}}"

    def block(self, depth, loops=0):
        return "".join(self.blanks() + self.statement(depth, loops) for _ in range(1 + self.rng.randrange(3))) + self.blanks()

    def statement(self, depth, loops):
        e = lambda d=2: self.expr(d)
        if depth <= 0:
            return self.out(e())
        body = lambda l=loops: self.block(depth - 1, l)
        kind = self.rng.randrange(13)
        if kind < 4:
            return self.out(e(3))
        if kind == 4:
            more = "".join(self.tag(f"elif {e()}") + body() for _ in range(self.rng.randrange(2)))
            return self.tag(f"if {e()}") + body() + more + (self.tag("else") + body() if self.rng.random() < .5 else "") + self.tag("endif")
        if kind < 8:
            name = self.pick("i", "m", "x")
            self.names.append(name)
            inner = self.out("loop." + self.pick("index", "index0", "first", "last", "length", "revindex", "revindex0", "previtem", "nextitem", "depth",
                                                 "cycle('a', 'b')", "changed(" + name + ")")) if self.rng.random() < .7 else ""
            condition = f" if {e(1)}" if self.rng.random() < .3 else ""
            target, source = (name, self.pick("messages", "numbers", "mixed", "text", e(), "range(3)", "numbers|reverse", "messages|selectattr('role', 'eq', 'user')"))
            if self.rng.random() < .2:
                target, source = f"k, {name}", self.pick("dictionary.items()", "dictionary|items", "dictionary|dictsort")
            jump = self.tag(f"if {e(1)}") + self.tag(self.pick("break", "continue")) + self.tag("endif") if self.rng.random() < .3 else ""
            text = self.tag(f"for {target} in {source}{condition}") + inner + jump + self.block(depth - 1, loops + 1)
            return text + (self.tag("else") + body() if self.rng.random() < .3 else "") + self.tag("endfor")
        if kind == 8:
            name = self.pick("i", "x", "text", "ns2")
            text = self.tag(f"set {name} = {e(3)}")
            self.names.append(name)
            return text
        if kind == 9:
            return self.tag("set ns = namespace(n=0, s='')") + self.tag("for q in range(3)") + self.tag(f"set ns.{self.pick('n', 's', 'new')} = {self.pick('ns.n + q', 'ns.s ~ q', e(1))}") + \
                self.tag("endfor") + self.out("ns.n") + self.out("ns.s") + self.out("ns.new")
        if kind == 10:
            name = self.pick("b", "c")
            text = self.tag(f"set {name}{self.pick('', ' | trim', ' | upper | trim')}") + body(0) + self.tag("endset")
            self.names.append(name)
            return text
        if kind == 11:
            name = self.pick("m1", "m2")
            saved = list(self.names)
            self.names += ["p", "q"]
            text = self.tag(f"macro {name}(p, q={self.atom()})") + self.block(depth - 1, 0) + self.tag("endmacro")
            self.names = saved
            self.macros.append((name, 2))
            return text
        return self.pick(self.tag("generation") + body(0) + self.tag("endgeneration"), self.tag("filter " + self.pick("upper", "trim", "indent(2)", "replace('a', 'b')")) + body(0) + self.tag("endfilter"))


def answers(program, templates):
    rows = "".join(json.dumps({"template": t, "variables": VARIABLES, "date": DAY}) + "\n" for t in templates)
    done = subprocess.run([program], input=rows.encode(), capture_output=True)
    if done.returncode:
        sys.exit(f"{program} ended with {done.returncode}: {done.stderr.decode()[:3000]}")
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def main():
    warnings.simplefilter("ignore")  # of Python on what templates compile to
    program, count, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    print(f"seed {seed}, {count} templates")
    env, rng = environment(), random.Random(seed)
    templates = []
    for i in range(count):
        maker = Maker(rng)
        templates.append("{{ " + maker.expr(4) + " }}" if i % 2 else maker.block(2))
    tally, reasons, bad = {}, {}, 0
    for template, answer in zip(templates, answers(program, templates)):
        try:
            expected = env.from_string(template).render(**copy.deepcopy(VARIABLES))
        except Exception as error:  # whatever Python raises
            expected, cause = None, f"{type(error).__name__}: {error}"
        if expected is not None and " object at 0x" in expected:
            kind = "an address, not compared"
        elif expected is None:
            kind = "both refuse" if "error" in answer else "WRONG: only jinja2 refuses"
        elif "error" in answer:
            kind = "only fathom refuses"
            reason = answer["error"].split(": ", 1)[-1]
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            kind = "same" if answer["text"] == expected else "WRONG: another text"
        tally[kind] = tally.get(kind, 0) + 1
        if kind.startswith("WRONG"):
            bad += 1
            if bad <= 10:
                print(f"{kind}\n  {template!r}\n  fathom {answer}\n  jinja2 {expected!r}" + ("" if expected is not None else f" {cause}"))
    for kind, n in sorted(tally.items()):
        print(f"{n:7d} {kind}")
    for reason, n in sorted(reasons.items(), key=lambda r: -r[1])[:25]:
        print(f"{n:7d} refused: {reason}")
    sys.exit(bad > 0)


main()
