"""A scheduled report as a form: the filters of a report, how often, and to whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from incidents.models import ReportSchedule
from incidents.models.report import LONGEST_SCHEDULE_NAME
from incidents.portal.report_forms import ReportFilterForm
from incidents.portal.schedule_forms import WEEKDAY_CHOICES
from incidents.reports.cadence import LAST_DAY, Every
from incidents.reports.schedules import report_readers

FILTERS = ("severity", "priority", "status", "service")
FORMS = {"pdf": ("pdf", "PDF with figures and charts"), "csv": ("csv", "CSV"), "excel": ("csv", "CSV for Excel")}


class ReportScheduleForm(forms.Form):
    name = forms.CharField(max_length=LONGEST_SCHEDULE_NAME, help_text="The subject of the e-mail begins with it.")
    form = forms.ChoiceField(label="As", choices=[(value, label) for value, (_, label) in FORMS.items()])
    every = forms.ChoiceField(choices=[(Every.WEEK, "week"), (Every.MONTH, "month")])
    weekday = forms.TypedChoiceField(
        label="On", coerce=int, choices=[(n, label) for n, (_, label) in enumerate(WEEKDAY_CHOICES)]
    )
    day = forms.IntegerField(
        label="On day", min_value=1, max_value=LAST_DAY, help_text="Each month has the days 1 to 28."
    )
    hour = forms.TypedChoiceField(label="At", coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)])
    recipients = forms.TypedMultipleChoiceField(
        label="Tell by e-mail", coerce=UUID, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *arguments: Any, filters: QueryDict, timezone: str, **keywords: Any) -> None:
        """``filters``: those that the form begins with."""
        super().__init__(*arguments, **keywords)
        self._filters = filters
        self.fields["hour"].help_text = f"On the clock of {timezone}."
        choices = [(str(reader.user_id), f"{reader.user} ({reader.user.email})") for reader in report_readers()]
        self.fields["recipients"].choices = choices  # type: ignore[attr-defined]
        offered = ReportFilterForm().fields
        for name in FILTERS:
            field = offered[name]
            field.label = name.capitalize()
            # Several values, or a service's id, which the API takes as well, stay what they are.
            field.initial = value = ",".join(filters.getlist(name))
            if value and not field.valid_value(value):  # type: ignore[attr-defined]
                field.choices = [*field.choices, (value, value)]  # type: ignore[attr-defined]
            self.fields[name] = field

    def schedule_fields(self) -> dict[str, Any]:
        """As ``report_schedule_create`` takes them. Filters that the form does not show stay as they are."""
        data = self.cleaned_data
        form, _ = FORMS[data["form"]]
        query = self._filters.copy()
        for name in FILTERS:
            _put(query, name, data[name])
        _put(query, "bom", "true" if data["form"] == "excel" else "")
        fields = {name: data[name] for name in ("name", "every", "weekday", "day", "hour", "recipients")}
        return {**fields, "form": form, "query": query.urlencode()}


def _put(query: QueryDict, name: str, value: str) -> None:
    if value:
        query[name] = value
    else:
        query.pop(name, None)


def initial_of(schedule: ReportSchedule) -> dict[str, Any]:
    form = "excel" if QueryDict(schedule.query).get("bom") == "true" else schedule.form
    return {
        "name": schedule.name,
        "form": form,
        "every": schedule.every,
        # The one that does not fit is not shown, until the other choice is made.
        "weekday": schedule.weekday or 0,
        "day": schedule.day or 1,
        "hour": schedule.hour,
        "recipients": [str(each) for each in schedule.recipients],
    }
