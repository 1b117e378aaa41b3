"""Notes and descriptions: Markdown in, safe HTML out."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).enable(
    ["table", "strikethrough"]
)
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
#: Pictures from elsewhere would tell their host who reads the incident, and the page's policy refuses them.
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)


def render_markdown(text: str) -> SafeString:
    """CommonMark with tables and line breaks; HTML in the text is shown as text, and no script survives."""
    return mark_safe(_cleaner.clean(_markdown.render(text)))  # noqa: S308  Cleaned on the line's inside.
