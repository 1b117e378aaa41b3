"""Moving in from PagerDuty, Opsgenie and Grafana OnCall: their exports, read into one neutral form and made here.

``reading`` reads files, ``pagerduty``, ``opsgenie`` and ``grafana`` understand them, ``move_in`` makes what they found.
Nothing here speaks to the network.
"""
