from django.urls import include, path

from notifications.portal.views import channels, drills, inbox, my_notifications, respond, routes, slack, why

pages = [
    path("incidents/<str:reference>/why", why.WhyView.as_view(), name="why"),
    path("respond/<str:token>", respond.RespondView.as_view(), name="respond"),
    path("slack/interactions/<str:token>", slack.SlackInteractionView.as_view(), name="slack-interaction"),
    path("respond/drill/<str:token>", drills.DrillReceiptView.as_view(), name="drill-receipt"),
    path("inbox", inbox.InboxView.as_view(), name="inbox"),
    path("inbox/read", inbox.InboxReadView.as_view(), name="inbox-read"),
    path("settings/notifications", my_notifications.MyNotificationsView.as_view(), name="mine"),
    path("settings/notifications/contacts", my_notifications.MyContactsView.as_view(), name="my-contacts"),
    path("notifications", channels.ChannelsView.as_view(), name="channels"),
    path("notifications/channels/new", channels.ChannelCreateView.as_view(), name="channel-create"),
    path("notifications/channels/<uuid:channel_id>", channels.ChannelView.as_view(), name="channel"),
    path("notifications/channels/<uuid:channel_id>/test", channels.ChannelTestView.as_view(), name="channel-test"),
    path(
        "notifications/channels/<uuid:channel_id>/rotate-secret",
        channels.ChannelRotateSecretView.as_view(),
        name="channel-rotate-secret",
    ),
    path(
        "notifications/channels/<uuid:channel_id>/remove", channels.ChannelRemoveView.as_view(), name="channel-remove"
    ),
    path("notifications/channels/<uuid:channel_id>/drill", drills.ChannelDrillView.as_view(), name="channel-drill"),
    path("notifications/drills", drills.DrillsView.as_view(), name="drills"),
    path("notifications/routes", routes.RoutesView.as_view(), name="routes"),
    path("notifications/routes/new", routes.RouteCreateView.as_view(), name="route-create"),
    path("notifications/routes/<uuid:route_id>", routes.RouteView.as_view(), name="route"),
    path("notifications/routes/<uuid:route_id>/delete", routes.RouteDeleteView.as_view(), name="route-delete"),
    path("notifications/simulator", routes.SimulatorView.as_view(), name="simulator"),
    path("notifications/deliveries", channels.DeliveriesView.as_view(), name="deliveries"),
    path(
        "notifications/deliveries/<uuid:delivery_id>/resend",
        channels.DeliveryResendView.as_view(),
        name="delivery-resend",
    ),
]
urlpatterns = [path("", include((pages, "notifications")))]
