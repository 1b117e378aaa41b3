from django.urls import path

from detection.api import views

urlpatterns = [
    path("detection/rules", views.RuleListView.as_view()),
    path("detection/rules/<uuid:rule_id>", views.RuleDetailView.as_view()),
]
