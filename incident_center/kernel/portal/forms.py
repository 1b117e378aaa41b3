"""How a Django form looks: the renderer named by FORM_RENDERER, and the classes that its controls get."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString


class PortalFormRenderer(TemplatesSetting):
    """`{{ form }}` and `{{ field.as_field_group }}` use the product's templates; widgets keep Django's."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


def control_kind(field: BoundField) -> str:
    """Return "check" (one box), "choices" (several boxes or radio buttons), "select" or "text"."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.Select):
        return "select"
    return "text"


CONTROL_CLASSES = {
    "check": "form-check-input",
    "choices": "form-check-input",
    "select": "form-select",
    "text": "form-control",
}


def render_control(field: BoundField) -> SafeString:
    """Render the widget with its class, and with the ids that join it to its help text and its error.

    The label above a control says what it is for, so a placeholder that only repeats the label goes.
    """
    widget = field.field.widget
    classes = f"{widget.attrs.get('class', '')} {CONTROL_CLASSES[control_kind(field)]}".strip()
    attributes: dict[str, str | bool] = {"class": classes}
    placeholder, label = str(widget.attrs.get("placeholder", "")).casefold(), str(field.label).casefold()
    if placeholder and (placeholder in label or label in placeholder):
        attributes["placeholder"] = ""
    return field.as_widget(attrs=attributes)
