"""The dead letters, which wait to be repaired."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from ingestion import selectors
from ingestion.actions.delete_dead_letter import delete_dead_letter
from ingestion.actions.replay_dead_letter import replay_dead_letter
from ingestion.models import DeadLetter
from ingestion.portal.forms import ReplayForm
from organizations.access import Action
from organizations.portal.base import PortalView


class NewestDeadLetters(KeysetPagination):
    ordering = ("-last_seen_at", "-id")


class DeadLettersView(PortalView):
    """What came in broken, with the reason; nothing here is lost."""

    actions = {"GET": Action.READ_LOGS}

    def get(self, request: HttpRequest) -> HttpResponse:
        paginator = NewestDeadLetters()
        page = paginator.paginate_queryset(selectors.dead_letters(), Request(request), None)
        context = {
            "letters": page,
            "previous_url": paginator.get_previous_link(),
            "next_url": paginator.get_next_link(),
        }
        return render(request, "ingestion/dead_letters.html", context)


class DeadLetterView(PortalView):
    """One dead letter: its content and reason; POST repairs and replays it."""

    actions = {"GET": Action.READ_LOGS, "POST": Action.REPAIR_LOGS}

    def get(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        letter = selectors.read_dead_letter(dead_letter_id)
        return self._page(request, letter, ReplayForm(initial={"corrected": letter.text}))

    def post(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        letter = selectors.read_dead_letter(dead_letter_id)
        form = ReplayForm(request.POST)
        if form.is_valid():
            # A browser sends the lines of a text apart by CR LF, whatever they were apart by.
            written, shown = (text.replace("\r\n", "\n") for text in (form.cleaned_data["corrected"], letter.text))
            corrected = written.encode() if written and written != shown else None
            try:
                replay = replay_dead_letter(dead_letter_id=dead_letter_id, actor=self.member.actor, corrected=corrected)
            except Problem as problem:
                for reason in _reasons(problem):
                    form.add_error("corrected", reason)
            else:
                say(request, replay.said)
                return redirect("ingestion:dead-letters")
        return self._page(request, letter, form, status=400)

    def _page(self, request: HttpRequest, letter: DeadLetter, form: ReplayForm, status: int = 200) -> HttpResponse:
        context = {"letter": letter, "form": form, "may_repair": self.member.can(Action.REPAIR_LOGS)}
        return render(request, "ingestion/dead_letter.html", context, status=status)


class DeadLetterDeleteView(PortalView):
    actions = {"POST": Action.REPAIR_LOGS}

    def post(self, request: HttpRequest, dead_letter_id: UUID) -> HttpResponse:
        try:
            delete_dead_letter(dead_letter_id=dead_letter_id, actor=self.member.actor)
        except Problem as problem:
            if problem.status == 404:
                raise
            complain(request, problem.detail)
        else:
            say(request, "The dead letter is deleted; the audit log says by whom.")
        return redirect("ingestion:dead-letters")


def _reasons(problem: Problem) -> list[str]:
    """What is wrong, field by field where that is known."""
    errors = problem.members.get("errors") or []
    return [": ".join(filter(None, (each["field"], each["message"]))) for each in errors] or [problem.detail]
