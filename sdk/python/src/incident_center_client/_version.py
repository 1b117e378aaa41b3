"""The version, in a module of its own so that the transport can name it without importing the package."""

VERSION = "0.1.0"
