"""Makes a tree of a YAML parser's events, and notes every mistake on the way."""

from typing import Protocol

from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from builder.formats.yaml_scalars import AmbiguousScalarError, resolve_plain
from builder.formats.yaml_tree import (
    BrokenNode,
    Entry,
    ListNode,
    MapNode,
    Node,
    Place,
    Problem,
    ScalarNode,
    Source,
    YamlScalar,
)

MAX_DEPTH = 64


class EventStream(Protocol):
    """A YAML parser, as far as this module needs it."""

    def get_event(self) -> Event | None:
        """The next event; None, or a `StreamEndEvent`, after the last."""
        ...


class StopReadingError(Exception):
    """What follows cannot be understood; the problem is recorded already."""


class Composer:
    """One pass over the events of one source; mistakes are added to `problems`."""

    def __init__(self, events: EventStream, source: Source, problems: list[Problem]) -> None:
        self._events = events
        self._source = source
        self._problems = problems

    def document(self) -> Node | None:
        """The one document of the stream."""
        event = self._next()
        if isinstance(event, StreamStartEvent):
            event = self._next()
        if not isinstance(event, DocumentStartEvent):
            self._problems.append(Problem(place=Place(source=self._source), message="the file is empty"))
            return None
        if event.version or event.tags:
            self._complain(event, "YAML directives are not supported; remove the lines that start with '%'")
        root = self._node(self._next(), 1)
        self._next()  # the document's end
        after = self._next()
        if isinstance(after, DocumentStartEvent):
            self._complain(after, "a second document starts here; only one is allowed in a file")
        return root

    def _next(self) -> Event:
        return self._events.get_event() or StreamEndEvent()

    def _node(self, event: Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._complain(event, f"nested deeper than {MAX_DEPTH} levels")
            raise StopReadingError
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, AliasEvent):
            self._complain(event, "aliases are not supported; write the value out, or share it through 'extends'")
            return BrokenNode(place=self._place(event))
        if isinstance(event, CollectionStartEvent):
            self._refuse_decoration(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        return self._list(event, depth)

    def _scalar(self, event: ScalarEvent) -> ScalarNode | BrokenNode:
        self._refuse_decoration(event)
        text, plain = event.value, event.implicit[0] and event.style in {None, ""}
        value: YamlScalar = text
        if plain:
            try:
                value = resolve_plain(text)
            except AmbiguousScalarError as error:
                self._complain(event, str(error))
                return BrokenNode(place=self._place(event))
        elif not _is_unicode(text):
            self._complain(event, "the escape names no Unicode character")
            return BrokenNode(place=self._place(event))
        return ScalarNode(place=self._place(event), value=value, text=text, plain=plain)

    def _list(self, start: Event, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(place=self._place(start), items=tuple(items))

    def _mapping(self, start: Event, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._node(event, depth + 1)
                self._node(self._next(), depth + 1)
                self._complain(event, "a key must be text; quote text that starts with a special character")
                continue
            key = self._scalar_key(event)
            entry = Entry(key_place=self._place(event), value=self._node(self._next(), depth + 1))
            if key in entries:
                self._complain(event, f"the key is written in line {entries[key].key_place.line} already")
            elif key is not None:
                entries[key] = entry
        return MapNode(place=self._place(start), entries=entries)

    def _scalar_key(self, event: ScalarEvent) -> str | None:
        """The key's text whatever it looks like (`on`, `1.10`), or None where it cannot be one."""
        self._refuse_decoration(event)
        if event.value == "<<" and event.implicit[0]:
            self._complain(event, "merging with '<<' is not supported; share values through 'extends'")
            return None
        if not _is_unicode(event.value):
            self._complain(event, "the escape names no Unicode character")
            return None
        return event.value

    def _refuse_decoration(self, event: ScalarEvent | CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._complain(event, "anchors (&) are not supported; write values out, or share them through 'extends'")
        if event.tag is not None:
            self._complain(event, "tags (!) are not supported; quotes make a value text")

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        if mark is None:
            return Place(source=self._source)
        return Place(source=self._source, line=mark.line + 1, column=mark.column + 1)

    def _complain(self, event: Event, message: str) -> None:
        self._problems.append(Problem(place=self._place(event), message=message))


def _is_unicode(text: str) -> bool:
    """Whether `text` is free of surrogates, which PyYAML's own parser lets escapes make."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
