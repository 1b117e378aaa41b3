"""The addresses of the on-call pages."""

from django.urls import path

from incidents.portal.views import coverage, layers, schedules, shifts

_layer = "schedules/<uuid:schedule_id>/layers/<uuid:layer_id>"
_swap = "schedules/<uuid:schedule_id>/swaps/<uuid:swap_id>"
pages = [
    path("coverage", coverage.CoveragePage.as_view(), name="coverage"),
    path("schedules", schedules.ScheduleListPage.as_view(), name="list"),
    path("schedules/new", schedules.ScheduleCreatePage.as_view(), name="create"),
    path("schedules/my-calendar", schedules.PersonFeedStep.as_view(), name="my-calendar"),
    path("schedules/<uuid:schedule_id>", schedules.SchedulePage.as_view(), name="schedule"),
    path("schedules/<uuid:schedule_id>/edit", schedules.ScheduleEditPage.as_view(), name="edit"),
    path("schedules/<uuid:schedule_id>/delete", schedules.ScheduleDeleteStep.as_view(), name="delete"),
    path("schedules/<uuid:schedule_id>/calendar", schedules.ScheduleFeedStep.as_view(), name="calendar"),
    path("schedules/<uuid:schedule_id>/layers/new", layers.LayerCreatePage.as_view(), name="layer-create"),
    path("schedules/<uuid:schedule_id>/layers/preview", layers.LayerPreviewFragment.as_view(), name="layer-preview"),
    path(_layer, layers.LayerEditPage.as_view(), name="layer"),
    path(f"{_layer}/move", schedules.LayerMoveStep.as_view(), name="layer-move"),
    path(f"{_layer}/delete", schedules.LayerDeleteStep.as_view(), name="layer-delete"),
    path("schedules/<uuid:schedule_id>/overrides", schedules.OverrideStep.as_view(), name="override"),
    path(
        "schedules/<uuid:schedule_id>/overrides/<uuid:override_id>/delete",
        schedules.OverrideDeleteStep.as_view(),
        name="override-delete",
    ),
    path("schedules/<uuid:schedule_id>/shift", shifts.ShiftPage.as_view(), name="shift"),
    path("schedules/<uuid:schedule_id>/take", shifts.TakeStep.as_view(), name="take"),
    path("schedules/<uuid:schedule_id>/swaps", shifts.SwapAskStep.as_view(), name="swap-ask"),
    path(f"{_swap}/accept", shifts.SwapAcceptStep.as_view(), name="swap-accept"),
    path(f"{_swap}/decline", shifts.SwapDeclineStep.as_view(), name="swap-decline"),
    path(f"{_swap}/withdraw", shifts.SwapWithdrawStep.as_view(), name="swap-withdraw"),
]
