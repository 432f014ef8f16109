"""rollwatch: watch a production from outside and expose what was seen to Prometheus."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("rollwatch")
