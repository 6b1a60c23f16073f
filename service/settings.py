"""Settings of the service: command line options and environment variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.cores import available_cores

Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^/\s,]+)$")]
Origins = Annotated[
    tuple[Origin, ...],
    NoDecode,  # from the environment: not JSON
    BeforeValidator(lambda given: given.split(",") if isinstance(given, str) else given),
]


class Settings(BaseSettings):
    """Style transfer and super-resolution over HTTP.

    Every option is also an environment variable: --max-batch-size is PERCEPTUAL_MAX_BATCH_SIZE.
    Without HTTP: python -m service stylize --help, python -m service upscale --help.
    """

    model_config = SettingsConfigDict(
        env_prefix="PERCEPTUAL_",
        cli_prog_name="python -m service",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        extra="forbid",
    )

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="port of /metrics (default: the main port)"
    )
    cors_origins: Origins = Field(
        (), description="origins whose pages may call the service, or *, with commas between them"
    )
    api_keys: Path | None = Field(
        None, description="file of API keys (default: none are asked for)"
    )
    model_store: Path = Field(Path("model_store"), description="folder of the models")
    model_poll_seconds: float = Field(
        0,
        ge=0,
        description="seconds between checks of the model store for changes; 0: on SIGHUP only",
    )
    execution_provider: Literal["auto", "cuda", "cpu"] = Field(
        "auto", description="where networks run; cuda never falls back to the CPU"
    )
    threads: int = Field(available_cores(), ge=1, description="CPU threads that a network runs on")
    codec_threads: int = Field(
        available_cores(),
        ge=1,
        description="images that are decoded or encoded at the same time",
    )
    max_batch_size: int = Field(8, ge=1, description="images in a batch")
    max_batch_pixels: int = Field(
        4 << 20, ge=256, description="pixels in a batch; a larger image runs alone"
    )
    max_queue_delay_ms: float = Field(
        0,
        ge=0,
        description="ms that a request may wait for others to share its batch while the device is "
        "idle, where they would save as much",
    )
    max_queue_pixels: int = Field(
        64 << 20, ge=256, description="pixels that may wait before requests are refused"
    )
    max_body_bytes: int = Field(
        32 << 20, ge=1024, description="largest request body that is read, in bytes"
    )
    max_open_bodies: int = Field(
        8, ge=1, description="how many of the largest bodies may be held in memory at once"
    )
    body_timeout_seconds: float = Field(
        30, gt=0, description="seconds that a body may take, and 1 more for every 16 KiB of it"
    )
    head_timeout_seconds: float = Field(
        10, gt=0, description="seconds that a request's line and headers may take"
    )
    max_connections: int = Field(512, ge=1, description="connections open at once")
    max_image_pixels: int = Field(
        64 << 20, ge=256, description="largest image that is decoded, in pixels"
    )
    max_stylize_pixels: int = Field(
        4 << 20,
        ge=256,
        description="largest image that is stylised, after max_side, in pixels; "
        "a network needs about 0.15 KB of memory a pixel",
    )
    max_upscaled_pixels: int = Field(
        64 << 20,
        ge=256,
        description="largest answer of an upscaling, in pixels; "
        "putting it together and encoding it needs about 10 bytes of memory a pixel",
    )
    drain_seconds: int = Field(
        30, ge=0, description="seconds that open requests get to finish at shutdown"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="lines for people, or one JSON object a line"
    )
