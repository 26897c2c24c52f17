"""`manage.py runworker`: runs jobs, beside `runweb` and `rungrpc`."""

import logging
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from core.jobs.worker import Worker
from core.lifespan import running_alongside
from core.management.metrics_options import add_metrics_options, serve_metrics
from core.management.option_types import positive
from core.observability import process


class Command(BaseCommand):
    """Each option takes precedence over the setting of the same meaning."""

    # The checks of URLs would import all that HTTP needs: 0.3 s.
    requires_system_checks = (Tags.models,)
    help = "Run jobs until SIGTERM or SIGINT; then end when the running ones have. A second signal ends it at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--threads",
            type=positive,
            default=settings.WORKER_THREADS,
            metavar="N",
            help="how many jobs a process runs at once (%(default)s)",
        )
        add(
            "--slow-threads",
            type=positive,
            default=settings.WORKER_SLOW_THREADS or None,
            metavar="N",
            help="how many of them may be of a slow kind (half of --threads)",
        )
        add(
            "--grace",
            type=float,
            default=settings.WORKER_GRACE_SECONDS,
            metavar="SECONDS",
            help="how long running jobs may take to end (%(default)s)",
        )
        add_metrics_options(parser, settings.WORKER_METRICS_PORT)

    def handle(self, *args: Any, threads: int, slow_threads: int | None, grace: float, **options: Any) -> None:
        process.set_name(process.WORKER)
        self.stdout.write(f"Running jobs, {threads} threads.")
        self.stdout.flush()
        try:
            live: int = settings.WORKER_LIVE_THREADS
            # Each job has a second thread, which supervises it.
            with running_alongside(2 * (threads + live), streams=False):
                serve_metrics(options, settings.WORKER_METRICS_PORT)
                ended = Worker(threads, slow_threads or max(1, threads // 2), live).run(grace)
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc
        if not ended:
            # Python would wait for the threads. Other workers claim their jobs when the leases have expired.
            self.stderr.write("Ended with jobs still running; another worker will run them again.")
            logging.shutdown()
            sys.stdout.flush()
            os._exit(1)
