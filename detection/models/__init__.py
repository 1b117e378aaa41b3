from detection.models.alert import Alert, AlertGroup, AlertMapping, AlertStatus
from detection.models.heartbeat import Heartbeat, HeartbeatState
from detection.models.rule import DetectionRule, Grouping, RuleKind, Watch
from detection.models.silence import Mute, Silence, SilenceKind

__all__ = [
    "Alert",
    "AlertGroup",
    "AlertMapping",
    "AlertStatus",
    "DetectionRule",
    "Grouping",
    "Heartbeat",
    "HeartbeatState",
    "Mute",
    "RuleKind",
    "Silence",
    "SilenceKind",
    "Watch",
]
