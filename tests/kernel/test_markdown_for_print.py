"""Markdown as printed documents take it."""

from incident_center.kernel.typesetting.markdown import blocks_of


def test_blocks_and_runs():
    text = "# Title\n\nA **bold _both_** [link](https://example.com) `code`\n\n"
    text += "1. one\n   - two\n\n> quoted\n\n```\n#set x\n```"
    heading, paragraph, numbers, quote, code = blocks_of(text)
    assert heading == {"kind": "heading", "level": 1, "runs": [{"text": "Title"}]}
    assert {"text": "both", "bold": True, "italic": True} in paragraph["runs"]
    assert {"text": "link", "link": "https://example.com"} in paragraph["runs"]
    assert numbers["items"][0][1]["items"][0][0]["runs"] == [{"text": "two"}]
    assert quote["blocks"][0]["runs"] == [{"text": "quoted"}]
    assert code == {"kind": "code", "text": "#set x"}


def test_tables():
    (table,) = blocks_of("| a | b |\n| --- | --- |\n| 1 | 2 |")
    assert table["rows"] == [[[{"text": "a"}], [{"text": "b"}]], [[{"text": "1"}], [{"text": "2"}]]]


def test_depth_is_bounded():
    assert blocks_of("> " * 500 + "deep")


def test_html_stays_text():
    assert blocks_of("<b>x</b>")[0]["runs"][0]["text"] == "<b>x</b>"
