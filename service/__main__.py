"""python -m service: serves over HTTP until it is told to stop.

With the command stylize or upscale it transforms files and folders, without HTTP.
"""

import logging
import signal
import sys
from importlib.metadata import version

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from service.app import create_app
from service.auth.keys import BrokenKeys
from service.folders import command
from service.folders.plan import Unplannable
from service.folders.run import CannotWrite
from service.http.connections import bounded
from service.models.catalog import BrokenStore
from service.models.runtime import RuntimeUnavailable
from service.observability import logs
from service.observability.metrics import PortTaken
from service.problems import MalformedRequest, UnknownModel
from service.serving.pipeline import Pipeline
from service.settings import Settings

log = logging.getLogger("service")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 after a graceful shutdown, 2 for an invalid set-up."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in command.COMMANDS:
        return _transform_folders(given)
    return _serve(given)


def _transform_folders(arguments: list[str]) -> int:
    try:
        return command.main(arguments)
    except ValidationError as error:
        return _refuse(_invalid(error))
    except (MalformedRequest, UnknownModel) as problem:
        return _refuse(problem.detail)
    except (BrokenStore, CannotWrite, RuntimeUnavailable, Unplannable) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:  # before there was anything to finish
        return 130


def _serve(arguments: list[str]) -> int:
    try:
        settings = CliApp.run(Settings, cli_args=arguments)
    except ValidationError as error:
        return _refuse(_invalid(error))
    except SettingsError as error:
        return _refuse(str(error))
    logs.configure(settings.log_level, settings.log_format)
    failures: list[Exception] = []

    def stop(failure: Exception) -> None:
        failures.append(failure)
        server.should_exit = True

    try:
        app = create_app(settings, on_failure=stop)
        if settings.metrics_port is not None:
            port = app.state.pipeline.metrics.serve(settings.host, settings.metrics_port)
            log.info("metrics on http://%s:%d/metrics", settings.host, port)
    except (BrokenStore, BrokenKeys, PortTaken, RuntimeUnavailable) as error:
        return _refuse(str(error))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            http=bounded(settings.max_connections, settings.head_timeout_seconds),
            ws="none",
            timeout_graceful_shutdown=settings.drain_seconds,
        )
    )
    if hasattr(signal, "SIGHUP"):  # not on Windows
        signal.signal(signal.SIGHUP, lambda *_: app.state.reloading.ask())
    _announce(settings, app.state.pipeline)
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    if failures:
        return _refuse(str(failures[0]))
    return 0 if server.started else 2


def _announce(settings: Settings, pipeline: Pipeline) -> None:
    build = pipeline.runtime.build
    log.info("perceptual %s with %s %s", version("perceptual"), build.package, build.version)
    log.info(
        "execution provider %s, %d network threads, %d codec threads",
        pipeline.runtime.provider,
        settings.threads,
        settings.codec_threads,
    )
    for model in pipeline.catalog.models.values():
        log.info(
            "model %s version %d (%s, %s) %s",
            model.name,
            model.version,
            model.card.kind,
            model.precision,
            model.digest[:12],
        )
    log.info("listening on http://%s:%d", settings.host, settings.port)


def _invalid(error: ValidationError) -> str:
    first = error.errors()[0]
    setting = str(first["loc"][0]).replace("_", "-")
    return f"--{setting}: {first['msg']}"


def _refuse(reason: str) -> int:
    print(f"service: {' '.join(reason.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
