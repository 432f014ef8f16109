"""Makes Grafana's dashboards: Python in, classic JSON out. Nothing of it runs in production."""

import warnings

with warnings.catch_warnings():
    # Every Grafana from 10 on reads the classic schema; the library would rather have its successor written.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard  # noqa: F401  before any of ours does
