from django.urls import path

from notifications.api import contacts, drills, routes, views

urlpatterns = [
    path("notifications", views.NotificationListView.as_view()),
    path("notifications/read-all", views.NotificationsReadAllView.as_view()),
    path("notifications/<uuid:notification_id>/read", views.NotificationReadView.as_view()),
    path("me/contacts", contacts.MyContactListView.as_view()),
    path("me/contacts/<uuid:contact_id>", contacts.MyContactView.as_view()),
    path("me/contacts/<uuid:contact_id>/verify", contacts.MyContactVerifyView.as_view()),
    path("me/contacts/<uuid:contact_id>/send-code", contacts.MyContactSendCodeView.as_view()),
    path("me/contacts/<uuid:contact_id>/test", contacts.MyContactTestView.as_view()),
    path("me/notification-rules", contacts.MyNotificationRulesView.as_view()),
    path("channels", views.ChannelListView.as_view()),
    path("channels/<uuid:channel_id>", views.ChannelDetailView.as_view()),
    path("channels/<uuid:channel_id>/test", views.ChannelTestView.as_view()),
    path("channels/<uuid:channel_id>/rotate-secret", views.ChannelRotateSecretView.as_view()),
    path("channels/<uuid:channel_id>/drill", drills.ChannelDrillView.as_view()),
    path("drills", drills.DrillListView.as_view()),
    path("routes", routes.RouteListView.as_view()),
    path("routes/simulate", routes.RoutesSimulateView.as_view()),
    path("routes/<uuid:route_id>", routes.RouteDetailView.as_view()),
    path("routes/<uuid:route_id>/simulate", routes.RouteSimulateView.as_view()),
    path("deliveries", views.DeliveryListView.as_view()),
    path("deliveries/<uuid:delivery_id>/resend", views.DeliveryResendView.as_view()),
]
