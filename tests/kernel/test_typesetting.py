"""Printed documents: what people write survives, and the same data gives the same bytes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from incident_center.kernel.typesetting import TypesettingError, typeset

MADE_AT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
TEMPLATE = """
#import "/incident_center/kernel/typesetting/house.typ": *
#show: house.with(title: data.title)
#masthead(data.title)
#house-table(("A", "B"), data.rows)
"""


@pytest.fixture
def template(tmp_path, settings):
    settings.BASE_DIR = tmp_path
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "incident_center").symlink_to(root / "incident_center")
    path = tmp_path / "document.typ"
    path.write_text(TEMPLATE)
    return path


def test_any_text_can_be_set(template):
    strange = [
        "=1+1",
        'quote" , comma',
        "line\nbreak",
        "שלום",
        "مرحبا",
        "🔥 ça",
        '#read("/etc/passwd") *x* $y$',
        "\x00\x07",
    ]
    document = typeset(
        template,
        {"title": "T" * 100_000, "rows": [strange[:2], strange[2:4], strange[4:6], strange[6:]]},
        made_at=MADE_AT,
    )
    assert document.startswith(b"%PDF-1.7")
    assert b"pdfaid:part" in document


def test_the_same_data_gives_the_same_bytes(template):
    data = {"title": "Same", "rows": [["1", "2"]]}
    assert typeset(template, data, made_at=MADE_AT) == typeset(template, data, made_at=MADE_AT)


def test_a_template_that_does_not_fit_says_what_is_wrong(template):
    with pytest.raises(TypesettingError, match="rows"):
        typeset(template, {"title": "Without rows"}, made_at=MADE_AT)


def test_templates_are_below_the_project():
    assert (Path(settings.BASE_DIR) / "incident_center" / "kernel" / "typesetting" / "house.typ").is_file()
