from detection.models.rule import DetectionRule, Grouping, RuleKind, Watch

__all__ = ["DetectionRule", "Grouping", "RuleKind", "Watch"]
