"""The machine that works through the opcodes of a pickle: the plain ones, and no others."""

from __future__ import annotations

import codecs
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import BinaryIO

from emofuse.datasets.archive_names import ABSENT, NAMES, checked_key
from emofuse.datasets.archive_source import Pending, Source, shown

HIGHEST_PROTOCOL = 5
BIG = 1 << 16


class Machine:
    """The state of one reading: the stack, where its marks stand, and what was put by to be used again."""

    def __init__(self, stream: BinaryIO, source: Source) -> None:
        self.source = source
        self.read = source.read
        self.line = source.line
        self.stream = stream
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """Work through the opcodes up to the stop; the one value that is left."""
        read = self.stream.read
        while (code := read(1)) != b".":
            step = _STEPS.get(code)
            if step is None:
                raise self.source.refused(_FORBIDDEN.get(code, f"opcode {code!r}" if code else "no stop"))
            step(self)
        return self.stack.pop()

    def popped_to_mark(self) -> list[object]:
        """Take what stands above the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def put_by(self, index: int) -> None:
        """Keep the top of the stack under a number."""
        self.source.spend(100)
        self.memo[index] = self.stack[-1]

    def fetch(self, index: int) -> None:
        """Push what was kept, as it is now."""
        kept = self.memo[index]
        self.stack.append(kept.value if isinstance(kept, Pending) and kept.done else kept)


Step = Callable[[Machine], None]


def _constant(value: object) -> Step:
    return lambda machine: machine.stack.append(value)


def _packed(form: str) -> Step:
    layout = struct.Struct(form)
    return lambda machine: machine.stack.append(layout.unpack(machine.read(layout.size))[0])


def _fresh(kind: Callable[[], object], size: int) -> Step:
    def _step(machine: Machine) -> None:
        machine.source.spend(size)
        machine.stack.append(kind())

    return _step


def _stretch(width: int, form: str) -> Step:
    def _step(machine: Machine) -> None:
        length = int.from_bytes(machine.read(width), "little")
        if length >= BIG:
            machine.stack.append(machine.source.skipped(length, form))
            return
        content = machine.read(length)
        machine.source.spend(60 + length)
        if form == "utf8":
            machine.stack.append(content.decode("utf-8", "replace"))
        else:
            machine.stack.append(content.decode("latin-1") if form == "latin1" else content)

    return _step


def _proto(machine: Machine) -> None:
    if (version := machine.read(1)[0]) > HIGHEST_PROTOCOL:
        raise machine.source.refused(f"protocol {version}")


def _frame(machine: Machine) -> None:
    machine.source.within(int.from_bytes(machine.read(8), "little"))


def _mark(machine: Machine) -> None:
    machine.marks.append(len(machine.stack))


def _pop(machine: Machine) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.stack.pop()


def _int_line(machine: Machine) -> None:
    text = machine.line()
    machine.stack.append({"00": False, "01": True}.get(text) if text in ("00", "01") else int(text))


def _long_line(machine: Machine) -> None:
    machine.stack.append(int(machine.line().removesuffix("L")))


def _long(width: int) -> Step:
    def _step(machine: Machine) -> None:
        length = int.from_bytes(machine.read(width), "little")
        if length > 1024:
            raise machine.source.refused(f"a whole number of {length} bytes")
        machine.stack.append(int.from_bytes(machine.read(length), "little", signed=True))

    return _step


def _float_line(machine: Machine) -> None:
    machine.stack.append(float(machine.line()))


def _string_line(machine: Machine) -> None:
    text = machine.line(machine.source.size)
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"'":
        raise machine.source.refused("a string without quotes")
    value = codecs.escape_decode(text[1:-1].encode("latin-1"))[0]
    machine.source.spend(60 + len(value))
    machine.stack.append(value.decode("latin-1"))


def _unicode_line(machine: Machine) -> None:
    text = machine.line(machine.source.size)
    machine.source.spend(60 + 4 * len(text))
    machine.stack.append(text.encode("latin-1").decode("raw-unicode-escape"))


def _appended(machine: Machine, items: list[object]) -> None:
    target = machine.stack[-1]
    if type(target) is not list:
        raise machine.source.refused(f"items added to a {type(target).__name__}")
    target.extend(items)


def _append(machine: Machine) -> None:
    item = machine.stack.pop()
    _appended(machine, [item])


def _appends(machine: Machine) -> None:
    _appended(machine, machine.popped_to_mark())


def _list(machine: Machine) -> None:
    machine.source.spend(80)
    machine.stack.append(machine.popped_to_mark())


def _tuple(machine: Machine) -> None:
    machine.source.spend(80)
    machine.stack.append(tuple(machine.popped_to_mark()))


def _tuple_of(count: int) -> Step:
    def _step(machine: Machine) -> None:
        machine.source.spend(80)
        items = tuple(machine.stack[-count:])
        if len(items) < count:
            raise IndexError("the stack is empty")
        machine.stack[-count:] = [items]

    return _step


def _set_items(machine: Machine, items: list[object]) -> None:
    target = machine.stack[-1]
    if type(target) not in (dict, OrderedDict, defaultdict):
        raise machine.source.refused(f"keys set on a {type(target).__name__}")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[checked_key(key, machine.source)] = value  # type: ignore[index]


def _setitem(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_items(machine, [key, value])


def _setitems(machine: Machine) -> None:
    _set_items(machine, machine.popped_to_mark())


def _dict(machine: Machine) -> None:
    machine.source.spend(80)
    items = machine.popped_to_mark()
    machine.stack.append({})
    _set_items(machine, items)


def _add_items(machine: Machine) -> None:
    items, target = machine.popped_to_mark(), machine.stack[-1]
    if type(target) is not set:
        raise machine.source.refused(f"members added to a {type(target).__name__}")
    target.update(checked_key(item, machine.source) for item in items)


def _frozenset(machine: Machine) -> None:
    items = machine.popped_to_mark()
    machine.source.spend(220)
    machine.stack.append(frozenset(checked_key(item, machine.source) for item in items))


def _global(machine: Machine) -> None:
    module = machine.line()
    _named(machine, module, machine.line())


def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    _named(machine, module, name)


def _named(machine: Machine, module: object, name: object) -> None:
    known = NAMES.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
    if known is None:
        raise machine.source.refused(f"{shown(module)}.{shown(name)}")
    machine.stack.append(None if known.name in ABSENT else known)


def _inst(machine: Machine) -> None:
    module = machine.line()
    raise machine.source.refused(f"{module}.{machine.line()}")


def _reduce(machine: Machine) -> None:
    given, called = machine.stack.pop(), machine.stack.pop()
    if not isinstance(given, tuple):
        raise machine.source.refused("a call without its values")
    machine.source.spend(80)
    machine.stack.append(machine.source.made(called, given))


def _build(machine: Machine) -> None:
    state, target = machine.stack.pop(), machine.stack[-1]
    if not isinstance(target, Pending) or target.done:
        raise machine.source.refused(f"attributes for a {type(target).__name__}")
    target.build(state, machine.source)
    machine.stack[-1] = target.value


def _memoize(machine: Machine) -> None:
    machine.put_by(len(machine.memo))


def _dup(machine: Machine) -> None:
    machine.stack.append(machine.stack[-1])


def _popmark(machine: Machine) -> None:
    machine.popped_to_mark()


def _indexed(width: int, act: Callable[[Machine, int], None]) -> Step:
    if width:
        return lambda machine: act(machine, int.from_bytes(machine.read(width), "little"))
    return lambda machine: act(machine, int(machine.line()))


_STEPS: dict[bytes, Step] = {
    b"\x80": _proto, b"\x95": _frame, b"(": _mark, b"0": _pop, b"1": _popmark, b"2": _dup,
    b"N": _constant(None), b"\x88": _constant(True), b"\x89": _constant(False), b")": _constant(()),
    b"I": _int_line, b"J": _packed("<i"), b"K": _packed("<B"), b"M": _packed("<H"),
    b"L": _long_line, b"\x8a": _long(1), b"\x8b": _long(4), b"F": _float_line, b"G": _packed(">d"),
    b"S": _string_line, b"T": _stretch(4, "latin1"), b"U": _stretch(1, "latin1"),
    b"B": _stretch(4, "bytes"), b"C": _stretch(1, "bytes"), b"\x8e": _stretch(8, "bytes"),
    b"\x96": _stretch(8, "bytes"),
    b"V": _unicode_line, b"X": _stretch(4, "utf8"), b"\x8c": _stretch(1, "utf8"), b"\x8d": _stretch(8, "utf8"),
    b"]": _fresh(list, 80), b"}": _fresh(dict, 80), b"\x8f": _fresh(set, 240),
    b"a": _append, b"e": _appends, b"l": _list, b"t": _tuple,
    b"\x85": _tuple_of(1), b"\x86": _tuple_of(2), b"\x87": _tuple_of(3),
    b"s": _setitem, b"u": _setitems, b"d": _dict, b"\x90": _add_items, b"\x91": _frozenset,
    b"c": _global, b"\x93": _stack_global, b"i": _inst, b"R": _reduce, b"\x81": _reduce, b"b": _build,
    b"p": _indexed(0, Machine.put_by), b"q": _indexed(1, Machine.put_by), b"r": _indexed(4, Machine.put_by),
    b"\x94": _memoize,
    b"g": _indexed(0, Machine.fetch), b"h": _indexed(1, Machine.fetch), b"j": _indexed(4, Machine.fetch),
}  # fmt: skip
_FORBIDDEN = {
    b"P": "a persistent id", b"Q": "a persistent id", b"o": "an object of a class", b"\x92": "an object of a class",
    b"\x82": "an extension code", b"\x83": "an extension code", b"\x84": "an extension code",
    b"\x97": "a buffer that lies elsewhere", b"\x98": "a buffer that lies elsewhere",
}  # fmt: skip
