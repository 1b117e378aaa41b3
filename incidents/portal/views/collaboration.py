"""Working together on an incident: labels, followers, links, tasks, the postmortem; and saved views of the list."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound, Problem
from incident_center.kernel.portal.notices import complain, say
from incidents import postmortem as printing
from incidents import selectors
from incidents.actions.incident_follow import incident_follow, incident_unfollow
from incidents.actions.incident_label import incident_label
from incidents.actions.incident_link import incident_link, incident_unlink
from incidents.actions.incident_note import LONGEST_NOTE
from incidents.actions.incident_tasks import task_add, task_change
from incidents.actions.incident_unmerge import incident_unmerge
from incidents.actions.postmortems import postmortem_begin, postmortem_edit, postmortem_publish
from incidents.actions.saved_views import view_delete, view_save
from incidents.markdown import render_markdown
from incidents.models import Incident, IncidentLink
from incidents.portal.collaboration_forms import (
    LabelsForm,
    LinkForm,
    PostmortemForm,
    SavedViewForm,
    TaskDoneForm,
    TaskForm,
)
from incidents.portal.views.incident import IncidentPageView, IncidentStep
from incidents.portal.views.incident_list import way_back
from organizations.access import Action
from organizations.portal.base import PortalView


class UnmergeStep(IncidentStep):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.DIRECT_INCIDENTS}

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        self.require_direction(incident)
        incident_unmerge(incident_id=incident.pk, actor=self.member.actor)
        say(self.request, f"{incident.reference} stands for itself again.")


class FollowStep(IncidentStep):
    """Follows, or stops following where one does."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_INCIDENTS}

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        user = self.member.user
        if selectors.followers(incident).filter(user=user).exists():
            incident_unfollow(incident_id=incident.pk, user_id=user.pk)
            say(self.request, f"You no longer follow {incident.reference}.")
        else:
            incident_follow(incident_id=incident.pk, user_id=user.pk)
            say(self.request, f"You follow {incident.reference}: your inbox tells you what happens to it.")


class LabelStep(IncidentStep):
    form_class = LabelsForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_label(incident_id=incident.pk, actor=self.member.actor, labels=data["labels"])


class LinkStep(IncidentStep):
    form_class = LinkForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        try:
            other = self.incident(data["incident"].strip())
        except NotFound:
            raise InvalidInput("incident", "There is no incident with this number.") from None
        kind = IncidentLink.Kind(data["kind"])
        incident_link(incident_id=incident.pk, actor=self.member.actor, other_id=other.pk, kind=kind)


class UnlinkStep(IncidentStep):
    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        incident_unlink(incident_id=incident.pk, actor=self.member.actor, link_id=self.kwargs["link_id"])


class TaskAddStep(IncidentStep):
    form_class = TaskForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        task_add(incident_id=incident.pk, actor=self.member.actor, fields=data)  # type: ignore[arg-type]


class TaskDoneStep(IncidentStep):
    """Ticks a task off, or takes it up again."""

    form_class = TaskDoneForm

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        task_change(
            incident_id=incident.pk,
            task_id=self.kwargs["task_id"],
            actor=self.member.actor,
            fields={"done": data["done"]},
        )


class MarkdownPreview(PortalView):
    """What somebody is writing, as it will look."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.NOTE_INCIDENTS}

    def post(self, request: HttpRequest) -> HttpResponse:
        text = request.POST.get("body", "")[: LONGEST_NOTE * 10]
        return render(request, "collaboration/_preview.html", {"rendered": render_markdown(text)})


class PostmortemPage(IncidentPageView):
    """The postmortem: read by all, edited by those who work on incidents."""

    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_INCIDENTS, "POST": Action.WORK_INCIDENTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = self.incident(reference)
        postmortem = selectors.postmortem_of(incident)
        initial = {"body": postmortem.body, "version": postmortem.version} if postmortem else None
        return self._page(incident, PostmortemForm(initial=initial), is_editing="edit" in request.GET)

    def post(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = self.incident(reference)
        form = PostmortemForm(request.POST)
        if not form.is_valid():
            return self._page(incident, form, status=400)
        data = form.cleaned_data
        try:
            postmortem_edit(
                incident_id=incident.pk, actor=self.member.actor, body=data["body"], version=data["version"]
            )
        except Conflict as conflict:
            version = conflict.members.get("version", data["version"])
            form = PostmortemForm(initial={"body": data["body"], "version": version})
            theirs = conflict.members.get("current", "")
            return self._page(incident, form, status=409, theirs=theirs, complaint=conflict.detail)
        say(request, "The postmortem is saved.")
        return redirect("incidents:postmortem", reference=incident.reference)

    def _page(
        self, incident: Incident, form: PostmortemForm, *, status: int = 200, is_editing: bool = True, **extra: Any
    ) -> HttpResponse:
        postmortem = selectors.postmortem_of(incident)
        may_edit = bool(self.member.can(Action.WORK_INCIDENTS)) and incident.merged_into_id is None
        context = {
            "incident": incident,
            "postmortem": postmortem,
            "rendered": render_markdown(postmortem.body) if postmortem else "",
            "form": form,
            "may_edit": may_edit,
            "is_editing": is_editing and may_edit and postmortem is not None,
            **extra,
        }
        return render(self.request, "incidents/postmortem.html", context, status=status)


class PostmortemBegin(IncidentStep):
    """Drafts it from the timeline."""

    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        postmortem_begin(incident_id=incident.pk, actor=self.member.actor, body=printing.draft(incident))
        say(self.request, "Drafted from the timeline. The questions in it are yours to answer.")


class PostmortemPublish(IncidentStep):
    def act(self, incident: Incident, data: dict[str, Any]) -> None:
        postmortem_publish(incident_id=incident.pk, actor=self.member.actor)
        say(self.request, "The postmortem is published.")


class PostmortemDownload(IncidentPageView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_INCIDENTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        return printing.download(self.member, self.incident(reference), request.GET.get("as", "markdown"))


class SavedViewSave(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_INCIDENTS}

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SavedViewForm(request.POST)
        list_url = reverse("incidents:list")
        if not form.is_valid():
            complain(request, "Name the view in 1 to 60 characters.")
            return redirect(list_url)
        try:
            view = view_save(actor=self.member.actor, user_id=self.member.user.pk, **form.cleaned_data)
        except Problem as problem:
            complain(request, problem.detail)
            return redirect(list_url)
        say(request, f"The view “{view.name}” is saved.")
        return redirect(f"{list_url}?{view.query}")


class SavedViewDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_INCIDENTS}

    def post(self, request: HttpRequest, view_id: UUID) -> HttpResponse:
        may_delete_others = bool(self.member.can(Action.CONFIGURE))
        view_delete(view_id=view_id, user_id=self.member.user.pk, may_delete_others=may_delete_others)
        say(request, "The view is deleted.")
        return redirect(way_back(request, reverse("incidents:list")))
