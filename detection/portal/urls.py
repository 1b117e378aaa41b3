from django.urls import include, path

from detection.portal import views

pages = [
    path("detection", views.RuleListPage.as_view(), name="rules"),
    path("detection/new", views.RuleCreatePage.as_view(), name="rule-create"),
    path("detection/<uuid:rule_id>", views.RuleEditPage.as_view(), name="rule"),
    path("detection/<uuid:rule_id>/switch", views.RuleSwitch.as_view(), name="rule-switch"),
    path("detection/<uuid:rule_id>/delete", views.RuleDelete.as_view(), name="rule-delete"),
]

urlpatterns = [path("", include((pages, "detection")))]
