"""What is chosen at the top of a dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from rollwatch_dashboards.query import SOURCE

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

    from rollwatch.bundle.settings import Settings

__all__ = ["addresses", "choice", "each", "standard"]


def choice(name: str, label: str, values: str) -> build.QueryVariable:
    """One or several of what `values` finds, a `label_values(…)`; All at first."""
    variable = build.QueryVariable(name).label(label).datasource(SOURCE).query(values)
    variable = variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable = variable.sort(model.VariableSort.ALPHABETICAL_ASC)
    variable = variable.multi(True).include_all(True).all_value(".+")
    return variable.current(model.VariableOption(selected=True, text="All", value="$__all"))


def each(name: str, label: str, values: str, *, several: bool = True) -> build.QueryVariable:
    """Names of metrics that panels are repeated for: All are these, and no others. Or just one of them."""
    variable = build.QueryVariable(name).label(label).datasource(SOURCE).query(values)
    variable = variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable = variable.sort(model.VariableSort.ALPHABETICAL_ASC).multi(several).include_all(several)
    if several:
        variable = variable.current(model.VariableOption(selected=True, text="All", value="$__all"))
    return variable


def standard(*, located: bool) -> list[Builder[model.VariableModel]]:
    """Data source, environment, service and, where a panel asks for it, location."""
    chosen: list[Builder[model.VariableModel]] = [
        build.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        choice("environment", "Environment", "label_values(rollwatch_service_info, environment)"),
        choice(
            "service",
            "Service",
            'label_values(rollwatch_service_info{environment=~"$environment"}, service)',
        ),
    ]
    if located:
        seen = 'rollwatch_probe_info{environment=~"$environment",service=~"$service"}'
        chosen.append(choice("location", "Location", f"label_values({seen}, location)"))
    return chosen


def addresses(settings: Settings) -> list[Builder[model.VariableModel]]:
    """Where links lead that leave Grafana; `rollwatch bundle export --set` has its own."""
    return [
        build.ConstantVariable(name).value(url)
        for name, url in (
            ("exporter_url", settings.exporter_url),
            ("rollback_url", settings.rollback_url),
            ("runbooks_url", settings.runbooks_url),
        )
    ]
