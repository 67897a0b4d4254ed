"""Refuse answers that could not become a repository, in one sentence, before anything is written.

Standard library only. `local_extensions.py` calls `refusal` before the target folder is made; run as a hook it is
asked again, so that no other way of generating goes past it.
"""

import json
import re
import sys
from typing import Any

LONGEST = {"project_name": 100, "project_slug": 60, "description": 500, "team": 200, "sponsor": 200}
DISTRIBUTION_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
WINDOWS_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# What a generated project installs, directly or not: a project of that name would depend on itself.
TAKEN = frozenset(
    """
    a2wsgi aiohappyeyeballs aiohttp aiohttp-asgi-connector aiohttp-retry aiosignal aiosqlite alembic amqp
    annotated-doc annotated-types antlr4-python3-runtime anyio appdirs asgiref asyncssh atpublic attrs bentoml
    billiard blinker cachetools capstone-kit cattrs celery certifi cffi cfgv chardet charset-normalizer clevercsv
    click click-didyoumean click-option-group click-plugins click-repl cloudpickle colorama configobj contourpy
    coverage cryptography cycler dask dask-jobqueue databricks-sdk detect-secrets dictdiffer diskcache distlib
    distributed distro docker dpath dulwich dvc dvc-data dvc-http dvc-objects dvc-render dvc-studio-client dvc-task
    entrypoints et-xmlfile fastapi fastjsonschema filelock flask flask-cors flatbuffers flatten-dict flufl-lock
    fonttools frictionless frozenlist fsspec funcy gitdb gitpython google-auth grandalf graphene graphql-core
    graphql-relay gto gunicorn h11 httpcore httptools httpx httpx-ws huey humanize hydra-core identify idna
    importlib-metadata iniconfig isodate iterative-telemetry itsdangerous jinja2 joblib jsonschema
    jsonschema-specifications jupyter-core kantoku kiwisolver kombu lightgbm locket mako markdown-it-py marko
    markupsafe matplotlib mdurl ml-dtypes mlflow mlflow-skinny mlflow-tracing msgpack msgspec multidict narwhals
    nbformat nbstripout networkx nodeenv numpy nvidia-ml-py nvidia-nccl-cu12 nvidia-nccl-cu13 omegaconf onnx
    onnxmltools onnxruntime openpyxl opentelemetry-api opentelemetry-instrumentation
    opentelemetry-instrumentation-aiohttp-client opentelemetry-instrumentation-asgi opentelemetry-proto
    opentelemetry-sdk opentelemetry-semantic-conventions opentelemetry-util-http orjson packaging pandas partd
    pathspec petl pillow pip-requirements-parser platformdirs pluggy pre-commit pre-commit-hooks prettytable
    prometheus-client prompt-toolkit propcache protobuf psutil pyarrow pyasn1 pyasn1-modules pycparser pydantic
    pydantic-core pydantic-settings pydot pygit2 pygments pygtrie pyparsing pytest python-dateutil python-discovery
    python-dotenv python-json-logger python-multipart python-slugify pywin32 pyyaml pyzmq referencing regex requests
    rfc3986 rich rich-toolkit rpds-py ruamel-yaml ruff schema scikit-learn scipy scmrepo semver setuptools
    shellingham shortuuid shtab simple-di simpleeval skl2onnx skops smmap sortedcontainers sqlalchemy sqlparse
    sqltrie starlette tabulate tblib text-unidecode threadpoolctl tomli-w tomlkit toolz tornado tqdm traitlets ty
    typer typing-extensions typing-inspection tzdata tzlocal urllib3 uvicorn uvloop validators vine virtualenv
    voluptuous waitress watchfiles wcwidth werkzeug wrapt wsproto xgboost yarl zc-lockfile zict zipp
    """.split()
)


def refusal(answers: dict[str, Any]) -> str | None:
    """Give the sentence that says what is wrong with `answers`, or None if nothing is."""
    for key, longest in LONGEST.items():
        value = str(answers[key])
        if not value.strip():
            return f"{key} is empty: give at least one character."
        if len(value) > longest:
            return f"{key} has {len(value)} characters: at most {longest} are allowed."
        if bad := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", value):
            return f"{key} holds the control character U+{ord(bad.group()):04X}: leave it out."
    return refuse_slug(str(answers["project_slug"]))


def refuse_slug(slug: str) -> str | None:
    """Give the sentence that says why `slug` cannot name a folder and a distribution, or None if it can."""
    shown = ascii(slug)
    if "/" in slug or "\\" in slug or ".." in slug:
        return f"project_slug {shown} is a path: give a plain name, and choose the folder with --output-dir."
    if not DISTRIBUTION_NAME.fullmatch(slug):
        return (
            f"project_slug {shown} is no valid distribution name: "
            "use letters, digits and hyphens, beginning and ending with a letter or digit."
        )
    if slug.split(".")[0].lower() in WINDOWS_RESERVED:
        return f"project_slug {shown} is a name that Windows reserves: choose another."
    if re.sub(r"[-_.]+", "-", slug).lower() in TAKEN:
        return f"project_slug {shown} is the name of a package that the project itself installs: choose another."
    return None


if __name__ == "__main__":
    reason = refusal(json.loads(bytes.fromhex("{{ cookiecutter | hexadecimal }}")))
    if reason:
        sys.exit(reason)
