"""Courses, for staff (PROTOCOL.md, section 12): asking for them, and changing them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .desk import Desk
from .errors import Malformed, Untrusted
from .manifest import digest, number, word
from .wire import is_person, is_sid, load_object, parse_time, text

ROLES = ("assistant", "teacher", "owner")


def _time(value: object, *, may_be_null: bool = False) -> str | None:
    if value is None and may_be_null:
        return None
    parse_time(value)
    return str(value)


def _role(value: object) -> str:
    if value not in ROLES:
        raise Malformed(f"no role: {value!r}")
    return str(value)


def _flag(members: dict[str, Any], name: str) -> bool:
    value = members.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"'{name}' is neither true nor false")
    return value


def _list(members: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = members.get(name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Malformed(f"'{name}' is no list of objects")
    return value


def _sid(value: object) -> str:
    if not isinstance(value, str) or not is_sid(value):
        raise Malformed(f"no SID: {value!r}")
    return value


@dataclass(frozen=True)
class Course:
    """A course; `role` is what the one who asks is there, where it was asked for that."""

    course: str
    title: str
    zone: str
    open: bool
    revision: int
    role: str | None = None

    @classmethod
    def parse(cls, members: dict[str, Any], *, with_role: bool = False) -> Course:
        """Read it."""
        return cls(
            word(members.get("course")), text(members, "title"), text(members, "zone"),
            _flag(members, "open"), number(members.get("revision")),
            _role(members.get("role")) if with_role else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """A course with what belongs to it; the parts are as the protocol spells them."""

    course: Course
    assignments: dict[str, dict[str, Any]]
    extensions: list[dict[str, Any]]
    staff: dict[str, str]


@dataclass(frozen=True)
class Member:
    """A student of a course."""

    sid: str
    name: str
    email: str
    extra: list[list[str]]
    groups: dict[str, str]
    dropped_at: str | None

    @classmethod
    def parse(cls, members: dict[str, Any]) -> Member:
        """Read it."""
        extra, groups = members.get("extra"), members.get("groups")
        if not isinstance(extra, list) or not isinstance(groups, dict):
            raise Malformed("not a member of a course")
        return cls(
            _sid(members.get("sid")), text(members, "name"), text(members, "email"), extra, groups,
            _time(members.get("dropped_at"), may_be_null=True),
        )  # fmt: skip


@dataclass(frozen=True)
class HandIn:
    """What one student has handed in; the claims are as the protocol spells them."""

    sid: str
    name: str
    on_roster: bool
    due: str | None
    counting: str | None
    chosen: str | None
    claims: list[dict[str, Any]]

    @classmethod
    def parse(cls, members: dict[str, Any]) -> HandIn:
        """Read it."""
        counting, chosen = members.get("counting"), members.get("chosen")
        claims = _list(members, "claims")
        for claim in claims:
            digest(claim.get("claim"))
            _time(claim.get("lodged_at"))
            number(claim.get("late_ms"))
            number(claim.get("penalty"), 100)
        if counting is not None and counting not in [claim["claim"] for claim in claims]:
            raise Malformed("a claim counts that is not in the list")
        if chosen is not None and not isinstance(chosen, str):
            raise Malformed("'chosen' is no reason")
        return cls(
            _sid(members.get("sid")), text(members, "name"), _flag(members, "on_roster"),
            _time(members.get("due"), may_be_null=True), counting, chosen, claims,
        )  # fmt: skip


class Staff:
    """A member of staff at a Blackboard. Every request may be repeated, a change too."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def _get(self, target: str) -> dict[str, Any]:
        return load_object(self.desk.json(self.desk.ask("GET", target), 200))

    def courses(self) -> list[Course]:
        """Where this person is staff."""
        members = self._get("/v1/courses")
        _time(members.get("server_time"))
        return [Course.parse(one, with_role=True) for one in _list(members, "courses")]

    def course(self, course: str) -> Whole:
        """A course, with its assignments, extensions and staff."""
        members = self._get(f"/v1/courses/{word(course)}")
        _time(members.get("server_time"))
        found = members.get("course")
        if not isinstance(found, dict):
            raise Malformed("an answer without its course")
        staff: dict[str, str] = {}
        for one in _list(members, "staff"):
            person = text(one, "person")
            if not is_person(person):
                raise Malformed(f"nobody's id: {person!r}")
            staff[person] = _role(one.get("role"))
        whole = Whole(
            Course.parse(found),
            {word(one.get("assignment")): one for one in _list(members, "assignments")},
            _list(members, "extensions"), staff,
        )  # fmt: skip
        if whole.course.course != course:
            raise Untrusted("Blackboard answers for another course")
        return whole

    def _pages(self, target: str, name: str, page: int | None) -> Iterator[dict[str, Any]]:
        """All parts of a list, by its cursor, which must go on."""
        after: str | None = None
        while True:
            query = [f"after={after}"] if after else []
            query += [f"limit={page}"] if page else []
            members = self._get("?".join([target, "&".join(query)] if query else [target]))
            for one in _list(members, name):
                if after is not None and _sid(one.get("sid")) <= after:
                    raise Malformed("a part that begins before its cursor")
                yield one
            following = members.get("next")
            if following is None:
                return
            if after is not None and _sid(following) <= after:
                raise Malformed("a cursor that does not go on")
            after = _sid(following)

    def members(self, course: str, page: int | None = None) -> Iterator[Member]:
        """The roster by SID, with those who left; `page` students at a time."""
        for one in self._pages(f"/v1/courses/{word(course)}/members", "members", page):
            yield Member.parse(one)

    def hand_ins(
        self, course: str, assignment: str, page: int | None = None
    ) -> Iterator[HandIn]:
        """Who has handed in what, by SID."""
        target = f"/v1/courses/{word(course)}/assignments/{word(assignment)}/hand-ins"
        for one in self._pages(target, "hand_ins", page):
            yield HandIn.parse(one)

    def change(self, course: str, revision: int, *changes: dict[str, object]) -> int:
        """Make changes to the course as it was at `revision`: all or none. The revision then."""
        content = json.dumps({"revision": revision, "changes": list(changes)}).encode()
        answer = self.desk.ask(
            "POST", f"/v1/courses/{word(course)}/changes", content=content,
            content_type="application/json",
        )  # fmt: skip
        return number(load_object(self.desk.json(answer, 200)).get("revision"))
