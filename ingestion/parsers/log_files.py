"""Lines of log files in their common forms: JSON, syslog (RFC 3164 and 5424), Apache and nginx, Python, plain."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ingestion.levels import Level, parse_level
from ingestion.limits import METADATA_DEPTH
from ingestion.parsers.canonical import depth_of

_SYSLOG_LEVELS = (Level.FATAL,) * 3 + (Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)
_WORDS = {
    "TRACE": Level.DEBUG, "NOTICE": Level.INFO, "ERR": Level.ERROR, "SEVERE": Level.ERROR, "CRIT": Level.FATAL,
    "ALERT": Level.FATAL, "EMERG": Level.FATAL, "PANIC": Level.FATAL,
}  # fmt: skip
_LEVEL = r"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|ALERT|EMERG|FATAL|PANIC"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?"
_TIME_KEYS = ("timestamp", "@timestamp", "time", "ts", "datetime")
_LEVEL_KEYS = ("level", "severity", "levelname", "lvl", "log.level")
_MESSAGE_KEYS = ("message", "msg", "event", "log", "body")


@dataclass(frozen=True, slots=True)
class FileLine:
    """What one line says; what it does not say is None, or empty."""

    message: str
    timestamp: datetime | None = None
    level: Level | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


#: Reads a line; None for one that is not of its form. Times without a zone are in the given one.
LineParser = Callable[[str, tzinfo], FileLine | None]


def _level(text: str | None) -> Level | None:
    if not text:
        return None
    try:
        return parse_level(text)
    except ValueError:
        return _WORDS.get(text.strip().upper())


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub(r"[.,](\d{1,6})\d*", r".\1", text.replace(" +", "+").replace(" -", "-")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


# ---- JSON lines ------------------------------------------------------------------------------------------------------


def parse_json(line: str, zone: tzinfo) -> FileLine | None:
    """One object a line; the usual names of time, level and message are known, and the rest is metadata."""
    try:
        document = json.loads(line, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    rest = dict(document)
    moment = _first(rest, _TIME_KEYS, lambda value: _moment(value, zone))
    level = _first(rest, _LEVEL_KEYS, lambda value: _level(value) if isinstance(value, str) else None)
    message = _first(rest, _MESSAGE_KEYS, lambda value: value if isinstance(value, str) else None)
    metadata = rest.pop("metadata", None)
    if isinstance(metadata, dict):
        rest = {**metadata, **rest}
    if message is None or depth_of(rest) > METADATA_DEPTH:
        return FileLine(line, moment, level)
    return FileLine(message, moment, level, rest)


def _finite(text: str) -> float | str:
    """As the intake takes numbers: what no double can hold stays a text, as ``NaN`` and ``Infinity`` do."""
    value = float(text)
    return value if math.isfinite(value) else text


def _first(rest: dict[str, Any], keys: Iterable[str], read: Callable[[Any], Any]) -> Any:
    """The first of the keys whose value can be read; it is taken out."""
    for key in keys:
        if key in rest and (value := read(rest[key])) is not None:
            del rest[key]
            return value
    return None


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, str):
        return _iso(value, zone)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
        for _ in range(3):  # Milliseconds, microseconds and nanoseconds are told by their size.
            if seconds > 1e11:
                seconds /= 1_000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


# ---- syslog ----------------------------------------------------------------------------------------------------------

_RFC_3164 = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+)"
    r" (?P<app>[^\s:\[]+)(?:\[(?P<pid>[^\]]*)\])?: ?(?P<message>.*)",
    re.DOTALL,
)
_RFC_5424 = re.compile(
    rf"<(?P<pri>\d{{1,3}})>1 (?P<time>{_ISO}) (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<msgid>\S+)"
    r" (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: \ufeff?(?P<message>.*))?",
    re.DOTALL,
)


def parse_syslog(line: str, zone: tzinfo) -> FileLine | None:
    match = _RFC_5424.fullmatch(line)
    if match:
        moment = _iso(match["time"], zone)
    else:
        match = _RFC_3164.fullmatch(line)
        moment = _without_year(match["time"], zone) if match else None
    if match is None or moment is None:
        return None
    level = _SYSLOG_LEVELS[int(match["pri"]) % 8] if match["pri"] else None
    metadata = {name: match[name] for name in ("host", "app", "pid") if match[name] not in (None, "-")}
    return FileLine(match["message"] or "", moment, level, metadata)


def _without_year(text: str, zone: tzinfo) -> datetime | None:
    """The latest year that does not put the moment into the future."""
    now = datetime.now(zone)
    for year in (now.year + 1, now.year, now.year - 1):
        try:
            moment = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=zone)
        except ValueError:
            continue
        if moment <= now + timedelta(days=1):
            return moment
    return None


# ---- Apache and nginx ------------------------------------------------------------------------------------------------

_ACCESS = re.compile(
    r'(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3})'
    r' (?P<bytes>\d{1,18}|-)(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?.*'
)
_APACHE_ERROR = re.compile(
    r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\]"
    r" \[(?:[\w-]*:)?(?P<level>\w+)\](?P<message>.*)",
    re.DOTALL,
)
_NGINX_ERROR = re.compile(r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>\w+)\] (?P<message>.*)", re.DOTALL)


def parse_apache(line: str, zone: tzinfo) -> FileLine | None:
    """Access logs (common and combined, nginx too) and error logs. The status of a request gives its level."""
    if match := _ACCESS.fullmatch(line):
        moment = _at(match["time"], "%d/%b/%Y:%H:%M:%S %z", zone)
        if moment is None:
            return None
        status = int(match["status"])
        level = Level.ERROR if status >= 500 else Level.WARN if status >= 400 else Level.INFO
        named = {name: match[name] for name in ("client", "user", "referer", "agent") if match[name] not in (None, "-")}
        size = {"bytes": int(match["bytes"])} if match["bytes"] != "-" else {}
        return FileLine(f"{match['request']} {status}", moment, level, {"status": status, **size, **named})
    for pattern, form in (
        (_APACHE_ERROR, "%a %b %d %H:%M:%S %Y"),
        (_APACHE_ERROR, "%a %b %d %H:%M:%S.%f %Y"),
        (_NGINX_ERROR, "%Y/%m/%d %H:%M:%S"),
    ):
        if (match := pattern.fullmatch(line)) and (moment := _at(match["time"], form, zone)):
            return FileLine(match["message"].strip(), moment, _level(match["level"]))
    return None


def _at(text: str, form: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows.
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


# ---- Python and others that begin with a time ------------------------------------------------------------------------

_LEADING_TIME = re.compile(rf"\[?(?P<time>{_ISO})\]?[ \t]*(?P<rest>.*)", re.DOTALL)
_LEVEL_FIRST = re.compile(rf"[\[(]?(?P<level>{_LEVEL})[\])]?[ :\t-]+(?P<message>.*)", re.DOTALL | re.IGNORECASE)
_LEVEL_SECOND = re.compile(
    rf"(?:- )?(?P<logger>\[?[\w.:-]+\]?)[ :\t-]+[\[(]?(?P<level>{_LEVEL})[\])]?[ :\t-]+(?P<message>.*)",
    re.DOTALL,
)
_BASIC = re.compile(rf"(?P<level>{_LEVEL}):(?P<logger>[\w.]+):(?P<message>.*)", re.DOTALL)


def parse_python(line: str, zone: tzinfo) -> FileLine | None:
    """``time level message`` and ``time - logger - level - message`` in their variants, and logging's basic form."""
    if match := _BASIC.fullmatch(line):
        return FileLine(match["message"], None, _level(match["level"]), {"logger": match["logger"]})
    leading = _LEADING_TIME.fullmatch(line)
    moment = _iso(leading["time"], zone) if leading else None
    if leading is None or moment is None:
        return None
    rest = leading["rest"]
    if match := _LEVEL_FIRST.fullmatch(rest):
        return FileLine(match["message"], moment, _level(match["level"]))
    if match := _LEVEL_SECOND.fullmatch(rest):
        return FileLine(match["message"], moment, _level(match["level"]), {"logger": match["logger"].strip("[]")})
    return FileLine(rest, moment)


def parse_plain(line: str, zone: tzinfo) -> FileLine | None:
    return FileLine(line)


PARSERS: dict[str, LineParser] = {
    "json": parse_json,
    "syslog": parse_syslog,
    "apache": parse_apache,
    "python": parse_python,
    "plain": parse_plain,
}
#: A form that reads at least this part of the first lines is the file's: the others belong to the line before them.
_SHARE_OF_A_FORM = 0.3


def guess_format(lines: Iterable[str], zone: tzinfo) -> str:
    """The form that reads most of the lines; ``plain`` where none reads enough."""
    shown = [line for line in lines if line.strip()]
    best, read = "plain", max(1, round(len(shown) * _SHARE_OF_A_FORM)) - 1
    for name, parse in PARSERS.items():
        if name == "plain":
            continue
        count = sum(parse(line, zone) is not None for line in shown)
        if count > read:
            best, read = name, count
    return best
