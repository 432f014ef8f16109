"""What every process of the package serves HTTP with: TLS, authentication, limits, headers, health.

A program makes `Route`s, `build_app` puts the guards around them, and `serve` listens.
"""
