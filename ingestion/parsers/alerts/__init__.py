"""The formats in which other systems send alerts, each read into ``Signal``. No Django in here."""
