from django.urls import include, path

from ingestion.portal.views import dead_letters, download, explorer, patterns, saved

pages = [
    path("logs", explorer.LogsView.as_view(), name="logs"),
    path("logs/patterns", patterns.PatternsView.as_view(), name="log-patterns"),
    path("logs/fields", explorer.LogFieldsView.as_view(), name="log-fields"),
    path("logs/download", download.LogDownloadView.as_view(), name="log-download"),
    path("logs/columns", saved.LogColumnsView.as_view(), name="log-columns"),
    path("logs/searches", saved.SavedSearchCreateView.as_view(), name="saved-search-create"),
    path("logs/searches/<uuid:search_id>/delete", saved.SavedSearchDeleteView.as_view(), name="saved-search-delete"),
    path("logs/dead-letters", dead_letters.DeadLettersView.as_view(), name="dead-letters"),
    path("logs/dead-letters/<uuid:dead_letter_id>", dead_letters.DeadLetterView.as_view(), name="dead-letter"),
    path(
        "logs/dead-letters/<uuid:dead_letter_id>/delete",
        dead_letters.DeadLetterDeleteView.as_view(),
        name="dead-letter-delete",
    ),
]
urlpatterns = [path("", include((pages, "ingestion")))]
