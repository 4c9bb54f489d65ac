"""Counters for Prometheus, one registry per application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Requests, messages and open connections; labels hold routes and codes, never parties or sessions."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "daric_requests", "HTTP requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram("daric_request_seconds", "Time to answer", ["route"], registry=self.registry)
        self.published = Counter("daric_messages_published", "Messages stored", registry=self.registry)
        self.delivered = Counter("daric_messages_delivered", "Messages handed out", registry=self.registry)
        self.conflicts = Counter("daric_conflicts", "Message ids that came with other bytes", registry=self.registry)
        self.streams = Gauge("daric_streams", "Open WebSockets", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
