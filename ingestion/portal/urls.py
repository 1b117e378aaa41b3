from django.urls import include, path

from ingestion.portal import views

pages = [
    path("logs", views.LogsView.as_view(), name="logs"),
    path("logs/dead-letters", views.DeadLettersView.as_view(), name="dead-letters"),
    path("logs/dead-letters/<uuid:dead_letter_id>", views.DeadLetterView.as_view(), name="dead-letter"),
    path(
        "logs/dead-letters/<uuid:dead_letter_id>/delete",
        views.DeadLetterDeleteView.as_view(),
        name="dead-letter-delete",
    ),
]
urlpatterns = [path("", include((pages, "ingestion")))]
