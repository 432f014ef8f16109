"""A configuration in which everything arrives that can, in every form it can be declared in."""

from __future__ import annotations

__all__ = ["FULL"]

FULL = """\
environment: production
location: fra1
ingest:
  trusted_proxies: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]
  client_rate: 2.5
  client_burst: 20
  total_rate: 500
  push_limit: 2MiB
services:
  shop:
    figures:
      orders_waiting:
        type: gauge
        help: Orders that wait.
        labels: {plan: [free, pro], region: any}
        limits: {P1: {above: 100, for: 5m}, P3: {above: 10, below: 1}}
      orders_total:
        type: counter
        help: Orders.
        limits: {P2: {below: 1, per: 1h}, P0: {above: 1000, per: 1m, for: 30s}}
      basket_items: {type: histogram, help: Items in a basket., buckets: [1, 5, 20]}
      answer_seconds: {type: histogram, help: Answers.}
      rollwatch_active_users: {limits: {P2: {below: 5}}, stale_after: 10m}
      rollwatch_http_request_duration_seconds: {buckets: [0.25, 4]}
      seldom_total: {type: counter, help: Seldom., stale_after: 1d, expire_after: 30d, first_seen: true}
    thresholds: {http_p95_seconds: {P1: 800ms}}
    push:
      token: ${env:TOKEN}
      tokens: ["${env:NEXT}"]
      origins: [HTTPS://Shop.Example.com:443/, "http://[2001:DB8::1]:8080"]
      document:
        id: id
        sent_at: at
        source: host
        figures:
          orders_waiting: {each: waiting, value: n, labels: {plan: plan, region: region}}
          orders_total: orders.total
          rollwatch_system_errors_total:
            - {each: errors, add: value, labels: {type: {value: key, pattern: "[A-Za-z]+"}}}
            - {add: crashes, labels: {type: "'crash'"}}
        records: {trades: pnl.trades}
    browser:
      origins: [https://shop.example.com]
      sample: 0.5
      routes: [/stocks/:symbol, /docs/*]
      goals: [signup]
      ignore_errors: {extension: "chrome-extension://"}
      source_maps: maps
    logs:
      app:
        file: logs/app.log
        lines:
          - when: level == 'error'
            figures: {rollwatch_system_errors_total: {labels: {type: error}}}
          - pattern: "(?P<status>[0-9]{3}) (?P<ms>[0-9]+)"
            figures:
              answer_seconds: {value: ms, scale: 0.001}
    records:
      trades:
        id: id
        defaults: {backtest_percent: 8.5}
        compute: {gross: "subtract(exit, entry)"}
        rules: [{field: entry, required: true, min: 0}]
        figures: {rollwatch_trading_position_size: quantity, rollwatch_trading_executions_total: {}}
        totals: {rollwatch_trading_pnl_net_percent: "[-1].net"}
        keep: 20
    features:
      checkout: {endpoints: [/cart, /pay], core: true}
      search: {endpoints: [/find]}
    probes:
      status:
        kind: web
        url: http://localhost/
        interval: 30s
        figures: {rollwatch_cache_requests_total: {value: hits, labels: {outcome: "'hit'"}}}
      lab:
        kind: web
        url: http://localhost/
        interval: 1h
        locations: [ams1]
        figures: {rollwatch_lab_tti_seconds: {value: tti, labels: {route: "'/'"}}}
"""
