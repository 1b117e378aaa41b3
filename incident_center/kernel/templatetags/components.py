"""Components that have a body: `{% card title="Keys" %}…{% endcard %}`. Those without are plain includes.

docs/design.md shows each of them in use.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django import forms, template
from django.forms.boundfield import BoundField
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from incident_center.kernel.portal.forms import control_kind, render_control
from incident_center.kernel.portal.history import history_address

register = template.Library()

# Parameters that say where one is in a list, not what is in it: no chip, and gone when a filter changes.
POSITION_PARAMETERS = frozenset({"cursor", "page", "page_size", "ordering"})


def _render(name: str, content: SafeString, **parameters: Any) -> SafeString:
    return render_to_string(f"components/{name}.html", {"content": content, **parameters})


@register.simple_block_tag
def page_header(
    content: SafeString,
    title: str,
    subtitle: str = "",
    back_url: str = "",
    back_label: str = "",
) -> SafeString:
    """The page's one <h1>. The body holds its actions: at most one `btn-primary`, first."""
    return _render("page_header", content, title=title, subtitle=subtitle, back_url=back_url, back_label=back_label)


@register.simple_block_tag
def card(
    content: SafeString,
    title: str = "",
    icon: str = "",
    action_url: str = "",
    action_label: str = "",
    note: str = "",
    flush: bool = False,
    danger: bool = False,
) -> SafeString:
    """A titled surface. `flush` is for tables and lists, which bring their own padding; `note` is quiet."""
    return _render(
        "card",
        content,
        title=title,
        icon=icon,
        action_url=action_url,
        action_label=action_label,
        note=note,
        flush=flush,
        danger=danger,
    )


@register.simple_block_tag(takes_context=True)
def confirm_dialog(
    context: Context,
    content: SafeString,
    id: str,  # noqa: A002 - the attribute it becomes
    title: str,
    consequence: str,
    action_url: str,
    action_label: str,
    danger: bool = True,
) -> SafeString:
    """Ask before what cannot be undone, naming its consequence ("12 people stop being paged").

    Opened by any button with `data-dialog-open="<id>"`. The body may hold fields (a reason), posted along.
    """
    return render_to_string(
        "components/confirm_dialog.html",
        {
            "content": content,
            "id": id,
            "title": title,
            "consequence": consequence,
            "action_url": action_url,
            "action_label": action_label,
            "danger": danger,
        },
        request=context.get("request"),
    )


@register.simple_block_tag
def dialog(
    content: SafeString,
    id: str,  # noqa: A002 - the attribute it becomes
    title: str,
    wide: bool = False,
) -> SafeString:
    """A form or a text above the page, with a close button; opened by `data-dialog-open="<id>"`."""
    return _render("dialog", content, id=id, title=title, wide=wide)


@register.inclusion_tag("components/history_link.html", takes_context=True)
def history_link(context: Context, table: str, object_id: Any, of: str = "") -> dict[str, str]:
    """A button to the object's entries in the audit log, for who may read it. With `of` an icon alone, in a row."""
    return {"address": history_address(context["request"], table, object_id), "of": of}


@register.simple_tag(takes_context=True)
def history_url(context: Context, table: str, object_id: Any) -> str:
    """Where `history_link` goes, for a link of another kind; "" for who may not read the audit log."""
    return history_address(context["request"], table, object_id)


@register.simple_block_tag
def timeline_item(
    content: SafeString, icon: str, sentence: str | SafeString, at: Any, kind: str = "", tone: str = ""
) -> SafeString:
    """One event: what happened, when, and (body) what was written. `tone`: strong, good, danger."""
    return _render("timeline_item", content, icon=icon, sentence=sentence, at=at, kind=kind, tone=tone)


@register.simple_tag
def modules(*names: str) -> SafeString:
    """Load JavaScript modules by name. None imports another, so that each has a hashed address."""
    return format_html_join(
        "\n",
        '<script type="module" src="{}"></script>',
        ((static(f"incident_center/js/{name}.js"),) for name in names),
    )


@register.filter
def control(field: BoundField) -> SafeString:
    """Render a form field's control alone, with its class and its links to help and error."""
    return render_control(field)


@register.filter
def kind_of_control(field: BoundField) -> str:
    return control_kind(field)


class Chip(NamedTuple):
    """One filter in force, and where to go to drop it."""

    name: str
    value: str
    remove_url: str


@register.inclusion_tag("components/filter_bar.html", takes_context=True)
def filter_bar(
    context: Context,
    form: forms.Form,
    wide_field: str = "q",
    target: str = "",
    reset_url: str = "",
    carried: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """A form that filters a list: it changes the URL, and each filter in force is a chip that can be dropped.

    `form` is bound to `request.GET`. `wide_field` names the field that takes the room left over (the search).
    With `target` (the id of the list) only the list is fetched anew, and the URL follows. `carried` are parameters
    that the form has no field for and that stay in force when one of its own changes.
    """
    request: HttpRequest = context["request"]
    return {
        "form": form,
        "fields": form.visible_fields(),
        "wide_field": wide_field,
        "target": target,
        "path": request.path,
        "reset_url": reset_url or request.path,
        "carried": carried,
        "chips": list(_chips(form, request.GET, request.path)),
    }


def _chips(form: forms.Form, query: QueryDict, path: str) -> Iterable[Chip]:
    for field in form.visible_fields():
        for value in query.getlist(field.html_name):
            if not value:
                continue
            rest = query.copy()
            rest.setlist(field.html_name, [each for each in query.getlist(field.html_name) if each != value])
            for name in POSITION_PARAMETERS & set(rest):
                del rest[name]
            yield Chip(
                name=str(field.label),
                value=_words_for(field, value),
                remove_url=f"{path}?{rest.urlencode()}" if rest else path,
            )


def _words_for(field: BoundField, value: str) -> str:
    """Return what a person calls `value`: the label of the choice, where the field has choices."""
    for key, label in getattr(field.field, "choices", ()):
        if str(key) == value:
            return str(label)
    return value
