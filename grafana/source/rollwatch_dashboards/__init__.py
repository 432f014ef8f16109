"""Makes Grafana's dashboards: Python in, classic JSON out. Nothing of it runs in production."""

import warnings

with warnings.catch_warnings():
    # Every Grafana from 10 on reads the classic schema. The library would rather have its successor written,
    # and says so when modules of it are imported: these two, which the others import.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.models.dashboardv2beta1  # noqa: F401
