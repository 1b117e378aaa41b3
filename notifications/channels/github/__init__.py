"""An issue in a repository on GitHub, or on a server that speaks as it does: opened and closed with the incident."""
