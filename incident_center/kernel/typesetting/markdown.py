"""Markdown for printed documents: a tree of blocks that ``markdown.typ`` draws, with no markup left in its texts."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
#: Whoever nests deeper than this gets it flat.
DEEPEST = 12
_LISTS = {"bullet_list": "bullets", "ordered_list": "numbers"}
_STYLES = {"strong": "bold", "em": "italic", "s": "struck"}


def blocks_of(text: str) -> list[dict[str, Any]]:
    """CommonMark with tables, as ``markdown.typ`` takes it: blocks with ``kind``, holding runs of text."""
    return _blocks(SyntaxTreeNode(_markdown.parse(text)).children, 0)


def _blocks(nodes: list[SyntaxTreeNode], depth: int) -> list[dict[str, Any]]:
    return [block for node in nodes for block in _block(node, depth)]


def _block(node: SyntaxTreeNode, depth: int) -> list[dict[str, Any]]:
    kind = node.type
    if kind == "heading":
        return [{"kind": "heading", "level": int(node.tag[1:]), "runs": _runs(node)}]
    if kind == "paragraph":
        return [{"kind": "paragraph", "runs": _runs(node)}]
    if kind in ("fence", "code_block"):
        return [{"kind": "code", "text": node.content.rstrip("\n")}]
    if kind == "hr":
        return [{"kind": "rule"}]
    if kind == "table":
        rows = [row for part in node.children for row in part.children]
        return [{"kind": "table", "rows": [[_runs(cell) for cell in row.children] for row in rows]}]
    if depth >= DEEPEST:
        return [{"kind": "paragraph", "runs": [_run(_text_of(node))]}]
    if kind in _LISTS:
        return [{"kind": _LISTS[kind], "items": [_blocks(item.children, depth + 1) for item in node.children]}]
    if kind == "blockquote":
        return [{"kind": "quote", "blocks": _blocks(node.children, depth + 1)}]
    return [{"kind": "paragraph", "runs": [_run(_text_of(node))]}]


def _runs(node: SyntaxTreeNode) -> list[dict[str, Any]]:
    """The texts of a block, each with how it is written."""
    return [run for inline in node.children for child in inline.children for run in _inline(child, {})]


def _inline(node: SyntaxTreeNode, styles: dict[str, Any]) -> list[dict[str, Any]]:
    if node.type in ("softbreak", "hardbreak"):
        return [_run("\n")]
    if node.type == "code_inline":
        return [_run(node.content, **styles, code=True)]
    if node.type == "image":
        return [_run(node.content or "picture", **styles)]
    if node.type == "link":
        styles = {**styles, "link": str(node.attrs.get("href", ""))}
    elif node.type in _STYLES:
        styles = {**styles, _STYLES[node.type]: True}
    else:
        return [_run(node.content, **styles)]
    return [run for child in node.children for run in _inline(child, styles)]


def _run(text: str, **styles: Any) -> dict[str, Any]:
    return {"text": text, **styles}


def _text_of(node: SyntaxTreeNode) -> str:
    return node.content or " ".join(_text_of(child) for child in node.children)
